"""Device users whom nobody is: their punches wait here until somebody says whose they are.

Nothing is dropped and nobody is invented. A leaver's id that is used again stands here too, with
the punches after the last day only.
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from msgspec import Struct

from hr_core.people.model import ANY_DEVICE, Days, DeviceUser, DeviceUserMap, find_person
from hr_core.store.adoptions import State, adoptions
from hr_core.store.dated_rows import read_rows
from hr_core.store.events import raw_events
from hr_core.store.people import device_users
from protocols.identity import event_time

_ROWS_AT_A_TIME = 10_000

Span = tuple[int, datetime, datetime]
"""How many punches, the first and the last by the device's clock."""


class WaitingUser(Struct, frozen=True, kw_only=True):
    """`first`, `last`: as the device's clock showed. `was`: who had the id on other days.

    `asked`: the number of the adoption that waits for its confirmation.
    """

    serial: str
    user_id: str
    punches: int
    first: datetime
    last: datetime
    was: tuple[str, ...] = ()
    asked: int | None = None


def waiting_users(conn: sa.Connection) -> list[WaitingUser]:
    """Sorted by device and id. Looks at every stored punch once."""
    mapping = _mapping(conn)
    asked = _asked(conn)
    found = []
    for (serial, user_id), whole in _punched(conn).items():
        held = _held(mapping, serial, user_id)
        span: Span | None = whole
        if any(row.days == Days() for row in held):
            span = None
        elif held:
            span = _unheld(conn, mapping, (serial, user_id))
        if span is not None:
            punches, first, last = span
            found.append(
                WaitingUser(
                    serial=serial,
                    user_id=user_id,
                    punches=punches,
                    first=first,
                    last=last,
                    was=tuple(dict.fromkeys(row.number for row in held)),
                    asked=asked.get((serial, user_id)),
                )
            )
    return found


def waiting_punches(
    conn: sa.Connection, serial: str, user_id: str, *, since: date = date.min
) -> Span | None:
    """How many punches of the id wait, the first and the last; of every device for "*"."""
    return _unheld(conn, _mapping(conn), (serial, user_id), since)


def _punched(conn: sa.Connection) -> dict[tuple[str, str], Span]:
    """All punches of each id, by the clocks of their zones."""
    events = raw_events.c
    key = (events.device, events.user_id, events.zone)
    query = (
        sa.select(*key, sa.func.count(), sa.func.min(events.at), sa.func.max(events.at))
        .where(events.kind == "punch")
        .group_by(*key)
        .order_by(*key)
    )
    found: dict[tuple[str, str], Span] = {}
    for serial, user_id, zone, count, *ends in conn.execute(query):
        first, last = (one.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for one in ends)
        before = found.get((serial, user_id))
        found[serial, user_id] = (
            (count, first, last)
            if before is None
            else (before[0] + count, min(before[1], first), max(before[2], last))
        )
    return found


def _unheld(
    conn: sa.Connection,
    mapping: DeviceUserMap,
    device_user: tuple[str, str],
    since: date = date.min,
) -> Span | None:
    serial, user_id = device_user
    events = raw_events.c
    query = sa.select(events.event_id, events.device).where(
        events.kind == "punch", events.user_id == user_id
    )
    if serial != ANY_DEVICE:
        query = query.where(events.device == serial)
    times = []
    for event_id, device in conn.execute(query.execution_options(yield_per=_ROWS_AT_A_TIME)):
        at = event_time(event_id)
        if at.date() >= since and find_person(mapping, device, user_id, at.date()) is None:
            times.append(at)
    return (len(times), min(times), max(times)) if times else None


def _held(mapping: DeviceUserMap, serial: str, user_id: str) -> tuple[DeviceUser, ...]:
    return (*mapping.get((serial, user_id), ()), *mapping.get((ANY_DEVICE, user_id), ()))


def _mapping(conn: sa.Connection) -> DeviceUserMap:
    found: DeviceUserMap = {}
    for row in read_rows(conn, device_users, DeviceUser):
        key = (row.serial, row.user_id)
        found[key] = (*found.get(key, ()), row)
    return found


def _asked(conn: sa.Connection) -> dict[tuple[str, str], int]:
    columns = adoptions.c
    query = sa.select(columns.serial, columns.user_id, columns.number).where(
        columns.state == State.ASKED.value
    )
    return {(serial, user_id): number for serial, user_id, number in conn.execute(query)}
