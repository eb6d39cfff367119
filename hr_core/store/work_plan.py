"""The plan of people's days, from everything that the store holds about it."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import cache

import sqlalchemy as sa

from hr_core.attendance.calendar import Calendar, load_calendar
from hr_core.attendance.plan.days import PlanFacts, plan_days
from hr_core.attendance.plan.model import PlannedDay
from hr_core.attendance.plan.roster import Assignment, Membership, Subject, SubjectKind
from hr_core.attendance.plan.site_calendar import CalendarBook
from hr_core.attendance.plan.stays import Stay, stays_of
from hr_core.errors import NotFoundError
from hr_core.people.model import Days, Shift
from hr_core.people.records import Role, UnitKind
from hr_core.store.attendance_locks import locked_months, month_of
from hr_core.store.organisation import memberships, unit_parents, units
from hr_core.store.people import people, shifts
from hr_core.store.person_records import all_numbers, merged_into
from hr_core.store.requests import approved_requests
from hr_core.store.rosters import load_assignments, load_calendars, load_rotations

_MOST_IN = 500


def plan_of(conn: sa.Connection, person: str, first: date, until: date) -> dict[date, PlannedDay]:
    """Each day of the half-open span. Raises NotFoundError, NoLawError (a year without calendar)."""
    return plan_days(facts_of(conn, [person], first, until)[person], first, until)


def plans_of(
    conn: sa.Connection, persons: Sequence[str], first: date, until: date
) -> dict[str, dict[date, PlannedDay]]:
    """As plan_of for many people, with as many queries as for one."""
    facts = facts_of(conn, persons, first, until)
    return {person: plan_days(facts[person], first, until) for person in persons}


def facts_of(
    conn: sa.Connection, persons: Sequence[str], first: date, until: date
) -> dict[str, PlanFacts]:
    """Raises NotFoundError."""
    known_shifts = load_shifts(conn)
    own_shifts = _own_shifts(conn, persons)
    in_units = _memberships(conn, persons)
    calendars = CalendarBook(china=_china(), of_sites=load_calendars(conn))
    stays = _stays(conn, in_units) if calendars.of_sites else {}
    rotations = load_rotations(conn)
    keys = _all_keys(conn, persons)
    rosters = _rosters(conn, keys, in_units)
    asked = approved_requests(conn, [key for held in keys.values() for key in held], first, until)
    facts = {}
    for person in persons:
        member_of = tuple(one for one, role in in_units[person] if role == Role.MEMBER)
        mine = [Subject(SubjectKind.PERSON, key) for key in keys[person]]
        mine += [
            Subject(SubjectKind.TEAM, team) for team in dict.fromkeys(one.team for one in member_of)
        ]
        facts[person] = PlanFacts(
            own_shift=_shift(known_shifts, person, own_shifts[person]),
            shifts=known_shifts,
            calendars=calendars,
            rotations=rotations,
            assignments=tuple(one for subject in mine for one in rosters.get(subject, ())),
            memberships=member_of,
            stays=stays.get(person, ()),
            requests=tuple(request for key in keys[person] for request in asked[key]),
        )
    return facts


def _shift(known: dict[str, Shift], person: str, code: str) -> Shift:
    """Raises NotFoundError."""
    if code not in known:
        raise NotFoundError(
            f"person {person!r} works shift {code!r}, which is not defined",
            remedy="import a people file with a [[shift]] of this code",
        )
    return known[code]


def _all_keys(conn: sa.Connection, persons: Sequence[str]) -> dict[str, list[str]]:
    """As keys_of, of many."""
    keys = {person: [person] for person in persons}
    for gone, into in merged_into(conn).items():
        if into in keys:
            keys[into].append(gone)
    return keys


def _rosters(
    conn: sa.Connection,
    keys: dict[str, list[str]],
    in_units: dict[str, list[tuple[Membership, str]]],
) -> dict[Subject, list[Assignment]]:
    subjects = {Subject(SubjectKind.PERSON, key) for held in keys.values() for key in held} | {
        Subject(SubjectKind.TEAM, one.team) for rows in in_units.values() for one, _ in rows
    }
    found: dict[Subject, list[Assignment]] = {}
    for one in load_assignments(conn, subjects):
        found.setdefault(one.subject, []).append(one)
    return found


def _memberships(
    conn: sa.Connection, persons: Sequence[str]
) -> dict[str, list[tuple[Membership, str]]]:
    """With the role."""
    found: dict[str, list[tuple[Membership, str]]] = {person: [] for person in persons}
    columns = memberships.c
    for at in range(0, len(persons), _MOST_IN):
        rows = conn.execute(
            sa.select(memberships)
            .where(columns.person.in_(persons[at : at + _MOST_IN]))
            .order_by(columns.unit, columns.valid_from)
        )
        for row in rows:
            one = Membership(row.unit, row.valid_from, row.valid_until)
            found[row.person].append((one, row.role))
    return found


def _stays(
    conn: sa.Connection, in_units: dict[str, list[tuple[Membership, str]]]
) -> dict[str, tuple[Stay, ...]]:
    parents: dict[str, list[tuple[str, date, date | None]]] = {}
    for row in conn.execute(sa.select(unit_parents)):
        parents.setdefault(row.unit, []).append((row.parent, row.valid_from, row.valid_until))
    sites = unit_codes(conn, UnitKind.SITE)
    return {
        person: stays_of([one for one, _ in rows], parents, sites)
        for person, rows in in_units.items()
    }


def load_shifts(conn: sa.Connection) -> dict[str, Shift]:
    return {row["code"]: Shift(**row) for row in conn.execute(sa.select(shifts)).mappings()}


def memberships_of(
    conn: sa.Connection, persons: Sequence[str]
) -> dict[str, tuple[Membership, ...]]:
    """The units of each person as a member: those whose rosters are the person's."""
    return {
        person: tuple(one for one, role in rows if role == Role.MEMBER)
        for person, rows in _memberships(conn, persons).items()
    }


def unit_codes(conn: sa.Connection, kind: UnitKind | None = None) -> frozenset[str]:
    """Of one kind, or all."""
    query = sa.select(units.c.code)
    query = query if kind is None else query.where(units.c.kind == kind)
    return frozenset(conn.execute(query).scalars())


def keys_of(conn: sa.Connection, person: str) -> tuple[str, ...]:
    """The person's key and those of records that were merged into it: what was asked and planned
    under them is the person's, and is theirs again when the merge is undone.
    """
    return (person, *(gone for gone, into in merged_into(conn).items() if into == person))


def people_of_subjects(conn: sa.Connection, subjects: Iterable[Subject]) -> list[str]:
    """Whose plan a roster may touch: people by name, members of a unit and of all under it, now or
    at another time.
    """
    rows = list(subjects)
    found = {one.key for one in rows if one.kind is SubjectKind.PERSON}
    there = unit_parents.c
    below = [(row.parent, row.unit) for row in conn.execute(sa.select(there.parent, there.unit))]
    teams = {one.key for one in rows if one.kind is SubjectKind.TEAM}
    while more := {unit for parent, unit in below if parent in teams} - teams:
        teams |= more
    named = sorted(teams)
    for at in range(0, len(named), _MOST_IN):
        query = sa.select(memberships.c.person).where(
            memberships.c.unit.in_(named[at : at + _MOST_IN])
        )
        found.update(conn.execute(query).scalars())
    return sorted(found)


def known_people(conn: sa.Connection) -> dict[str, str]:
    """Names by person key."""
    query = sa.select(people.c.number, people.c.name).order_by(people.c.number)
    return {row.number: row.name for row in conn.execute(query)}


def person_finder(conn: sa.Connection) -> Callable[[str, date], str | None]:
    """Who has an employee number on a day; for files of many lines. A text that is nobody's number
    may be a person's key.
    """
    holders: dict[str, list[tuple[str, Days]]] = {}
    for number, person, days in all_numbers(conn):
        holders.setdefault(number, []).append((person, days))
    keys = set(conn.execute(sa.select(people.c.number)).scalars())
    merged = merged_into(conn)

    def find(number: str, on: date) -> str | None:
        of_number = holders.get(number, [])
        for person, days in of_number:
            if days.covers(on):
                return person
        key = merged.get(number, number)
        return key if key in keys and not of_number else None

    return find


def locks_of(conn: sa.Connection) -> Callable[[date], bool]:
    """Whether a day lies in a month that is locked, as of now."""
    months = locked_months(conn)
    return lambda day: month_of(day) in months


def person_zone(conn: sa.Connection, person: str, *, lock: bool = False) -> str:
    """`lock`: the person's row until the transaction ends, so that two requests that exclude each
    other are not both taken (SQLite has one writer anyway). Raises NotFoundError.
    """
    query = sa.select(people.c.zone).where(people.c.number == person)
    zone = conn.execute(query.with_for_update() if lock else query).scalar()
    if zone is None:
        raise _unknown(person)
    return str(zone)


def _own_shifts(conn: sa.Connection, persons: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for at in range(0, len(persons), _MOST_IN):
        rows = conn.execute(
            sa.select(people.c.number, people.c.shift).where(
                people.c.number.in_(persons[at : at + _MOST_IN])
            )
        )
        found.update({row.number: row.shift for row in rows})
    for person in persons:
        if person not in found:
            raise _unknown(person)
    return found


def _unknown(person: str) -> NotFoundError:
    return NotFoundError(
        f"there is no person {person!r}", remedy="import the person first: hr-core import FILE"
    )


@cache
def _china() -> Calendar:
    """The rows ship with the core: read once, not for each person."""
    return load_calendar()
