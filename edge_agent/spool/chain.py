"""The batches that a sink has answered, as a chain: each names the one before by its hash.

A core that was restored from a backup names an older head. Then the sink's position goes back to
that batch, and what came after is sent again; nothing is taken for delivered that the core no
longer has.
"""

import sqlite3
from datetime import datetime

import msgspec
from msgspec import Struct

from edge_agent.spool.codec import microseconds
from edge_agent.spool.errors import SpoolError
from edge_agent.spool.stored_rows import row_of_arrival
from protocols.batch_chain import FIRST_PREVIOUS, NO_BATCH, ChainHead

__all__ = [
    "BatchTally",
    "ChainHead",
    "Rewound",
    "add_link",
    "head_of",
    "join",
    "rewind",
]


class Rewound(Struct, frozen=True, kw_only=True):
    """`batches` and `rows` that are sent again."""

    batches: int
    rows: int


class BatchTally(Struct, frozen=True, kw_only=True):
    """What an answered batch did, so that it can be undone.

    positions  by lane, behind this batch
    kept       arrivals that it sent again because the sink had asked to keep them
    devices    accepted, duplicate and rejected by device
    """

    positions: dict[int, int]
    kept: tuple[int, ...]
    devices: dict[int, tuple[int, int, int]]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(BatchTally)


def head_of(connection: sqlite3.Connection, sink: str) -> ChainHead:
    """The last batch that the sink has answered."""
    row = connection.execute(
        "SELECT number, batch_hash FROM sent_batches WHERE sink = ? ORDER BY number DESC LIMIT 1",
        (sink,),
    ).fetchone()
    number, batch_hash = row or (0, FIRST_PREVIOUS)
    return ChainHead(number=number, batch_hash=batch_hash)


def add_link(  # noqa: PLR0913 - the facts of one batch
    connection: sqlite3.Connection,
    sink: str,
    number: int,
    batch_hash: bytes,
    tally: BatchTally,
    records: int,
    now: datetime,
) -> None:
    connection.execute(
        """INSERT INTO sent_batches (sink, number, batch_hash, records, answered_at, kept, tally)
        VALUES (?, ?, ?, ?, ?, ?, ?)""",
        (
            sink,
            number,
            batch_hash,
            records,
            microseconds(now),
            len(tally.kept),
            _encoder.encode(tally),
        ),
    )


def join(connection: sqlite3.Connection, sink: str, head: ChainHead, now: datetime) -> bool:
    """A spool that never made a batch for the sink goes on behind `head`: the one before it was
    lost. Returns False, and changes nothing, when this one did.
    """
    made = connection.execute(
        """INSERT INTO batches (sink, number) VALUES (?, ?)
        ON CONFLICT (sink) DO UPDATE SET number = excluded.number WHERE batches.number = 0""",
        (sink, head.number),
    ).rowcount
    if made:
        nothing = BatchTally(positions={}, kept=(), devices={})
        add_link(connection, sink, head.number, head.batch_hash, nothing, 0, now)
    return bool(made)


def rewind(connection: sqlite3.Connection, sink: str, head: ChainHead) -> Rewound:
    """Takes back every batch after `head`, and the one in flight.

    Raises SpoolError (`chain_unknown`) when `head` is none of this chain: another machine has sent
    in this gateway's name, or the core is not the one that answered before.
    """
    _check_is_ours(connection, sink, head)
    later = connection.execute(
        """SELECT number, records, tally FROM sent_batches WHERE sink = ? AND number > ?
        ORDER BY number DESC""",
        (sink, head.number),
    ).fetchall()
    for _, _, encoded in later:
        _take_back(connection, sink, _decoder.decode(encoded))
    positions = _positions_behind(connection, sink, head.number)
    for (lane,) in connection.execute("SELECT lane FROM lanes").fetchall():
        connection.execute(
            "UPDATE sinks SET position = :at, batch_end = :at WHERE sink = :sink AND lane = :lane",
            {"at": positions.get(lane, 0), "sink": sink, "lane": lane},
        )
        connection.execute(_FORGET_LATER_DEAD, (sink, lane, positions.get(lane, 0)))
        connection.execute(
            "DELETE FROM unsettled WHERE sink = ? AND lane = ? AND arrival > ?",
            (sink, lane, positions.get(lane, 0)),
        )
    connection.execute("UPDATE unsettled SET in_batch = 0 WHERE sink = ?", (sink,))
    connection.execute(
        "DELETE FROM sent_batches WHERE sink = ? AND number > ?", (sink, head.number)
    )
    # Their numbers are given again, to batches that are younger.
    connection.execute("DELETE FROM days WHERE sink = ? AND number > ?", (sink, head.number))
    # Whatever it was told of completeness may be gone too.
    connection.execute("DELETE FROM published WHERE sink = ?", (sink,))
    connection.execute(
        "UPDATE batches SET number = ?, in_flight = 0 WHERE sink = ?", (head.number, sink)
    )
    return Rewound(batches=len(later), rows=sum(records for _, records, _ in later))


def adopt(connection: sqlite3.Connection, sink: str, head: ChainHead, now: datetime) -> None:
    """The chain goes on behind `head`, of which this spool does not know any more: it was damaged.

    Positions stay, so what the sink may have had already is sent again. Raises SpoolError
    (`chain_unknown`) unless a salvage left this way open; it is open once.
    """
    row = connection.execute("SELECT adopt FROM batches WHERE sink = ?", (sink,)).fetchone()
    if row is None or not row[0]:
        raise _unknown(sink, head)
    connection.execute("UPDATE unsettled SET in_batch = 0 WHERE sink = ?", (sink,))
    connection.execute("UPDATE sinks SET batch_end = position WHERE sink = ?", (sink,))
    connection.execute(
        "DELETE FROM sent_batches WHERE sink = ? AND number >= ?", (sink, head.number)
    )
    positions = dict(
        connection.execute("SELECT lane, position FROM sinks WHERE sink = ?", (sink,)).fetchall()
    )
    tally = BatchTally(positions=positions, kept=(), devices={})
    add_link(connection, sink, head.number, head.batch_hash, tally, 0, now)
    connection.execute(
        "UPDATE batches SET number = ?, in_flight = 0, adopt = 0 WHERE sink = ?",
        (head.number, sink),
    )


_FORGET_LATER_DEAD = """
    DELETE FROM dead_letters WHERE sink = ? AND arrival IN (
        SELECT arrival FROM dead_letters JOIN pages
            ON dead_letters.arrival BETWEEN pages.first_arrival AND pages.last_arrival
        WHERE pages.lane = ? AND arrival > ?)"""

_KEEP_AGAIN = """
    INSERT INTO unsettled (sink, lane, arrival, event_id, attempts, not_before, in_batch, code,
        device, until)
    SELECT :sink, lane, :arrival, x'', 1, 0, 0, NULL, device, :until FROM pages
    WHERE :arrival BETWEEN first_arrival AND last_arrival
    ON CONFLICT (sink, lane, arrival) DO UPDATE SET in_batch = 0, not_before = 0"""


def _check_is_ours(connection: sqlite3.Connection, sink: str, head: ChainHead) -> None:
    if head == NO_BATCH:
        return
    row = connection.execute(
        "SELECT batch_hash FROM sent_batches WHERE sink = ? AND number = ?", (sink, head.number)
    ).fetchone()
    if row is None or row[0] != head.batch_hash:
        raise _unknown(sink, head)


def _unknown(sink: str, head: ChainHead) -> SpoolError:
    return SpoolError(
        f"batch {head.number} that the core names as the last is not one of this gateway",
        where=f"sink {sink}",
        remedy="Another machine sends in this gateway's name (a cloned SD card?): stop it. If "
        "there is none, this spool is an old copy or the core is another: stop the agent, move "
        "the spool file away, start again; the devices are read anew",
        code="chain_unknown",
    )


def _positions_behind(connection: sqlite3.Connection, sink: str, number: int) -> dict[int, int]:
    row = connection.execute(
        "SELECT tally FROM sent_batches WHERE sink = ? AND number = ?", (sink, number)
    ).fetchone()
    return {} if row is None else _decoder.decode(row[0]).positions


def _take_back(connection: sqlite3.Connection, sink: str, tally: BatchTally) -> None:
    for device, (accepted, duplicate, rejected) in tally.devices.items():
        connection.execute(
            """UPDATE sink_devices SET accepted = accepted - ?, duplicate = duplicate - ?,
                rejected = rejected - ? WHERE sink = ? AND device = ?""",
            (accepted, duplicate, rejected, sink, device),
        )
    for arrival in tally.kept:
        try:
            until = row_of_arrival(connection, arrival).held_until(connection)
        except LookupError:
            continue
        about = {"sink": sink, "arrival": arrival, "until": until}
        connection.execute(_KEEP_AGAIN, about)
        connection.execute(
            "DELETE FROM dead_letters WHERE sink = :sink AND arrival = :arrival", about
        )
