"""Limits of hours, held against what was worked and what the roster still plans.

Projected to the end of each window: worked so far and planned for the rest. More work or a longer
plan never lowers a projection.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.hours.law import (
    HourKind,
    Limit,
    PeriodLength,
    Status,
    System,
    Window,
    WorkingTimeLaw,
)
from hr_core.attendance.hours.period_account import (
    KindOfDay,
    PeriodAccount,
    Statutory,
    WorkedDay,
    period_account,
    statutory_minutes,
)
from hr_core.attendance.hours.permits import Permit, SystemSpan
from hr_core.attendance.hours.windows import DateSpan, periods_in, windows_in
from hr_core.errors import NoLawError

_OF_FREE_DAY = {
    DayKind.REST_DAY: HourKind.REST_DAY,
    DayKind.STATUTORY_HOLIDAY: HourKind.STATUTORY_HOLIDAY,
}


class OpenedPeriod(Struct, frozen=True, kw_only=True):
    """What another system counted of a permit's period, from `days.first` until the switch."""

    permit: str
    days: DateSpan
    worked_min: int
    holiday_min: int

    def as_worked(self) -> tuple[WorkedDay, ...]:
        parts = {
            DayKind.WORKDAY: self.worked_min - self.holiday_min,
            DayKind.STATUTORY_HOLIDAY: self.holiday_min,
        }
        return tuple(
            WorkedDay(day=self.days.first, kind=kind, minutes=minutes)
            for kind, minutes in parts.items()
            if minutes
        )


class PersonHours(Struct, frozen=True, kw_only=True):
    """`planned` holds only days after the worked ones: a day is one or the other."""

    worked: tuple[WorkedDay, ...] = ()
    planned: tuple[WorkedDay, ...] = ()
    opened: tuple[OpenedPeriod, ...] = ()

    def of_permit(self, permit: str) -> "PersonHours":
        """For the account of its period: what was counted before the switch in place of days that
        were computed here beside the old system.
        """
        mine = [one for one in self.opened if one.permit == permit]
        own = (row for row in self.worked if not any(one.days.covers(row.day) for one in mine))
        before = (row for one in mine for row in one.as_worked())
        return PersonHours(worked=(*before, *own), planned=self.planned)


class Projection(Struct, frozen=True, kw_only=True):
    """`warned_at`: the highest of the limit's percentages that is reached, None below them."""

    limit: str
    level: str
    window: DateSpan
    limit_min: int
    worked_min: int
    planned_min: int
    warned_at: int | None
    over: bool
    over_already: bool
    source: str
    status: Status

    @property
    def projected_min(self) -> int:
        return self.worked_min + self.planned_min

    @property
    def percent(self) -> int:
        """For people, cut; never used to compare."""
        return self.projected_min * 100 // self.limit_min

    @property
    def flagged(self) -> bool:
        return self.over or self.warned_at is not None


class Outlook(Struct, frozen=True, kw_only=True):
    """`systems` say by what the person was judged, with reasons; `accounts` of comprehensive
    periods count worked days only.
    """

    projections: tuple[Projection, ...]
    systems: tuple[SystemSpan, ...]
    accounts: tuple[PeriodAccount, ...]

    @property
    def flagged(self) -> tuple[Projection, ...]:
        return tuple(row for row in self.projections if row.flagged)


def minutes_by_kind(days: Iterable[WorkedDay], standard_day_min: int) -> dict[HourKind, int]:
    """A workday's minutes up to the standard day are normal, beyond it extended."""
    found: defaultdict[HourKind, int] = defaultdict(int)
    for row in days:
        if row.kind is DayKind.WORKDAY:
            found[HourKind.NORMAL] += min(row.minutes, standard_day_min)
            found[HourKind.EXTENDED] += max(0, row.minutes - standard_day_min)
        else:
            found[_OF_FREE_DAY[row.kind]] += row.minutes
    return dict(found)


def project(
    limit: Limit, window: DateSpan, hours: PersonHours, standard_day_min: int
) -> Projection:
    """Of a day, week or month by standard hours."""

    def counted(days: Iterable[WorkedDay]) -> int:
        inside = [row for row in days if window.covers(row.day)]
        found = minutes_by_kind(inside, standard_day_min)
        return sum(found.get(kind, 0) for kind in limit.counts)

    return _projection(limit, window, counted(hours.worked), counted(hours.planned))


def project_period(
    limit: Limit,
    permit: Permit,
    days: tuple[DateSpan, DateSpan],
    hours: PersonHours,
    statutory: Statutory,
) -> Projection:
    """Of a comprehensive period; `days` are the whole period and the part under the permit."""
    period, part = days

    def counted(rows: Iterable[WorkedDay]) -> int:
        account = period_account(permit, period, part, rows, statutory)
        found = {
            HourKind.OVER_PERIOD: account.over_min,
            HourKind.STATUTORY_HOLIDAY: account.holiday_min,
        }
        return sum(found.get(kind, 0) for kind in limit.counts)

    worked = counted(hours.worked)
    return _projection(limit, part, worked, counted((*hours.worked, *hours.planned)) - worked)


def outlook(
    hours: PersonHours,
    systems: Sequence[SystemSpan],
    law: WorkingTimeLaw,
    zone: str,
    asked: DateSpan,
    kind_of: KindOfDay,
) -> Outlook:
    """Every limit of every window that has a day of `asked`. `hours` and `systems` must know all days
    of `reach`. Irregular hours have no limit. Raises NoLawError, NoJurisdictionError.
    """
    code = law.of_zone(zone)
    projections: list[Projection] = []
    accounts: list[PeriodAccount] = []
    for span in systems:
        inside = span.days.overlap(asked)
        if inside is None or span.system is System.IRREGULAR:
            continue
        limits = [row for row in law.limits(code, inside.first) if row.system is span.system]
        if span.permit is None:
            standard_day = law.standard_day(code, inside.first).standard_day_min
            only = _within(hours, span.days)
            projections += [
                project(
                    _with_moved_workdays(limit, window, standard_day, kind_of),
                    window,
                    only,
                    standard_day,
                )
                for limit in limits
                for window in windows_in(limit.window, inside)
            ]
        elif span.permit.period is not None:
            for period in periods_in(span.permit.period, inside, span.permit.anchor):
                part = period.overlap(span.days) or period
                statutory = statutory_minutes(span.permit, period, part, law, zone, kind_of)
                counted = hours.of_permit(span.permit.number)
                accounts.append(
                    period_account(span.permit, period, part, counted.worked, statutory)
                )
                projections += [
                    project_period(limit, span.permit, (period, part), counted, statutory)
                    for limit in limits
                    if limit.window is Window.PERIOD and limit.period is span.permit.period
                ]
    return Outlook(projections=tuple(projections), systems=tuple(systems), accounts=tuple(accounts))


def reach(asked: DateSpan, permits: Iterable[Permit]) -> DateSpan:
    """The days that must be known to judge `asked`: whole weeks, months, and periods of permits."""
    lengths: list[tuple[PeriodLength, date | None]]
    lengths = [(PeriodLength.WEEK, None), (PeriodLength.MONTH, None)]
    lengths += [(row.period, row.anchor) for row in permits if row.period is not None]
    spans = [span for length, anchor in lengths for span in periods_in(length, asked, anchor)]
    return DateSpan(min(span.first for span in spans), max(span.until for span in spans))


def still_planned(planned: Iterable[WorkedDay], today: date) -> tuple[WorkedDay, ...]:
    """What the roster holds from today on; the days before it are worked or missed."""
    return tuple(row for row in planned if row.day >= today)


def _with_moved_workdays(
    limit: Limit, window: DateSpan, standard_day_min: int, kind_of: KindOfDay
) -> Limit:
    """A week to which the yearly notice moves a workday (调休上班日) may hold it. Where next year's
    notice is not out yet, the limit stands as it is.
    """
    if limit.window is not Window.WEEK:
        return limit
    try:
        workdays = sum(kind_of(day) is DayKind.WORKDAY for day in window.days())
    except NoLawError:
        return limit
    return replace(limit, minutes=max(limit.minutes, workdays * standard_day_min))


def _within(hours: PersonHours, days: DateSpan) -> PersonHours:
    return PersonHours(
        worked=tuple(row for row in hours.worked if days.covers(row.day)),
        planned=tuple(row for row in hours.planned if days.covers(row.day)),
    )


def _projection(limit: Limit, window: DateSpan, worked: int, planned: int) -> Projection:
    projected = worked + planned
    reached = [percent for percent in limit.warn_at if projected * 100 >= percent * limit.minutes]
    return Projection(
        limit=limit.code,
        level=limit.level,
        window=window,
        limit_min=limit.minutes,
        worked_min=worked,
        planned_min=planned,
        warned_at=max(reached, default=None),
        over=projected > limit.minutes,
        over_already=worked > limit.minutes,
        source=limit.source,
        status=limit.status,
    )
