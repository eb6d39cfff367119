"""The stored days as a grid needs them: the few fields of a cell, and who has something open."""

from collections.abc import Collection
from datetime import date
from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.day import DayStatus
from hr_core.store.attendance_days import attendance_days

_PEOPLE_PER_SELECT = 400  # under SQLite's oldest limit of variables in one statement (999)


class GridDay(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a DayResult that a cell and the sums show; the rest is skipped, not decoded."""

    day: date
    kind: DayKind
    shift: str
    status: DayStatus
    regular_min: int = 0
    overtime_min: int = 0
    late_min: int = 0
    early_leave_min: int = 0
    keys_contradict: bool = False


_decode = msgspec.json.Decoder(GridDay).decode


class OpenDay(NamedTuple):
    person: str
    day: date
    status: str


def grid_days(
    conn: sa.Connection, people: Collection[str], first: date, until: date
) -> dict[str, dict[date, GridDay]]:
    """By person, of the half-open span. At most some hundred people at a time."""
    found: dict[str, dict[date, GridDay]] = {person: {} for person in people}
    there, asked = attendance_days.c, sorted(people)
    for start in range(0, len(asked), _PEOPLE_PER_SELECT):
        query = sa.select(there.person, there.day, there.result).where(
            there.person.in_(asked[start : start + _PEOPLE_PER_SELECT]),
            there.day >= first,
            there.day < until,
        )
        for person, day, result in conn.execute(query):
            found[person][day] = _decode(result)
    return found


def open_days(conn: sa.Connection, first: date, until: date) -> list[OpenDay]:
    """Newest first."""
    there = attendance_days.c
    query = (
        sa.select(there.person, there.day, there.status)
        .where(there.day >= first, there.day < until, there.to_clarify)
        .order_by(there.day.desc(), there.person)
    )
    return [OpenDay(*row) for row in conn.execute(query)]
