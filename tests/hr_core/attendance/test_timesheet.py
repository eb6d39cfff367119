"""The time sheet on rules that no known answer covers, and what must hold for all of them."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hr_core.attendance.timesheet.local_time import LocalTime
from hr_core.attendance.timesheet.model import (
    Direction,
    Entries,
    Punch,
    Schedule,
)
from hr_core.attendance.timesheet.rules import (
    Contribution,
    DayRule,
    OvertimePeriod,
    OvertimeRule,
    RegularRule,
    RowKind,
    Rules,
)
from hr_core.attendance.timesheet.sheet import compute_sheet
from hr_core.attendance.timesheet.shifts import refusal

H = 3600
MONDAY = date(2026, 3, 2)
COUNTS = Contribution(pay_codes=frozenset({"regular"}))
LOCAL = LocalTime("Asia/Shanghai")
RULES = Rules(
    zone="Asia/Shanghai",
    week_starts=1,
    day_rule=DayRule.STARTS,
    maximum_shift=16 * H,
    new_shift_gap=4 * H,
    regular=(RegularRule(counts=COUNTS, pay_code="regular", order=0),),
)


def pair(day, start, end):
    return [
        Punch(at=LOCAL.at(day, start), direction=Direction.IN),
        Punch(at=LOCAL.at(day, end), direction=Direction.OUT),
    ]


def overtime(period, over, pay_code="ot", multiplier=1.5, **more):
    return OvertimeRule(
        period=period, over=over, pay_code=pay_code, multiplier=multiplier, counts=COUNTS, **more
    )


def hours(entries, rules):
    """Per day: hours by pay code."""
    found = {}
    for day, sheet in compute_sheet(entries, rules).items():
        by_code = {}
        for row in sheet.rows:
            if row.kind is not RowKind.TOTAL:
                by_code[row.pay_code] = by_code.get(row.pay_code, 0) + row.seconds / H
        found[day] = by_code
    return found


def days_of(*lengths, first=MONDAY):
    punches = [
        punch
        for offset, length in enumerate(lengths)
        if length
        for punch in pair(first + timedelta(days=offset), 8 * H, (8 + length) * H)
    ]
    return Entries(punches=tuple(punches))


def test_two_weeks_count_together():
    rules = replace(
        RULES,
        overtime=(
            overtime(OvertimePeriod.WEEKS, 80 * H, weeks=2, first_period=MONDAY - timedelta(14)),
        ),
    )

    found = hours(days_of(10, 10, 10, 10, 0, 0, 0, 10, 10, 10, 10, 2), rules)

    assert found[MONDAY + timedelta(days=10)] == {"regular": 10}
    assert found[MONDAY + timedelta(days=11)] == {"ot": 2}


def test_a_rest_day_is_overtime_from_its_first_second():
    rules = replace(
        RULES,
        overtime=(overtime(OvertimePeriod.REST_DAY, 0, multiplier=2),),
        rest_days=frozenset({MONDAY + timedelta(days=1)}),
    )

    assert hours(days_of(8, 3), rules) == {
        MONDAY: {"regular": 8},
        MONDAY + timedelta(days=1): {"ot": 3},
    }


@pytest.mark.parametrize(("planned", "found"), [(6, {"regular": 6, "ot": 4}), (0, {"ot": 10})])
def test_over_the_schedule(planned, found):
    rules = replace(RULES, overtime=(overtime(OvertimePeriod.SCHEDULED, 0),))
    start = LOCAL.at(MONDAY, 8 * H)
    schedules = (Schedule(day=MONDAY, start=start, end=start + planned * H),) if planned else ()

    assert hours(replace(days_of(10), schedules=schedules), rules)[MONDAY] == found


def test_the_day_s_overtime_is_not_counted_again_in_the_week():
    rules = replace(
        RULES,
        overtime=(
            overtime(OvertimePeriod.DAILY, 8 * H, "day"),
            overtime(OvertimePeriod.WEEKLY, 40 * H, "week", 2),
        ),
    )

    found = hours(days_of(10, 10, 10, 10, 10, 5), rules)

    assert found[MONDAY + timedelta(days=4)] == {"regular": 8, "week": 2}
    assert found[MONDAY + timedelta(days=5)] == {"week": 5}


def test_a_night_shift_belongs_to_the_day_of_its_rule():
    punches = tuple(pair(MONDAY, 20 * H, 30 * H))
    tuesday = MONDAY + timedelta(days=1)
    expected = {
        DayRule.STARTS: {MONDAY: {"regular": 10}},
        DayRule.ENDS: {tuesday: {"regular": 10}},
        DayRule.MOST: {tuesday: {"regular": 10}},
        DayRule.SPLIT: {MONDAY: {"regular": 4}, tuesday: {"regular": 6}},
    }

    for rule, found in expected.items():
        assert hours(Entries(punches=punches), replace(RULES, day_rule=rule)) == found


def test_a_day_names_the_events_it_was_made_of():
    came, left = pair(MONDAY, 20 * H + 17, 30 * H + 40)
    events = (replace(came, event_id="in"), replace(left, event_id="out"))

    split = compute_sheet(Entries(punches=events), replace(RULES, day_rule=DayRule.SPLIT))

    for sheet in split.values():
        [only] = sheet.shifts[0].pairs
        assert (only.came.event_id, only.left.event_id) == ("in", "out")


def test_entries_of_people_that_cannot_stand_are_refused():
    morning = pair(MONDAY, 8 * H, 12 * H)

    assert refusal([*morning, *pair(MONDAY, 12 * H, 17 * H)]) is None
    assert refusal([*morning, morning[0]]) == "two punches in at one time"
    assert refusal(pair(MONDAY, 8 * H, 8 * H)) == "a pair without any time in it"


starts = st.integers(0, 20).map(lambda n: n * 1800)
pairs = st.lists(st.tuples(st.integers(0, 9), starts, st.integers(1, 24)), max_size=10)


@given(pairs, st.sampled_from(DayRule))
@settings(max_examples=60, deadline=None)
def test_every_worked_second_is_paid_once(spans, day_rule):
    """Whatever the rules of overtime and of days: regular + overtime = worked, to the second."""
    rules = replace(
        RULES,
        day_rule=day_rule,
        overtime=(
            overtime(OvertimePeriod.DAILY, 8 * H, "day"),
            overtime(OvertimePeriod.WEEKLY, 40 * H, "week", 2),
            overtime(OvertimePeriod.CONSECUTIVE_DAYS, 0, "seventh", 2.5, days=3),
        ),
    )
    punches = [
        punch
        for day, start, length in spans
        for punch in pair(MONDAY + timedelta(days=day), start, start + length * 1800)
    ]
    plain = compute_sheet(Entries(punches=tuple(punches)), replace(rules, overtime=()))
    sheets = compute_sheet(Entries(punches=tuple(punches)), rules)

    assert set(sheets) == set(plain)
    for day, sheet in sheets.items():
        worked = sum(pair.worked for shift in sheet.shifts for pair in shift.pairs)
        rows = [row for row in sheet.rows if row.kind is not RowKind.TOTAL]
        assert sum(row.seconds for row in rows) == worked
        assert sum(row.seconds for row in sheet.rows if row.kind is RowKind.TOTAL) == worked
        ordered = sorted(rows, key=lambda row: row.start)
        assert all(one.end <= other.start for one, other in pairwise(ordered))
        assert plain[day].shifts == sheet.shifts
