"""The overtime of one day: what was punched and approved, counted by the plant's rule."""

from datetime import date, datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.day_parts import Why
from hr_core.attendance.hours.counted_overtime import (
    CountedOvertime,
    CountingRules,
    counted_overtime,
)
from hr_core.attendance.hours.planned import approved_beyond_plan
from hr_core.attendance.live.overtime_modes import punched_beyond_plan
from hr_core.attendance.live.person_days import Computation
from hr_core.attendance.live.rule_sets import load_engines
from hr_core.errors import CoreError, NotFoundError


class DayOvertime(Struct, frozen=True, kw_only=True):
    """`by_hand_min`: overtime that two people decided, at no time of day; no rule counts it again."""

    kind: DayKind
    counted: CountedOvertime
    by_hand_min: int
    events: tuple[str, ...]

    @property
    def minutes(self) -> int:
        return self.counted.minutes + self.by_hand_min


class UnclearDayError(CoreError):
    """Overtime of a day that somebody must look at first would be a guess."""


def overtime_of_day(
    conn: sa.Connection, person: str, day: date, rules: CountingRules, now: datetime
) -> DayOvertime:
    """Computed now, from punches and plan. Raises NotFoundError, NoLawError, UnclearDayError."""
    computed = Computation(conn, load_engines(conn), now).days(person, day, day + timedelta(days=1))
    found = computed.get(day)
    if found is None:
        raise NotFoundError(
            f"there is no day {day} of {person!r}",
            remedy="use the employee number of the people file, and a day that has begun",
        )
    result = found.result
    if result.to_clarify or now < found.closes:
        raise UnclearDayError(
            f"{day} of {person} is {result.status}: its overtime is not known",
            remedy=f"look at the day first: hr-core attendance show {person} --month {day:%Y-%m}",
        )
    approved = approved_beyond_plan(found.plan)
    rule = rules.on(day).of(result.kind)
    return DayOvertime(
        kind=result.kind,
        counted=counted_overtime(punched_beyond_plan(result.intervals), approved, rule),
        by_hand_min=sum(
            one.minutes
            for one in result.intervals
            if one.counts == "overtime" and one.why == Why.BY_HAND
        ),
        events=result.used,
    )
