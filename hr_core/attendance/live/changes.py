"""What a change by people touches, read off the audit log: mappings, contracts, rosters, requests.

Every such change stands there in the transaction that made it, so none is missed and nobody who
makes one needs to know of days. A people file is no row of the log: its import marks by itself.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from hr_core.attendance.day import OPEN
from hr_core.people.model import ANY_DEVICE, Days, DeviceUser, Roster
from hr_core.store.attendance_days import attendance_days
from hr_core.store.attendance_queue import (
    Mark,
    dates_of_user,
    first_and_last_date,
    touch,
    touch_stored,
)
from hr_core.store.audit_log import AuditRow, audit_log, head
from hr_core.store.organisation import memberships
from hr_core.store.person_records import merged_into
from hr_core.store.requests import requests
from hr_core.store.rosters import roster_assignments

_ROWS_AT_ONCE = 200
_PEOPLE_AT_ONCE = 400
_OWNER = ("person", "number")


def last_change(conn: sa.Connection) -> int:
    return head(conn).number


def touch_changes(conn: sa.Connection, after: int) -> int:
    """Marks the days that the next changes behind the one numbered `after` touch; gives the number
    of the last one looked at.
    """
    query = (
        sa.select(audit_log)
        .where(audit_log.c.number > after)
        .order_by(audit_log.c.number)
        .limit(_ROWS_AT_ONCE)
    )
    last = after
    for row in conn.execute(query).all():
        change = AuditRow(*row)
        last = change.number
        cause = f"{change.action}, audit row {change.number}"
        # Sites and devices: who waits for what.
        if change.action == "import.people" or change.action.startswith("device."):
            there = attendance_days.c.status
            touch_stored(conn, cause, there.in_([str(status) for status in OPEN]))
        elif change.action.startswith("people."):
            _touch_people(conn, change, cause)
        elif change.action.startswith("request."):
            _touch_request(conn, change, cause)
        elif change.action.startswith("roster."):
            _touch_roster(conn, change, cause)
    return last


def touch_import(conn: sa.Connection, before: Roster | None, after: Roster) -> None:
    """A people file was merged into what was stored. In its transaction."""
    cause = "people file"
    old = before or Roster(zone=after.zone, scheme="", shifts={}, people={})
    shifts = {code for code, shift in after.shifts.items() if old.shifts.get(code) != shift}
    changed = [
        key
        for key, person in after.people.items()
        if key in old.people
        and (
            person.shift in shifts
            or (person.shift, person.zone) != (old.people[key].shift, old.people[key].zone)
        )
    ]
    _touch_people_days(conn, changed, cause)
    claims = set(old.device_users) ^ set(after.device_users)
    for claim in claims:
        _touch_claim(conn, claim, cause)


def _touch_people(conn: sa.Connection, change: AuditRow, cause: str) -> None:
    """Before and after are the rows that the change took and added, by table."""
    touched = set()
    for side in (change.before, change.after):
        for table, rows in (msgspec.json.decode(side) or {}).items():
            for row in rows:
                person = next((row[name] for name in _OWNER if row.get(name)), None)
                if person is not None:
                    touched.add(person)
                if table == "device_users":
                    _touch_claim(conn, _claim(row), cause)
    _touch_people_days(conn, sorted(touched), cause)


def _touch_request(conn: sa.Connection, change: AuditRow, cause: str) -> None:
    """Asking changes nothing; whatever was decided, the days are looked at once more."""
    after = msgspec.json.decode(change.after)
    if change.action == "request.ask" or not isinstance(after, dict):
        return
    query = sa.select(requests.c.person, requests.c.first_day, requests.c.until).where(
        requests.c.id == after.get("id")
    )
    row = conn.execute(query).one_or_none()
    if row is not None:
        person = merged_into(conn).get(row.person, row.person)
        touch(conn, [Mark(person, day, cause) for day in _days(row.first_day, row.until)])


def _touch_roster(conn: sa.Connection, change: AuditRow, cause: str) -> None:
    """All stored days of whoever has a row in the version, or lost one to it."""
    after = msgspec.json.decode(change.after)
    version = after.get("version") if isinstance(after, dict) else None
    there = roster_assignments.c
    its_own = sa.or_(there.version == version, there.replaced_by == version)
    named = sa.select(there.subject_kind, there.subject).where(its_own).distinct()
    people: set[str] = set()
    for kind, key in conn.execute(named).all():
        if kind == "person":
            people.add(key)
        else:
            members = sa.select(memberships.c.person).where(memberships.c.unit == key)
            people.update(conn.execute(members).scalars())
    _touch_people_days(conn, sorted(people), cause)


def _touch_people_days(conn: sa.Connection, people: list[str], cause: str) -> None:
    for start in range(0, len(people), _PEOPLE_AT_ONCE):
        chunk = people[start : start + _PEOPLE_AT_ONCE]
        touch_stored(conn, cause, attendance_days.c.person.in_(chunk))


def _touch_claim(conn: sa.Connection, claim: DeviceUser, cause: str) -> None:
    """The days of the punches that it gives to its person, or takes away."""
    span = first_and_last_date(conn)
    if span is None:
        return
    first = max(span[0], claim.valid_from or span[0])
    until = min(span[1] + timedelta(days=1), claim.valid_until or date.max)
    device = None if claim.serial == ANY_DEVICE else claim.serial
    dates = {punch.on for punch in dates_of_user(conn, claim.user_id, device, first, until)}
    touch(conn, [Mark(claim.number, date.fromordinal(on), cause) for on in sorted(dates)])


def _claim(row: dict[str, Any]) -> DeviceUser:
    days = Days(
        *(row[name] and date.fromisoformat(row[name]) for name in ("valid_from", "valid_until"))
    )
    return DeviceUser(
        serial=row["serial"],
        user_id=row["user_id"],
        number=row["number"],
        valid_from=None if days.first == date.min else days.first,
        valid_until=days.until,
    )


def _days(first: date, until: date) -> Iterator[date]:
    for ordinal in range(first.toordinal(), until.toordinal()):
        yield date.fromordinal(ordinal)
