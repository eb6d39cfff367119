"""Between the records of the reference and the columns of the kernel, both ways."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from operator import attrgetter
from typing import NamedTuple

import numpy as np

from hr_core.attendance.calendar import CalendarDay
from hr_core.attendance.day import AttendanceRules, DayResult, PunchFact
from hr_core.attendance.kernel.tables import (
    CODE_OF_KIND,
    KINDS,
    DayTable,
    PeoplePlan,
    PunchTable,
    side_of,
)
from hr_core.people.model import Shift


class PersonMonth(NamedTuple):
    """What `month.compute_month` asks of one person; `punches` may name an event twice."""

    shift: Shift
    punches: Iterable[PunchFact]
    now: int


class RosteredDay(NamedTuple):
    """`begins`: the wall second from which on punches belong to the day."""

    day: CalendarDay
    shift: Shift
    begins: int


class RosteredMonth(NamedTuple):
    """A person whose shift changes. `until`: the wall second where the last day ends."""

    days: Sequence[RosteredDay]
    until: int
    punches: Iterable[PunchFact]
    now: int


class FactTables(NamedTuple):
    """`event_ids` by row of `table`."""

    plan: PeoplePlan
    table: PunchTable
    event_ids: tuple[str, ...]


def tables_of(days: Sequence[CalendarDay], people: Sequence[PersonMonth]) -> FactTables:
    """Raises ValueError unless there are days and they follow each other."""
    _check_days(days)
    shifts = _Numbered()
    shift_of = np.array([shifts.number(one.shift) for one in people], np.int32)[:, None]
    plan = PeoplePlan(
        first=days[0].on,
        kinds=np.array([[CODE_OF_KIND[day.kind] for day in days]], np.int8),
        shifts=shifts.all(),
        shift_of=shift_of,
        now=np.array([one.now for one in people], np.int64),
    )
    return FactTables(plan, *_punch_table([one.punches for one in people]))


def rostered_tables_of(people: Sequence[RosteredMonth]) -> FactTables:
    """All of the same days. Raises ValueError for nobody, or days that do not follow each other."""
    if not people or len({tuple(one.day.on for one in each.days) for each in people}) != 1:
        raise ValueError("rosters of the same days are computed together")
    _check_days([one.day for one in people[0].days])
    shifts = _Numbered()
    shift_of = [[shifts.number(day.shift) for day in one.days] for one in people]
    plan = PeoplePlan(
        first=people[0].days[0].day.on,
        kinds=np.array([[CODE_OF_KIND[d.day.kind] for d in one.days] for one in people], np.int8),
        shifts=shifts.all(),
        shift_of=np.array(shift_of, np.int32),
        now=np.array([one.now for one in people], np.int64),
        begins=np.array(
            [[*(day.begins for day in one.days), one.until] for one in people], np.int64
        ),
    )
    return FactTables(plan, *_punch_table([one.punches for one in people]))


def day_results(
    computed: DayTable, facts: FactTables, person: int, rules: AttendanceRules
) -> tuple[DayResult, ...]:
    """The reference's results, but `ignored` is empty: why a punch did not count is asked of few
    days, and `month.compute_month` tells it of one person in a millisecond.
    """
    plan = facts.plan
    kinds = np.broadcast_to(plan.kinds, (plan.people, plan.days))[person]
    shifts = np.broadcast_to(plan.shift_of, (plan.people, plan.days))[person]
    results = []
    for number, (kind, shift) in enumerate(zip(kinds, shifts, strict=True)):
        found = computed.figures(person, number)
        results.append(
            DayResult(
                day=plan.first + timedelta(days=number),
                kind=KINDS[kind],
                shift=plan.shifts[shift].code,
                status=found.status,
                arrived=found.arrived,
                left=found.left,
                regular_min=found.regular_min,
                overtime_min=found.overtime_min,
                late_min=found.late_min,
                early_leave_min=found.early_leave_min,
                keys_contradict=found.keys_contradict,
                used=tuple(facts.event_ids[row] for row in found.used),
                rule_version=rules.version,
            )
        )
    return tuple(results)


class _Numbered:
    """Shifts by identity: two of one code could differ, and people share a few objects."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self._shifts: list[Shift] = []

    def number(self, shift: Shift) -> int:
        number = self._numbers.setdefault(id(shift), len(self._shifts))
        if number == len(self._shifts):
            self._shifts.append(shift)
        return number

    def all(self) -> tuple[Shift, ...]:
        return tuple(self._shifts)


def _check_days(days: Sequence[CalendarDay]) -> None:
    ordinals = [day.on.toordinal() for day in days]
    if not days or ordinals != list(range(ordinals[0], ordinals[0] + len(days))):
        raise ValueError("the kernel computes days that follow each other, at least one")


def _punch_table(punches: Sequence[Iterable[PunchFact]]) -> tuple[PunchTable, tuple[str, ...]]:
    rows = [
        (number, fact)
        for number, facts in enumerate(punches)
        for fact in sorted(
            {fact.event_id: fact for fact in facts}.values(), key=attrgetter("event_id")
        )
    ]
    table = PunchTable(
        person=np.array([number for number, _ in rows], np.int32),
        at=np.array([fact.at for _, fact in rows], np.int64),
        side=np.array([side_of(fact.direction) for _, fact in rows], np.int8),
        distrusted=np.array([fact.distrust is not None for _, fact in rows], np.bool_),
    )
    return table, tuple(fact.event_id for _, fact in rows)
