"""The plan of a person's days, from everything that the store holds about it."""

from datetime import date, timedelta

import sqlalchemy as sa

from hr_core.attendance.calendar import DayKind, load_calendar
from hr_core.attendance.plan.model import PlannedDay
from hr_core.errors import NotFoundError
from hr_core.people.model import Shift
from hr_core.store.people import people, shifts


def plan_of(conn: sa.Connection, person: str, first: date, until: date) -> dict[date, PlannedDay]:
    """Each day of the half-open span. Raises NotFoundError, NoLawError (a year without calendar)."""
    shift = _own_shift(conn, person)
    calendar = load_calendar()
    planned = {}
    for offset in range((until - first).days):
        day = calendar.day(first + timedelta(days=offset))
        planned[day.on] = PlannedDay(
            day=day.on,
            kind=day.kind,
            due=day.kind is DayKind.WORKDAY,
            shifts=(shift,),
            sources=(f"own shift {shift.code}", f"calendar {calendar.version}"),
        )
    return planned


def _own_shift(conn: sa.Connection, person: str) -> Shift:
    """Raises NotFoundError."""
    row = conn.execute(
        sa.select(shifts)
        .join(people, people.c.shift == shifts.c.code)
        .where(people.c.number == person)
    ).mappings()
    found = row.one_or_none()
    if found is None:
        raise NotFoundError(
            f"there is no person {person!r}", remedy="import the person first: hr-core import FILE"
        )
    return Shift(**found)
