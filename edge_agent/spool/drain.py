"""What one sink takes from the spool: the batch in flight, and what its answer settles.

A batch is a range of arrivals per lane and some holes (records that the sink asked us to keep).
Both are committed before the batch is handed out, so after any crash the same number means the same
records, and a core that has seen them answers `duplicate`.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from edge_agent.spool.chain import BatchTally, add_link, head_of
from edge_agent.spool.codec import microseconds
from edge_agent.spool.errors import SpoolError
from edge_agent.spool.lanes import LANE_BY_NUMBER, WEIGHTS, Lane, plan_batch
from edge_agent.spool.page_body import MAX_PAGE_ROWS
from edge_agent.spool.publishing import decode_watermarks, encode_watermarks, watermarks_due
from edge_agent.spool.results import PendingBatch, Settled
from edge_agent.spool.stored_rows import StoredRow, row_of_arrival, rows_of_lane
from protocols.uplink import MAX_BATCH_BYTES, MAX_RECORDS_PER_BATCH, Answer, RecordVerdict, Verdict

# A kept record is asked about again after 30 s, then twice as late each time, at most hourly: the
# core keeps what it cannot judge yet (an unknown employee), which people resolve in hours.
FIRST_RETRY = timedelta(seconds=30)
LAST_RETRY = timedelta(hours=1)
_DOUBLINGS = 7  # 30 s * 2**7 is past the hour

# Of an observation around its record: id, times, zone, flags, names of the fields.
_ENVELOPE_BYTES = 300

# Sizes are means over a page, and one page holds up to MAX_PAGE_JSON_BYTES.
_AIMED_BATCH_BYTES = MAX_BATCH_BYTES // 2

# A time further off than the longest retry was written by a clock that has since been set back.
_DUE = """
    SELECT arrival FROM unsettled WHERE sink = :sink AND lane = :lane
        AND (not_before <= :now OR not_before > :now + :longest)
    ORDER BY arrival LIMIT :room"""

_PAGES_BEHIND = f"""
    SELECT max(first_arrival, :position + 1), last_arrival, json_bytes / (
        last_arrival - first_arrival + 1)
    FROM pages
    WHERE lane = :lane AND first_arrival > :position - {MAX_PAGE_ROWS}
        AND last_arrival > :position
    ORDER BY first_arrival"""  # noqa: S608 - our own number

_ROW_BYTES = """
    SELECT json_bytes / (last_arrival - first_arrival + 1) FROM pages
    WHERE first_arrival <= ? ORDER BY first_arrival DESC LIMIT 1"""


class _Waiting(Struct, frozen=True):
    """Rows of one lane that could go now: new ones, and kept ones that are due."""

    fresh: int
    due: tuple[int, ...]  # their arrivals


def begin_batch(
    connection: sqlite3.Connection, sink: str, limit: int, now: datetime, *, salt: bytes
) -> None:
    """Puts a batch in flight unless one is, or nothing waits. `salt` is of its digests.

    Watermarks that are due go with it; they may be all that it holds.
    """
    connection.execute("INSERT INTO batches (sink) VALUES (?) ON CONFLICT DO NOTHING", (sink,))
    connection.execute(
        "INSERT INTO sinks (sink, lane) SELECT ?, lane FROM lanes WHERE true ON CONFLICT DO NOTHING",
        (sink,),
    )
    query = "SELECT in_flight FROM batches WHERE sink = ?"
    if connection.execute(query, (sink,)).fetchone()[0]:
        return
    room = min(limit, MAX_RECORDS_PER_BATCH)
    waiting = _waiting(connection, sink, room, now)
    watermarks = watermarks_due(connection, sink, now, alone=not waiting)
    if not waiting and not watermarks:
        return
    while True:
        count, size = _compose(connection, sink, waiting, room)
        if size <= _AIMED_BATCH_BYTES or count <= 1:
            break
        room = count // 2  # long records: fewer of them, in the same shares
    connection.execute(
        """UPDATE batches SET number = number + 1, in_flight = 1, salt = ?, watermarks = ?
        WHERE sink = ?""",
        (salt, encode_watermarks(watermarks), sink),
    )


def load_batch(connection: sqlite3.Connection, sink: str) -> PendingBatch | None:
    """The batch in flight, in order of arrival."""
    row = connection.execute(
        "SELECT number, salt, watermarks FROM batches WHERE sink = ? AND in_flight = 1", (sink,)
    ).fetchone()
    if row is None:
        return None
    number, salt, watermarks = row
    rows = [member.row for member in _members(connection, sink)]
    return PendingBatch(
        number=number,
        previous=head_of(connection, sink).batch_hash,
        salt=salt,
        observations=tuple(row.observation() for row in rows),
        first_arrival=rows[0].arrival if rows else 0,
        last_arrival=rows[-1].arrival if rows else 0,
        watermarks=decode_watermarks(watermarks),
    )


def settle(
    connection: sqlite3.Connection, sink: str, answer: Answer, now: datetime, *, batch_hash: bytes
) -> Settled:
    """Applies one verdict per record. Raises SpoolError when it is no answer to this batch.

    `batch_hash`: of the batch as the sink has it, which the next one names.
    """
    members = _members_by_event(connection, sink, answer)
    tally: Counter[Verdict] = Counter()
    per_device: dict[int, Counter[Verdict]] = {}
    for verdict in answer.verdicts:
        member = members[verdict.event_id]
        tally[verdict.verdict] += 1
        if member.row.device is not None:
            per_device.setdefault(member.row.device, Counter())[verdict.verdict] += 1
        if verdict.verdict is Verdict.KEEP:
            _keep(connection, sink, member, verdict, now)
        elif verdict.verdict is Verdict.REJECTED:
            _bury(connection, sink, member, verdict, now)
    connection.execute("DELETE FROM unsettled WHERE sink = ? AND in_batch = 1", (sink,))
    connection.execute("UPDATE sinks SET position = batch_end WHERE sink = ?", (sink,))
    connection.execute("UPDATE batches SET in_flight = 0 WHERE sink = ?", (sink,))
    for device, counts in per_device.items():
        _count(connection, sink, device, counts)
    done = BatchTally(
        positions=dict(
            connection.execute("SELECT lane, position FROM sinks WHERE sink = ?", (sink,))
        ),
        kept=tuple(member.row.arrival for member in members.values() if member.attempts),
        devices={
            device: (
                counts[Verdict.ACCEPTED],
                counts[Verdict.DUPLICATE],
                counts[Verdict.REJECTED],
            )
            for device, counts in per_device.items()
        },
    )
    add_link(connection, sink, answer.number, batch_hash, done, len(members), now)
    return Settled(
        accepted=tally[Verdict.ACCEPTED],
        duplicate=tally[Verdict.DUPLICATE],
        rejected=tally[Verdict.REJECTED],
        kept=tally[Verdict.KEEP],
    )


class _Member(Struct, frozen=True):
    row: StoredRow
    attempts: int  # how often the sink has asked to keep it


def _waiting(
    connection: sqlite3.Connection, sink: str, room: int, now: datetime
) -> dict[Lane, _Waiting]:
    """Counted up to `room`: a backlog of a million rows costs no more than one batch."""
    about: dict[str, Any] = {
        "sink": sink,
        "now": microseconds(now),
        "longest": LAST_RETRY // timedelta.resolution,
        "room": room,
    }
    waiting = {}
    for number, lane in LANE_BY_NUMBER.items():
        about["lane"] = number
        due = tuple(row[0] for row in connection.execute(_DUE, about))
        fresh = 0
        for first, last, _ in _pages_behind(connection, sink, number):
            fresh += last - first + 1
            if fresh >= room:
                break
        fresh = min(fresh, room)
        if fresh or due:
            waiting[lane] = _Waiting(fresh, due)
    return waiting


def _compose(
    connection: sqlite3.Connection, sink: str, waiting: dict[Lane, _Waiting], room: int
) -> tuple[int, int]:
    """Marks the members of the batch. Returns their number and, roughly, their bytes."""
    connection.execute("UPDATE sinks SET batch_end = position WHERE sink = ?", (sink,))
    connection.execute("UPDATE unsettled SET in_batch = 0 WHERE sink = ? AND in_batch", (sink,))
    plan = plan_batch({lane: w.fresh + len(w.due) for lane, w in waiting.items()}, WEIGHTS, room)
    size = 0
    for lane, share in plan.items():
        # Kept records may use half of a share, so that they cannot hold up what is new.
        due = waiting[lane].due[: max(share - waiting[lane].fresh, (share + 1) // 2)]
        connection.executemany(
            "UPDATE unsettled SET in_batch = 1 WHERE sink = ? AND lane = ? AND arrival = ?",
            [(sink, lane.number, arrival) for arrival in due],
        )
        size += sum(_row_bytes(connection, arrival) for arrival in due)
        size += _take_fresh(connection, sink, lane, share - len(due))
    count = sum(plan.values())
    return count, size + count * _ENVELOPE_BYTES


def _take_fresh(connection: sqlite3.Connection, sink: str, lane: Lane, rows: int) -> int:
    """Puts the next `rows` new ones of the lane into the batch. Returns, roughly, their bytes."""
    size = end = 0
    for first, last, row_bytes in _pages_behind(connection, sink, lane.number):
        if rows == 0:
            break
        taken = min(rows, last - first + 1)
        end = first + taken - 1
        size += taken * row_bytes
        rows -= taken
    if end:
        connection.execute(
            "UPDATE sinks SET batch_end = ? WHERE sink = ? AND lane = ?", (end, sink, lane.number)
        )
    return size


def _pages_behind(
    connection: sqlite3.Connection, sink: str, lane: int
) -> Iterator[tuple[int, int, int]]:
    """What the sink has not had: first and last arrival of it, and the bytes of a row, page by
    page.
    """
    position = connection.execute(
        "SELECT position FROM sinks WHERE sink = ? AND lane = ?", (sink, lane)
    ).fetchone()[0]
    yield from connection.execute(_PAGES_BEHIND, {"lane": lane, "position": position})


def _row_bytes(connection: sqlite3.Connection, arrival: int) -> int:
    return int(connection.execute(_ROW_BYTES, (arrival,)).fetchone()[0])


def _members(connection: sqlite3.Connection, sink: str) -> list[_Member]:
    """Of the batch in flight, in order of arrival, each event once.

    A driver that hands over another device's punches under its own serial stores an event twice:
    recognition goes by device. A sink could not judge the same event twice in one answer.
    """
    ranges = connection.execute(
        "SELECT lane, position, batch_end FROM sinks WHERE sink = ? AND batch_end > position",
        (sink,),
    ).fetchall()
    members = [
        _Member(row, 0)
        for lane, position, end in ranges
        for row in rows_of_lane(connection, lane, after=position, until=end)
    ]
    kept = connection.execute(
        "SELECT arrival, attempts FROM unsettled WHERE sink = ? AND in_batch = 1", (sink,)
    ).fetchall()
    members += [_Member(row_of_arrival(connection, arrival), count) for arrival, count in kept]
    members.sort(key=lambda member: member.row.arrival)
    first_of: dict[bytes, _Member] = {}
    for member in members:
        first_of.setdefault(member.row.event_id, member)
    return list(first_of.values())


def _members_by_event(
    connection: sqlite3.Connection, sink: str, answer: Answer
) -> dict[str, _Member]:
    row = connection.execute(
        "SELECT number FROM batches WHERE sink = ? AND in_flight = 1", (sink,)
    ).fetchone()
    in_flight = None if row is None else row[0]
    if answer.number != in_flight:
        raise SpoolError(
            f"answer to batch {answer.number}, but in flight is {in_flight or 'none'}",
            where=f"sink {sink}",
            remedy="Drop this answer and ask for the next batch",
            code="spool_wrong_batch",
        )
    members = {member.row.event_id.hex(): member for member in _members(connection, sink)}
    judged = [verdict.event_id for verdict in answer.verdicts]
    if len(judged) != len(members) or set(judged) != members.keys():
        raise SpoolError(
            f"the answer to batch {answer.number} judges {len(judged)} records, "
            f"not exactly the {len(members)} that were sent",
            where=f"sink {sink}",
            remedy="Send the batch again; if it repeats, report the core's version",
            code="spool_wrong_answer",
        )
    return members


def _keep(
    connection: sqlite3.Connection,
    sink: str,
    member: _Member,
    verdict: RecordVerdict,
    now: datetime,
) -> None:
    delay = min(FIRST_RETRY * 2 ** min(member.attempts, _DOUBLINGS), LAST_RETRY)
    connection.execute(
        """INSERT INTO unsettled (sink, lane, arrival, event_id, attempts, not_before, in_batch,
            code, device, until) VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, ?)
        ON CONFLICT (sink, lane, arrival) DO UPDATE SET attempts = excluded.attempts,
            not_before = excluded.not_before, in_batch = 0, code = excluded.code""",
        (
            sink,
            member.row.lane,
            member.row.arrival,
            member.row.event_id,
            member.attempts + 1,
            microseconds(now + delay),
            verdict.code,
            member.row.device,
            member.row.held_until(connection),
        ),
    )


def _bury(
    connection: sqlite3.Connection,
    sink: str,
    member: _Member,
    verdict: RecordVerdict,
    now: datetime,
) -> None:
    connection.execute(
        """INSERT INTO dead_letters (sink, event_id, arrival, code, detail, at, device, until)
        SELECT ?, ?, ?, ?, ?, ?, ?, ? WHERE NOT EXISTS (
            SELECT 1 FROM discarded WHERE sink = ? AND event_id = ?)
        ON CONFLICT (sink, event_id) DO UPDATE SET
            code = excluded.code, detail = excluded.detail, at = excluded.at""",
        (
            sink,
            member.row.event_id,
            member.row.arrival,
            verdict.code or "unspecified",
            verdict.detail,
            microseconds(now),
            member.row.device,
            member.row.held_until(connection),
            sink,
            member.row.event_id,
        ),
    )


def _count(
    connection: sqlite3.Connection, sink: str, device: int, counts: Counter[Verdict]
) -> None:
    connection.execute(
        """INSERT INTO sink_devices (sink, device, accepted, duplicate, rejected)
        VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (sink, device) DO UPDATE SET accepted = accepted + excluded.accepted,
            duplicate = duplicate + excluded.duplicate, rejected = rejected + excluded.rejected""",
        (
            sink,
            device,
            counts[Verdict.ACCEPTED],
            counts[Verdict.DUPLICATE],
            counts[Verdict.REJECTED],
        ),
    )
