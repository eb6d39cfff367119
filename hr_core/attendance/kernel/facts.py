"""Between the records of the reference and the columns of the kernel, both ways."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from operator import attrgetter
from typing import NamedTuple

import numpy as np

from hr_core.attendance.calendar import CalendarDay
from hr_core.attendance.day import AttendanceRules, DayResult, PunchFact
from hr_core.attendance.kernel.tables import DayTable, PeoplePlan, PunchTable, side_of
from hr_core.people.model import Shift


class PersonMonth(NamedTuple):
    """What `month.compute_month` asks of one person; `punches` may name an event twice."""

    shift: Shift
    punches: Iterable[PunchFact]
    now: int


class FactTables(NamedTuple):
    """`event_ids` by row of `table`."""

    plan: PeoplePlan
    table: PunchTable
    event_ids: tuple[str, ...]


def tables_of(days: Sequence[CalendarDay], people: Sequence[PersonMonth]) -> FactTables:
    """Raises ValueError unless there are days and they follow each other."""
    ordinals = [day.on.toordinal() for day in days]
    if not days or ordinals != list(range(ordinals[0], ordinals[0] + len(days))):
        raise ValueError("the kernel computes days that follow each other, at least one")
    # By identity, as shifts of one code could differ; a few objects are shared by all people.
    shifts = {id(person.shift): person.shift for person in people}
    index = {key: number for number, key in enumerate(shifts)}
    plan = PeoplePlan(
        first=days[0].on,
        kinds=tuple(day.kind for day in days),
        shifts=tuple(shifts.values()),
        shift_of=np.array([index[id(person.shift)] for person in people], np.int32),
        now=np.array([person.now for person in people], np.int64),
    )
    rows = [
        (number, fact)
        for number, person in enumerate(people)
        for fact in sorted(
            {fact.event_id: fact for fact in person.punches}.values(), key=attrgetter("event_id")
        )
    ]
    table = PunchTable(
        person=np.array([number for number, _ in rows], np.int32),
        at=np.array([fact.at for _, fact in rows], np.int64),
        side=np.array([side_of(fact.direction) for _, fact in rows], np.int8),
        distrusted=np.array([fact.distrust is not None for _, fact in rows], np.bool_),
    )
    return FactTables(plan, table, tuple(fact.event_id for _, fact in rows))


def day_results(
    computed: DayTable, facts: FactTables, person: int, rules: AttendanceRules
) -> tuple[DayResult, ...]:
    """The reference's results, but `ignored` is empty: why a punch did not count is asked of few
    days, and `month.compute_month` tells it of one person in a millisecond.
    """
    plan = facts.plan
    shift = plan.shifts[plan.shift_of[person]].code
    results = []
    for number, kind in enumerate(plan.kinds):
        found = computed.figures(person, number)
        results.append(
            DayResult(
                day=plan.first + timedelta(days=number),
                kind=kind,
                shift=shift,
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
