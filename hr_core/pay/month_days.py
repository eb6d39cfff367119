"""The days that a pay run pays: as they are stored, and what is still open about them."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from hr_core.attendance.day import DayResult, DayStatus
from hr_core.attendance.day_parts import WaitingDevice
from hr_core.attendance.live.person_days import Computation
from hr_core.attendance.live.rule_sets import load_engines
from hr_core.attendance.lots.booking import lots_of, people_with_lots
from hr_core.clock import Month
from hr_core.people.employment import employed_on
from hr_core.people.model import Roster
from hr_core.people.records import Employment
from hr_core.store.attendance_days import days_of_people
from hr_core.store.attendance_locks import corrections, locked_months
from hr_core.store.attendance_queue import Mark, arrivals_wait, marks_between, touch
from hr_core.store.people import load_roster
from hr_core.store.person_records import employments_by_person
from hr_core.store.results import EarnedTimeOff, LockedCorrection, WaitingFor

_PEOPLE_AT_ONCE = 200

Contracts = Mapping[str, Sequence[Employment]]
DaysOfPeople = dict[str, tuple[DayResult, ...]]


def days_to_pay(
    conn: sa.Connection, roster: Roster, month: Month, now: datetime, contracts: Contracts
) -> DaysOfPeople:
    """Of everybody, up to today. A locked month is paid as it is stored; of another, days that are not
    stored are computed now. Raises NoLawError.
    """
    found = _stored(conn, roster, month)
    if str(month) not in locked_months(conn):
        computation = Computation(conn, load_engines(conn), now)
        for person, days in _lacking(found, roster, month, contracts, computation).items():
            computed = computation.days(person, days[0], days[-1] + timedelta(days=1))
            found[person] |= {on: computed[on].result for on in days if on in computed}
    return {
        person: tuple(result for _, result in sorted(days.items()))
        for person, days in sorted(found.items())
    }


def touch_days_to_pay(conn: sa.Connection, month: Month, now: datetime) -> int:
    """Marks the days of the month that should be stored and are not: who was imported after them,
    months before the core began. In a write transaction; the next step computes them.
    """
    roster = load_roster(conn)
    if roster is None or str(month) in locked_months(conn):
        return 0
    computation = Computation(conn, load_engines(conn), now)
    stored = _stored(conn, roster, month)
    lacking = _lacking(stored, roster, month, employments_by_person(conn), computation)
    cause = f"pay of {month}"
    marks = [Mark(person, on, cause) for person, days in lacking.items() for on in days]
    touch(conn, marks)
    return len(marks)


def still_to_compute(conn: sa.Connection, month: Month) -> bool:
    """Whether something came in that the stored days of the month may not hold yet."""
    return arrivals_wait(conn) or marks_between(conn, month.first, month.after)


def waiting_for(days: DaysOfPeople) -> tuple[WaitingFor, ...]:
    """By device: how many days cannot be told before it is read."""
    count: Counter[WaitingDevice] = Counter(
        device
        for results in days.values()
        for day in results
        if day.status is DayStatus.WAITING
        for device in day.waiting_for
    )
    by_device: defaultdict[str, list[WaitingDevice]] = defaultdict(list)
    for one in count:
        by_device[one.device].append(one)
    return tuple(
        WaitingFor(
            device=device,
            since=None
            if any(one.since is None for one in told)
            else max(one.since for one in told if one.since is not None),
            days=sum(count[one] for one in told),
        )
        for device, told in sorted(by_device.items())
    )


def locked_corrections(conn: sa.Connection, month: Month) -> tuple[LockedCorrection, ...]:
    """What would have changed in this month and in earlier ones, had they not been locked: nobody has
    paid or taken it back yet.
    """
    return tuple(
        LockedCorrection(
            number=one.number,
            person=one.person,
            day=one.day.isoformat(),
            before="no day" if one.before is None else _sums(one.before),
            after=_sums(one.after),
            cause=one.cause,
        )
        for one in corrections(conn)
        if one.month <= str(month)
    )


def earned_time_off(conn: sa.Connection, days: DaysOfPeople) -> tuple[EarnedTimeOff, ...]:
    """Overtime that is paid and may also be taken as time off: a person decides which."""
    found = []
    for person in people_with_lots(conn):
        paid = {one.day for one in days.get(person, ()) if one.overtime_min}
        found += [
            EarnedTimeOff(person=person, day=lot.origin.day.isoformat(), minutes=lot.earned_min)
            for lot in (lots_of(conn, person) if paid else ())
            if lot.origin.day in paid and lot.earned_min
        ]
    return tuple(found)


def _sums(result: DayResult) -> str:
    return f"{result.status} {result.regular_min}+{result.overtime_min} min"


def _stored(conn: sa.Connection, roster: Roster, month: Month) -> dict[str, dict[date, DayResult]]:
    found: dict[str, dict[date, DayResult]] = {person: {} for person in roster.people}
    people = sorted(found)
    for start in range(0, len(people), _PEOPLE_AT_ONCE):
        some = people[start : start + _PEOPLE_AT_ONCE]
        for one in days_of_people(conn, some, month.first, month.after):
            found[one.person][one.result.day] = one.result
    return found


def _lacking(
    stored: Mapping[str, Mapping[date, DayResult]],
    roster: Roster,
    month: Month,
    contracts: Contracts,
    computation: Computation,
) -> dict[str, list[date]]:
    """Days of each person's contracts up to today, in order; who lacks none is left out."""
    today = {zone: computation.today(zone) for zone in {one.zone for one in roster.people.values()}}
    found = {
        person: [
            on
            for on in month.days()
            if on <= today[one.zone]
            and on not in stored[person]
            and employed_on(contracts.get(person, ()), on)
        ]
        for person, one in roster.people.items()
    }
    return {person: days for person, days in found.items() if days}
