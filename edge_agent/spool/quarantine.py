"""Bytes that no decoder understood, and what a person does about them.

Decoded again (after an upgrade) they become records by the agent's own intake, so that they are known
by their identity; or a person says that they are none.
"""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from edge_agent.spool.acts import Person, What, deciding, looking, note
from edge_agent.spool.codec import instant
from protocols.records import Quarantined, Record

_ROWS = """
    SELECT quarantine.id, devices.serial, name, cursor, source, offset, quarantine.reason, raw, first_seen, last_seen,
        seen, acts.who, acts.what, acts.at, acts.reason
    FROM quarantine JOIN devices USING (device) LEFT JOIN acts ON acts.id = settled_by
    ORDER BY quarantine.id"""


class Settlement(Struct, frozen=True, kw_only=True):
    """How a row left quarantine: `what` as of acts.What."""

    who: str
    what: str
    at: datetime
    reason: str | None


class Held(Struct, frozen=True, kw_only=True):
    """A row in quarantine, of the device `serial`. `ordered`: it was decoded, and the agent has to
    take its records up.
    """

    number: int
    serial: str
    device_name: str
    cursor: bytes | None
    row: Quarantined
    first_seen: datetime
    last_seen: datetime
    seen: int
    settled: Settlement | None
    ordered: bool = False


class DecodedRow(Struct, frozen=True, kw_only=True):
    """What bytes in quarantine turned out to be; `zone` of the site's clock."""

    records: tuple[Record, ...]
    zone: str


def read_quarantine(path: Path) -> tuple[Held, ...]:
    """Every row, the settled ones too, in the order of first sight. Raises SpoolError."""
    with looking(path) as connection:
        ordered = {
            subject
            for (subject,) in connection.execute(
                "SELECT subject FROM acts WHERE waiting AND what = ?", (What.QUARANTINE_DECODED,)
            )
        }
        return tuple(_held(row, ordered) for row in connection.execute(_ROWS))


def settle(path: Path, rows: Sequence[Held], reason: str, person: Person) -> int:
    """A person says that these bytes are no record. Returns how many. Raises SpoolError."""
    done = 0
    with deciding(path) as connection:
        for held in rows:
            if not _is_open(connection, held):
                continue
            act = note(
                connection,
                person,
                What.QUARANTINE_SETTLED,
                subject=str(held.number),
                serial=held.serial,
                reason=reason,
            )
            connection.execute(
                "UPDATE quarantine SET settled_by = ? WHERE id = ?", (act, held.number)
            )
            done += 1
    return done


def order_intake(path: Path, held: Held, decoded: DecodedRow, person: Person) -> bool:
    """Leaves the records of `held` for the agent to take up. False when another was faster.
    Raises SpoolError.
    """
    with deciding(path) as connection:
        if not _is_open(connection, held):
            return False
        note(
            connection,
            person,
            What.QUARANTINE_DECODED,
            subject=str(held.number),
            serial=held.serial,
            payload=msgspec.json.encode(decoded),
        )
    return True


def _is_open(connection: sqlite3.Connection, held: Held) -> bool:
    row = connection.execute(
        """SELECT 1 FROM quarantine WHERE id = ? AND settled_by IS NULL AND NOT EXISTS (
            SELECT 1 FROM acts WHERE waiting AND what = ? AND subject = ?)""",
        (held.number, What.QUARANTINE_DECODED, str(held.number)),
    ).fetchone()
    return row is not None


def _held(row: tuple[Any, ...], ordered: set[str]) -> Held:
    number, serial, name, cursor, source, offset, reason, raw, first, last, seen, *settled = row
    who, what, at, why = settled
    return Held(
        number=number,
        serial=serial,
        device_name=name,
        cursor=cursor,
        row=Quarantined(source=source, offset=offset, reason=reason, raw=raw),
        first_seen=instant(first),
        last_seen=instant(last),
        seen=seen,
        settled=None if who is None else Settlement(who=who, what=what, at=instant(at), reason=why),
        ordered=str(number) in ordered,
    )
