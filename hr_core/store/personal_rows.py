"""Everything that the tables hold of one person: rows that name the person's keys, and raw records."""

import json
import re
from collections.abc import Collection, Iterator
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from hr_core.people.model import DeviceUserMap, find_person
from hr_core.store.approvals import approvals
from hr_core.store.audit_log import audit_log
from hr_core.store.database import metadata
from hr_core.store.event_rows import StoredEvent, stored_event
from hr_core.store.events import raw_events
from protocols.records import Punch

# Tables older than the name `person` spell the key `number`; of some the person is one subject.
_OTHER_NAMES = {
    **dict.fromkeys(
        ("people", "device_users", "badges", "pay_slips", "pay_lines", "run_days"), "number"
    ),
    **dict.fromkeys(("goal_sets", "goal_reminders"), "owner"),
    **dict.fromkeys(("performance_figures", "piece_tallies"), "subject"),
    # Who rated stays hidden from whom they rated: what a person gave is its own, nothing else.
    "ratings_360": "rater",
}
# Marks that one of two sides may not see before the lock (the locked result tells them), and names of
# others.
_NOT_BY_PARENT = frozenset({"assessment_sides", "appeal_barred"})
# No data of a person but means of access: never given out.
_SECRETS = frozenset({"password", "setup_digest", "digest", "salt"})
_ROWS_AT_A_TIME = 1_000


def rows_of(conn: sa.Connection, keys: Collection[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(table, row as JSON values) of every table with a column for the person, or whose rows belong
    to one that has it: a table that a later release adds is among them by itself.
    """
    chosen = sorted({*keys, *(f"person:{key}" for key in keys)})
    for table in metadata.sorted_tables:
        wanted = _of_person(table, chosen)
        if wanted is None:
            continue
        query = sa.select(table).where(wanted)
        for row in conn.execute(query.order_by(*table.primary_key)).mappings():
            yield table.name, plain(dict(row))


def _of_person(table: sa.Table, chosen: list[str]) -> sa.ColumnElement[bool] | None:
    """By the table's own column, or the one of a row that it belongs to; None: it names nobody."""
    name = _OTHER_NAMES.get(table.name, "person")
    if name in table.c and not isinstance(table.c[name].type, sa.Integer):
        return table.c[name].in_(chosen)
    if table.name in _NOT_BY_PARENT:
        return None
    for key in table.foreign_keys:
        parent = key.column.table
        if "person" in parent.c:
            of_person = sa.select(key.column).where(parent.c.person.in_(chosen))
            return key.parent.in_(of_person)
    return None


def approvals_of(conn: sa.Connection, keys: Collection[str]) -> Iterator[dict[str, Any]]:
    """Those whose content names the person as `person`, or whose subject does."""
    for row in conn.execute(sa.select(approvals).order_by(approvals.c.number)).mappings():
        if _names_person(row["subject"], keys) or _holds(json.loads(row["content"]), keys):
            yield plain(dict(row))


def audit_rows_of(
    conn: sa.Connection, keys: Collection[str], names: Collection[str]
) -> Iterator[dict[str, Any]]:
    """What was done to the person, and what was done in one of its names."""
    query = sa.select(audit_log).order_by(audit_log.c.number)
    found = conn.execute(query, execution_options={"yield_per": _ROWS_AT_A_TIME})
    for row in found.mappings():
        if row["actor"] in names or _names_person(row["subject"], keys):
            yield plain(dict(row))


def punches_of(
    conn: sa.Connection, keys: Collection[str], mapping: DeviceUserMap
) -> Iterator[tuple[StoredEvent, Punch]]:
    """By the day of the device's wall clock, so that an id that was given on stays the other's."""
    user_ids = sorted(
        {user_id for (_, user_id), rows in mapping.items() if any(r.number in keys for r in rows)}
    )
    query = sa.select(raw_events).where(
        raw_events.c.kind == "punch", raw_events.c.user_id.in_(user_ids)
    )
    for row in conn.execute(query.order_by(raw_events.c.event_id)):
        event = stored_event(row)
        punch = event.record
        if not isinstance(punch, Punch):
            continue
        on = punch.device_time.date()
        if find_person(mapping, punch.serial, punch.user_id, on) in keys:
            yield event, punch


def plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in row.items() if name not in _SECRETS}


def _value(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        try:
            return json.loads(value)
        except ValueError:
            return value.hex()
    return value


def _names_person(subject: str, keys: Collection[str]) -> bool:
    """As "person 1007" or "request 3 of person 1007"."""
    found = re.search(r"\bperson (\S+)", subject)
    return found is not None and found[1].rstrip(",;:") in keys


def _holds(content: Any, keys: Collection[str]) -> bool:
    if isinstance(content, dict):
        person = content.get("person")
        own = isinstance(person, str) and person in keys
        return own or any(_holds(one, keys) for one in content.values())
    return isinstance(content, list) and any(_holds(one, keys) for one in content)
