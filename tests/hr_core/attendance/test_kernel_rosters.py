"""Rosters by the kernel: another shift each day, as the reference computes each of them."""

import dataclasses
from bisect import bisect_right
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hr_core.attendance.calendar import CalendarDay
from hr_core.attendance.day import (
    UNCLEAR,
    DayStatus,
    PunchFact,
    compute_day,
)
from hr_core.attendance.kernel.compute import compute
from hr_core.attendance.kernel.drivers import compute_in_buckets
from hr_core.attendance.kernel.facts import (
    RosteredDay,
    RosteredMonth,
    day_results,
    rostered_tables_of,
)
from hr_core.clock import DAY_S
from tests.hr_core.attendance.kernel_months import (
    DAY,
    DAYS,
    FIRST,
    LATER,
    MIDNIGHT,
    NIGHT,
    RULES,
    SHIFTS,
    any_kind,
    anywhere,
    assert_equal,
    at,
    edges,
    punches,
    rule_sets,
    workdays,
)


@st.composite
def rosters(draw, count):
    """Another shift each day, days that begin anywhere about their midnight, other free days."""
    days = []
    for number in range(count):
        midnight = MIDNIGHT + number * DAY_S
        plan = draw(st.sampled_from(SHIFTS))
        earliest = days[-1].begins if days else midnight - DAY_S
        opens = plan.window(0)[0] + midnight
        begins = draw(st.just(opens) | st.integers(midnight - DAY_S // 2, midnight + DAY_S // 2))
        day = CalendarDay(date.fromordinal(FIRST.toordinal() + number), draw(any_kind))
        days.append(RosteredDay(day, plan, max(begins, earliest)))
    until = max(days[-1].begins, draw(st.just(MIDNIGHT + count * DAY_S) | anywhere))
    return RosteredMonth(days, until, draw(punches()), draw(st.just(LATER) | anywhere | edges))


def rostered_reference(person, rules):
    """Punches dealt to days by where these begin, each day by the reference."""
    begins = [one.begins for one in person.days]
    dealt = [[] for _ in person.days]
    for punch in person.punches:
        if begins[0] <= punch.at < person.until:
            dealt[bisect_right(begins, punch.at) - 1].append(punch)
    results = []
    for (day, plan, _), own in zip(person.days, dealt, strict=True):
        result = replace(compute_day(plan, day, own, rules), ignored=())
        if result.status in UNCLEAR and plan.window(day.on.toordinal())[1] > person.now:
            result = replace(result, status=DayStatus.NOT_OVER)
        results.append(result)
    return tuple(results)


@settings(deadline=None, max_examples=60)
@given(st.data(), st.integers(1, DAYS), st.integers(1, 4), rule_sets)
def test_rosters_have_the_answer_of_the_reference(data, days, size, rules):
    people = [data.draw(rosters(days)) for _ in range(size)]
    facts = rostered_tables_of(people)
    computed = compute(facts.plan, facts.table, rules)
    for number, person in enumerate(people):
        assert day_results(computed, facts, number, rules) == rostered_reference(person, rules)
    assert_equal(computed, compute_in_buckets(facts.plan, facts.table, rules, 3))


def test_a_week_of_nights_after_a_week_of_days_keeps_each_morning():
    """The morning after the last night belongs to it, though the day shift's window has opened."""
    plans = [DAY, NIGHT, DAY]
    days = [
        RosteredDay(day, plan, plan.window(day.on.toordinal())[0])
        for day, plan in zip(workdays(3), plans, strict=True)
    ]
    days[2] = days[2]._replace(begins=at(2, 7))  # half-way from the night's end to the day's start
    presses = [at(0, 8), at(0, 17), at(1, 18), at(2, 6) + 180, at(2, 8) - 60, at(2, 17)]
    person = RosteredMonth(
        days, at(3, 0), [PunchFact(f"{n}", one) for n, one in enumerate(presses)], LATER
    )
    facts = rostered_tables_of([person])
    found = day_results(compute(facts.plan, facts.table, RULES), facts, 0, RULES)
    assert [one.used for one in found] == [("0", "1"), ("2", "3"), ("4", "5")]
    assert [one.shift for one in found] == ["D", "N", "D"]


def test_rosters_that_cannot_be_are_refused():
    day, later = workdays(2)
    plan = [RosteredDay(day, DAY, at(0, 6)), RosteredDay(later, NIGHT, at(1, 16))]
    person = RosteredMonth(plan, at(2, 12), (), LATER)
    facts = rostered_tables_of([person])
    for wrong in (
        person._replace(until=at(1, 15)),
        person._replace(days=[plan[0], plan[1]._replace(begins=at(0, 5))]),
    ):
        with pytest.raises(ValueError, match="follow each other"):
            rostered_tables_of([wrong])
    with pytest.raises(ValueError, match="where each day begins"):
        dataclasses.replace(facts.plan, begins=None)
    with pytest.raises(ValueError, match="same days"):
        rostered_tables_of([person, person._replace(days=plan[:1])])
    with pytest.raises(ValueError, match="same days"):
        rostered_tables_of([])
    with pytest.raises(ValueError, match="column for each day"):
        dataclasses.replace(facts.plan, kinds=np.zeros((3, 2), np.int8))
