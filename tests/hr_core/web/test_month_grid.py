from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hr_core.attendance.calendar import CalendarDay, DayKind
from hr_core.attendance.day import DayStatus
from hr_core.clock import Month
from hr_core.store.attendance_grid import GridDay
from hr_core.web.month_grid import (
    CellState,
    GridPerson,
    cell_state,
    grid_row,
    short_hours_text,
    weeks,
)

WANG = GridPerson(key="1007", number="1007", name="王芳")
FRIDAY, SATURDAY = date(2026, 10, 16), date(2026, 10, 17)


def day(on=FRIDAY, **changes):
    fields = {
        "kind": DayKind.WORKDAY,
        "shift": "day",
        "status": DayStatus.PRESENT,
        "regular_min": 480,
    }
    return GridDay(day=on, **fields | changes)


def row(*days):
    columns = [
        CalendarDay(FRIDAY, DayKind.WORKDAY),
        CalendarDay(SATURDAY, DayKind.REST_DAY),
    ]
    return grid_row(WANG, columns, {one.day: one for one in days}, {"day": "白"})


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, CellState.OK),
        ({"keys_contradict": True}, CellState.OPEN),
        ({"status": DayStatus.MISSING_OUT}, CellState.OPEN),
        ({"status": DayStatus.ABSENT}, CellState.OPEN),
        ({"status": DayStatus.WAITING}, CellState.WAITING),
        ({"status": DayStatus.NOT_OVER}, CellState.WAITING),
        ({"status": DayStatus.OFF}, CellState.FREE),
        ({"status": DayStatus.ON_LEAVE}, CellState.OK),
    ],
)
def test_a_cell_shows_the_worst_of_its_day(changes, state):
    assert cell_state(day(**changes)) is state


def test_every_status_has_a_state():
    assert {cell_state(day(status=status)) for status in DayStatus} <= set(CellState)


def test_incomplete_data_never_look_absent():
    waiting = row(day(status=DayStatus.WAITING, regular_min=0))
    assert (waiting.cells[0].sign, waiting.open_days, waiting.waiting_days) == ("◇", 0, 1)


def test_a_free_day_that_nobody_computed_is_free_and_a_workday_is_empty():
    assert [cell.state for cell in row().cells] == [CellState.FUTURE, CellState.FREE]
    assert row().cells[1].free_letter == "rest_day"


def test_overtime_counts_under_the_kind_of_its_day():
    sums = row(
        day(overtime_min=60, late_min=7),
        day(SATURDAY, kind=DayKind.REST_DAY, regular_min=0, overtime_min=240),
    ).sums
    assert (sums.worked_min, sums.late, sums.missing) == (480, 1, 0)
    assert (sums.overtime_workday_min, sums.overtime_rest_min) == (60, 240)
    assert sums.overtime_statutory_min == 0


def test_squares_lie_at_their_days_and_each_day_in_one_path():
    picture = row(day(), day(SATURDAY, status=DayStatus.MISSING_IN))
    assert picture.squares(CellState.OK) == "M0 0h8v8h-8z"
    assert picture.squares(CellState.OPEN) == "M10 0h8v8h-8z"
    assert sum(picture.squares(state).count("M") for state in CellState) == len(picture.cells)


@given(st.integers(1900, 9998), st.integers(1, 12))
def test_a_calendar_has_each_day_once_under_its_weekday(year, month):
    rows = weeks(Month(year, month))
    assert [one for week in rows for one in week if one] == list(Month(year, month).days())
    assert {len(week) for week in rows} == {7}
    assert all(one is None or one.weekday() == at for week in rows for at, one in enumerate(week))


@pytest.mark.parametrize(("minutes", "text"), [(480, "8"), (510, "8:30"), (5, "0:05"), (0, "0")])
def test_hours_of_a_narrow_cell(minutes, text):
    assert short_hours_text(minutes) == text
