"""Summer time: hours that do not exist, hours that come twice, and shifts over them."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hr_core.attendance.timesheet.local_time import LocalTime
from hr_core.attendance.timesheet.model import Direction, Entries, Punch
from hr_core.attendance.timesheet.pairing import KeyPress, PunchPairing, paired
from hr_core.attendance.timesheet.rules import (
    Contribution,
    DayRule,
    RegularRule,
    RowKind,
    Rules,
)
from hr_core.attendance.timesheet.sheet import compute_sheet

H = 3600
ZONES = ("America/New_York", "Europe/Berlin")
SPRING = {"America/New_York": date(2026, 3, 8), "Europe/Berlin": date(2026, 3, 29)}
DOUBLED = {"America/New_York": 1.5, "Europe/Berlin": 2.5}
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


@pytest.mark.parametrize("zone", ZONES)
def test_a_year_has_one_short_and_one_long_day(zone):
    local = LocalTime(zone)
    days = (date(2026, 1, 1) + timedelta(days=n) for n in range(365))

    assert {day: change for day in days if (change := local.change_on(day))} == {
        SPRING[zone]: -H,
        AUTUMN[zone]: H,
    }


@pytest.mark.parametrize("zone", ZONES)
def test_a_time_is_shown_once_never_or_twice(zone):
    local, hour = LocalTime(zone), DOUBLED[zone]

    assert not local.shows(SPRING[zone], round(2.5 * H))
    assert local.at(SPRING[zone], round(2.5 * H)) == local.at(SPRING[zone], round(1.5 * H)) + H
    assert local.shows(AUTUMN[zone], round(hour * H))
    twice = local.at(AUTUMN[zone], round(hour * H))
    assert [local.comes_twice(twice + offset * H) for offset in (-1, 0, 1, 2)] == [
        False, True, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize("zone", ZONES)
@given(st.integers(0, 730), st.integers(0, 86_399))
def test_a_time_that_is_shown_leads_back_to_itself(zone, day, second):
    local, on = LocalTime(zone), date(2025, 1, 1) + timedelta(days=day)

    shown = datetime.fromisoformat(local.iso(local.at(on, second))).replace(tzinfo=None)

    meant = datetime.combine(on, datetime.min.time()) + timedelta(seconds=second)
    assert (shown == meant) == local.shows(on, second)


@pytest.mark.parametrize("zone", ZONES)
def test_a_punch_in_the_hour_that_comes_twice_is_named(zone):
    local = LocalTime(zone)
    doubtful = Punch(at=local.at(AUTUMN[zone], round(DOUBLED[zone] * H)), direction=Direction.OUT)
    came = Punch(at=doubtful.at - 4 * H, direction=Direction.IN)

    sheets = compute_sheet(Entries(punches=(came, doubtful)), replace(RULES, zone=zone))

    [sheet] = sheets.values()
    assert sheet.shown_twice == (doubtful,)


@pytest.mark.parametrize(("days", "hours"), [(SPRING, 7), (AUTUMN, 9)])
@pytest.mark.parametrize("zone", ZONES)
def test_a_night_over_the_change_has_its_true_hours_and_its_day_is_flagged(zone, days, hours):
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
