"""Which unit (serial) is meant by a name, and the orders of people that changed it.

The agent binds a name when it first reads a unit under it. An order is written by another process
(`edge-agent device replace`), in one short transaction beside the running agent.
"""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.json import encode

from edge_agent.spool.codec import Envelope, instant, microseconds
from edge_agent.spool.errors import SpoolError, storage_error
from edge_agent.spool.intake import EventLog
from edge_agent.spool.reading import open_ledger
from edge_agent.spool.schema import session
from protocols.records import DeviceEvent

_RELEASE_RENAMED = """
    DELETE FROM units WHERE serial = :serial AND name <> :name
        AND name NOT IN (SELECT value FROM json_each(:names))"""

_BIND = """
    INSERT INTO units (name, serial) VALUES (:name, :serial)
    ON CONFLICT (name) DO UPDATE SET serial = :serial WHERE serial <> :serial"""

_WAITING = """
    SELECT id, old, ordered_at, ordered_by FROM replacements
    WHERE name = ? AND settled_at IS NULL ORDER BY id"""


class Replacement(NamedTuple):
    """One order: under `name`, the unit `new` takes the place of `old`. `settled_at` is None until
    a unit was read under the name afterwards.
    """

    name: str
    old: str
    new: str
    ordered_at: datetime
    ordered_by: str
    settled_at: datetime | None


class Units(Struct, frozen=True, kw_only=True):
    """What the spool knows of units: `by_name` now, every serial ever read, every order in turn."""

    by_name: dict[str, str]
    serials: frozenset[str]
    replacements: tuple[Replacement, ...]


def unit_of(connection: sqlite3.Connection, name: str) -> str | None:
    row = connection.execute("SELECT serial FROM units WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def take_up(
    connection: sqlite3.Connection,
    log: EventLog,
    *,
    serial: str,
    names: Iterable[str],
    envelope: Envelope,
) -> None:
    """`serial` is about to be read under the envelope's name: binds it, settles orders of people.

    names   those of the site file: a name that it no longer has gives its unit away (a rename)
    """
    name = envelope.device_name
    connection.execute(
        _RELEASE_RENAMED, {"serial": serial, "name": name, "names": encode(list(names))}
    )
    connection.execute(_BIND, {"name": name, "serial": serial})
    orders = connection.execute(_WAITING, (name,)).fetchall()
    if not orders:
        return
    # Several orders since the last read (a typo, mended): the first names who was really read.
    (_, old, *_), (_, _, ordered_at, ordered_by) = orders[0], orders[-1]
    if old != serial:
        event = DeviceEvent(
            serial=serial,
            code="device_replaced",
            device_time=_wall(envelope.received_at, envelope.zone),
            detail={
                "name": name,
                "old": old,
                "new": serial,
                "ordered_by": ordered_by,
                "ordered_at": instant(ordered_at).isoformat(),
            },
        )
        log.store(connection, (event,), envelope, device=None)
    connection.execute(
        "UPDATE replacements SET settled_at = ? WHERE name = ? AND settled_at IS NULL",
        (microseconds(envelope.received_at), name),
    )


def read_units(path: Path) -> Units:
    """Reads beside a running agent, changes nothing. Raises SpoolError."""
    try:
        with closing(open_ledger(path)) as connection:
            connection.execute("BEGIN")
            by_name = dict(connection.execute("SELECT name, serial FROM units").fetchall())
            read = connection.execute(
                "SELECT serial FROM devices WHERE serial NOT LIKE '%/operations'"
            )
            serials = {serial for (serial,) in read}
            rows = connection.execute(
                """SELECT name, old, new, ordered_at, ordered_by, settled_at
                FROM replacements ORDER BY id"""
            ).fetchall()
    except sqlite3.Error as exc:
        raise storage_error(exc, path) from exc
    return Units(
        by_name=by_name,
        serials=frozenset(serials | set(by_name.values())),
        replacements=tuple(
            Replacement(
                name, old, new, instant(at), by, None if settled is None else instant(settled)
            )
            for name, old, new, at, by, settled in rows
        ),
    )


def order_replacement(path: Path, order: Replacement) -> None:
    """Durable when it returns; the running agent sees it within seconds. Raises SpoolError, also
    when the name has another unit than `order.old` by now.
    """
    with session(path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        changed = connection.execute(
            "UPDATE units SET serial = ? WHERE name = ? AND serial = ?",
            (order.new, order.name, order.old),
        ).rowcount
        if not changed:
            connection.execute("ROLLBACK")
            raise SpoolError(
                f"{order.name} is no longer {order.old}",
                where=str(path),
                remedy="Somebody was faster: look at edge-agent status, then order again",
                code="replace_outrun",
            )
        connection.execute(
            """INSERT INTO replacements (name, old, new, ordered_at, ordered_by)
            VALUES (?, ?, ?, ?, ?)""",
            (order.name, order.old, order.new, microseconds(order.ordered_at), order.ordered_by),
        )
        connection.execute("COMMIT")


def _wall(at: datetime, zone: str) -> datetime:
    return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
