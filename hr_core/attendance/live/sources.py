"""What a person's days are computed from, by keyed look-ups: nothing here reads a whole table."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from msgspec.structs import replace

from hr_core.attendance.day import PunchFact
from hr_core.attendance.live.completeness import DeviceMark, instant
from hr_core.attendance.live.engine import Subject
from hr_core.attendance.punches import punch_fact
from hr_core.clock import DAY_S
from hr_core.people.model import ANY_DEVICE, DeviceUser, DeviceUserMap, find_person
from hr_core.people.places import Places
from hr_core.people.records import DeviceSite, SiteZone, Unit, UnitParent
from hr_core.store.attendance_queue import ArrivedPunch, Mark, dates_of_user
from hr_core.store.dated_rows import read_rows
from hr_core.store.event_rows import StoredPunch, stored_punch
from hr_core.store.event_totals import event_totals
from hr_core.store.events import READER_COLUMNS, raw_events
from hr_core.store.organisation import (
    Organisation,
    device_sites,
    memberships_of,
    site_zones,
    unit_parents,
    units,
)
from hr_core.store.people import device_users, people
from hr_core.store.person_records import employments_of
from hr_core.store.retired_devices import retired
from hr_core.store.watermarks import watermarks

_KEYS_PER_SELECT = 400  # twice in one statement, under SQLite's oldest limit of variables (999)
_ALWAYS = date.min  # as hr_core.store.people spells an open beginning
UNCOUNTED = "uncounted"  # docs/watermark.md: a counter box, no log that could be complete


class PersonPunches(NamedTuple):
    stored: tuple[StoredPunch, ...]
    facts: tuple[PunchFact, ...]


def subject_of(conn: sa.Connection, person: str) -> Subject | None:
    query = sa.select(people.c.zone).where(people.c.number == person)
    zone = conn.execute(query).scalar()
    if zone is None:
        return None
    employed = tuple(contract.days for contract in employments_of(conn, person))
    return Subject(person=person, zone=zone, employed=employed)


def claims_of(conn: sa.Connection, person: str) -> list[DeviceUser]:
    """As whom the devices know the person."""
    query = sa.select(device_users).where(device_users.c.number == person)
    return [_device_user(row) for row in conn.execute(query)]


def punches_of(
    conn: sa.Connection, claims: Sequence[DeviceUser], first: date, until: date
) -> PersonPunches:
    """Those of the half-open span of dates of the devices' clocks, each once, in order of time."""
    found: dict[bytes, ArrivedPunch] = {}
    for claim in claims:
        device = None if claim.serial == ANY_DEVICE else claim.serial
        own = dates_of_user(conn, claim.user_id, device, first, until)
        other = _own_entries(conn, claim.user_id) if device is None and own else {}
        for punch in own:
            on = date.fromordinal(punch.on)
            taken = find_person(other, punch.device, punch.user_id, on) if other else None
            if claim.days.covers(on) and taken in {None, claim.number}:
                found[punch.event_id] = punch
    stored = punches_by_ids(conn, sorted(found))
    return PersonPunches(stored, tuple(map(punch_fact, stored)))


def punches_by_ids(conn: sa.Connection, ids: Sequence[bytes]) -> tuple[StoredPunch, ...]:
    """In the order of the ids, which is that of the devices' times."""
    found: list[StoredPunch] = []
    for start in range(0, len(ids), _KEYS_PER_SELECT):
        query = (
            sa.select(*READER_COLUMNS)
            .where(raw_events.c.event_id.in_(ids[start : start + _KEYS_PER_SELECT]))
            .order_by(raw_events.c.event_id)
        )
        found += [stored_punch(row) for row in conn.execute(query)]
    return tuple(found)


def people_of(conn: sa.Connection, punches: Iterable[ArrivedPunch]) -> list[Mark]:
    """The day of each punch that somebody claims; the others wait for a mapping."""
    by_device: defaultdict[str, list[ArrivedPunch]] = defaultdict(list)
    for punch in punches:
        by_device[punch.device].append(punch)
    marks: dict[tuple[str, date], Mark] = {}
    for device, own in by_device.items():
        mapping = _entries_for(conn, device, sorted({one.user_id for one in own}))
        for punch in own:
            on = date.fromordinal(punch.on)
            person = find_person(mapping, device, punch.user_id, on)
            if person is not None:
                cause = f"punch {punch.event_id.hex()}"
                marks.setdefault((person, on), Mark(person, on, cause))
    return list(marks.values())


class Sites:
    """Where people and devices are, without the places of everybody: those are asked by person."""

    def __init__(self, conn: sa.Connection) -> None:
        self._conn = conn
        self._shared = Organisation(
            units={row.code: row for row in read_rows(conn, units, Unit)},
            parents=tuple(read_rows(conn, unit_parents, UnitParent)),
            memberships=(),
            zones=tuple(read_rows(conn, site_zones, SiteZone)),
            devices=tuple(read_rows(conn, device_sites, DeviceSite)),
        )

    def of(self, person: str) -> Places:
        if not self._shared.units:
            return Places(self._shared)
        own = tuple(memberships_of(self._conn, person))
        return Places(replace(self._shared, memberships=own))


class Devices:
    """The terminals with what is known of each; read once for many people."""

    def __init__(self, conn: sa.Connection) -> None:
        self.marks: dict[str, datetime | None] = watermarks_by_device(conn)
        self._retired = retired(conn)
        totals = event_totals.c
        punched = sa.select(totals.device).where(totals.kind == "punch", totals.events > 0)
        for serial in conn.execute(punched).scalars():
            self.marks.setdefault(serial, None)

    def of(
        self, person: str, claims: Iterable[DeviceUser], places: Places, on: date, zone: str
    ) -> list[DeviceMark]:
        """All at which the person may have punched on the day, by serial. Who is known on every
        device may have used each that stands at a site of theirs, or at none that is known. Nobody
        uses one from the day on which it was retired.
        """
        serials = {claim.serial for claim in claims if claim.days.covers(on)}
        if ANY_DEVICE in serials:
            sites = places.sites_of_person(person, on)
            near = {
                serial
                for serial in self.marks
                if not sites or places.site_of_device(serial, on) in {None, *sites}
            }
            serials = (serials | near) - {ANY_DEVICE}
        gone = {serial: self._retired[serial] for serial in serials & self._retired.keys()}
        return [
            DeviceMark(
                serial,
                self.marks.get(serial),
                instant(gone[serial].toordinal() * DAY_S, ZoneInfo(zone))
                if serial in gone
                else None,
            )
            for serial in sorted(serials)
            if on < gone.get(serial, date.max)
        ]


def watermarks_by_device(conn: sa.Connection) -> dict[str, datetime | None]:
    """Of two gateways that read one terminal both are right: the later word counts."""
    there = watermarks.c
    query = sa.select(there.serial, there.complete_until).where(
        sa.or_(there.held_by.is_(None), there.held_by != UNCOUNTED)
    )
    found: dict[str, datetime | None] = {}
    for serial, until in conn.execute(query):
        before = found.get(serial)
        found[serial] = until if before is None or (until and until > before) else before
    return found


def _entries_for(conn: sa.Connection, device: str, user_ids: Sequence[str]) -> DeviceUserMap:
    found: defaultdict[tuple[str, str], list[DeviceUser]] = defaultdict(list)
    for start in range(0, len(user_ids), _KEYS_PER_SELECT):
        query = sa.select(device_users).where(
            device_users.c.serial.in_((device, ANY_DEVICE)),
            device_users.c.user_id.in_(user_ids[start : start + _KEYS_PER_SELECT]),
        )
        for row in conn.execute(query):
            found[row.serial, row.user_id].append(_device_user(row))
    return {key: tuple(rows) for key, rows in found.items()}


def _own_entries(conn: sa.Connection, user_id: str) -> DeviceUserMap:
    """Entries of single devices for a user id: they win over "*"."""
    found: defaultdict[tuple[str, str], list[DeviceUser]] = defaultdict(list)
    query = sa.select(device_users).where(
        device_users.c.serial.in_(sa.select(event_totals.c.device)),
        device_users.c.user_id == user_id,
    )
    for row in conn.execute(query):
        found[row.serial, row.user_id].append(_device_user(row))
    return {key: tuple(rows) for key, rows in found.items()}


def _device_user(row: sa.Row[tuple[object, ...]]) -> DeviceUser:
    return DeviceUser(
        serial=row.serial,
        user_id=row.user_id,
        number=row.number,
        valid_from=None if row.valid_from == _ALWAYS else row.valid_from,
        valid_until=row.valid_until,
    )
