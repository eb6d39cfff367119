"""Who comes near a limit of hours: stored days so far, the plan for the rest."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from hr_core.attendance.calendar import Calendar, load_calendar
from hr_core.attendance.day import DayResult, DayStatus
from hr_core.attendance.hours.law import NoJurisdictionError, WorkingTimeLaw, load_law
from hr_core.attendance.hours.limits import (
    OpenedPeriod,
    Outlook,
    PersonHours,
    Projection,
    outlook,
    reach,
)
from hr_core.attendance.hours.period_account import PeriodAccount, WorkedDay
from hr_core.attendance.hours.permits import Permit, PostSpan, system_spans
from hr_core.attendance.hours.planned import planned_hours
from hr_core.attendance.hours.windows import DateSpan
from hr_core.attendance.plan.model import PlannedDay
from hr_core.opening.rows import OpeningKind, PeriodOpening
from hr_core.people.records import UnitKind
from hr_core.store.attendance_days import days_of_people
from hr_core.store.attendance_queue import arrivals_wait, touched
from hr_core.store.opening_balances import openings
from hr_core.store.organisation import memberships, units
from hr_core.store.people import people
from hr_core.store.permits import load_permits
from hr_core.store.work_plan import plans_of

_AT_ONCE = 200  # people: a year of days of so many is some 70,000 rows


class PersonLimits(Struct, frozen=True, kw_only=True):
    """`systems`: by what the person was judged, one sentence a span. `to_clarify`: days whose hours
    nobody knows yet and which count as none.
    """

    person: str
    name: str
    systems: tuple[str, ...]
    flagged: tuple[Projection, ...]
    accounts: tuple[PeriodAccount, ...]
    to_clarify: int


class NotJudged(Struct, frozen=True, kw_only=True):
    person: str
    why: str


class LimitsReport(Struct, frozen=True, kw_only=True):
    """`people`: those with something flagged. `known_until`: the calendar of later days is not out.
    `behind`: punches or changes wait to be computed, so that hours may be missing.
    """

    first: date
    until: date
    known_until: date
    law: str
    behind: bool
    judged: int
    people: tuple[PersonLimits, ...]
    not_judged: tuple[NotJudged, ...]

    @property
    def over(self) -> bool:
        return any(row.over for one in self.people for row in one.flagged if row.level == "limit")


class _Judge(Struct, frozen=True):
    """What all people share."""

    conn: sa.Connection
    law: WorkingTimeLaw
    calendar: Calendar
    permits: tuple[Permit, ...]
    asked: DateSpan
    known: DateSpan
    now: datetime

    def today(self, zone: str) -> date:
        return self.now.astimezone(ZoneInfo(zone)).date()


class _Who(Struct, frozen=True):
    person: str
    name: str
    zone: str


def hour_limits(
    conn: sa.Connection,
    asked: DateSpan,
    now: datetime,
    persons: Sequence[str] | None = None,
    *,
    everybody: bool = False,
) -> LimitsReport:
    """For all people (or some keys), projected to the end of each window that `asked` touches.

    `everybody` lists also those with nothing flagged. Raises NoLawError where the calendar or the
    law of the asked days is missing.
    """
    law, calendar, permits = load_law(), load_calendar(), load_permits(conn)
    for day in (asked.first, asked.until - timedelta(days=1)):
        calendar.day(day)  # a month of a year without its notice cannot be planned
    known = _known(reach(asked, permits), calendar)
    judge = _Judge(conn, law, calendar, permits, asked, known, now)
    rows: list[PersonLimits] = []
    not_judged: list[NotJudged] = []
    judged = 0
    who = _people(conn, persons)
    for at in range(0, len(who), _AT_ONCE):
        chunk: list[_Who] = []
        for one in who[at : at + _AT_ONCE]:
            try:
                law.of_zone(one.zone)
            except NoJurisdictionError as exc:
                not_judged.append(NotJudged(person=one.person, why=str(exc)))
            else:
                chunk.append(one)
        found = _judged(judge, chunk)
        judged += len(found)
        rows += [row for row in found if row.flagged or everybody]
    return LimitsReport(
        first=asked.first,
        until=asked.until,
        known_until=known.until,
        law=law.version,
        behind=arrivals_wait(conn) or bool(touched(conn, 1)),
        judged=judged,
        people=tuple(rows),
        not_judged=tuple(not_judged),
    )


def hours_of(
    results: Iterable[DayResult], plan: Mapping[date, PlannedDay], today: date
) -> PersonHours:
    """A day that is not over counts as planned, or as what was worked already where that is more."""
    worked: list[WorkedDay] = []
    going_on: dict[date, int] = {}
    for result in results:
        minutes = result.regular_min + result.overtime_min
        if result.day >= today or result.status is DayStatus.NOT_OVER:
            going_on[result.day] = minutes
        elif minutes:
            worked.append(WorkedDay(day=result.day, kind=result.kind, minutes=minutes))
    planned = []
    for day, one in plan.items():
        if day >= today or day in going_on:
            found = planned_hours(one)
            more = max(found.minutes, going_on.get(day, 0))
            planned.append(WorkedDay(day=day, kind=found.kind, minutes=more))
    return PersonHours(worked=tuple(worked), planned=tuple(planned))


def posts_of(conn: sa.Connection, persons: Sequence[str]) -> dict[str, tuple[PostSpan, ...]]:
    """The posts (units of that kind) of each person over time."""
    found: defaultdict[str, tuple[PostSpan, ...]] = defaultdict(tuple)
    there = memberships.c
    query = (
        sa.select(there.person, there.unit, there.valid_from, there.valid_until)
        .join(units, units.c.code == there.unit)
        .where(units.c.kind == UnitKind.POST, there.person.in_(persons))
        .order_by(there.person, there.unit, there.valid_from)
    )
    for row in conn.execute(query):
        since = None if row.valid_from == date.min else row.valid_from
        found[row.person] += (PostSpan(post=row.unit, since=since, until=row.valid_until),)
    return dict(found)


def _judged(judge: _Judge, who: Sequence[_Who]) -> list[PersonLimits]:
    if not who:
        return []
    keys = [one.person for one in who]
    plans = plans_of(judge.conn, keys, judge.known.first, judge.known.until)
    posts = posts_of(judge.conn, keys)
    opened = _opened(judge.conn, keys)
    results: defaultdict[str, list[DayResult]] = defaultdict(list)
    for stored in days_of_people(judge.conn, keys, judge.known.first, judge.known.until):
        results[stored.person].append(stored.result)
    return [
        _limits(
            judge,
            one,
            replace(
                hours_of(results[one.person], plans[one.person], judge.today(one.zone)),
                opened=tuple(opened[one.person]),
            ),
            results[one.person],
            posts.get(one.person, ()),
        )
        for one in who
    ]


def _limits(
    judge: _Judge,
    who: _Who,
    hours: PersonHours,
    results: Sequence[DayResult],
    posts: Sequence[PostSpan],
) -> PersonLimits:
    today = judge.today(who.zone)
    systems = system_spans(judge.permits, posts, judge.known)
    found: Outlook = outlook(
        hours,
        systems,
        judge.law,
        who.zone,
        judge.asked,
        lambda day: judge.calendar.day(day).kind,
    )
    shown = (span for span in systems if span.days.overlap(judge.asked))
    return PersonLimits(
        person=who.person,
        name=who.name,
        systems=tuple(span.reason for span in shown),
        flagged=found.flagged,
        accounts=found.accounts,
        to_clarify=sum(
            result.to_clarify and judge.asked.covers(result.day) and result.day < today
            for result in results
        ),
    )


def _opened(conn: sa.Connection, keys: Sequence[str]) -> defaultdict[str, list[OpenedPeriod]]:
    found: defaultdict[str, list[OpenedPeriod]] = defaultdict(list)
    for one in openings(conn, kind=OpeningKind.PERIOD, people=keys):
        balance = one.row.balance
        if isinstance(balance, PeriodOpening):
            period = OpenedPeriod(
                permit=balance.permit,
                days=DateSpan(balance.since, balance.until),
                worked_min=balance.worked_min,
                holiday_min=balance.holiday_min,
            )
            found[one.row.person].append(period)
    return found


def _known(wanted: DateSpan, calendar: Calendar) -> DateSpan:
    """As far as the yearly notices reach: the first year without one ends what can be planned."""
    years = {row.year for row in calendar.year}
    until = wanted.until
    for year in range(wanted.first.year, wanted.until.year + 1):
        if year not in years:
            until = min(until, date(year, 1, 1))
            break
    return DateSpan(wanted.first, until)


def _people(conn: sa.Connection, persons: Sequence[str] | None) -> list[_Who]:
    query = sa.select(people.c.number, people.c.name, people.c.zone).order_by(people.c.number)
    if persons is not None:
        query = query.where(people.c.number.in_(persons))
    return [_Who(row.number, row.name, row.zone) for row in conn.execute(query)]
