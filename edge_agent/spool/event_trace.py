"""One event in the spool: where it lies, with which batches it went, what became of it."""

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from edge_agent.spool.acts import Act, acts_about, looking
from edge_agent.spool.chain import BatchTally
from edge_agent.spool.codec import instant
from edge_agent.spool.inspection import find_event
from edge_agent.spool.lanes import Lane
from edge_agent.spool.results import StoredEvent
from edge_agent.spool.stored_rows import rows_of_moments
from protocols.event_prefix import EventPrefix
from protocols.identity import event_moment
from protocols.uplink import Observation

# A prefix of 8 digits is a minute; at the gate of a factory some hundred people pass in it.
MOST_FOUND = 20

_WORDS = {
    "waiting": "not sent yet",
    "in_flight": "sent, not answered yet",
    "settled": "it has it: accepted, or duplicate because it had it before",
}

_tally = msgspec.msgpack.Decoder(BatchTally)
_observation = msgspec.json.Decoder(Observation)


class SentWith(Struct, frozen=True, kw_only=True):
    """A batch that carried the event. `again`: because the sink had asked to keep it, or a person
    replayed it. `answered_at` None: it is in flight. `batch_hash` as the sink's chain has it.
    """

    sink: str
    number: int
    batch_hash: str | None
    answered_at: datetime | None
    records: int | None
    again: bool


class Verdicts(Struct, frozen=True, kw_only=True):
    """What a sink made of the event: `state` as of StoredEvent.sinks, or `discarded`. `words` says
    what is known of its last answer; `code` and `detail` are the sink's.
    """

    sink: str
    state: str
    words: str
    code: str | None = None
    detail: str | None = None


class SpooledTrace(Struct, frozen=True, kw_only=True):
    """`page`: first and last arrival of the page; None with `stored` for a discarded event whose page
    went by age. `cursor` of its device.
    """

    observation: Observation
    stored: StoredEvent | None
    page: tuple[int, int] | None
    received_by_clock: str
    cursor: bytes | None
    batches: tuple[SentWith, ...]
    verdicts: tuple[Verdicts, ...]
    acts: tuple[Act, ...]


class Candidate(Struct, frozen=True, kw_only=True):
    """One of several events that a prefix names."""

    event_id: str
    observation: Observation


def trace_event(path: Path, prefix: EventPrefix) -> SpooledTrace | Sequence[Candidate]:
    """The trace; or the events that `prefix` names where it names none or several (at most
    MOST_FOUND). Reads beside a running agent. Raises SpoolError.
    """
    with looking(path) as connection:
        found = dict(_named(connection, prefix))
        if len(found) != 1:
            return [
                Candidate(event_id=identity.hex(), observation=seen)
                for identity, (seen, _) in sorted(found.items())[:MOST_FOUND]
            ]
        ((identity, (seen, page)),) = found.items()
        stored = find_event(connection, identity)
        return SpooledTrace(
            observation=seen,
            stored=stored,
            page=page,
            received_by_clock=_clock_word(seen),
            cursor=None if stored is None else _cursor(connection, stored),
            batches=() if stored is None else tuple(_batches(connection, stored)),
            verdicts=tuple(_verdicts(connection, identity, stored)),
            acts=acts_about(connection, identity.hex()),
        )


def _named(
    connection: sqlite3.Connection, prefix: EventPrefix
) -> Iterator[tuple[bytes, tuple[Observation, tuple[int, int] | None]]]:
    gone = connection.execute(
        "SELECT event_id, observation FROM discarded WHERE event_id BETWEEN ? AND ?",
        (prefix.first, prefix.last),
    )
    for identity, observation in gone:
        yield identity, (_observation.decode(observation), None)
    moments = event_moment(prefix.first), event_moment(prefix.last)
    count = 0
    for row, page in rows_of_moments(connection, *moments):
        if prefix.names(row.event_id):
            yield row.event_id, (row.observation(), page)
            count += 1
            if count > MOST_FOUND:
                return


def _clock_word(seen: Observation) -> str:
    return "not trusted when it arrived" if "gateway_clock_suspect" in seen.flags else "trusted"


def _cursor(connection: sqlite3.Connection, stored: StoredEvent) -> bytes | None:
    row = connection.execute(
        "SELECT cursor FROM devices WHERE serial = ?", (stored.serial,)
    ).fetchone()
    return None if row is None else row[0]


def _batches(connection: sqlite3.Connection, stored: StoredEvent) -> Iterator[SentWith]:
    for sink, state in sorted(stored.sinks.items()):
        if state != "waiting":
            yield from _answered(connection, sink, stored)
        if state == "in_flight":
            number = connection.execute(
                "SELECT number FROM batches WHERE sink = ?", (sink,)
            ).fetchone()[0]
            yield SentWith(
                sink=sink, number=number, batch_hash=None, answered_at=None, records=None,
                again=stored.arrival <= _position(connection, sink, stored.lane),
            )  # fmt: skip


def _answered(connection: sqlite3.Connection, sink: str, stored: StoredEvent) -> Iterator[SentWith]:
    """The first batch whose positions reach the arrival carried it as new."""
    links = connection.execute(
        "SELECT number FROM sent_batches WHERE sink = ? ORDER BY number", (sink,)
    ).fetchall()
    numbers = [number for (number,) in links]
    low, high = 0, len(numbers)
    while low < high:
        middle = (low + high) // 2
        if _reaches(connection, sink, numbers[middle], stored):
            high = middle
        else:
            low = middle + 1
    # The oldest link left may reach it without having carried it: those before went by age.
    if low < len(numbers) and (low > 0 or numbers[0] == 1):
        yield _link(connection, sink, numbers[low], again=False)
    kept = connection.execute(
        "SELECT number, tally FROM sent_batches WHERE sink = ? AND kept ORDER BY number", (sink,)
    )
    for number, tally in kept.fetchall():
        if stored.arrival in _tally.decode(tally).kept:
            yield _link(connection, sink, number, again=True)


def _reaches(connection: sqlite3.Connection, sink: str, number: int, stored: StoredEvent) -> bool:
    tally = connection.execute(
        "SELECT tally FROM sent_batches WHERE sink = ? AND number = ?", (sink, number)
    ).fetchone()[0]
    return _tally.decode(tally).positions.get(stored.lane.number, 0) >= stored.arrival


def _link(connection: sqlite3.Connection, sink: str, number: int, *, again: bool) -> SentWith:
    batch_hash, answered_at, records = connection.execute(
        "SELECT batch_hash, answered_at, records FROM sent_batches WHERE sink = ? AND number = ?",
        (sink, number),
    ).fetchone()
    return SentWith(
        sink=sink,
        number=number,
        batch_hash=batch_hash.hex(),
        answered_at=instant(answered_at),
        records=records,
        again=again,
    )


def _verdicts(
    connection: sqlite3.Connection, identity: bytes, stored: StoredEvent | None
) -> Iterator[Verdicts]:
    given_up = {
        sink: (code, detail)
        for sink, code, detail in connection.execute(
            "SELECT sink, code, detail FROM discarded WHERE event_id = ?", (identity,)
        )
    }
    states = {} if stored is None else stored.sinks
    for sink in sorted({*states, *given_up}):
        if sink in given_up and states.get(sink, "settled") == "settled":
            code, detail = given_up[sink]
            words = "was refused, and a person discarded it"
            yield Verdicts(sink=sink, state="discarded", words=words, code=code, detail=detail)
        else:
            assert stored is not None  # noqa: S101 - it has a state
            yield _verdict(connection, sink, states[sink], identity, stored)


def _verdict(
    connection: sqlite3.Connection, sink: str, state: str, identity: bytes, stored: StoredEvent
) -> Verdicts:
    if state == "dead":
        code, detail = connection.execute(
            "SELECT code, detail FROM dead_letters WHERE sink = ? AND event_id = ?",
            (sink, identity),
        ).fetchone()
        return Verdicts(sink=sink, state=state, words="rejected", code=code, detail=detail)
    if state == "kept":
        row = connection.execute(
            "SELECT code FROM unsettled WHERE sink = ? AND arrival = ?", (sink, stored.arrival)
        ).fetchone()
        words = "to be sent again: it asked to keep it, or a person replayed it"
        return Verdicts(sink=sink, state=state, words=words, code=row[0])
    return Verdicts(sink=sink, state=state, words=_WORDS[state])


def _position(connection: sqlite3.Connection, sink: str, lane: Lane) -> int:
    row = connection.execute(
        "SELECT position FROM sinks WHERE sink = ? AND lane = ?", (sink, lane.number)
    ).fetchone()
    return int(row[0])
