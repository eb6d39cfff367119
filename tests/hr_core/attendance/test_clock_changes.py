"""Summer time: hours that do not exist, hours that come twice, and shifts over them."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hr_core.attendance.timesheet.clock_changes import (
    ClockChange,
    WallClock,
    change_within,
    changes_between,
    instant_of,
)
from hr_core.attendance.timesheet.local_time import LocalTime
from hr_core.attendance.timesheet.model import Direction, Entries, Punch, Schedule, ScheduleStatus
from hr_core.attendance.timesheet.pairing import KeyPress, PunchPairing, paired
from hr_core.attendance.timesheet.rules import (
    Contribution,
    DayRule,
    MealMode,
    MealRule,
    RegularRule,
    RowKind,
    Rules,
)
from hr_core.attendance.timesheet.schedule_checks import (
    ClockFlag,
    ScheduleProblem,
    clock_flags,
    refused,
)
from hr_core.attendance.timesheet.sheet import compute_sheet

H = 3600
ZONES = ("America/New_York", "Europe/Berlin")
SPRING = {"America/New_York": date(2026, 3, 8), "Europe/Berlin": date(2026, 3, 29)}
AUTUMN = {"America/New_York": date(2026, 11, 1), "Europe/Berlin": date(2026, 10, 25)}
DAY = date(2026, 3, 2)
RULES = Rules(
    zone="Europe/Berlin",
    week_starts=1,
    day_rule=DayRule.STARTS,
    maximum_shift=16 * H,
    new_shift_gap=4 * H,
    regular=(
        RegularRule(
            counts=Contribution(pay_codes=frozenset({"regular"})), pay_code="regular", order=0
        ),
    ),
)


def wall(day, hour):
    return datetime.combine(day, datetime.min.time()) + timedelta(hours=hour)


@pytest.mark.parametrize("zone", ZONES)
def test_a_year_has_one_short_and_one_long_day(zone):
    assert changes_between(date(2026, 1, 1), date(2027, 1, 1), zone) == [
        ClockChange(SPRING[zone], -H),
        ClockChange(AUTUMN[zone], H),
    ]
    assert changes_between(date(2026, 1, 1), date(2027, 1, 1), "Asia/Shanghai") == []


@pytest.mark.parametrize("zone", ZONES)
def test_a_time_is_shown_once_never_or_twice(zone):
    hour = 2.5 if zone == "Europe/Berlin" else 1.5

    skipped = instant_of(wall(SPRING[zone], 2.5), zone)
    twice = instant_of(wall(AUTUMN[zone], hour), zone)
    again = instant_of(wall(AUTUMN[zone], hour), zone, not_before=twice.instant + 1)

    assert skipped.clock is WallClock.SKIPPED
    assert skipped.instant == instant_of(wall(SPRING[zone], 1.5), zone).instant + H
    assert (twice.clock, again.clock) == (WallClock.TWICE, WallClock.TWICE)
    assert again.instant == twice.instant + H
    assert instant_of(wall(SPRING[zone], 8), zone).clock is WallClock.ONCE


@pytest.mark.parametrize("zone", ZONES)
@given(st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1)))
def test_a_time_that_is_shown_leads_back_to_itself(zone, moment):
    moment = moment.replace(microsecond=0)
    local = LocalTime(zone)

    found = instant_of(moment, zone)

    shown = datetime.fromisoformat(local.iso(found.instant)).replace(tzinfo=None)
    assert (shown == moment) == (found.clock is not WallClock.SKIPPED)


@pytest.mark.parametrize(("days", "hours"), [(SPRING, 7), (AUTUMN, 9)])
@pytest.mark.parametrize("zone", ZONES)
def test_a_night_over_the_change_has_its_true_hours_and_its_day_is_flagged(zone, days, hours):
    from msgspec.structs import replace

    local, before = LocalTime(zone), days[zone] - timedelta(days=1)
    punches = (
        Punch(at=local.at(before, 22 * H), direction=Direction.IN),
        Punch(at=local.at(days[zone], 6 * H), direction=Direction.OUT),
        Punch(at=local.at(days[zone], 12 * H), direction=Direction.IN),
        Punch(at=local.at(days[zone], 13 * H), direction=Direction.OUT),
    )

    sheets = compute_sheet(Entries(punches=punches), replace(RULES, zone=zone))

    [night] = [row.seconds / H for row in sheets[before].rows if row.kind is RowKind.REGULAR]
    assert night == hours
    assert (sheets[before].clock_change, sheets[days[zone]].clock_change) == (0, (hours - 8) * H)
    assert change_within(wall(before, 22), wall(days[zone], 6), zone) == (hours - 8) * H


def test_planned_shifts_over_a_change_are_flagged():
    zone = "Europe/Berlin"
    day, autumn = SPRING[zone], AUTUMN[zone]

    def flags(start, end):
        return set(clock_flags(start, end, zone))

    assert flags(wall(day, 2.5), wall(day, 10)) == {ClockFlag.SKIPPED, ClockFlag.CHANGES}
    assert flags(wall(autumn, -4), wall(autumn, 2.5)) == {ClockFlag.TWICE, ClockFlag.CHANGES}
    assert flags(wall(autumn, 26), wall(autumn, 34)) == set()


def plan(start, end, **more):
    midnight = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp())
    return Schedule(day=DAY, start=midnight + start * H, end=midnight + end * H, **more)


def test_planned_shifts_that_cannot_hold_are_named_by_their_row():
    meal = MealRule(
        kind=RowKind.LUNCH_ADJUST, mode=MealMode.DEDUCT, after=0, amount=3 * H, pay_code="meal"
    )
    schedules = [
        plan(8, 20),
        plan(9, 10),
        plan(19, 22),
        plan(22, 24, meal=meal),
        plan(26, 25),
        plan(9, 12, status=ScheduleStatus.ABSENT),
    ]

    assert [(one.row, one.problem) for one in refused(schedules)] == [
        (2, ScheduleProblem.OVERLAP),
        (3, ScheduleProblem.OVERLAP),
        (4, ScheduleProblem.MEAL_TOO_LONG),
        (5, ScheduleProblem.NO_LENGTH),
    ]
    assert refused([]) == []


@pytest.mark.parametrize(
    ("pairing", "directions"),
    [
        (PunchPairing.BY_KEY, ["in", "out", "out", "in"]),
        (PunchPairing.ALTERNATE, ["in", "out", "in", "out"]),
        (PunchPairing.DETECT, ["in", "out", "in", "out"]),
        (PunchPairing.FIRST_LAST, ["in", "out"]),
    ],
)
def test_presses_become_punches_as_the_rule_set_says(pairing, directions):
    keys = (Direction.IN, None, Direction.OUT, Direction.IN)
    presses = [
        KeyPress(at=hour * H, direction=key, event_id=str(hour))
        for hour, key in zip((8, 12, 13, 17), keys, strict=True)
    ]

    entries = paired([*presses, presses[0]], pairing, Entries(), RULES)

    assert [one.direction for one in entries.punches] == directions
    assert entries.punches[0].event_id == "8"
    assert entries.punches[-1].event_id == "17"


@given(st.lists(st.integers(0, 200 * H), unique=True, max_size=12), st.sampled_from(PunchPairing))
def test_every_press_is_a_punch_or_a_visit_between(times, pairing):
    presses = [KeyPress(at=at, event_id=str(at)) for at in times]

    entries = paired(presses, pairing, Entries(), RULES)

    named = [one.event_id for one in entries.punches]
    assert len(set(named)) == len(named)
    if pairing is PunchPairing.FIRST_LAST:
        assert set(named) <= {str(at) for at in times}
    else:
        assert named == [str(at) for at in sorted(times)]
