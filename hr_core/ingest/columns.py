"""Judging a batch in columns: the verdicts and rows of `ingest_batch`, column by column.

What is plain goes the short way: every id once in the batch, the rows straight from the columns. A
batch that names an id twice, which no sound gateway sends, is judged record by record.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from msgspec.structs import replace

from hr_core.audit.receipt import with_receipt
from hr_core.ingest.batches import (
    batch_row,
    conflict_with_stored,
    count_refused,
    event_row,
    ingest_opened,
    rejected,
)
from hr_core.ingest.judge import (
    Refusal,
    judge,
    no_instant,
    same_fact,
    wrong_arrival,
    zone_named,
)
from hr_core.ingest.opening import OpenedBatch
from hr_core.store.batch_pages import StoredPage
from hr_core.store.chains import Outcome, add_batch
from hr_core.store.database import to_microseconds
from hr_core.store.device_gateways import note_deliveries
from hr_core.store.event_rows import EventRow, encode_flags, whole_record
from hr_core.store.events import add_new_events, events_of_others
from hr_core.store.watermarks import note_watermarks
from protocols.column_batch import ColumnBatch, PunchSection, RowSection
from protocols.punch_columns import PunchColumns
from protocols.punch_spelling import spelled_without_raw
from protocols.record_digest import merkle_root, record_bytes, record_digest, record_salt
from protocols.signing import SigningKey
from protocols.uplink import Answer, RecordVerdict, Verdict

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - device clocks are naive
_MICROSECOND = timedelta(microseconds=1)
_MILLISECOND = timedelta(milliseconds=1)
_HOUR = timedelta(hours=1)
_HOUR_MS = _HOUR // _MILLISECOND
# What a datetime in UTC holds.
_INSTANTS = range(
    to_microseconds(datetime.min.replace(tzinfo=UTC)),
    to_microseconds(datetime.max.replace(tzinfo=UTC)) + 1,
)
_OUTCOMES = {
    Verdict.ACCEPTED: Outcome.ACCEPTED,
    Verdict.DUPLICATE: Outcome.DUPLICATE,
    Verdict.REJECTED: Outcome.REJECTED,
}


def judge_columns(
    conn: sa.Connection, page: StoredPage, batch: ColumnBatch, core_key: SigningKey
) -> Answer:
    """Judges and stores `batch`, which is what `page` holds, in the caller's write transaction."""
    laid_out = _LaidOut(page, batch.salt)
    for section in batch.sections:
        if isinstance(section, RowSection):
            laid_out.add_rows(section)
        else:
            laid_out.add_punches(section)
    digests = laid_out.digests()
    opened = OpenedBatch(
        signed=page.signed(),
        key=page.key,
        site=batch.site,
        salt=batch.salt,
        records=(),
        digests=digests,
        watermarks=batch.watermarks,
    )
    ids = laid_out.ids
    if merkle_root(digests) != page.root:
        verdicts = [rejected(one, "root_mismatch", _NOT_THE_ROOT) for one in ids]
        new: list[EventRow] = []
        known: list[EventRow] = []
    elif len(set(ids)) != len(ids):
        whole = replace(opened, records=batch.batch().observations)
        return ingest_opened(conn, whole, received_at=page.received_at, core_key=core_key)
    else:
        verdicts, new, known = _store(conn, page, laid_out)
        note_watermarks(conn, page.gateway, page.number, batch.watermarks, at=page.received_at)
    outcomes = "".join([_OUTCOMES[one.verdict] for one in verdicts]).encode()
    add_batch(conn, with_receipt(batch_row(opened, outcomes, page.received_at), core_key))
    count_refused(conn, page.gateway, verdicts, page.received_at)
    note_deliveries(
        conn,
        page.gateway,
        accepted=[row.device for row in new],
        duplicate=[row.device for row in known],
        at=page.received_at,
    )
    by_id = {one.event_id: one for one in verdicts}
    return Answer(
        number=page.number, batch_hash=page.batch_hash.hex(), verdicts=tuple(by_id.values())
    )


_NOT_THE_ROOT = "the records of this batch are not those that its head was signed for"


class _LaidOut:
    """A batch by position: ids as they were sent, the bytes and salts of the digests; the rows of
    sound records, and why the others are refused.
    """

    def __init__(self, page: StoredPage, batch_salt: bytes) -> None:
        self.ids: list[str] = []
        self.rows: list[EventRow] = []
        self.refused: dict[int, Refusal] = {}
        self._page = page
        self._batch_salt = batch_salt
        self._spelled: list[bytes] = []
        self._salts = [record_salt(batch_salt, place) for place in range(page.records)]

    def digests(self) -> tuple[bytes, ...]:
        return tuple(map(record_digest, self._salts, self._spelled))

    def add_rows(self, section: RowSection) -> None:
        for observation in section.rows:
            position = len(self.ids)
            self.ids.append(observation.event_id)
            self._spelled.append(record_bytes(observation))
            finding = judge(observation)
            if isinstance(finding, Refusal):
                self.refused[position] = finding
            else:
                self.rows.append(
                    event_row(
                        observation,
                        finding,
                        head=self._page.signed().head,
                        position=position,
                        salt=self._salts[position],
                        stored_at=self._page.received_at,
                    )
                )

    def add_punches(self, section: PunchSection) -> None:
        columns, first = section.columns, len(self.ids)
        places = range(first, first + len(columns))
        ids, bodies = columns.event_ids(), spelled_without_raw(columns)
        self.ids += [identity.hex() for identity in ids]
        self._spelled += section.spelled(ids, bodies)
        zone = wrong_arrival(section) or zone_named(section.zone)
        if isinstance(zone, Refusal):
            self.refused.update(dict.fromkeys(places, zone))
            return
        instants = list(_instants(columns, zone))
        self.refused.update(
            (position, at)
            for position, at in zip(places, instants, strict=True)
            if isinstance(at, Refusal)
        )
        page = self._page
        received_at, stored_at = map(to_microseconds, (section.received_at, page.received_at))
        flags = encode_flags(section.flags)
        self.rows += [
            EventRow(
                identity,
                "punch",
                columns.serial,
                user_id,
                at,
                section.zone,
                received_at,
                section.clock_offset_ms,
                flags,
                page.gateway,
                page.number,
                position,
                self._salts[position],
                stored_at,
                body,
                raw,
            )
            for identity, user_id, at, position, body, raw in zip(
                ids, columns.user_texts(), instants, places, bodies, columns.raw_rows(), strict=True
            )
            if not isinstance(at, Refusal)
        ]


def _store(
    conn: sa.Connection, page: StoredPage, laid_out: _LaidOut
) -> tuple[list[RecordVerdict], list[EventRow], list[EventRow]]:
    """Verdicts by position, the rows that are new, those that were here already."""
    new = laid_out.rows
    known: list[EventRow] = []
    verdicts = [RecordVerdict(event_id=one, verdict=Verdict.ACCEPTED) for one in laid_out.ids]
    for position, refusal in laid_out.refused.items():
        verdicts[position] = rejected(laid_out.ids[position], refusal.code, refusal.detail)
    if add_new_events(conn, new) < len(new):
        keys = [row.event_id for row in new]
        here = events_of_others(conn, keys, gateway=page.gateway, batch=page.number)
        for row in new:
            if row.event_id not in here:
                continue
            position, sent = row.position, whole_record(row.body, row.raw)
            event_id = laid_out.ids[position]
            if same_fact(here[row.event_id], sent):
                verdicts[position] = RecordVerdict(event_id=event_id, verdict=Verdict.DUPLICATE)
                known.append(row)
            else:
                verdicts[position] = conflict_with_stored(event_id)
        new = [row for row in new if row.event_id not in here]
    return verdicts, new, known


def _instants(columns: PunchColumns, zone: ZoneInfo) -> Iterator[int | Refusal]:
    """Of each row: microseconds since 1970 UTC, as `judge` places it."""
    shifts: dict[int, int | None] = {}
    for time in columns.times:
        hour = time // _HOUR_MS
        if hour not in shifts:
            shifts[hour] = _shift_within(hour, zone)
        shift = shifts[hour]
        if shift is None:
            shift = _shift(_EPOCH + time * _MILLISECOND, zone)
        at = time * 1_000 - shift
        if at in _INSTANTS:
            yield at
        else:
            yield no_instant(_EPOCH + time * _MILLISECOND, zone)


def _shift_within(hour: int, zone: ZoneInfo) -> int | None:
    """The zone's distance from UTC; None when it changes within that hour since 1970."""
    first = _EPOCH + hour * _HOUR
    shift = _shift(first, zone)
    return shift if shift == _shift(first + (_HOUR - _MICROSECOND), zone) else None


def _shift(wall: datetime, zone: ZoneInfo) -> int:
    """In microseconds; of the first of two instants that a wall clock repeats."""
    offset = zone.utcoffset(wall)
    assert offset is not None  # noqa: S101 - a ZoneInfo knows it of every datetime
    return offset // _MICROSECOND
