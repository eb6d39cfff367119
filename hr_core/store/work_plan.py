"""The plan of people's days, from everything that the store holds about it."""

from collections.abc import Sequence
from datetime import date
from functools import cache

import sqlalchemy as sa

from hr_core.attendance.calendar import Calendar, load_calendar
from hr_core.attendance.plan.days import PlanFacts, plan_days
from hr_core.attendance.plan.model import PlannedDay
from hr_core.attendance.plan.roster import Membership, Subject, SubjectKind
from hr_core.attendance.plan.site_calendar import CalendarBook
from hr_core.errors import NotFoundError
from hr_core.people.model import Shift
from hr_core.store.people import people, shifts
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
    memberships = memberships_of(conn, persons)
    subjects = {Subject(SubjectKind.PERSON, person) for person in persons} | {
        Subject(SubjectKind.TEAM, one.team) for held in memberships.values() for one in held
    }
    assignments = load_assignments(conn, subjects)
    rotations = load_rotations(conn)
    calendars = CalendarBook(china=_china(), of_sites=load_calendars(conn))
    requests = approved_requests(conn, persons, first, until)
    by_subject: dict[Subject, list[int]] = {}
    for index, one in enumerate(assignments):
        by_subject.setdefault(one.subject, []).append(index)
    facts = {}
    for person in persons:
        mine = [Subject(SubjectKind.PERSON, person)]
        mine += [
            Subject(SubjectKind.TEAM, team)
            for team in dict.fromkeys(one.team for one in memberships[person])
        ]
        facts[person] = PlanFacts(
            own_shift=known_shifts[own_shifts[person]],
            shifts=known_shifts,
            calendars=calendars,
            rotations=rotations,
            assignments=tuple(
                assignments[index] for subject in mine for index in by_subject.get(subject, ())
            ),
            memberships=memberships[person],
            requests=tuple(requests[person]),
        )
    return facts


def load_shifts(conn: sa.Connection) -> dict[str, Shift]:
    return {row["code"]: Shift(**row) for row in conn.execute(sa.select(shifts)).mappings()}


def memberships_of(
    conn: sa.Connection,  # noqa: ARG001 - teams come with the organisation
    persons: Sequence[str],
) -> dict[str, tuple[Membership, ...]]:
    return dict.fromkeys(persons, ())


def team_codes(conn: sa.Connection) -> frozenset[str]:
    return frozenset()


def person_of_number(conn: sa.Connection) -> dict[str, str]:
    """Who is meant by an employee number in a file."""
    return {number: number for number in conn.execute(sa.select(people.c.number)).scalars()}


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
