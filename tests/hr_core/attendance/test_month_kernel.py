"""The kernel gives the reference's answer: on generated months, at any number of buckets."""

import dataclasses
from bisect import bisect_right
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
    UNCLEAR,
    DayStatus,
    PunchFact,
    compute_day,
    load_rules,
)
from hr_core.attendance.kernel import compute as kernel
from hr_core.attendance.kernel import packing
from hr_core.attendance.kernel.compute import compute
from hr_core.attendance.kernel.drivers import compute_in_buckets
from hr_core.attendance.kernel.facts import (
    PersonMonth,
    RosteredDay,
    RosteredMonth,
    day_results,
    rostered_tables_of,
    tables_of,
)
from hr_core.attendance.kernel.tables import NO_ROW, PunchTable
from hr_core.attendance.month import compute_month
from hr_core.clock import DAY_S, wall_seconds
from hr_core.people.model import Shift
from protocols.records import Direction

RULES = load_rules()
FIRST = date(2026, 9, 28)
DAYS = 9  # over the end of a month, with workdays, a weekend and statutory days
MIDNIGHT = FIRST.toordinal() * DAY_S
LATER = MIDNIGHT + 400 * DAY_S


def shift(code="D", start=480, end=1020, **changes):
    figures = {
        "break_min": 60, "break_start_min": (start + end) // 2, "early_in_min": 120,
        "late_out_min": 240,
    }  # fmt: skip
    return Shift(code=code, name=code, start_min=start, end_min=end, **(figures | changes))


DAY = shift()
NIGHT = shift("N", 1080, 1800)
FROM_MIDNIGHT = shift("M", 0, 480)  # its window opens on the day before
ROUND_THE_CLOCK = shift("R", 420, 1140, early_in_min=360, late_out_min=360)
NO_BREAK = shift("B", 1200, 1680, break_min=0, early_in_min=0, late_out_min=0)
LONGER_THAN_A_DAY = shift("L", 420, 1140, early_in_min=360, late_out_min=480)
NEVER_OPEN = shift("X", 1080, 360)
ODD = shift("O", 487, 1016, break_min=47, break_start_min=481, early_in_min=61, late_out_min=1)
PLANT_DAY = shift("PD", 360, 1080, break_start_min=690)
PLANT_NIGHT = shift("PN", 1080, 1800, break_start_min=1410)
KEYS = dict(enumerate(Direction))  # in the order of the states 0 to 5
SHIFTS = [DAY, NIGHT, FROM_MIDNIGHT, ROUND_THE_CLOCK, NO_BREAK, LONGER_THAN_A_DAY, NEVER_OPEN, ODD]


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


def assert_equal(one, other):
    for name, column in one.columns().items():
        assert np.array_equal(column, getattr(other, name)), name
        assert column.dtype == getattr(other, name).dtype, name


def workdays(count):
    first = FIRST.toordinal()
    return [CalendarDay(date.fromordinal(first + n), DayKind.WORKDAY) for n in range(count)]


def at(day, hour):
    return MIDNIGHT + day * DAY_S + hour * 3600


any_kind = st.sampled_from(list(DayKind))
kinds = st.lists(any_kind, min_size=1, max_size=DAYS)
calendars = kinds.map(
    lambda found: [
        CalendarDay(date.fromordinal(FIRST.toordinal() + number), kind)
        for number, kind in enumerate(found)
    ]
)
# Anywhere around the month, and at the seconds where rules change their mind.
anywhere = st.integers(MIDNIGHT - 2 * DAY_S, MIDNIGHT + (DAYS + 2) * DAY_S)
edges = st.builds(
    lambda one, day, side, offset: MIDNIGHT + day * DAY_S + getattr(one, side) * 60 + offset,
    st.sampled_from(SHIFTS),
    st.integers(-1, DAYS),
    st.sampled_from(["start_min", "end_min", "break_start_min"]),
    st.sampled_from([-7200, -3600, -1800, -61, -60, -59, -1, 0, 1, 59, 60, 61, 1799, 1800, 14400]),
)
pauses = st.sampled_from([0, 1, 20, 29, 30, 59, 60, 61, 119, 120, 1799, 1800])


@st.composite
def visits(draw):
    """A time, and presses that follow it as people press who are not sure."""
    at = draw(anywhere | edges)
    return [at, *(at := at + pause for pause in draw(st.lists(pauses, max_size=6)))]


@st.composite
def punches(draw):
    times = [at for visit in draw(st.lists(visits(), max_size=10)) for at in visit]
    # Ids in no order of time: of two punches in a second the smaller id comes first.
    ids = draw(st.permutations(range(len(times))))
    facts = [
        PunchFact(
            f"{number:04x}",
            at,
            draw(st.sampled_from(list(Direction))),
            draw(st.sampled_from([None] * 8 + list(DISTRUSTED))),
        )
        for number, at in zip(ids, times, strict=True)
    ]
    return facts + draw(st.lists(st.sampled_from(facts), max_size=2)) if facts else facts


months = st.builds(
    PersonMonth,
    st.sampled_from(SHIFTS),
    punches(),
    st.just(LATER) | anywhere | edges,
)
rule_sets = st.builds(
    lambda changes: replace(RULES, **changes),
    st.fixed_dictionaries(
        {},
        optional={
            "debounce_s": st.sampled_from([0, 1, 30, 60, 300]),
            "one_visit_min": st.sampled_from([0, 1, 30, 60]),
            "overtime_step_min": st.sampled_from([1, 15, 30, 60]),
            "late_grace_min": st.sampled_from([0, 5]),
            "early_leave_grace_min": st.sampled_from([0, 5]),
        },
    ),
)


@given(calendars, st.lists(months, max_size=5), rule_sets)
def test_generated_months_have_the_answer_of_the_reference(days, people, rules):
    assert_same(days, people, rules)


@settings(max_examples=40)
@given(calendars, st.lists(months, min_size=1, max_size=4), st.integers(1, 5))
def test_blocks_may_end_anywhere(days, people, rows):
    with (
        mock.patch.object(packing, "BLOCK", rows),
        mock.patch.object(kernel, "BLOCK_DAYS", rows),
    ):
        assert_same(days, people, buckets=())


@settings(max_examples=40)
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
