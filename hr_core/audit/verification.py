"""Does everything that is stored still stand as its gateways signed it?

Two walks. The first goes along each chain: signatures, links, numbers without a gap, root over the
digests, our own receipt. The second goes over the stored events: each must be the record whose
digest stands at its place in its batch, and none that was accepted may be missing unless it was
erased. Between them every stored byte is held against a signature.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from hr_core.audit.receipt import check_receipt
from hr_core.ingest.judge import Placed, judge
from hr_core.store.chains import Outcome, StoredBatch, batch_of, chain_of, chained_gateways
from hr_core.store.erasures import erasures
from hr_core.store.event_rows import encode_flags, split_record, stored_event
from hr_core.store.events import raw_events
from hr_core.store.gateway_keys import keys_of
from protocols.batch_chain import NO_BATCH
from protocols.errors import ProtocolError
from protocols.record_digest import DIGEST_BYTES, merkle_root, record_bytes, record_digest
from protocols.records import Count, Punch
from protocols.signing import SignatureError
from protocols.uplink import Observation

# Events are walked in order of device time, so a few batches of each gateway are open at a time.
_OPEN_BATCHES = 200  # of at most 165 kB each
_ROWS_AT_A_TIME = 2_000
MAX_FAULTS = 100  # of a chain: more tell nobody more

# What a flipped byte makes of a value that is decoded.
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, ValueError, OverflowError, TypeError)


class Fault(Struct, frozen=True, kw_only=True):
    """`number`: of the batch that does not stand as it was signed."""

    gateway: str
    number: int
    what: str


class ChainReport(Struct, frozen=True, kw_only=True):
    """One gateway's chain. `last` is the number of its last batch."""

    gateway: str
    batches: int
    records: int
    stored: int
    erased: int
    last: int
    last_at: datetime | None
    faults: tuple[Fault, ...]


def verify_chains(conn: sa.Connection, gateway: str | None = None) -> list[ChainReport]:
    """Of one gateway or all, sorted. A name that only damaged events know has a report too."""
    names = chained_gateways(conn) if gateway is None else [gateway]
    walks = {name: _Walk(name) for name in names}
    for walk in walks.values():
        walk.along_chain(conn)
    _over_events(conn, gateway, walks)
    for walk in walks.values():
        walk.look_for_missing()
    return [walks[name].report() for name in sorted(walks)]


def verify_event(conn: sa.Connection, event_id: bytes) -> list[str]:
    """What is wrong with one stored event and its batch; [] when both stand as they were signed."""
    row = conn.execute(sa.select(raw_events).where(raw_events.c.event_id == event_id)).one()
    batch = batch_of(conn, row.gateway, row.batch)
    keys = {key.public_key for key in keys_of(conn, row.gateway)}
    faults = [] if batch is None else list(_wrong_with(batch, keys))
    wrong = _wrong_with_event(row, batch)
    return faults if wrong is None else [*faults, wrong]


class _Walk:
    def __init__(self, gateway: str) -> None:
        self._gateway = gateway
        self._faults: list[Fault] = []
        self._awaited: Counter[int] = Counter()  # by batch: accepted, not erased, not seen yet
        self._batches = self._records = self._stored = self._erased = 0
        self._last = 0
        self._last_at: datetime | None = None

    def along_chain(self, conn: sa.Connection) -> None:
        keys = {key.public_key for key in keys_of(conn, self._gateway)}
        erased = _erased(conn, self._gateway)
        links = {NO_BATCH.batch_hash}
        for batch in chain_of(conn, self._gateway):
            if batch.number != self._last + 1:
                self._fault(self._last + 1, f"is missing: the next one here is {batch.number}")
            elif batch.previous not in links:
                self._fault(batch.number, "does not name the batch before it")
            for what in _wrong_with(batch, keys):
                self._fault(batch.number, what)
            gone = erased.get(batch.number, set())
            accepted = {
                position
                for position, outcome in enumerate(batch.outcomes)
                if outcome == ord(Outcome.ACCEPTED)
            }
            if not gone <= accepted:
                self._fault(batch.number, "has an erasure where no record was stored")
            self._awaited[batch.number] = len(accepted - gone)
            self._batches += 1
            self._records += batch.records
            self._erased += len(gone)
            self._last, self._last_at = batch.number, batch.received_at
            # Either tells the same chain; a damaged hash is this batch's fault, not the next one's.
            links = {batch.batch_hash, batch.signed().batch_hash()}

    def see(self, number: int, what: str | None) -> None:
        """An event that says it is of batch `number`; `what` is wrong with it."""
        self._stored += 1
        if what is None:
            self._awaited[number] -= 1
        else:
            self._fault(number, what)

    def look_for_missing(self) -> None:
        for number, missing in self._awaited.items():
            if missing > 0:
                self._fault(number, f"lacks {missing} stored records as they were signed")

    def report(self) -> ChainReport:
        return ChainReport(
            gateway=self._gateway,
            batches=self._batches,
            records=self._records,
            stored=self._stored,
            erased=self._erased,
            last=self._last,
            last_at=self._last_at,
            faults=tuple(self._faults),
        )

    def _fault(self, number: int, what: str) -> None:
        if len(self._faults) < MAX_FAULTS:
            self._faults.append(Fault(gateway=self._gateway, number=number, what=what))


def _wrong_with(batch: StoredBatch, keys: set[bytes]) -> Iterator[str]:
    signed = batch.signed()
    if signed.batch_hash() != batch.batch_hash:
        yield "its head is not the one that was hashed"
    if batch.key not in keys:
        yield "it is signed by a key that this gateway never had"
    try:
        signed.check(batch.key)
    except SignatureError:
        yield "its gateway did not sign this head"
    try:
        check_receipt(batch)
    except SignatureError:
        yield "this core did not sign its receipt"
    digests = _split(batch.digests)
    if len(digests) != batch.records or merkle_root(digests) != batch.root:
        yield "its digests do not make its signed root"
    if len(batch.outcomes) != batch.records:
        yield "it has not one outcome for each record"


def _over_events(conn: sa.Connection, gateway: str | None, walks: dict[str, _Walk]) -> None:
    @lru_cache(maxsize=_OPEN_BATCHES)
    def opened(name: str, number: int) -> StoredBatch | None:
        return batch_of(conn, name, number)

    query = sa.select(raw_events).order_by(raw_events.c.event_id)
    if gateway is not None:
        query = query.where(raw_events.c.gateway == gateway)
    for row in conn.execute(query, execution_options={"yield_per": _ROWS_AT_A_TIME}):
        batch = opened(row.gateway, row.batch)
        walk = walks.setdefault(row.gateway, _Walk(row.gateway))
        walk.see(row.batch, _wrong_with_event(row, batch))


def _wrong_with_event(row: sa.Row[Any], batch: StoredBatch | None) -> str | None:
    name = f"event {row.event_id.hex()}"
    if batch is None:
        return f"{name} names this batch, which is not here"
    position = row.position
    if not (0 <= position < len(batch.outcomes)) or batch.outcomes[position] != ord(
        Outcome.ACCEPTED
    ):
        return f"{name} stands where no record was stored"
    try:
        wrong = _is_changed(row, batch.digests[position * DIGEST_BYTES :][:DIGEST_BYTES])
    except (*_UNREADABLE, ProtocolError):
        return f"{name} cannot be read any more"
    if wrong or row.ingested_at != batch.received_at:
        return f"{name} is not as it was signed and stored"
    return None


def _is_changed(row: sa.Row[Any], digest: bytes) -> bool:
    event = stored_event(row)
    record = event.record
    observation = Observation(
        event_id=row.event_id.hex(),
        record=record,
        received_at=event.received_at,
        zone=event.zone,
        clock_offset_ms=event.clock_offset_ms,
        flags=event.flags,
    )
    if record_digest(row.salt, record_bytes(observation)) != digest:
        return True
    placed = judge(observation)
    derived = (
        record.__struct_config__.tag,
        record.source if isinstance(record, Count) else record.serial,
        record.user_id if isinstance(record, Punch) else None,
        split_record(record),
        encode_flags(event.flags),
        placed.at if isinstance(placed, Placed) else None,
    )
    return derived != (
        row.kind, row.device, row.user_id, (row.body, row.raw), row.flags, row.at
    )  # fmt: skip


def _erased(conn: sa.Connection, gateway: str) -> dict[int, set[int]]:
    query = sa.select(erasures.c.batch, erasures.c.position).where(erasures.c.gateway == gateway)
    gone: dict[int, set[int]] = {}
    for batch, position in conn.execute(query):
        gone.setdefault(batch, set()).add(position)
    return gone


def _split(digests: bytes) -> list[bytes]:
    return [digests[start : start + DIGEST_BYTES] for start in range(0, len(digests), DIGEST_BYTES)]
