"""Leave of the kind 调休: its approval takes the time from the lots, its reversal gives it back."""

from datetime import date

import pytest

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.lots.booking import Act, Overtime, book_overtime, lots_of
from hr_core.attendance.lots.drawing import TimeOffError
from hr_core.attendance.plan.request import Leave
from tests.hr_core.plan.conftest import NOW, day

ACT = Act(actor="Wang", at=NOW)


def earn(conn, minutes, on="10-17", person="007"):
    overtime = Overtime(day=day(on), kind=DayKind.REST_DAY, minutes=minutes)
    book_overtime(conn, person, overtime, ACT)


def leave(first, last=None, **more):
    return Leave(leave="compensatory", first=day(first), last=day(last or first), **more)


def left(conn):
    return [lot.left_min for lot in lots_of(conn, "007")]


def test_an_approved_leave_takes_the_due_minutes_of_each_day(conn, desk):
    earn(conn, 600)
    earn(conn, 600, "10-18")

    desk.approved(leave("11-20", "11-23"))  # Friday to Monday: two workdays of 8 h

    first, second = lots_of(conn, "007")
    assert [(use.leave, use.day, use.minutes) for use in first.uses] == [
        ("request 1", day("11-20"), 480), ("request 1", day("11-23"), 120),
    ]  # fmt: skip
    assert (second.used_min, second.left_min) == (360, 240)


def test_leave_that_no_lot_covers_is_not_approved(conn, desk):
    earn(conn, 120)
    asked = desk.ask(leave("11-20"))

    with pytest.raises(TimeOffError) as caught:
        desk.approve(asked.id)

    assert caught.value.short_min == 360


def test_hours_count_without_the_break(conn, desk):
    earn(conn, 300)

    desk.approved(leave("11-20", start_min=10 * 60, end_min=14 * 60))

    assert left(conn) == [120]


def test_a_reversal_gives_the_time_back(conn, desk):
    earn(conn, 480)
    approved = desk.approved(leave("11-20"))
    assert left(conn) == [0]

    desk.reverse(approved.id)

    assert left(conn) == [480]


def test_other_leave_and_refusals_touch_no_lot(conn, desk):
    earn(conn, 480)
    desk.approved(Leave(leave="annual", first=day("11-20"), last=day("11-20")))
    desk.refuse(desk.ask(leave("11-23")).id)
    weekend = desk.approved(leave("11-21"))
    desk.reverse(weekend.id)

    assert left(conn) == [480]


def test_the_entry_names_who_approved(conn, desk):
    earn(conn, 480)
    desk.approved(leave("11-20"))

    (lot,) = lots_of(conn, "007", date(2026, 11, 10))
    assert [entry.kind for entry in lot.history] == ["earned", "used"]
