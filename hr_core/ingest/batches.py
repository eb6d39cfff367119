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
from hr_core.ingest.judge import Refusal, same_fact
from hr_core.ingest.opening import OpenedBatch, Unreadable
from hr_core.ingest.rows import BatchRows, device_of
from hr_core.ingest.storing import Stored, store_new
from hr_core.store.chains import Outcome, StoredBatch, add_batch, place, replace_batch
from hr_core.store.database import writing
from hr_core.store.device_gateways import note_deliveries
from hr_core.store.event_rows import EventRow, whole_record
from hr_core.store.refusals import add_refusals
from hr_core.store.watermarks import note_watermarks
from protocols.signing import SigningKey
from protocols.uplink import Answer, Observation, RecordVerdict, Verdict

_OUTCOMES = {
    Verdict.ACCEPTED: Outcome.ACCEPTED,
    Verdict.DUPLICATE: Outcome.DUPLICATE,
    Verdict.REJECTED: Outcome.REJECTED,
    Verdict.KEEP: Outcome.KEPT,
}
_ACCEPTED, _DUPLICATE = Outcome.ACCEPTED.encode(), Outcome.DUPLICATE.encode()
_HERE = frozenset(_ACCEPTED + _DUPLICATE)


class _Judged(Struct, frozen=True):
    """Both by event id as it was sent: rows to store unless they are here, verdicts of others."""

    sound: dict[str, EventRow]
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
    judged = _judge_each(batch, earlier, stored_at)
    stored = _store_new(conn, judged)
    all_new = len(judged.sound) == len(batch.records) and not stored.here
    outcomes = _ACCEPTED * len(batch.records) if all_new else _outcomes(batch, judged, earlier)
    kept = batch_row(batch, outcomes, received_at) if earlier is None else earlier
    if earlier is None:
        add_batch(conn, with_receipt(kept, core_key))
        note_watermarks(conn, gateway, batch.signed.head.number, batch.watermarks, at=received_at)
        count_refused(conn, gateway, judged.verdicts.values(), received_at)
    elif outcomes != earlier.outcomes:
        replace_batch(conn, with_receipt(replace(earlier, outcomes=outcomes), core_key))
    note_deliveries(
        conn,
        gateway,
        accepted=stored.new_of_devices(),
        duplicate=Counter() if all_new else _known_devices(batch, judged),
        at=received_at,
    )
    return Answer(
        number=batch.signed.head.number,
        batch_hash=kept.batch_hash.hex(),
        verdicts=tuple(
            map(judged.verdicts.__getitem__, dict.fromkeys([one.event_id for one in batch.records]))
        ),
    )


def _judge_each(batch: OpenedBatch, earlier: StoredBatch | None, stored_at: datetime) -> _Judged:
    """An id that comes twice with different content can get one verdict only: it is refused whole,
    so that the gateway keeps both as dead letters and a person decides.

    What an earlier copy of this batch brought is here, or was erased since: it is not stored anew.
    """
    sound: dict[str, EventRow] = {}
    verdicts = _settled_before(batch, earlier)
    rows = BatchRows(
        batch.signed.head, salts=batch.salts, spelled=batch.spelled, stored_at=stored_at
    )
    ids = [record.event_id for record in batch.records]
    if not verdicts and len(set(ids)) == len(ids):
        return _judge_distinct(batch.records, rows)
    for position, record in enumerate(batch.records):
        event_id = record.event_id
        if event_id in verdicts or isinstance(record, Unreadable):
            continue
        row = rows.row(position, record)
        if isinstance(row, Refusal):
            verdicts[event_id] = rejected(event_id, row.code, row.detail)
            sound.pop(event_id, None)
            continue
        first = sound.setdefault(event_id, row)
        if first is not row and not same_fact(whole_record(first.body, first.raw), record.record):
            detail = "the batch holds two different records with this id"
            verdicts[event_id] = rejected(event_id, "conflicting_record", detail)
            del sound[event_id]
    return _Judged(sound, verdicts)


def _judge_distinct(records: Sequence[Observation | Unreadable], rows: BatchRows) -> _Judged:
    """Of a batch in which no id comes twice and nothing is settled."""
    found = rows.rows(0, [one for one in records if isinstance(one, Observation)])
    verdicts = {}
    for position, refusal in found.refused.items():
        event_id = records[position].event_id
        verdicts[event_id] = rejected(event_id, refusal.code, refusal.detail)
    return _Judged({records[row.position].event_id: row for row in found.rows}, verdicts)


def _settled_before(batch: OpenedBatch, earlier: StoredBatch | None) -> dict[str, RecordVerdict]:
    """Verdicts on what need not, and what cannot, be judged."""
    verdicts: dict[str, RecordVerdict] = {}
    if earlier is None and Unreadable not in set(map(type, batch.records)):
        return verdicts
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
    return verdicts


def _store_new(conn: sa.Connection, judged: _Judged) -> Stored:
    """Stores the sound records that are not here; adds the verdict of each sound one."""
    stored = store_new(conn, list(judged.sound.values()))
    judged.verdicts.update(
        (event_id, RecordVerdict(event_id=event_id, verdict=Verdict.ACCEPTED))
        for event_id in judged.sound
    )
    for event_id, row in judged.sound.items() if stored.here else ():
        known = stored.here.get(row.event_id)
        if known is not None:
            judged.verdicts[event_id] = (
                RecordVerdict(event_id=event_id, verdict=Verdict.DUPLICATE)
                if same_fact(known, whole_record(row.body, row.raw))
                else conflict_with_stored(event_id)
            )
    return stored


def _outcomes(batch: OpenedBatch, judged: _Judged, earlier: StoredBatch | None) -> bytes:
    """Of an id that comes twice with equal content, the first is the one that is stored."""
    found = bytearray()
    for position, record in enumerate(batch.records):
        verdict = judged.verdicts[record.event_id].verdict
        if earlier is not None and earlier.outcomes[position] in _HERE:
            found.append(earlier.outcomes[position])
        elif verdict is not Verdict.ACCEPTED:
            found += _OUTCOMES[verdict].encode()
        else:
            first = judged.sound[record.event_id].position == position
            found += _ACCEPTED if first else _DUPLICATE
    return bytes(found)


def _known_devices(batch: OpenedBatch, judged: _Judged) -> Counter[str]:
    """How many records of each device were here already."""
    known = {
        event_id
        for event_id, verdict in judged.verdicts.items()
        if verdict.verdict is Verdict.DUPLICATE
    }
    if not known:
        return Counter()
    records = {one.event_id: one for one in batch.records if isinstance(one, Observation)}
    return Counter(device_of(records[one].record) for one in known & records.keys())


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


def rejected(event_id: str, code: str, detail: str) -> RecordVerdict:
    return RecordVerdict(event_id=event_id, verdict=Verdict.REJECTED, code=code, detail=detail)


def conflict_with_stored(event_id: str) -> RecordVerdict:
    detail = "the core holds a different record with this id and keeps that one"
    return rejected(event_id, "conflicting_record", detail)
