"""What waits for a person: device users nobody claims, days with something open, silent terminals."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from msgspec import Struct

from hr_core.people.waiting import waiting_users
from hr_core.store.attendance_grid import OpenDay, open_days
from hr_core.store.attendance_queue import waited_for
from hr_core.store.people import load_roster
from hr_core.store.watermarks import watermarks_of
from hr_core.web.admission import Visitor
from hr_core.web.adoption_pages import OpenAdoption, may_adopt, open_adoptions
from hr_core.web.paging import Paged, paged

_DAYS_BACK = 62  # two months: older days are closed, or nobody will find out any more
# A terminal is read every few minutes; what is older than a day keeps days from being judged.
_SILENT_AFTER = timedelta(days=1)


class WaitingUserRow(Struct, frozen=True, kw_only=True):
    """`first`, `last`: the terminal's wall clock."""

    serial: str
    user_id: str
    punches: int
    first: str
    last: str
    asked: bool


class WaitingDay(Struct, frozen=True, kw_only=True):
    number: str
    name: str
    on: date
    status: str


class IncompleteDevice(Struct, frozen=True, kw_only=True):
    """`since` is empty when nothing was ever heard."""

    serial: str
    since: str
    held_by: str


class WaitingPage(Struct, frozen=True, kw_only=True):
    users: Paged[WaitingUserRow]
    days: Paged[WaitingDay]
    devices: tuple[IncompleteDevice, ...]
    adoptions: tuple[OpenAdoption, ...]
    may_adopt: bool


def waiting_page(
    conn: sa.Connection, visitor: Visitor, page: int, now: datetime, zone: ZoneInfo
) -> WaitingPage:
    today = now.astimezone(zone).date()
    first = today - timedelta(days=_DAYS_BACK)
    return WaitingPage(
        users=paged(list(_users(conn)), page),
        days=paged(list(_days(conn, open_days(conn, first, today + timedelta(days=1)))), page),
        devices=tuple(_devices(conn, now, zone)),
        adoptions=tuple(open_adoptions(conn, visitor.account)),
        may_adopt=may_adopt(visitor),
    )


def _users(conn: sa.Connection) -> Iterable[WaitingUserRow]:
    for user in waiting_users(conn):
        yield WaitingUserRow(
            serial=user.serial,
            user_id=user.user_id,
            punches=user.punches,
            first=f"{user.first:%Y-%m-%d %H:%M}",
            last=f"{user.last:%Y-%m-%d %H:%M}",
            asked=user.asked is not None,
        )


def _days(conn: sa.Connection, found: Iterable[OpenDay]) -> Iterable[WaitingDay]:
    roster = load_roster(conn)
    people = roster.people if roster else {}
    for one in found:
        if one.person in people:
            yield WaitingDay(
                number=one.person, name=people[one.person].name, on=one.day, status=one.status
            )


def _devices(conn: sa.Connection, now: datetime, zone: ZoneInfo) -> Iterable[IncompleteDevice]:
    """Those that keep days waiting without ever having told anything, then those that are behind."""
    marks = watermarks_of(conn)
    told = {mark.serial for mark in marks}
    for serial in sorted(waited_for(conn) - told):
        yield IncompleteDevice(serial=serial, since="", held_by="")
    for mark in marks:
        until = mark.complete_until
        if until is None or now - until > _SILENT_AFTER or mark.held_by:
            yield IncompleteDevice(
                serial=mark.serial,
                since="" if until is None else f"{until.astimezone(zone):%Y-%m-%d %H:%M:%S}",
                held_by=mark.held_by or "",
            )
