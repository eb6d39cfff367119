"""All that is held of one person, for that person: one ZIP with a text that says what is in it."""

import json
import zipfile
from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from hr_core.audit.log import append
from hr_core.data_files import read_text
from hr_core.errors import CoreError
from hr_core.store import personal_rows
from hr_core.store.accounts import accounts
from hr_core.store.event_rows import StoredEvent
from hr_core.store.people import load_roster
from hr_core.store.work_plan import keys_of
from protocols.records import Punch


class ExportedPerson(Struct, frozen=True, kw_only=True):
    """`rows` by table or kind of record."""

    person: str
    keys: tuple[str, ...]
    file: str
    rows: dict[str, int]


def held_of(conn: sa.Connection, person: str) -> dict[str, list[dict[str, Any]]]:
    """By table, and `punches`, `approvals`, `audit_log`. Records merged into the person's are its."""
    keys = keys_of(conn, person)
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for table, row in personal_rows.rows_of(conn, keys):
        found[table].append(row)
    roster = load_roster(conn)
    if roster is not None:
        punches = personal_rows.punches_of(conn, keys, roster.number_by_device_user())
        found["punches"] = [_punch(event, punch) for event, punch in punches]
    found["approvals"] = list(personal_rows.approvals_of(conn, keys))
    found["audit_log"] = list(personal_rows.audit_rows_of(conn, keys, _names(conn, keys)))
    return {name: rows for name, rows in found.items() if rows}


def export_person(
    conn: sa.Connection, person: str, file: Path, *, at: datetime, by: str, reason: str = ""
) -> ExportedPerson:
    """In a write transaction: who took it stands in the audit log. Raises CoreError."""
    keys = keys_of(conn, person)
    held = held_of(conn, person)
    rows = {name: len(there) for name, there in sorted(held.items())}
    append(conn, at, by, "person.export", f"person {person}", None, {"rows": rows}, reason)
    head = {"schema": "clockline-person/1", "person": person, "keys": keys, "at": at.isoformat()}
    try:
        file.touch(mode=0o600, exist_ok=False)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr("README.txt", read_text("person_export.txt"))
            packed.writestr("index.json", _json(head | {"rows": rows}))
            for name, there in sorted(held.items()):
                packed.writestr(f"{name}.json", _json(there))
    except OSError as exc:
        raise CoreError(
            f"{file} cannot be written ({exc.strerror})", remedy="name a new file of your own"
        ) from exc
    return ExportedPerson(person=person, keys=keys, file=str(file), rows=rows)


def _names(conn: sa.Connection, keys: Collection[str]) -> frozenset[str]:
    of_person = sa.select(accounts.c.name).where(accounts.c.person.in_(sorted(keys)))
    return frozenset({*keys, *conn.execute(of_person).scalars()})


def _punch(event: StoredEvent, punch: Punch) -> dict[str, Any]:
    return {
        "event_id": event.event_id.hex(),
        "device": punch.serial,
        "user_id": punch.user_id,
        "device_time": punch.device_time.isoformat(),
        "zone": event.zone,
        "received_at": event.received_at.isoformat(),
        "raw": punch.raw.hex(),
    }


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)
