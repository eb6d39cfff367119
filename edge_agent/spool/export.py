"""The rows of a spool with what the gateway knows of them, for people and other programs."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from edge_agent.spool.errors import SpoolError, storage_error
from edge_agent.spool.lanes import LANE_BY_NUMBER, Lane
from edge_agent.spool.reading import open_ledger
from edge_agent.spool.stored_rows import PAGE_COLUMNS, StoredRow, rows_of_page
from protocols.identity import event_time

_PAGES = f"""
    SELECT {PAGE_COLUMNS} FROM pages WHERE first_arrival > ? ORDER BY first_arrival LIMIT 50
    """  # noqa: S608 - our own words

SINK_STATES = ("waiting", "in_flight", "kept", "dead", "settled")


class Wanted(Struct, frozen=True, kw_only=True):
    """since, until   of the rows' own time (a device's wall clock; counts UTC), half-open
    device           a serial, or a name of the site file
    state            one of SINK_STATES at `sink`, or at any sink
    """

    since: datetime | None = None
    until: datetime | None = None
    device: str | None = None
    sink: str | None = None
    state: str | None = None


class Exported(Struct, frozen=True, kw_only=True):
    """`sinks`: the state of the row at each, as they were when the export began."""

    row: StoredRow
    device: str | None  # its name
    lane: Lane
    sinks: dict[str, str]


def export(path: Path, wanted: Wanted) -> Iterator[Exported]:
    """In order of arrival. Reads beside a running agent, in short transactions. Raises SpoolError."""
    try:
        with closing(open_ledger(path)) as connection:
            states = _States(connection)
            names = {number: (serial, name) for number, serial, name in connection.execute(
                "SELECT device, serial, name FROM devices")}  # fmt: skip
            after = 0
            while pages := connection.execute(_PAGES, (after,)).fetchall():
                after = pages[-1][0]
                for page in pages:
                    serial, name = names.get(page[2], (None, None))
                    if wanted.device is not None and wanted.device not in {serial, name}:
                        continue
                    for row in rows_of_page(page):
                        exported = Exported(
                            row=row,
                            device=name,
                            lane=LANE_BY_NUMBER[row.lane],
                            sinks=states.of(row),
                        )
                        if _is_wanted(exported, wanted):
                            yield exported
    except sqlite3.Error as exc:
        raise storage_error(exc, path) from exc
    except LookupError as exc:
        raise SpoolError(
            f"a row names what is not there ({exc})",
            where=str(path),
            remedy="edge-agent spool verify",
            code="spool_corrupt",
        ) from exc


def _is_wanted(exported: Exported, wanted: Wanted) -> bool:
    at = event_time(exported.row.event_id)
    if (wanted.since and at < wanted.since) or (wanted.until and at >= wanted.until):
        return False
    if wanted.state is None:
        return True
    if wanted.sink is None:
        return wanted.state in exported.sinks.values()
    return exported.sinks.get(wanted.sink) == wanted.state


class _States:
    """What each sink has settled, in memory: holes are few."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._ends = connection.execute(
            "SELECT sink, lane, position, batch_end FROM sinks"
        ).fetchall()
        self._holes = {
            (sink, arrival): "in_flight" if in_batch else "kept"
            for sink, arrival, in_batch in connection.execute(
                "SELECT sink, arrival, in_batch FROM unsettled"
            )
        }
        self._dead = {
            (sink, identity)
            for sink, identity in connection.execute("SELECT sink, event_id FROM dead_letters")
        }

    def of(self, row: StoredRow) -> dict[str, str]:
        return {
            sink: self._state(row, sink, position, end)
            for sink, lane, position, end in self._ends
            if lane == row.lane
        }

    def _state(self, row: StoredRow, sink: str, position: int, end: int) -> str:
        hole = self._holes.get((sink, row.arrival))
        if hole is not None:
            return hole
        if (sink, row.event_id) in self._dead:
            return "dead"
        if row.arrival <= position:
            return "settled"
        return "in_flight" if row.arrival <= end else "waiting"
