"""Judging a batch in columns: the verdicts and rows of `ingest_batch`, column by column.

What is plain goes the short way: every id once in the batch, the rows straight from the columns. A
batch that names an id twice, which no sound gateway sends, is judged record by record.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from hr_core.audit.receipt import with_receipt
from hr_core.ingest.batches import (
    batch_row,
    conflict_with_stored,
    count_refused,
    ingest_opened,
    rejected,
)
from hr_core.ingest.instants import EPOCH, Instants
from hr_core.ingest.judge import (
    Refusal,
    no_instant,
    same_fact,
    wrong_arrival,
    wrong_text,
    zone_named,
)
from hr_core.ingest.opening import OpenedBatch
from hr_core.ingest.rows import BatchRows
from hr_core.ingest.storing import store_new
from hr_core.store.batch_pages import StoredPage
from hr_core.store.chains import Outcome, add_batch
from hr_core.store.database import to_microseconds
from hr_core.store.device_gateways import note_deliveries
from hr_core.store.event_rows import EventRow, encode_flags, rows_of_columns, whole_record
from hr_core.store.watermarks import note_watermarks
from protocols.column_batch import ColumnBatch, PunchSection, RowSection
from protocols.punch_spelling import spelled_without_raw
from protocols.record_digest import merkle_root, record_bytes, record_digest, record_salts
from protocols.signing import SigningKey
from protocols.uplink import Answer, RecordVerdict, Verdict

_ACCEPTED, _REJECTED = Outcome.ACCEPTED.encode(), Outcome.REJECTED.encode()
_MILLISECOND = timedelta(milliseconds=1)
_US_OF_MS = 1_000


class _Settled(Struct, frozen=True):
    """By position; and how many records of each device are new, or were here already."""

    verdicts: list[RecordVerdict]
    outcomes: bytes
    new: Counter[str]
    known: Counter[str]


def judge_columns(
    conn: sa.Connection, page: StoredPage, batch: ColumnBatch, core_key: SigningKey
) -> Answer:
    """Judges and stores `batch`, which is what `page` holds, in the caller's write transaction."""
    laid_out = _LaidOut(page, batch)
    digests = list(map(record_digest, laid_out.salts, laid_out.spelled))
    opened = OpenedBatch(
        signed=page.signed(),
        key=page.key,
        site=batch.site,
        records=(),
        salts=laid_out.salts,
        spelled=laid_out.spelled,
        digests=digests,
        watermarks=batch.watermarks,
    )
    ids = laid_out.ids
    if merkle_root(digests) != page.root:
        refused = [rejected(one, "root_mismatch", _NOT_THE_ROOT) for one in ids]
        settled = _Settled(refused, _REJECTED * len(ids), Counter(), Counter())
    elif len(set(ids)) != len(ids):
        whole = replace(opened, records=batch.batch().observations)
        return ingest_opened(conn, whole, received_at=page.received_at, core_key=core_key)
    else:
        settled = _store(conn, laid_out)
        note_watermarks(conn, page.gateway, page.number, batch.watermarks, at=page.received_at)
    add_batch(conn, with_receipt(batch_row(opened, settled.outcomes, page.received_at), core_key))
    count_refused(conn, page.gateway, settled.verdicts, page.received_at)
    note_deliveries(
        conn, page.gateway, accepted=settled.new, duplicate=settled.known, at=page.received_at
    )
    by_id = {one.event_id: one for one in settled.verdicts}
    return Answer(
        number=page.number, batch_hash=page.batch_hash.hex(), verdicts=tuple(by_id.values())
    )


_NOT_THE_ROOT = "the records of this batch are not those that its head was signed for"


class _LaidOut:
    """A batch by position: ids as they were sent, the salts and bytes of the digests; the rows of
    sound records, and why the others are refused.
    """

    def __init__(self, page: StoredPage, batch: ColumnBatch) -> None:
        self.ids: list[str] = []
        self.rows: list[EventRow] = []
        self.refused: dict[int, Refusal] = {}
        self.spelled: list[bytes] = []
        self.salts = record_salts(batch.salt, page.records)
        self._page = page
        self._judge = BatchRows(
            page.signed().head,
            salts=self.salts,
            spelled=self.spelled,
            stored_at=page.received_at,
        )
        for section in batch.sections:
            if isinstance(section, RowSection):
                self._add_rows(section)
            else:
                self._add_punches(section)

    def _add_rows(self, section: RowSection) -> None:
        first = len(self.ids)
        self.ids += [one.event_id for one in section.rows]
        self.spelled += map(record_bytes, section.rows)
        found = self._judge.rows(first, section.rows)
        self.rows += found.rows
        self.refused |= found.refused

    def _add_punches(self, section: PunchSection) -> None:
        columns, first = section.columns, len(self.ids)
        places = range(first, first + len(columns))
        ids, users = columns.event_ids(), columns.user_texts()
        bodies = spelled_without_raw(columns, users)
        self.ids += map(bytes.hex, ids)
        self.spelled += section.spelled(ids, bodies)
        zone = wrong_arrival(section) or zone_named(section.zone)
        if isinstance(zone, Refusal):
            self.refused.update(dict.fromkeys(places, zone))
            return
        instants = Instants(zone)
        at = [instants.of(time * _US_OF_MS) for time in columns.times]
        page, rows = self._page, len(columns)
        new = rows_of_columns(
            ids,
            ["punch"] * rows,
            [columns.serial] * rows,
            users,
            at,
            [section.zone] * rows,
            [to_microseconds(section.received_at)] * rows,
            [section.clock_offset_ms] * rows,
            [encode_flags(section.flags)] * rows,
            [page.gateway] * rows,
            [page.number] * rows,
            places,
            self.salts[first : first + rows],
            [to_microseconds(page.received_at)] * rows,
            bodies,
            columns.raw_rows(),
        )
        if "\0" in columns.serial or "\0" in "".join(users):
            self._refuse_texts(new)
        if None in at:
            for position, time, instant in zip(places, columns.times, at, strict=True):
                if instant is None:
                    wall = EPOCH + time * _MILLISECOND
                    self.refused[position] = no_instant(wall, zone)
        self.rows += (
            [row for row in new if row.position not in self.refused] if self.refused else new
        )

    def _refuse_texts(self, rows: Sequence[EventRow]) -> None:
        for row in rows:
            wrong = wrong_text(row.device, row.user_id or "")
            if wrong is not None:
                self.refused[row.position] = wrong


def _store(conn: sa.Connection, laid_out: _LaidOut) -> _Settled:
    ids, rows = laid_out.ids, laid_out.rows
    verdicts = [RecordVerdict(event_id=one, verdict=Verdict.ACCEPTED) for one in ids]
    outcomes = bytearray(_ACCEPTED * len(ids))
    for position, refusal in laid_out.refused.items():
        verdicts[position] = rejected(ids[position], refusal.code, refusal.detail)
        outcomes[position] = ord(Outcome.REJECTED)
    stored = store_new(conn, rows)
    known: Counter[str] = Counter()
    for row in rows if stored.here else ():
        here = stored.here.get(row.event_id)
        if here is None:
            continue
        position = row.position
        if same_fact(here, whole_record(row.body, row.raw)):
            verdicts[position] = RecordVerdict(event_id=ids[position], verdict=Verdict.DUPLICATE)
            outcomes[position] = ord(Outcome.DUPLICATE)
            known[row.device] += 1
        else:
            verdicts[position] = conflict_with_stored(ids[position])
            outcomes[position] = ord(Outcome.REJECTED)
    return _Settled(verdicts, bytes(outcomes), stored.new_of_devices(), known)
