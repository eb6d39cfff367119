"""The raw events: what gateways delivered, append-only, and how the rest of the core reads it.

One table holds punches, counts and device events. `body` is the record as it was sent (JSON of
protocols.records, without `raw`, which has its own column), so that a new field of a record needs
no migration and a conflict is a comparison of records. Beside it stand only the columns that
queries filter by. Readers get typed rows (`StoredPunch`, `StoredCount`, `StoredEvent`): decoding
the body costs a fraction of fetching as many columns.

The key is the event id, whose first six bytes are the device's wall clock, and the table is
clustered by it: writes grow at one end (specs/perf/baseline.md 2), and a range of instants is a
range of keys, because no zone is a day away from UTC. So readers by time need no index; readers
by person scan the time range. No other index stands beside it: each took a fifth of the time of an
insert, and totals per device are kept in a table of their own (hr_core.store.event_totals).
"""

from collections.abc import Collection, Container, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from hr_core.store.database import UtcInstant, metadata
from hr_core.store.event_rows import (
    EventRow,
    Row,
    StoredCount,
    StoredEvent,
    StoredPunch,
    stored_count,
    stored_event,
    stored_punch,
    whole_record,
)
from hr_core.store.event_totals import Kind, count_events, count_events_per_device
from protocols.identity import EVENT_ID_BYTES
from protocols.records import Record

__all__ = [
    "Kind",
    "StoredCount",
    "StoredEvent",
    "StoredPunch",
    "batches",
    "count_events",
    "count_events_per_device",
    "counts_between",
    "counts_ingested_since",
    "distinct_device_users",
    "event_by_id",
    "event_ids",
    "event_ids_between",
    "events_before",
    "gateways",
    "last_counts_before",
    "latest_punch",
    "punches_between",
    "punches_of_users",
    "raw_events",
]

raw_events = sa.Table(
    "raw_events",
    metadata,
    sa.Column("event_id", sa.LargeBinary(EVENT_ID_BYTES), primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    # serial of the device; for counts the name of the source
    sa.Column("device", sa.Text, nullable=False),
    # punches only, else NULL
    sa.Column("user_id", sa.Text),
    sa.Column("at", UtcInstant, nullable=False),
    sa.Column("zone", sa.Text, nullable=False),
    # when the bytes arrived at the gateway, by the gateway's clock
    sa.Column("received_at", UtcInstant, nullable=False),
    sa.Column("clock_offset_ms", sa.BigInteger),
    # what the gateway flagged, as a JSON list; the record's own flags are in `body`
    sa.Column("flags", sa.Text, nullable=False),
    sa.Column("gateway", sa.Text, nullable=False),
    sa.Column("batch", sa.BigInteger, nullable=False),
    # its place in the batch, and the salt of its digest there
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("salt", sa.LargeBinary(16), nullable=False),
    sa.Column("ingested_at", UtcInstant, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("raw", sa.LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# The chain of each gateway (hr_core.store.chains). Numbers run from 1 without a gap.
batches = sa.Table(
    "batches",
    metadata,
    sa.Column("gateway", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True),
    # the signed head, as protocols.batch_chain spells it; `batch_hash` is what the next one names
    sa.Column("batch_hash", sa.LargeBinary(32), nullable=False),
    sa.Column("previous", sa.LargeBinary(32), nullable=False),
    sa.Column("content_type", sa.Text, nullable=False),
    sa.Column("body_digest", sa.LargeBinary(32), nullable=False),
    sa.Column("records", sa.Integer, nullable=False),
    sa.Column("root", sa.LargeBinary(32), nullable=False),
    sa.Column("signature", sa.LargeBinary(64), nullable=False),
    # the gateway's public key that signed it
    sa.Column("key", sa.LargeBinary(32), nullable=False),
    sa.Column("site", sa.Text, nullable=False),
    sa.Column("received_at", UtcInstant, nullable=False),
    # what the gateway said of its devices, JSON (protocols.uplink.Watermark)
    sa.Column("watermarks", sa.LargeBinary, nullable=False),
    # the core's own signature over what the gateway's does not cover (hr_core.audit.receipt)
    sa.Column("core_key", sa.LargeBinary(32), nullable=False),
    sa.Column("receipt", sa.LargeBinary(64), nullable=False),
    # by position in the batch: what became of the record (1 byte), its salted digest (32)
    sa.Column("outcomes", sa.LargeBinary, nullable=False),
    sa.Column("digests", sa.LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

gateways = sa.Table(
    "gateways",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("site", sa.Text, nullable=False),
    sa.Column("created_at", UtcInstant, nullable=False),
)

# What event_rows.stored_punch and stored_count unpack, in their order.
READER_COLUMNS = (
    raw_events.c.event_id,
    raw_events.c.at,
    raw_events.c.zone,
    raw_events.c.received_at,
    raw_events.c.clock_offset_ms,
    raw_events.c.flags,
    raw_events.c.body,
)

_STAMP_EPOCH = datetime(1, 1, 1)  # noqa: DTZ001 - the naive epoch of protocols.identity
_STAMP_BYTES = 6
_LARGEST_STAMP = (1 << 8 * _STAMP_BYTES) - 1  # in the year 8920: no later time has an event id
_MILLISECOND = timedelta(milliseconds=1)
_LARGEST_OFFSET_MS = 24 * 3_600_000  # more than any zone's distance from UTC, now or in history
_KEYS_PER_SELECT = 500  # under SQLite's oldest limit of variables in one statement (999)
_MOST_LOOKED_BACK = 5_000  # a box of 64 counters has told each of them many times in as many rows
_ROWS_AT_A_TIME = 2_000  # a month's punches of a large site must not be in memory twice


def events_before(conn: sa.Connection, rows: Sequence[EventRow]) -> dict[bytes, Record]:
    """Of the ids of `rows` those that came here in another place of a batch, with their record."""
    places = {row[0]: (row.gateway, row.batch, row.position) for row in rows}
    keys = list(places)
    table = raw_events.c
    found: dict[bytes, Record] = {}
    for start in range(0, len(keys), _KEYS_PER_SELECT):
        query = sa.select(
            table.event_id, table.gateway, table.batch, table.position, table.body, table.raw
        ).where(table.event_id.in_(keys[start : start + _KEYS_PER_SELECT]))
        for key, gateway, batch, position, body, raw in conn.execute(query):
            if places[key] != (gateway, batch, position):
                found[key] = whole_record(body, raw)
    return found


def punches_between(
    conn: sa.Connection, start_utc: datetime, end_utc: datetime
) -> Iterator[StoredPunch]:
    """Punches with start_utc <= at < end_utc, by device time (sort by `at` across zones)."""
    for row in _rows_between(conn, "punch", start_utc, end_utc):
        yield stored_punch(row)


def punches_of_users(
    conn: sa.Connection, user_ids: Collection[str], start_utc: datetime, end_utc: datetime
) -> Iterator[StoredPunch]:
    """As punches_between, only of these user ids, on whatever device."""
    wanted = raw_events.c.user_id.in_(sorted(user_ids))
    for row in _rows_between(conn, "punch", start_utc, end_utc, wanted):
        yield stored_punch(row)


def counts_between(
    conn: sa.Connection, start_utc: datetime, end_utc: datetime
) -> Iterator[StoredCount]:
    """Counter readings with start_utc <= at < end_utc, by source time."""
    for row in _rows_between(conn, "count", start_utc, end_utc):
        yield stored_count(row)


def counts_ingested_since(
    conn: sa.Connection,
    ingested_from: datetime,
    start_utc: datetime,
    end_utc: datetime,
    known: Container[bytes] = (),
) -> list[StoredCount]:
    """Readings that came in at or after `ingested_from`, with start_utc <= at < end_utc.

    Those whose event id is `known` are left out, undecoded.
    """
    rows = _rows_between(
        conn, "count", start_utc, end_utc, raw_events.c.ingested_at >= ingested_from
    )
    return [stored_count(row) for row in rows if row.event_id not in known]


def last_counts_before(
    conn: sa.Connection, source: str, before_utc: datetime, look_back: timedelta
) -> list[StoredCount]:
    """The last good reading before `before_utc` of each counter of a source, at most `look_back` old.

    Reads backwards, and not beyond _MOST_LOOKED_BACK rows: a counter that has been silent for so
    long has no starting point.
    """
    table = raw_events.c
    backwards = (
        sa.select(*READER_COLUMNS)
        .where(
            table.kind == "count",
            table.device == source,
            table.event_id < _first_key(before_utc, 0),
            table.event_id >= _first_key(before_utc - look_back, 0),
        )
        .order_by(table.event_id.desc())
        .limit(_MOST_LOOKED_BACK)
    )
    found: dict[tuple[str, str, str | None], StoredCount] = {}
    for row in conn.execute(backwards):
        count = stored_count(row)
        if count.quality != "good":
            continue
        found.setdefault((count.tag, count.metric, count.reject_code), count)
    return list(found.values())


def latest_punch(conn: sa.Connection) -> StoredPunch | None:
    """The last one by its device's clock, however wrong that is."""
    newest = (
        sa.select(*READER_COLUMNS)
        .where(raw_events.c.kind == "punch")
        .order_by(raw_events.c.event_id.desc())
        .limit(1)
    )
    row = conn.execute(newest).one_or_none()
    return None if row is None else stored_punch(row)


def event_by_id(conn: sa.Connection, event_id: bytes) -> StoredEvent | None:
    row = conn.execute(sa.select(raw_events).where(raw_events.c.event_id == event_id)).one_or_none()
    return None if row is None else stored_event(row)


def event_ids_between(conn: sa.Connection, first: bytes, last: bytes, *, limit: int) -> list[bytes]:
    """Of the ids from `first` to `last`, both included, the first `limit`."""
    key = raw_events.c.event_id
    query = sa.select(key).where(key >= first, key <= last).order_by(key).limit(limit)
    return list(conn.execute(query).scalars())


def event_ids(conn: sa.Connection, kind: Kind | None) -> Iterator[bytes]:
    """Every id, of one kind or of all, in the order of the devices' times."""
    query = sa.select(raw_events.c.event_id).order_by(raw_events.c.event_id)
    if kind is not None:
        query = query.where(raw_events.c.kind == kind)
    for row in conn.execution_options(yield_per=_ROWS_AT_A_TIME).execute(query):
        yield row.event_id


def distinct_device_users(conn: sa.Connection) -> list[tuple[str, str]]:
    """(serial, user id) of everybody who ever punched, sorted. Reads every punch."""
    pairs = (
        sa.select(raw_events.c.device, raw_events.c.user_id)
        .where(raw_events.c.kind == "punch")
        .distinct()
        .order_by(raw_events.c.device, raw_events.c.user_id)
    )
    return [(device, user_id) for device, user_id in conn.execute(pairs)]


def _rows_between(
    conn: sa.Connection,
    kind: Kind,
    start_utc: datetime,
    end_utc: datetime,
    wanted: sa.ColumnElement[bool] | None = None,
) -> Iterator[Row]:
    table = raw_events.c
    rows = (
        sa.select(*READER_COLUMNS)
        .where(
            table.event_id >= _first_key(start_utc, -_LARGEST_OFFSET_MS),
            table.event_id < _first_key(end_utc, _LARGEST_OFFSET_MS),
            # An expression, or SQLite without statistics takes an index on kind for the better one.
            table.kind.concat("") == kind,
            table.at >= start_utc,
            table.at < end_utc,
        )
        .order_by(table.event_id)
    )
    if wanted is not None:
        rows = rows.where(wanted)
    yield from conn.execute(rows, execution_options={"yield_per": _ROWS_AT_A_TIME})


def _first_key(instant: datetime, shift_ms: int) -> bytes:
    """The lowest event id of the millisecond `shift_ms` after the UTC wall clock of `instant`."""
    wall = instant.astimezone(UTC).replace(tzinfo=None)
    stamp: int = (wall - _STAMP_EPOCH) // _MILLISECOND + shift_ms
    return min(max(stamp, 0), _LARGEST_STAMP).to_bytes(_STAMP_BYTES, "big")
