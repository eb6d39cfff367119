"""Whether a device's log may be deleted: all that was read of it is here, and the core has it."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from edge_agent.spool.errors import SpoolError, storage_error
from edge_agent.spool.reading import open_ledger

# Only punches: they are what a terminal's log holds. Device events have a log of their own.
_COUNTS = """
    SELECT
        (SELECT coalesce(sum(last_arrival - max(first_arrival, position + 1) + 1), 0)
            FROM sinks JOIN pages ON pages.lane = sinks.lane AND last_arrival > position
            WHERE pages.device = :device AND punches)
        + (SELECT count(*) FROM unsettled
            JOIN pages ON unsettled.arrival BETWEEN first_arrival AND last_arrival
            WHERE pages.device = :device AND punches),
        (SELECT count(*) FROM dead_letters
            JOIN pages ON dead_letters.arrival BETWEEN first_arrival AND last_arrival
            WHERE pages.device = :device AND punches),
        (SELECT count(*) FROM quarantine WHERE device = :device AND source = :serial
            AND settled_by IS NULL),
        (SELECT count(DISTINCT sink) FROM sinks)"""


class Clearance(NamedTuple):
    """What the spool knows of one device's log, in one snapshot.

    cursor       stands after the last row that was stored, None when nothing was
    waiting      punches that some sink has not acknowledged
    refused      punches that the core refused (dead letters)
    quarantined  rows of the log that could not be decoded
    sinks        how many there are to acknowledge
    """

    cursor: bytes | None
    waiting: int
    refused: int
    quarantined: int
    sinks: int


def read_clearance(path: Path, serial: str) -> Clearance:
    """Reads beside a running agent, changes nothing. Raises SpoolError."""
    try:
        with closing(open_ledger(path)) as connection:
            connection.execute("BEGIN")
            row = connection.execute(
                "SELECT device, cursor FROM devices WHERE serial = ?", (serial,)
            ).fetchone()
            if row is None:
                return Clearance(cursor=None, waiting=0, refused=0, quarantined=0, sinks=0)
            device, cursor = row
            counts = connection.execute(_COUNTS, {"device": device, "serial": serial}).fetchone()
            return Clearance(cursor, *counts)
    except sqlite3.Error as exc:
        raise storage_error(exc, path) from exc


def refuse_unless_clear(clearance: Clearance, path: Path) -> bytes:
    """The cursor that covers every stored row. Raises SpoolError with the reason for refusing."""
    if clearance.cursor is None:
        raise _refusal(
            path, "nothing of this terminal's log is here", "Let the agent pull it first"
        )
    if not clearance.sinks:
        raise _refusal(
            path, "no core has ever acknowledged a record", "Add [uplink], and let the agent send"
        )
    if clearance.quarantined:
        raise _refusal(
            path,
            f"{clearance.quarantined} rows of this terminal could not be decoded",
            "Report them: what is on the terminal is needed until they can be",
        )
    if clearance.refused:
        raise _refusal(
            path,
            f"the core refused {clearance.refused} punches of this terminal",
            "Mend the reasons that the core names, so that it takes them",
        )
    if clearance.waiting:
        raise _refusal(
            path,
            f"{clearance.waiting} punches of this terminal wait for the core",
            "Wait until `edge-agent status` shows no backlog",
        )
    return clearance.cursor


def _refusal(path: Path, what: str, remedy: str) -> SpoolError:
    return SpoolError(
        what, where=str(path), remedy=f"Nothing was deleted. {remedy}", code="clear_refused"
    )
