"""The kernel gives the reference's answer: on generated months, at any number of buckets."""

import dataclasses
from datetime import date, datetime, timedelta
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hr_core.attendance.calendar import CalendarDay, DayKind, load_calendar
from hr_core.attendance.day import (
    DISTRUSTED,
    PunchFact,
)
from hr_core.attendance.kernel import compute as kernel
from hr_core.attendance.kernel import packing
from hr_core.attendance.kernel.compute import compute
from hr_core.attendance.kernel.drivers import compute_in_buckets
from hr_core.attendance.kernel.facts import (
    PersonMonth,
    day_results,
    tables_of,
)
from hr_core.attendance.kernel.tables import NO_ROW, PunchTable
from hr_core.attendance.month import compute_month
from hr_core.clock import DAY_S, wall_seconds
from protocols.records import Direction
from tests.hr_core.attendance.kernel_months import (
    DAY,
    FIRST,
    KEYS,
    LATER,
    MIDNIGHT,
    NIGHT,
    ODD,
    PLANT_DAY,
    PLANT_NIGHT,
    ROUND_THE_CLOCK,
    RULES,
    SHIFTS,
    assert_equal,
    at,
    calendars,
    months,
    rule_sets,
    workdays,
)


def assert_same(days, people, rules=RULES, buckets=(1, 2, 7)):
    """Every field but `ignored` of every day of everybody."""
    facts = tables_of(days, people)
    answers = [compute(facts.plan, facts.table, rules)]
    answers += [compute_in_buckets(facts.plan, facts.table, rules, count) for count in buckets]
    for number, person in enumerate(people):
        expected = tuple(
            replace(day, ignored=())
            for day in compute_month(person.shift, days, person.punches, rules, person.now).days
        )
        assert day_results(answers[0], facts, number, rules) == expected
    for other in answers[1:]:
        assert_equal(answers[0], other)


@settings(deadline=None)
@given(calendars, st.lists(months, max_size=5), rule_sets)
def test_generated_months_have_the_answer_of_the_reference(days, people, rules):
    assert_same(days, people, rules)


@settings(deadline=None, max_examples=40)
@given(calendars, st.lists(months, min_size=1, max_size=4), st.integers(1, 5))
def test_blocks_may_end_anywhere(days, people, rows):
    with (
        mock.patch.object(packing, "BLOCK", rows),
        mock.patch.object(kernel, "BLOCK_DAYS", rows),
    ):
        assert_same(days, people, buckets=())


@settings(deadline=None, max_examples=40)
@given(calendars, st.lists(months, min_size=1, max_size=4), st.randoms())
def test_the_order_of_the_rows_does_not_matter(days, people, random):
    """But within a second of a person, where they stay in order of their ids."""
    plan, table, _ = tables_of(days, people)
    seconds = list(zip(table.person.tolist(), table.at.tolist(), strict=True))
    place = {second: random.random() for second in seconds}
    order = np.array(sorted(range(len(table)), key=lambda row: place[seconds[row]]), np.int64)
    moved = PunchTable(
        table.person[order], table.at[order], table.side[order], table.distrusted[order]
    )
    before, after = compute(plan, table, RULES), compute(plan, moved, RULES)
    for name in ("arrived_row", "left_row"):
        column = getattr(after, name)
        column[column != NO_ROW] = order[column[column != NO_ROW]]
    assert_equal(before, after)


def test_a_lone_visit_at_each_third_and_in_the_middle():
    """At a third the side changes from the time's to the key's, in the middle to the other one."""
    people = [
        PersonMonth(one, [PunchFact("a", MIDNIGHT + minute * 60, side)], LATER)
        for one in (DAY, NIGHT)
        for side in (Direction.IN, Direction.OUT, Direction.UNKNOWN, Direction.BREAK_IN)
        for part in (2, 3, 4)
        for minute in range(around(one, part) - 1, around(one, part) + 2)
    ]
    assert_same(workdays(2), people)


@pytest.mark.parametrize("grace", [0, 5])
@pytest.mark.parametrize("one", [DAY, NIGHT, ODD], ids=lambda one: one.name)
def test_each_arrival_with_each_departure(one, grace):
    """Minutes around start, break and end of the shift, and long after; on each kind of day."""
    rules = replace(RULES, late_grace_min=grace, early_leave_grace_min=grace)
    days = [CalendarDay(day.on, kind) for day, kind in zip(workdays(3), DayKind, strict=True)]
    begin, end, pause = one.start_min, one.end_min, one.break_start_min
    minutes = [
        *(begin + offset for offset in (-60, -1, 0, 1, 4, 5, 6)),
        *(pause + offset for offset in (-1, 0, 1, one.break_min, one.break_min + 1)),
        *(end + offset for offset in (-6, -5, -4, -1, 0, 1, 29, 30, 31, 59, 60, 61, 200)),
    ]
    people = [
        PersonMonth(
            one,
            [
                PunchFact(f"{day}{side}", MIDNIGHT + day * DAY_S + minute * 60 + day)
                for day in range(3)
                for side, minute in enumerate((arrival, departure))
            ],
            LATER,
        )
        for arrival in minutes
        for departure in minutes
        if arrival <= departure
    ]
    assert_same(days, people, rules, buckets=())


def around(one, sixths):
    return one.start_min + (one.end_min - one.start_min) * sixths // 6


def test_two_shifts_of_one_code_stay_two():
    """As after an edition of the people file that moved the shift."""
    moved = replace(DAY, start_min=DAY.start_min + 60)
    presses = [PunchFact("a", at(0, 9)), PunchFact("b", at(0, 17))]
    assert_same(workdays(1), [PersonMonth(one, presses, LATER) for one in (DAY, moved, DAY)])


def test_a_day_is_over_the_moment_its_window_closes():
    arrival = [PunchFact("a", at(1, 8) - 60), PunchFact("b", at(1, 18))]
    assert_same(
        workdays(4),
        [
            PersonMonth(one, arrival, one.window(FIRST.toordinal() + day)[1] + offset)
            for one in SHIFTS
            for day in range(-1, 5)
            for offset in (-1, 0, 1)
        ],
    )


def test_a_whole_day_of_presses_keeps_one_a_minute():
    """1,440 kept presses in one series: the last kept one is found through all of them."""
    presses = [PunchFact(f"{n:04d}", MIDNIGHT + 360 * 60 + 30 * n) for n in range(1_801)]
    assert_same(workdays(2), [PersonMonth(DAY, presses, LATER)] * 2)
    assert_same(workdays(2), [PersonMonth(ROUND_THE_CLOCK, presses, LATER)])


@pytest.mark.parametrize("flag", DISTRUSTED)
def test_what_is_not_believed_bounds_nothing(flag):
    believed = [PunchFact("a", at(0, 8)), PunchFact("b", at(0, 17))]
    odd = [PunchFact("c", at(0, 6), distrust=flag), PunchFact("d", at(0, 20), distrust=flag)]
    plan, table, _ = tables_of(workdays(1), [PersonMonth(DAY, believed + odd, LATER)])
    assert compute(plan, table, RULES).figures(0, 0).used == (0, 1)


def test_times_beyond_any_month_do_no_harm():
    """A terminal's lost clock says 1970 or 2000, a broken one 9999."""
    far = [PunchFact("a", 0), PunchFact("b", 719_163 * DAY_S), PunchFact("c", 3_652_059 * DAY_S)]
    # Exactly 2^32 seconds after and before a good one: as long as a 32-bit counter.
    near = [PunchFact(f"d{n}", at(0, 9) + n * 2**32) for n in (-1, 0, 1)]
    assert_same(workdays(3), [PersonMonth(DAY, far + near, LATER)])


def test_people_without_punches_and_no_people_at_all():
    free = CalendarDay(date.fromordinal(FIRST.toordinal() + 2), DayKind.REST_DAY)
    assert_same([*workdays(2), free], [PersonMonth(DAY, (), LATER), PersonMonth(NIGHT, (), 0)])
    plan, table, _ = tables_of(workdays(2), [])
    assert compute(plan, table, RULES).status.shape == (0, 2)
    assert compute_in_buckets(plan, table, RULES, 7).status.shape == (0, 2)


def test_a_real_two_shift_plant_has_the_answer_of_the_reference(shared_data):
    """4,942 rows of a real terminal, four months, each person under every shift."""
    export = shared_data / "hr" / "punches" / "zk_attlog_two_shift_plant.dat"
    people = {}
    for number, row in enumerate(export.read_text().splitlines()):
        user, time, _verify, state, *_ = row.strip().split("\t")
        moment = wall_seconds(datetime.fromisoformat(time))
        fact = PunchFact(f"{number:06d}", moment, KEYS[int(state)])
        people.setdefault(user, []).append(fact)
    calendar = load_calendar()
    days = [calendar.day(date(2025, 7, 15) + timedelta(days=n)) for n in range(140)]
    in_november = wall_seconds(datetime(2025, 11, 4, 13, 30))
    months = [
        PersonMonth(one, punches, now)
        for one, now in ((PLANT_DAY, LATER), (PLANT_NIGHT, LATER), (PLANT_DAY, in_november))
        for punches in people.values()
    ]
    assert sum(len(month.punches) for month in months) == 3 * 4942
    assert_same(days, months, buckets=(1, 2, 7, 64))


def test_a_key_that_would_not_fit_is_refused_and_more_buckets_make_it_fit():
    people = [PersonMonth(DAY, [PunchFact("a", at(0, 8))], LATER)] * 64
    plan, table, _ = tables_of(workdays(9), people)
    whole = compute(plan, table, RULES)
    with mock.patch.object(packing, "KEY_BITS", 7 + 20 + 7 - 1):
        with pytest.raises(ValueError, match="more buckets"):
            compute(plan, table, RULES)
        assert_equal(whole, compute_in_buckets(plan, table, RULES, 4))


def test_tables_that_are_not_what_they_say_are_refused():
    plan, table, _ = tables_of(workdays(2), [PersonMonth(DAY, [PunchFact("a", at(0, 8))], 0)])
    stranger = dataclasses.replace(table, person=np.array([1], np.int32))
    for run in (compute, lambda *args: compute_in_buckets(*args, 2)):
        with pytest.raises(ValueError, match="not among the people"):
            run(plan, stranger, RULES)
    with pytest.raises(ValueError, match="equally long"):
        dataclasses.replace(table, side=np.zeros(2, np.int8))
    with pytest.raises(ValueError, match="distrusted of a punch table must be bool"):
        dataclasses.replace(table, distrusted=np.zeros(1, np.uint8))
    with pytest.raises(ValueError, match="not among the shifts"):
        dataclasses.replace(plan, shift_of=np.array([[1]], np.int32))
    with pytest.raises(ValueError, match="one row for each person"):
        dataclasses.replace(plan, now=np.zeros(2, np.int64))
    with pytest.raises(ValueError, match="at least a minute"):
        compute(plan, table, replace(RULES, overtime_step_min=0))
    with pytest.raises(ValueError, match="follow each other"):
        tables_of([workdays(3)[0], workdays(3)[2]], [])
    with pytest.raises(ValueError, match="at least one bucket"):
        compute_in_buckets(plan, table, RULES, 0)
