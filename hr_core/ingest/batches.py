"""Ingest: one batch in, one durable transaction, one verdict per record out.

Sending a batch again is always safe: it is known by its place in the chain, what is stored already
is answered as duplicate, and a stored record is never overwritten.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from hr_core.audit.receipt import with_receipt
from hr_core.ingest.judge import Placed, Refusal, judge, same_fact
from hr_core.ingest.opening import OpenedBatch, Unreadable
from hr_core.store.chains import Outcome, StoredBatch, add_batch, place, replace_batch
from hr_core.store.database import to_microseconds, writing
from hr_core.store.device_gateways import note_deliveries
from hr_core.store.event_rows import EventRow, encode_flags, split_record, whole_record
from hr_core.store.events import add_new_events, raw_events
from hr_core.store.refusals import add_refusals
from hr_core.store.watermarks import note_watermarks
from protocols.batch_chain import BatchHead
from protocols.record_digest import record_salt
from protocols.records import Count, Punch, Record
from protocols.signing import SigningKey
from protocols.uplink import Answer, Observation, RecordVerdict, Verdict

_KEYS_PER_SELECT = 500  # under SQLite's oldest limit of variables in one statement (999)
_OUTCOMES = {
    Verdict.ACCEPTED: Outcome.ACCEPTED,
    Verdict.DUPLICATE: Outcome.DUPLICATE,
    Verdict.REJECTED: Outcome.REJECTED,
    Verdict.KEEP: Outcome.KEPT,
}
_HERE = frozenset({ord(Outcome.ACCEPTED), ord(Outcome.DUPLICATE)})


class _Sound(Struct, frozen=True, gc=False):
    observation: Observation
    placed: Placed
    position: int


class _Judged(Struct, frozen=True):
    """Both by event id as it was sent: records to store unless they are here, verdicts of others."""

    sound: dict[str, _Sound]
    verdicts: dict[str, RecordVerdict]


def ingest_batch(
    engine: sa.Engine, batch: OpenedBatch, *, received_at: datetime, core_key: SigningKey
) -> Answer:
    """Judges and stores; when it returns, the batch and every accepted record are durable.

    `received_at` is the core's clock, aware UTC. Raises ChainForkError and ChainGapError when the
    batch does not follow the last one of its gateway, StorageError when the database fails or is
    held by another writer: nothing of the batch was stored then.
    """
    with writing(engine) as conn:
        return ingest_opened(conn, batch, received_at=received_at, core_key=core_key)


def ingest_opened(
    conn: sa.Connection, batch: OpenedBatch, *, received_at: datetime, core_key: SigningKey
) -> Answer:
    """As `ingest_batch`, in the caller's write transaction."""
    gateway = batch.signed.head.gateway
    earlier = place(conn, batch.signed)
    stored_at = received_at if earlier is None else earlier.received_at
    judged = _judge_each(batch, earlier)
    rows = _store_new(conn, batch, judged, stored_at)
    outcomes = _outcomes(batch, judged, earlier)
    kept = batch_row(batch, outcomes, received_at) if earlier is None else earlier
    if earlier is None:
        add_batch(conn, with_receipt(kept, core_key))
        note_watermarks(conn, gateway, batch.signed.head.number, batch.watermarks, at=received_at)
        count_refused(conn, gateway, judged.verdicts.values(), received_at)
    elif outcomes != earlier.outcomes:
        replace_batch(conn, with_receipt(replace(earlier, outcomes=outcomes), core_key))
    _note_deliveries(conn, batch, rows, judged.verdicts, received_at)
    return Answer(
        number=batch.signed.head.number,
        batch_hash=kept.batch_hash.hex(),
        verdicts=tuple(
            judged.verdicts[event_id]
            for event_id in dict.fromkeys(record.event_id for record in batch.records)
        ),
    )


def _judge_each(batch: OpenedBatch, earlier: StoredBatch | None) -> _Judged:
    """An id that comes twice with different content can get one verdict only: it is refused whole,
    so that the gateway keeps both as dead letters and a person decides.

    What an earlier copy of this batch brought is here, or was erased since: it is not stored anew.
    """
    sound: dict[str, _Sound] = {}
    verdicts: dict[str, RecordVerdict] = {}
    for position, record in enumerate(batch.records):
        event_id = record.event_id
        if earlier is not None and earlier.outcomes[position] in _HERE:
            verdicts[event_id] = RecordVerdict(event_id=event_id, verdict=Verdict.DUPLICATE)
        elif isinstance(record, Unreadable):
            verdicts[event_id] = RecordVerdict(
                event_id=event_id,
                verdict=Verdict.KEEP,
                code="undecodable_record",
                detail=record.detail,
            )
    for position, record in enumerate(batch.records):
        event_id = record.event_id
        if event_id in verdicts or isinstance(record, Unreadable):
            continue
        finding = judge(record)
        if isinstance(finding, Refusal):
            verdicts[event_id] = rejected(event_id, finding.code, finding.detail)
            sound.pop(event_id, None)
            continue
        first = sound.setdefault(event_id, _Sound(record, finding, position))
        if not same_fact(first.observation.record, record.record):
            detail = "the batch holds two different records with this id"
            verdicts[event_id] = rejected(event_id, "conflicting_record", detail)
            del sound[event_id]
    return _Judged(sound, verdicts)


def _store_new(
    conn: sa.Connection, batch: OpenedBatch, judged: _Judged, stored_at: datetime
) -> list[EventRow]:
    """Stores the sound records that are not here; adds the verdict of each sound one."""
    rows: list[EventRow] = []
    here = _stored_records(conn, [one.placed.key for one in judged.sound.values()])
    for event_id, one in judged.sound.items():
        known = here.get(one.placed.key)
        if known is None:
            rows.append(
                event_row(
                    one.observation,
                    one.placed,
                    head=batch.signed.head,
                    position=one.position,
                    salt=record_salt(batch.salt, one.position),
                    stored_at=stored_at,
                )
            )
            verdict = RecordVerdict(event_id=event_id, verdict=Verdict.ACCEPTED)
        elif same_fact(known, one.observation.record):
            verdict = RecordVerdict(event_id=event_id, verdict=Verdict.DUPLICATE)
        else:
            verdict = conflict_with_stored(event_id)
        judged.verdicts[event_id] = verdict
    add_new_events(conn, rows)
    return rows


def _outcomes(batch: OpenedBatch, judged: _Judged, earlier: StoredBatch | None) -> bytes:
    """Of an id that comes twice with equal content, the first is the one that is stored."""
    found = bytearray()
    for position, record in enumerate(batch.records):
        outcome = _OUTCOMES[judged.verdicts[record.event_id].verdict]
        if outcome is Outcome.ACCEPTED and judged.sound[record.event_id].position != position:
            outcome = Outcome.DUPLICATE
        if earlier is not None and earlier.outcomes[position] in _HERE:
            found.append(earlier.outcomes[position])
        else:
            found.append(ord(outcome))
    return bytes(found)


def batch_row(batch: OpenedBatch, outcomes: bytes, received_at: datetime) -> StoredBatch:
    """Without the receipt."""
    head = batch.signed.head
    return StoredBatch(
        gateway=head.gateway,
        number=head.number,
        batch_hash=batch.signed.batch_hash(),
        previous=head.previous,
        content_type=head.content_type,
        body_digest=head.body_digest,
        records=head.records,
        root=head.records_root,
        signature=batch.signed.signature,
        key=batch.key,
        site=batch.site,
        received_at=received_at,
        watermarks=msgspec.json.encode(batch.watermarks),
        core_key=b"",
        receipt=b"",
        outcomes=outcomes,
        digests=b"".join(batch.digests),
    )


def count_refused(
    conn: sa.Connection, gateway: str, verdicts: Iterable[RecordVerdict], at: datetime
) -> None:
    refused = [one for one in verdicts if one.code is not None]
    last = {one.code: one.detail or "" for one in refused}
    for code, times in Counter(one.code for one in refused).items():
        assert code is not None  # noqa: S101 - those without a code were left out
        add_refusals(conn, gateway, code, times=times, what=last[code], at=at)


def _note_deliveries(
    conn: sa.Connection,
    batch: OpenedBatch,
    rows: list[EventRow],
    verdicts: dict[str, RecordVerdict],
    at: datetime,
) -> None:
    known = {
        record.event_id: _device_of(record.record)
        for record in batch.records
        if isinstance(record, Observation)
        and verdicts[record.event_id].verdict is Verdict.DUPLICATE
    }
    note_deliveries(
        conn,
        batch.signed.head.gateway,
        accepted=[row.device for row in rows],
        duplicate=known.values(),
        at=at,
    )


def _stored_records(conn: sa.Connection, keys: Sequence[bytes]) -> dict[bytes, Record]:
    stored: dict[bytes, Record] = {}
    table = raw_events.c
    for start in range(0, len(keys), _KEYS_PER_SELECT):
        chunk = keys[start : start + _KEYS_PER_SELECT]
        found = sa.select(table.event_id, table.body, table.raw).where(table.event_id.in_(chunk))
        for row in conn.execute(found):
            stored[row.event_id] = whole_record(row.body, row.raw)
    return stored


def event_row(
    observation: Observation,
    placed: Placed,
    *,
    head: BatchHead,
    position: int,
    salt: bytes,
    stored_at: datetime,
) -> EventRow:
    record = observation.record
    body, raw = split_record(record)
    return EventRow(
        placed.key,
        str(record.__struct_config__.tag),
        _device_of(record),
        record.user_id if isinstance(record, Punch) else None,
        to_microseconds(placed.at),
        observation.zone,
        to_microseconds(observation.received_at),
        observation.clock_offset_ms,
        encode_flags(observation.flags),
        head.gateway,
        head.number,
        position,
        salt,
        to_microseconds(stored_at),
        body,
        raw,
    )


def _device_of(record: Record) -> str:
    return record.source if isinstance(record, Count) else record.serial


def rejected(event_id: str, code: str, detail: str) -> RecordVerdict:
    return RecordVerdict(event_id=event_id, verdict=Verdict.REJECTED, code=code, detail=detail)


def conflict_with_stored(event_id: str) -> RecordVerdict:
    detail = "the core holds a different record with this id and keeps that one"
    return rejected(event_id, "conflicting_record", detail)
