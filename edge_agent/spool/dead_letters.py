"""Dead letters: records that a sink refused, and what a person does about them.

A record is never changed: its identity is its bytes, and they are the proof of a payslip. What can be
mended is the cause, at the sink; then the record is sent again as it is. What turns out to be no punch
for anybody is discarded: kept whole, with the reason, for ever, and the sink is told.
"""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from edge_agent.spool.acts import Act, Person, What, acts_about, deciding, looking, note
from edge_agent.spool.codec import instant, microseconds
from edge_agent.spool.stored_rows import StoredRow, row_of_arrival
from protocols.records import Count, Record
from protocols.uplink import Observation

# Of one transaction: a live punch that comes meanwhile waits a few milliseconds.
AT_A_TIME = 500

_LETTERS = """
    SELECT event_id, arrival, code, detail, at FROM dead_letters WHERE sink = ?
    ORDER BY at, event_id"""

_REPLAY = """
    INSERT INTO unsettled (sink, lane, arrival, event_id, attempts, not_before, in_batch, code,
        device, until)
    VALUES (?, ?, ?, ?, 1, ?, 0, ?, ?, ?)
    ON CONFLICT (sink, lane, arrival) DO UPDATE SET not_before = excluded.not_before"""

_DISCARD = """
    INSERT OR REPLACE INTO discarded (sink, event_id, code, detail, refused_at, observation, act)
    VALUES (?, ?, ?, ?, ?, ?, ?)"""


class Letter(Struct, frozen=True, kw_only=True):
    """`acts`: what people did about it so far."""

    sink: str
    row: StoredRow
    device_name: str | None
    code: str
    detail: str | None
    at: datetime
    acts: tuple[Act, ...]

    @property
    def event_id(self) -> str:
        return self.row.event_id.hex()


class Discarded(Struct, frozen=True, kw_only=True):
    """Settled for good by a person."""

    sink: str
    code: str
    detail: str | None
    refused_at: datetime
    observation: Observation
    by: Act


class DeadLetters(Struct, frozen=True, kw_only=True):
    """Of one sink, the oldest first. `sinks`: all that the spool knows."""

    letters: tuple[Letter, ...]
    discarded: tuple[Discarded, ...]
    sinks: tuple[str, ...]


_observation = msgspec.json.Decoder(Observation)


def read_dead_letters(path: Path, sink: str) -> DeadLetters:
    """Reads beside a running agent. Raises SpoolError."""
    with looking(path) as connection:
        names = dict(connection.execute("SELECT device, name FROM devices"))
        letters = []
        for identity, arrival, code, detail, at in connection.execute(_LETTERS, (sink,)).fetchall():
            row = row_of_arrival(connection, arrival)
            letters.append(
                Letter(
                    sink=sink,
                    row=row,
                    device_name=names.get(row.device),
                    code=code,
                    detail=detail,
                    at=instant(at),
                    acts=acts_about(connection, identity.hex()),
                )
            )
        sinks = connection.execute("SELECT DISTINCT sink FROM batches ORDER BY sink")
        return DeadLetters(
            letters=tuple(letters),
            discarded=_discarded(connection, sink),
            sinks=tuple(name for (name,) in sinks),
        )


def annotate(path: Path, letters: Sequence[Letter], text: str, person: Person) -> None:
    """Raises SpoolError."""
    for start in range(0, len(letters), AT_A_TIME):
        with deciding(path) as connection:
            for letter in letters[start : start + AT_A_TIME]:
                _note(connection, letter, What.DEAD_NOTED, person, text)


def replay(path: Path, letters: Sequence[Letter], person: Person) -> int:
    """Sends them again with the next batches. Returns how many: another may have been faster.
    Raises SpoolError.
    """
    done = 0
    for start in range(0, len(letters), AT_A_TIME):
        with deciding(path) as connection:
            for letter in letters[start : start + AT_A_TIME]:
                if not _take_out(connection, letter):
                    continue
                row = letter.row
                connection.execute(
                    _REPLAY,
                    (
                        letter.sink,
                        row.lane,
                        row.arrival,
                        row.event_id,
                        microseconds(person.at),
                        letter.code,
                        row.device,
                        row.held_until(connection),
                    ),
                )
                _note(connection, letter, What.DEAD_REPLAYED, person, None)
                done += 1
    return done


def discard(path: Path, letters: Sequence[Letter], reason: str, person: Person) -> int:
    """Settles them for good. Returns how many. Raises SpoolError."""
    done = 0
    for start in range(0, len(letters), AT_A_TIME):
        with deciding(path) as connection:
            for letter in letters[start : start + AT_A_TIME]:
                if not _take_out(connection, letter):
                    continue
                act = _note(connection, letter, What.DEAD_DISCARDED, person, reason)
                connection.execute(
                    _DISCARD,
                    (
                        letter.sink,
                        letter.row.event_id,
                        letter.code,
                        letter.detail,
                        microseconds(letter.at),
                        msgspec.json.encode(letter.row.observation()),
                        act,
                    ),
                )
                done += 1
    return done


def serial_of(record: Record) -> str:
    return record.source if isinstance(record, Count) else record.serial


def _discarded(connection: sqlite3.Connection, sink: str) -> tuple[Discarded, ...]:
    rows = connection.execute(
        """SELECT event_id, code, detail, refused_at, observation, act FROM discarded
        WHERE sink = ? ORDER BY act""",
        (sink,),
    ).fetchall()
    found = []
    for identity, code, detail, refused_at, observation, number in rows:
        acts = acts_about(connection, identity.hex(), [What.DEAD_DISCARDED])
        found += [
            Discarded(
                sink=sink,
                code=code,
                detail=detail,
                refused_at=instant(refused_at),
                observation=_observation.decode(observation),
                by=act,
            )
            for act in acts
            if act.number == number
        ]
    return tuple(found)


def _take_out(connection: sqlite3.Connection, letter: Letter) -> bool:
    gone = connection.execute(
        "DELETE FROM dead_letters WHERE sink = ? AND event_id = ?",
        (letter.sink, letter.row.event_id),
    )
    return gone.rowcount == 1


def _note(
    connection: sqlite3.Connection, letter: Letter, what: What, person: Person, text: str | None
) -> int:
    return note(
        connection,
        person,
        what,
        subject=letter.event_id,
        serial=serial_of(letter.row.record),
        sink=letter.sink,
        reason=text,
    )
