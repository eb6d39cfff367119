"""Takes one person's records out of the spool, because they have the right to it.

Only what every sink has answered goes: an unsent row is pay that somebody is owed, and a batch in
flight must come again as it was. What a page loses is a gap in the arrivals, which means nothing.
Works beside the running agent.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import msgspec
from msgspec import Struct

from edge_agent.spool.acts import Person, What, deciding, looking, note
from edge_agent.spool.page_body import body_of_records
from edge_agent.spool.quarantine import DecodedRow
from edge_agent.spool.schema import session
from edge_agent.spool.stored_rows import PAGE_COLUMNS, StoredRow, rows_of_page
from protocols.identity import event_moment
from protocols.records import DeviceEvent, Punch, Record
from protocols.uplink import Observation

_PAGES_AT_A_TIME = 50  # of one read: a long one would hold up the log of a running agent

_PAGES_AFTER = f"""
    SELECT {PAGE_COLUMNS} FROM pages WHERE first_arrival > ?
    ORDER BY first_arrival LIMIT {_PAGES_AT_A_TIME}"""  # noqa: S608 - our own words
_PAGE = f"SELECT {PAGE_COLUMNS} FROM pages WHERE first_arrival = ?"  # noqa: S608 - our own words

_SPLIT = """
    INSERT INTO pages SELECT :first, :last, lane, device, :punches, :first_time, :last_time,
        received_at, clock_offset_ms, zone, flags, suspect, boot, monotonic_ms, :json_bytes, :body
    FROM pages WHERE first_arrival = :of"""
_SHORTEN = """
    UPDATE pages SET last_arrival = :last, punches = :punches, first_time = :first_time,
        last_time = :last_time, json_bytes = :json_bytes, body = :body WHERE first_arrival = :of"""
_SHIFT = "UPDATE pages SET first_arrival = :first WHERE first_arrival = :of"

_observation = msgspec.json.Decoder(Observation)
_decoded = msgspec.json.Decoder(DecodedRow)


class Whose(Struct, frozen=True):
    """A user id as terminals know it; of the device `serial` alone, or (None) of every one."""

    user_id: str
    serial: str | None = None

    def names(self, record: Record) -> bool:
        if isinstance(record, Punch):
            user_id = record.user_id
        elif isinstance(record, DeviceEvent):  # a refused access, an enrolment
            user_id = str(record.detail.get("user_id", ""))
        else:
            return False
        return user_id == self.user_id and self.serial in {None, record.serial}


class Erased(Struct, frozen=True, kw_only=True):
    """`waiting`: rows of the person that some sink has not answered yet; they are still here.
    `kept_apart`: copies of what people had discarded, or decoded from quarantine.
    """

    rows: int
    kept_apart: int
    waiting: int


def erase_person(path: Path, whose: Whose, reason: str, person: Person) -> Erased:
    """Raises SpoolError. What it did before stands, and it may be called again."""
    rows = waiting = 0
    for first in list(_pages_naming(path, whose)):
        with deciding(path) as connection:
            connection.execute("PRAGMA secure_delete = ON")
            page = connection.execute(_PAGE, (first,)).fetchone()
            if page is not None:
                gone, left = _erase_in_page(connection, rows_of_page(page), whose)
                rows, waiting = rows + gone, waiting + left
    with deciding(path) as connection:
        connection.execute("PRAGMA secure_delete = ON")
        apart = _erase_discarded(connection, whose) + _erase_decoded(connection, whose)
        if rows or apart:
            # Who it was is what must not stay.
            note(
                connection,
                person,
                What.PERSON_ERASED,
                subject=f"{rows + apart} records",
                serial=whose.serial,
                reason=reason,
            )
    with session(path) as connection:  # the log has the old pages until it is moved
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return Erased(rows=rows, kept_apart=apart, waiting=waiting)


def _pages_naming(path: Path, whose: Whose) -> Iterator[int]:
    after = 0
    while True:
        with looking(path) as connection:
            pages = connection.execute(_PAGES_AFTER, (after,)).fetchall()
        for page in pages:
            if any(whose.names(row.record) for row in rows_of_page(page)):
                yield page[0]
        if not pages:
            return
        after = pages[-1][0]


def _erase_in_page(
    connection: sqlite3.Connection, page: Sequence[StoredRow], whose: Whose
) -> tuple[int, int]:
    """How many rows of the person went, and how many still wait."""
    theirs = {row.arrival for row in page if whose.names(row.record)}
    going = {arrival for arrival in theirs if _is_answered(connection, page[0].lane, arrival)}
    if going:
        connection.executemany(
            "DELETE FROM dead_letters WHERE arrival = ?", [(arrival,) for arrival in going]
        )
        _rewrite(connection, page[0].arrival, [row for row in page if row.arrival not in going])
        connection.execute(
            "UPDATE devices SET deleted = deleted + ? WHERE device = ?",
            (len(going), page[0].device),
        )
    return len(going), len(theirs - going)


def _is_answered(connection: sqlite3.Connection, lane: int, arrival: int) -> bool:
    """By every sink; by nobody, where there is none."""
    position = connection.execute(
        "SELECT coalesce(min(position), 0) FROM sinks WHERE lane = ?", (lane,)
    ).fetchone()[0]
    kept = connection.execute(
        "SELECT 1 FROM unsettled WHERE lane = ? AND arrival = ?", (lane, arrival)
    ).fetchone()
    return bool(arrival <= position and kept is None)


def _rewrite(connection: sqlite3.Connection, first: int, left: Sequence[StoredRow]) -> None:
    """The page that began with `first` holds what is `left`: a page for each run without a gap."""
    if not left:
        connection.execute("DELETE FROM pages WHERE first_arrival = ?", (first,))
        return
    runs = [[left[0]]]
    for before, row in pairwise(left):
        if row.arrival != before.arrival + 1:
            runs.append([])
        runs[-1].append(row)
    for run in runs[1:]:
        connection.execute(_SPLIT, _columns_of(run, first))
    # The last, because the others took their envelope from it.
    columns = _columns_of(runs[0], first)
    connection.execute(_SHORTEN, columns)
    connection.execute(_SHIFT, columns)


def _columns_of(run: Sequence[StoredRow], first: int) -> dict[str, object]:
    body = body_of_records([row.record for row in run])
    moments = [event_moment(row.event_id) for row in run]
    return {
        "of": first,
        "first": run[0].arrival,
        "last": run[-1].arrival,
        "punches": sum(isinstance(row.record, Punch) for row in run),
        "first_time": min(moments),
        "last_time": max(moments),
        "json_bytes": body.json_bytes,
        "body": body.content,
    }


def _erase_discarded(connection: sqlite3.Connection, whose: Whose) -> int:
    rows = connection.execute("SELECT sink, event_id, observation FROM discarded").fetchall()
    theirs = [
        (sink, identity)
        for sink, identity, observation in rows
        if whose.names(_observation.decode(observation).record)
    ]
    connection.executemany("DELETE FROM discarded WHERE sink = ? AND event_id = ?", theirs)
    return len(theirs)


def _erase_decoded(connection: sqlite3.Connection, whose: Whose) -> int:
    """Bytes of quarantine that turned out to be the person's: what was decoded, and the bytes."""
    rows = connection.execute(
        "SELECT id, subject, payload FROM acts WHERE what = ? AND payload NOTNULL AND NOT waiting",
        (What.QUARANTINE_DECODED,),
    ).fetchall()
    theirs = [
        (number, int(subject))
        for number, subject, payload in rows
        if any(whose.names(record) for record in _decoded.decode(payload).records)
    ]
    for number, row in theirs:
        connection.execute("UPDATE acts SET payload = NULL WHERE id = ?", (number,))
        connection.execute("UPDATE quarantine SET raw = x'' WHERE id = ?", (row,))
    return len(theirs)
