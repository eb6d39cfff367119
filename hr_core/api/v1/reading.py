"""The queries behind the routes. Each one that concerns persons takes whom the asker sees."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import NamedTuple

import sqlalchemy as sa
from msgspec import Struct

from hr_core.accounts.visible import Seen
from hr_core.api.v1.parameters import LARGEST_NUMBER, Span
from hr_core.attendance.plan.request import Request, RequestState
from hr_core.clock import Month
from hr_core.people.model import (
    ANY_DEVICE,
    DeviceUser,
    DeviceUserMap,
    Person,
    find_person,
)
from hr_core.store.attendance_locks import (
    CorrectionState,
    QueuedCorrection,
    attendance_corrections,
    corrections_of_day,
)
from hr_core.store.dated_rows import on_day
from hr_core.store.event_rows import StoredPunch, stored_punch
from hr_core.store.events import READER_COLUMNS, raw_events
from hr_core.store.people import device_users, people, stations
from hr_core.store.person_records import employee_numbers
from hr_core.store.requests import requests, requests_by_number
from protocols.identity import event_time

_PUNCH = "punch"

SeenOn = Callable[[date], Seen]


class PeopleWanted(Struct, frozen=True, kw_only=True):
    """`words`: part of a name, a key, or an employee number of the day `on`; `employee_number`: the
    whole of one.
    """

    on: date
    words: str | None = None
    employee_number: str | None = None


class PunchPage(Struct, frozen=True):
    """(person, punch) of a page; `last` is the key of the last row looked at when more may follow."""

    punches: tuple[tuple[str, StoredPunch], ...]
    last: bytes | None


def visible_person(conn: sa.Connection, seen: Seen, key: str) -> Person | None:
    """One query, whether the person is unknown or somebody else's."""
    query = sa.select(people).where(people.c.number == key, seen.covers(people.c.number))
    row = conn.execute(query).mappings().one_or_none()
    return None if row is None else _person(row)


def visible_keys(conn: sa.Connection, seen: Seen) -> frozenset[str]:
    """Of everybody who is seen."""
    query = sa.select(people.c.number).where(seen.covers(people.c.number))
    return frozenset(conn.execute(query).scalars())


def days_seen(
    conn: sa.Connection, seen_on: SeenOn, person: Person, days: Sequence[date]
) -> list[date]:
    """Those of the days on which the person is seen."""
    return [day for day in days if visible_person(conn, seen_on(day), person.number) is not None]


def people_page(
    conn: sa.Connection, seen: Seen, wanted: PeopleWanted, *, after: str | None, limit: int
) -> list[Person]:
    query = sa.select(people).where(seen.covers(people.c.number)).order_by(people.c.number)
    if after is not None:
        query = query.where(people.c.number > after)
    text = employee_numbers.c.employee_number
    numbered = sa.select(employee_numbers.c.person).where(on_day(employee_numbers, wanted.on))
    if wanted.employee_number is not None:
        query = query.where(people.c.number.in_(numbered.where(text == wanted.employee_number)))
    if wanted.words:
        query = query.where(
            people.c.name.icontains(wanted.words, autoescape=True)
            | people.c.number.icontains(wanted.words, autoescape=True)
            | people.c.number.in_(numbered.where(text.icontains(wanted.words, autoescape=True)))
        )
    return [_person(row) for row in conn.execute(query.limit(limit)).mappings()]


def punch_page(
    conn: sa.Connection,
    spans: Iterable[tuple[Span, Seen]],
    *,
    after: bytes | None,
    limit: int,
) -> PunchPage:
    """Punches of the people seen in each span, one span after the other; those of nobody are in the
    waiting list.
    """
    shown: list[tuple[str, StoredPunch]] = []
    looked_at = 0
    last = None
    for span, seen in spans:
        if after is not None and after >= first_key(span.until):
            continue
        found = _punches_seen(conn, seen, span, after, limit - looked_at)
        shown += _shown(conn, seen, found)
        looked_at += len(found)
        last = found[-1].event_id if found else last
        if looked_at == limit:
            return PunchPage(tuple(shown), last)
    return PunchPage(tuple(shown), None)


def _punches_seen(
    conn: sa.Connection, seen: Seen, span: Span, after: bytes | None, limit: int
) -> list[StoredPunch]:
    """Of user ids that are somebody's who is seen, on some device, at some time."""
    query = _punches(span.first, span.until)
    if not seen.everyone:
        query = query.where(raw_events.c.user_id.in_(user_ids_of(seen)))
    if after is not None:
        query = query.where(raw_events.c.event_id > after)
    return list(map(stored_punch, conn.execute(query.order_by(raw_events.c.event_id).limit(limit))))


def _shown(
    conn: sa.Connection, seen: Seen, found: Sequence[StoredPunch]
) -> list[tuple[str, StoredPunch]]:
    ids = sorted({one.user_id for one in found})
    mapping = _mapping(_device_users(conn, device_users.c.user_id.in_(ids)))
    owned = [(owner, one) for one in found if (owner := _owner(mapping, one)) is not None]
    among = _among(conn, seen, {owner for owner, _ in owned})
    return [(owner, one) for owner, one in owned if owner in among]


def user_ids_of(seen: Seen) -> sa.Select[tuple[str]]:
    return sa.select(device_users.c.user_id).where(seen.covers(device_users.c.number))


def request_page(
    conn: sa.Connection,
    seen: Seen,
    *,
    state: RequestState | None,
    touching: Span | None = None,
    before: int | None,
    limit: int,
) -> list[Request]:
    """Newest first; `before`: the last number of the page before."""
    query = sa.select(requests.c.id).where(seen.covers(requests.c.person))
    if state is not None:
        query = query.where(requests.c.state == state)
    if touching is not None:
        query = query.where(
            requests.c.first_day < touching.until, requests.c.until > touching.first
        )
    if before is not None:
        query = query.where(requests.c.id < before)
    numbers = conn.execute(query.order_by(requests.c.id.desc()).limit(limit)).scalars().all()
    return requests_by_number(conn, numbers)


class CorrectionsWanted(Struct, frozen=True, kw_only=True):
    month: Month
    state: CorrectionState | None = None


def correction_page(
    conn: sa.Connection,
    seen_on: SeenOn,
    wanted: CorrectionsWanted,
    *,
    after: tuple[date, int] | None,
    limit: int,
) -> list[QueuedCorrection]:
    """By day and number, of whoever is seen on the day."""
    found: list[QueuedCorrection] = []
    for day in wanted.month.days():
        if after is not None and day < after[0]:
            continue
        number = after[1] if after is not None and day == after[0] else None
        found += corrections_of_day(
            conn,
            day,
            seen_on(day).covers(attendance_corrections.c.person),
            state=wanted.state,
            after=number,
            limit=limit - len(found),
        )
        if len(found) == limit:
            break
    return found


def sees_request(conn: sa.Connection, number: int, seen_on: SeenOn, today: date) -> bool:
    """Its person is seen today or on its first day. The same queries for one that is not there."""
    one = sa.select(requests.c.first_day).where(requests.c.id == number)
    first = conn.execute(one).scalar() or today
    found = [
        conn.execute(one.where(seen_on(day).covers(requests.c.person))).first()
        for day in (today, first)
    ]
    return any(row is not None for row in found)


def is_request_of(conn: sa.Connection, number: int, person: str) -> bool:
    query = sa.select(requests.c.id).where(requests.c.id == number, requests.c.person == person)
    return 0 < number <= LARGEST_NUMBER and conn.execute(query).first() is not None


class Waits(NamedTuple):
    """Punches of a device user who was nobody when it punched."""

    device: str
    user_id: str
    punches: int
    first: datetime
    last: datetime


def waiting_seen(
    conn: sa.Connection, span: Span, devices_on: Callable[[date], frozenset[str] | None]
) -> list[Waits]:
    """On the devices seen on each day, by device and user id."""
    found: dict[tuple[str, str], Waits] = {}
    for devices, days in groupby(span.days(), devices_on):
        whole = list(days)
        for one in waiting_users(conn, whole[0], whole[-1] + timedelta(days=1), devices):
            was = found.get((one.device, one.user_id))
            found[one.device, one.user_id] = one if was is None else _both(was, one)
    return [found[key] for key in sorted(found)]


def _both(one: Waits, later: Waits) -> Waits:
    return Waits(one.device, one.user_id, one.punches + later.punches, one.first, later.last)


def waiting_users(
    conn: sa.Connection, first: date, until: date, devices: frozenset[str] | None = None
) -> list[Waits]:
    """Device users who were nobody at that time; `devices` None: of all."""
    key = raw_events.c.event_id
    among = sa.true() if devices is None else raw_events.c.device.in_(sorted(devices))
    query = (
        sa.select(
            raw_events.c.device,
            raw_events.c.user_id,
            sa.func.count(),
            sa.func.min(key),
            sa.func.max(key),
        )
        .where(raw_events.c.kind == _PUNCH, key >= first_key(first), key < first_key(until), among)
        .group_by(raw_events.c.device, raw_events.c.user_id)
        .order_by(raw_events.c.device, raw_events.c.user_id)
    )
    mapping = _mapping(_device_users(conn))
    found = []
    for device, user_id, count, low, high in conn.execute(query).all():
        first_at, last_at = event_time(low), event_time(high)
        rows = (*mapping.get((device, user_id), ()), *mapping.get((ANY_DEVICE, user_id), ()))
        if not rows:
            found.append(Waits(device, user_id, count, first_at, last_at))
        elif not any(
            row.days.covers(first_at.date()) and row.days.covers(last_at.date()) for row in rows
        ):
            unowned = _unowned(conn, mapping, (device, user_id), (first, until))
            if unowned:
                found.append(Waits(device, user_id, len(unowned), unowned[0], unowned[-1]))
    return found


def lines_with(conn: sa.Connection, devices: frozenset[str]) -> frozenset[str]:
    """Lines that one of these counts for."""
    query = sa.select(stations.c.line).where(stations.c.source.in_(sorted(devices)))
    return frozenset(conn.execute(query).scalars())


def first_key(day: date) -> bytes:
    """The lowest event id of a device date: an id leads with the milliseconds since the year 1."""
    return ((day.toordinal() - 1) * 86_400_000).to_bytes(6, "big")


def _unowned(
    conn: sa.Connection,
    mapping: DeviceUserMap,
    user: tuple[str, str],
    span: tuple[date, date],
) -> list[datetime]:
    query = _punches(*span).where(raw_events.c.device == user[0], raw_events.c.user_id == user[1])
    punches = map(stored_punch, conn.execute(query.order_by(raw_events.c.event_id)))
    return [one.device_time for one in punches if _owner(mapping, one) is None]


def _punches(first: date, until: date) -> sa.Select[*tuple[object, ...]]:
    return sa.select(*READER_COLUMNS).where(
        raw_events.c.kind == _PUNCH,
        raw_events.c.event_id >= first_key(first),
        raw_events.c.event_id < first_key(until),
    )


def _device_users(conn: sa.Connection, *conditions: sa.ColumnElement[bool]) -> list[DeviceUser]:
    query = sa.select(device_users).where(*conditions).order_by(*device_users.primary_key)
    return [DeviceUser(**row) for row in conn.execute(query).mappings()]


def _owner(mapping: DeviceUserMap, punch: StoredPunch) -> str | None:
    return find_person(mapping, punch.serial, punch.user_id, punch.device_time.date())


def _among(conn: sa.Connection, seen: Seen, keys: Collection[str]) -> set[str]:
    if seen.everyone:
        return set(keys)
    query = sa.select(people.c.number).where(
        people.c.number.in_(sorted(keys)), seen.covers(people.c.number)
    )
    return set(conn.execute(query).scalars())


def _mapping(rows: Sequence[DeviceUser]) -> DeviceUserMap:
    grouped: dict[tuple[str, str], list[DeviceUser]] = {}
    for row in rows:
        grouped.setdefault((row.serial, row.user_id), []).append(row)
    return {key: tuple(of_one) for key, of_one in grouped.items()}


def _person(row: sa.RowMapping) -> Person:
    return Person(**{name: row[name] for name in Person.__struct_fields__})
