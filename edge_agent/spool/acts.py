"""What people decide about records that wait for one, written beside the running agent.

Only the agent numbers arrivals. So what makes an event of a decision, or records of bytes in
quarantine, is left `waiting` here, and the agent takes it up with its next batch or at its start.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from edge_agent.spool.codec import instant, microseconds
from edge_agent.spool.errors import SpoolError, storage_error
from edge_agent.spool.reading import open_ledger
from edge_agent.spool.schema import session


class What(StrEnum):
    """The words in table acts. Never renamed: the table is kept for ever."""

    DEAD_NOTED = "dead_letter_noted"
    DEAD_REPLAYED = "dead_letter_replayed"
    DEAD_DISCARDED = "dead_letter_discarded"
    QUARANTINE_DECODED = "quarantine_decoded"
    QUARANTINE_SETTLED = "quarantine_settled"
    WATERMARK_RELEASED = "watermark_released"
    PERSON_ERASED = "records_erased"
    LOG_CLEARED = "log_cleared"  # waits until the driver finds it (read_marks.py)


# The core is told of these: a record, or the proof that none is missing, was given up.
TOLD = frozenset(
    {
        What.DEAD_DISCARDED,
        What.QUARANTINE_SETTLED,
        What.WATERMARK_RELEASED,
        What.PERSON_ERASED,
    }
)
TAKEN_UP = TOLD | {What.QUARANTINE_DECODED}
_WAITING = TAKEN_UP | {What.LOG_CLEARED}


class Person(NamedTuple):
    """Who decides, when (aware UTC)."""

    name: str
    at: datetime


class Act(NamedTuple):
    """`subject`: event id in hex, number of a row in quarantine, or serial."""

    number: int
    at: datetime
    who: str
    what: str
    sink: str | None
    serial: str | None
    subject: str
    reason: str | None
    payload: bytes | None


_COLUMNS = "id, at, who, what, sink, serial, subject, reason, payload"


@contextmanager
def deciding(path: Path) -> Iterator[sqlite3.Connection]:
    """One short write transaction beside the agent, if it runs. Raises SpoolError."""
    open_ledger(path).close()  # refuses what is no spool of this schema
    with session(path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


@contextmanager
def looking(path: Path) -> Iterator[sqlite3.Connection]:
    """One snapshot beside the agent; changes nothing. Raises SpoolError."""
    try:
        connection = open_ledger(path)
        try:
            connection.execute("BEGIN")
            yield connection
        finally:
            connection.close()
    except sqlite3.Error as exc:
        raise storage_error(exc, path) from exc
    except LookupError as exc:
        raise SpoolError(
            f"a row names what is not there ({exc})",
            where=str(path),
            remedy="edge-agent spool verify",
            code="spool_corrupt",
        ) from exc


def note(  # noqa: PLR0913 - the facts of a decision, all named at the call
    connection: sqlite3.Connection,
    person: Person,
    what: What,
    *,
    subject: str,
    serial: str | None,
    sink: str | None = None,
    reason: str | None = None,
    payload: bytes | None = None,
) -> int:
    """Returns the number of the act."""
    row = connection.execute(
        """INSERT INTO acts (at, who, what, sink, serial, subject, reason, payload, waiting)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id""",
        (
            microseconds(person.at),
            person.name,
            what.value,
            sink,
            serial,
            subject,
            reason,
            payload,
            what in _WAITING,
        ),
    ).fetchone()
    return int(row[0])


def acts_about(
    connection: sqlite3.Connection, subject: str, whats: Iterable[What] = tuple(What)
) -> tuple[Act, ...]:
    """In the order in which they were done."""
    words = {what.value for what in whats}
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM acts WHERE subject = ? ORDER BY id",  # noqa: S608 - our own words
        (subject,),
    )
    return tuple(act for row in rows if (act := _act(row)).what in words)


def waiting_acts(connection: sqlite3.Connection) -> tuple[Act, ...]:
    """Those that the agent takes up."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM acts WHERE waiting ORDER BY id")  # noqa: S608
    return tuple(act for row in rows if (act := _act(row)).what in TAKEN_UP)


def taken_up(connection: sqlite3.Connection, act: Act) -> None:
    connection.execute("UPDATE acts SET waiting = 0 WHERE id = ?", (act.number,))


def _act(row: tuple[Any, ...]) -> Act:
    number, at, *rest = row
    return Act(number, instant(at).astimezone(UTC), *rest)
