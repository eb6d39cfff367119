"""Ingest: one batch in, one durable transaction, one verdict per record out.

Sending a batch again is always safe: what is stored already is answered as duplicate, and a
stored record is never overwritten.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from hr_core.ingest.judge import Placed, Refusal, judge, same_fact
from hr_core.store.database import insert_or_ignore, writing
from hr_core.store.device_gateways import note_deliveries
from hr_core.store.errors import StorageBusyError
from hr_core.store.event_rows import encode_flags, split_record, whole_record
from hr_core.store.events import batches, raw_events
from protocols.errors import LimitExceededError
from protocols.records import Count, Punch, Record
from protocols.uplink import Answer, Batch, Observation, RecordVerdict, Verdict, encode_batch

_KEYS_PER_SELECT = 500  # under SQLite's oldest limit of variables in one statement (999)
_LARGEST_NUMBER = 2**63 - 1  # what the database's integer holds


class _Sound(Struct, frozen=True, gc=False):
    observation: Observation
    placed: Placed


def ingest_batch(engine: sa.Engine, batch: Batch, *, received_at: datetime) -> Answer:
    """Judges and stores; when it returns, every accepted record is durable.

    `received_at` is the core's clock, aware UTC. A database held by another writer makes the sound
    records `keep`. Raises LimitExceededError for a batch number that no database integer holds,
    StorageError when the database fails: nothing of the batch was stored then.
    """
    if not 0 <= batch.number <= _LARGEST_NUMBER:
        raise LimitExceededError(f"batch number {batch.number}", limit=_LARGEST_NUMBER)
    sound, verdicts = _judge_each(batch.observations)
    try:
        verdicts |= _store(engine, batch, sound, received_at)
    except StorageBusyError as exc:
        verdicts |= {
            event_id: RecordVerdict(
                event_id=event_id, verdict=Verdict.KEEP, code="core_busy", detail=exc.what
            )
            for event_id in sound
        }
    in_order = dict.fromkeys(observation.event_id for observation in batch.observations)
    return Answer(number=batch.number, verdicts=tuple(verdicts[event_id] for event_id in in_order))


def _judge_each(
    observations: Iterable[Observation],
) -> tuple[dict[str, _Sound], dict[str, RecordVerdict]]:
    """(sound records, verdicts of the others), both by event id as it was sent.

    An id that comes twice with different content can get one verdict only: it is refused whole, so
    that the gateway keeps both as dead letters and a person decides.
    """
    sound: dict[str, _Sound] = {}
    refused: dict[str, RecordVerdict] = {}
    for observation in observations:
        event_id = observation.event_id
        if event_id in refused:
            continue
        finding = judge(observation)
        if isinstance(finding, Refusal):
            refused[event_id] = _rejected(event_id, finding.code, finding.detail)
            sound.pop(event_id, None)
            continue
        earlier = sound.setdefault(event_id, _Sound(observation, finding))
        if not same_fact(earlier.observation.record, observation.record):
            detail = "the batch holds two different records with this id"
            refused[event_id] = _rejected(event_id, "conflicting_record", detail)
            del sound[event_id]
    return sound, refused


def _store(
    engine: sa.Engine, batch: Batch, sound: dict[str, _Sound], received_at: datetime
) -> dict[str, RecordVerdict]:
    verdicts: dict[str, RecordVerdict] = {}
    rows: list[dict[str, Any]] = []
    with writing(engine) as conn:
        stored = _stored_records(conn, [one.placed.key for one in sound.values()])
        for event_id, one in sound.items():
            known = stored.get(one.placed.key)
            if known is None:
                rows.append(_row(one, batch, received_at))
                verdicts[event_id] = RecordVerdict(event_id=event_id, verdict=Verdict.ACCEPTED)
            elif same_fact(known, one.observation.record):
                verdicts[event_id] = RecordVerdict(event_id=event_id, verdict=Verdict.DUPLICATE)
            else:
                detail = "the core holds a different record with this id and keeps that one"
                verdicts[event_id] = _rejected(event_id, "conflicting_record", detail)
        if rows:
            conn.execute(raw_events.insert(), rows)
        note_deliveries(
            conn,
            batch.gateway,
            accepted=[row["device"] for row in rows],
            duplicate=[
                _device_of(one.observation.record)
                for event_id, one in sound.items()
                if verdicts[event_id].verdict is Verdict.DUPLICATE
            ],
            at=received_at,
        )
        conn.execute(
            insert_or_ignore(conn, batches).values(
                gateway=batch.gateway,
                number=batch.number,
                body_digest=blake2b(encode_batch(batch), digest_size=32).digest(),
                received_at=received_at,
                records=len(batch.observations),
            )
        )
    return verdicts


def _stored_records(conn: sa.Connection, keys: Sequence[bytes]) -> dict[bytes, Record]:
    stored: dict[bytes, Record] = {}
    table = raw_events.c
    for start in range(0, len(keys), _KEYS_PER_SELECT):
        chunk = keys[start : start + _KEYS_PER_SELECT]
        found = sa.select(table.event_id, table.body, table.raw).where(table.event_id.in_(chunk))
        for row in conn.execute(found):
            stored[row.event_id] = whole_record(row.body, row.raw)
    return stored


def _row(one: _Sound, batch: Batch, received_at: datetime) -> dict[str, Any]:
    observation = one.observation
    record = observation.record
    body, raw = split_record(record)
    return {
        "event_id": one.placed.key,
        "kind": record.__struct_config__.tag,
        "device": _device_of(record),
        "user_id": record.user_id if isinstance(record, Punch) else None,
        "at": one.placed.at,
        "zone": observation.zone,
        "received_at": observation.received_at,
        "clock_offset_ms": observation.clock_offset_ms,
        "flags": encode_flags(observation.flags),
        "gateway": batch.gateway,
        "batch": batch.number,
        "ingested_at": received_at,
        "body": body,
        "raw": raw,
    }


def _device_of(record: Record) -> str:
    return record.source if isinstance(record, Count) else record.serial


def _rejected(event_id: str, code: str, detail: str) -> RecordVerdict:
    return RecordVerdict(event_id=event_id, verdict=Verdict.REJECTED, code=code, detail=detail)
