"""What was reached: figures of stored days, of the lines, and of imported business data.

A figure is computed again whenever it is asked for; nothing that is missing becomes a zero.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction

import sqlalchemy as sa
from msgspec import Struct

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.day import OPEN, DayResult, DayStatus
from hr_core.clock import Month
from hr_core.money import decimal_text
from hr_core.pay.run import imported_roster
from hr_core.performance.counted_work import payable_work, total_of
from hr_core.performance.goals import WHOLE, Goal, GoalKind
from hr_core.performance.periods import Period
from hr_core.performance.units import Units
from hr_core.quality.month import QualityMonth, Tally
from hr_core.quality.readings import quality_of_month
from hr_core.store.attendance_days import days_of_person
from hr_core.store.performance_figures import Figure, figures_of
from hr_core.store.work_plan import keys_of

ATTENDANCE_RATE = "attendance_rate"
LATE_MINUTES = "late_minutes"
DEFECT_RATE = "defect_rate"
BUILT_IN = frozenset({ATTENDANCE_RATE, LATE_MINUTES, DEFECT_RATE})
SCORED = "scored:"

_CAME = frozenset({DayStatus.PRESENT, DayStatus.ON_TRIP})
_UNCLEAR = (OPEN | {DayStatus.NOT_OVER}) - {DayStatus.ABSENT}


class Actual(Struct, frozen=True, kw_only=True):
    """`value` is None when it cannot be told; `missing` says what lacks, in words for who mends it.

    sources   each value that it was made from, with its load, day or month
    open      what somebody has to look at before anybody is paid by it
    """

    value: Fraction | None
    sources: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    open: tuple[str, ...] = ()


def stored_name(goal: Goal) -> str:
    """Under which an imported figure of the goal is kept: what another unit says, nothing else can."""
    return f"{SCORED}{goal.scored_by}:{goal.figure_name}" if goal.scored_by else goal.figure_name


class Figures:
    """Reads on one connection, at one moment; a month of the lines is counted once."""

    def __init__(self, conn: sa.Connection, units: Units | None = None) -> None:
        self._conn = conn
        self._units = units or Units.load(conn)
        self._quality: dict[Month, QualityMonth] = {}
        self._kept: tuple[str, list[Figure]] | None = None

    def actual(self, goal: Goal, period: Period) -> Actual:
        """Of the goal's subject over the period."""
        if goal.scored_by is None:
            if goal.figure_name == DEFECT_RATE:
                return self._defect_rate(goal.subject, period)
            if goal.figure_name in BUILT_IN:
                return self._of_days(goal.figure_name, goal.subject, period)
        return self._imported(goal, period)

    def _of_days(self, name: str, subject: str, period: Period) -> Actual:
        came = missed = late = 0
        unclear: list[str] = []
        for person in self._people(subject, period):
            days = self._days(subject, person, period)
            unclear += self._not_yet(subject, person, period, days)
            for day in days:
                late += day.late_min
                if day.status in _UNCLEAR:
                    unclear.append(f"{person} {day.day}: {day.status}")
                elif day.kind is DayKind.WORKDAY:
                    came += day.status in _CAME
                    missed += day.status is DayStatus.ABSENT
        if came + missed == 0:
            lacks = f"{subject} has no computed workday in {period}: hr-core attendance compute"
            return Actual(value=None, missing=(lacks,), open=tuple(unclear))
        counted = f"stored days of {period}: {came} attended, {missed} absent, {late} min late"
        value = Fraction(late) if name == LATE_MINUTES else Fraction(100 * came, came + missed)
        return Actual(value=value, sources=(counted,), open=tuple(unclear))

    def _days(self, subject: str, person: str, period: Period) -> list[DayResult]:
        stored = days_of_person(self._conn, person, period.first, period.after)
        return [one.result for on, one in stored.items() if self._counts(subject, person, on)]

    def _not_yet(
        self, subject: str, person: str, period: Period, days: Sequence[DayResult]
    ) -> list[str]:
        """Days that are still to come, or that nobody computed: also those of a leaver."""
        last = period.after - timedelta(days=1)
        newest = days[-1].day if days else None
        if newest == last or not self._counts(subject, person, last):
            return []
        since = f"after {newest}" if newest else "at all"
        return [f"{person}: no computed day {since}, until {last}"]

    def _people(self, subject: str, period: Period) -> list[str]:
        kind, _, code = subject.partition(":")
        if kind == "unit":
            return self._units.people_below(code, period.first, period.after)
        return [self._units.current(code)] if kind == "person" else []

    def _counts(self, subject: str, person: str, on: date) -> bool:
        kind, _, code = subject.partition(":")
        return kind != "unit" or self._units.is_below(person, code, on)

    def _defect_rate(self, subject: str, period: Period) -> Actual:
        pieces = rejects = 0
        sources = []
        for month in period.months():
            found = self._counted(subject, month)
            if found.pieces or found.rejects:
                sources.append(
                    f"lines in {month}: {found.rejects} rejects of {found.pieces} pieces"
                )
            pieces += found.pieces
            rejects += found.rejects
        if pieces <= 0:
            lacks = f"nothing was counted for {subject} in {period}: hr-core quality rates"
            return Actual(value=None, missing=(lacks,))
        return Actual(value=Fraction(100 * rejects, pieces), sources=tuple(sources))

    def _counted(self, subject: str, month: Month) -> Tally:
        if month not in self._quality:
            self._quality[month] = quality_of_month(self._conn, imported_roster(self._conn), month)
        quality = self._quality[month]
        kind, _, code = subject.partition(":")
        if kind == "line":
            return quality.by_line.get(code, Tally())
        people = self._people(subject, Period.of(month))
        return total_of(payable_work(quality, person) for person in people)

    def _stored(self, subject: str) -> list[Figure]:
        """All imported ones of the subject; a person's goals are asked for one after the other."""
        if self._kept is None or self._kept[0] != subject:
            kind, _, code = subject.partition(":")
            keys: tuple[str, ...] = (code,)
            if kind == "person":
                keys = keys_of(self._conn, self._units.current(code))
            found = figures_of(self._conn, [f"{kind}:{key}" for key in keys])
            self._kept = (subject, found)
        return self._kept[1]

    def _imported(self, goal: Goal, period: Period) -> Actual:
        name = stored_name(goal)
        by_period = {row.period: row for row in self._stored(goal.subject) if row.figure == name}
        whole = by_period.get(str(period))
        if whole is not None:
            return Actual(value=_value(whole), sources=(_told(whole),))
        months = [by_period.get(str(month)) for month in period.months()]
        found = [row for row in months if row is not None]
        lacking = [str(m) for m, row in zip(period.months(), months, strict=True) if row is None]
        missing = _missing(goal, lacking, period) if lacking else ()
        sources = tuple(_told(row) for row in found)
        if found and goal.kind is GoalKind.COUNT:
            total = sum((row.value for row in found), Fraction(0))
            return Actual(value=total, sources=sources, missing=missing)
        parts = [row.of for row in found if row.of]
        if found and len(parts) == len(found):
            value = WHOLE * sum((row.value for row in found), Fraction(0)) / sum(parts, Fraction(0))
            return Actual(value=value, sources=sources, missing=missing)
        if len(found) == 1:
            return Actual(value=_value(found[0]), sources=sources, missing=missing)
        if found:
            told = (
                f"{stored_name(goal)} of {goal.subject} has rates of months that do not add up: "
                f"load it for {period}, or with the whole that each is a part of (of)"
            )
            missing = (told,)
        return Actual(value=None, sources=sources, missing=missing)


def _missing(goal: Goal, months: list[str], period: Period) -> tuple[str, ...]:
    when = str(period) if len(months) == period.length else ", ".join(months)
    if goal.scored_by:
        who = f"people of unit {goal.scored_by} say it: hr-core performance rate {goal.code}"
    else:
        who = "load it: hr-core performance import FILE"
    return (f"{goal.figure_name} of {goal.subject} for {when} is not there; {who}",)


def _value(row: Figure) -> Fraction:
    return WHOLE * row.value / row.of if row.of else row.value


def _told(row: Figure) -> str:
    of = f" of {decimal_text(row.of)}" if row.of is not None else ""
    return (
        f"{row.period}: {decimal_text(row.value)}{of}, {row.source} {row.place}, load {row.load}"
        f" (revision {row.revision})"
    )
