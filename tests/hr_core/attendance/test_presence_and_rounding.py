from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hr_core.attendance.geofence import distance_m
from hr_core.attendance.periods import period_of
from hr_core.attendance.presence import (
    HoursFrom,
    Pairing,
    Press,
    day_of,
    in_and_out,
    night_seconds,
    presence,
    seconds_by_month,
)
from hr_core.attendance.rostered import Assignment, ShiftType, Site, resolve, resolve_again
from hr_core.attendance.rounding import RoundingMode, round_seconds
from hr_core.clock import DAY_S, Month

H = 3600
seconds = st.integers(-200_000, 200_000)


@given(seconds, st.sampled_from((60, 300, 900, 1800)), st.sampled_from(RoundingMode))
def test_a_rounded_value_is_a_neighbouring_step(value, interval, mode):
    if mode is RoundingMode.CUTOFF:
        return
    rounded = round_seconds(value, interval, mode)

    assert rounded % interval == 0
    assert abs(rounded - value) < interval
    assert round_seconds(rounded, interval, mode) == rounded


@given(seconds, st.sampled_from((0, -60)))
def test_without_an_interval_nothing_moves(value, interval):
    assert round_seconds(value, interval, RoundingMode.UP, 30) == value


@pytest.mark.parametrize(
    ("minute", "mode", "rounded"),
    [
        (182, RoundingMode.UP, 180),
        (183, RoundingMode.UP, 180),
        (184, RoundingMode.UP, 195),
        (192, RoundingMode.DOWN, 195),
        (191, RoundingMode.DOWN, 180),
    ],
)
def test_grace_pulls_a_time_back_to_the_boundary(minute, mode, rounded):
    assert round_seconds(minute * 60, 900, mode, 180) == rounded * 60


@given(
    st.integers(0, 4000).map(lambda n: date(2014, 1, 1) + timedelta(days=n)),
    st.integers(1, 6),
    st.integers(0, 6),
)
def test_every_day_of_a_period_names_the_same_period(on, weeks, starts):
    period = period_of(on, weeks, date(2016, 2, 29), starts)

    assert period.start <= on <= period.end
    assert (period.end - period.start).days == weeks * 7 - 1
    for day in (period.start, period.end):
        assert period_of(day, weeks, date(2016, 2, 29), starts)[:2] == period[:2]


def test_a_second_in_and_an_out_alone_are_ignored_by_direction():
    presses = [Press(1, "out"), Press(2, "in"), Press(3, "in"), Press(9, "out"), Press(11, "out")]

    found = presence(presses, Pairing.BY_DIRECTION, HoursFrom.EVERY_PAIR)

    assert found == (7, 2, 11, (1, 3, 11))


@pytest.mark.parametrize(
    ("second", "change", "offset"),
    [(23 * H, 23 * H, 1), (23 * H - 1, 23 * H, 0), (4 * H - 1, 4 * H, -1), (4 * H, 4 * H, 0)],
)
def test_the_date_of_a_punch_where_days_change_at_another_time(second, change, offset):
    assert day_of(700_000 * DAY_S + second, change) == 700_000 + offset


def test_a_side_that_is_missing_is_told():
    presses = [
        Press(8 * H, "in"),
        Press(8 * H + 60, "in"),
        Press(17 * H, "out"),
        Press(18 * H, "out"),
        Press(DAY_S + 8 * H, "in"),
        Press(2 * DAY_S + 20 * H, "in"),
        Press(3 * DAY_S + 6 * H, "out"),
    ]

    assert in_and_out(presses) == [
        (8 * H, 17 * H),
        (None, 18 * H),
        (DAY_S + 8 * H, None),
        (2 * DAY_S + 20 * H, 3 * DAY_S + 6 * H),
    ]


@given(st.integers(0, 5 * DAY_S), st.integers(0, 2 * DAY_S), st.integers(0, DAY_S - 1))
def test_night_and_the_rest_of_the_day_are_the_whole(start, length, at):
    night = night_seconds(start, start + length, at, (at + 8 * H) % DAY_S)
    day = night_seconds(start, start + length, (at + 8 * H) % DAY_S, at)

    assert night + day == length


def test_windows_that_overlap_are_cut_at_the_end_of_the_earlier_shift():
    early = ShiftType(name="early", start=8 * H, end=12 * H, before=H, after=H)
    late = ShiftType(name="late", start=12 * H + 1800, end=16 * H, before=H, after=H)
    first = date(2024, 6, 12)
    roster = [Assignment(shift=name, first=first) for name in ("early", "late")]
    midnight = first.toordinal() * DAY_S

    def at(second):
        found = resolve(midnight + second, [early, late], roster)
        return found and found.shift.name

    assert [at(7 * H - 1), at(7 * H), at(12 * H), at(12 * H + 1), at(17 * H), at(17 * H + 1)] == [
        None, "early", "early", "late", "late", None,
    ]  # fmt: skip


def test_a_degree_along_the_equator():
    assert distance_m(Site(0, 0, 1), 0, 1) == pytest.approx(111_195, rel=0.005)


@given(st.integers(1, 4000), st.integers(0, 90 * DAY_S))
def test_the_parts_of_months_are_the_whole(day, length):
    start = date(2024, 1, 1).toordinal() * DAY_S + day * 60_000

    parts = seconds_by_month(start, start + length)

    assert sum(parts.values()) == length
    assert all(seconds > 0 for seconds in parts.values())


def test_a_night_over_the_end_of_a_year_is_split_at_midnight():
    end = date(2026, 1, 1).toordinal() * DAY_S

    assert seconds_by_month(end - 7200, end + 3600) == {Month(2025, 12): 7200, Month(2026, 1): 3600}


@pytest.mark.parametrize(("value", "rounded"), [(449, 0), (450, 0), (451, 900), (900, 900)])
def test_the_closest_boundary_is_the_earlier_one_at_half(value, rounded):
    assert round_seconds(value, 900, RoundingMode.CLOSEST) == rounded


@pytest.mark.parametrize(("marked", "shift"), [(False, "Late"), (True, "Early")])
def test_a_marked_day_keeps_its_shift_when_another_is_assigned(marked, shift):
    shifts = [ShiftType(name=name, start=8 * H, end=16 * H) for name in ("Early", "Late")]
    today = date(2026, 3, 2)
    at = today.toordinal() * DAY_S + 9 * H
    known = resolve(at, shifts, [Assignment(shift="Early", first=today)])

    found = resolve_again(known, at, shifts, [Assignment(shift="Late", first=today)], marked=marked)

    assert found.shift.name == shift
