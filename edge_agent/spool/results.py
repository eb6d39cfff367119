"""What the spool answers with."""

from datetime import datetime

from msgspec import Struct

from edge_agent.spool.lanes import Lane
from protocols.uplink import Observation, Watermark


class Appended(Struct, frozen=True, kw_only=True):
    """What became of one delivery: the three add up to the rows that it held."""

    stored: int
    known: int  # the same event was here already
    quarantined: int


class PendingBatch(Struct, frozen=True, kw_only=True):
    """The batch in flight of one sink: the same number, records and salt until it is settled.

    `previous` is the hash of the batch before, `salt` that of the records' digests;
    `first_arrival` and `last_arrival` bound the arrivals of the records, 0 without any.
    `watermarks` hold already when the batch is made: whatever its records are answered.
    """

    number: int
    previous: bytes
    salt: bytes
    observations: tuple[Observation, ...]
    first_arrival: int
    last_arrival: int
    watermarks: tuple[Watermark, ...] = ()


class Settled(Struct, frozen=True, kw_only=True):
    accepted: int
    duplicate: int
    rejected: int
    kept: int


class Corrected(Struct, frozen=True, kw_only=True):
    """Rows whose receipt time was moved, and rows announced to the core because it has them."""

    moved: int
    announced: int


class Backlog(Struct, frozen=True, kw_only=True):
    """What one sink has not settled, the batch in flight included."""

    rows: dict[Lane, int]
    oldest_received_at: datetime | None

    @property
    def total(self) -> int:
        return sum(self.rows.values())


class DeadLetter(Struct, frozen=True, kw_only=True):
    sink: str
    code: str
    detail: str | None
    at: datetime
    observation: Observation


class StoredEvent(Struct, frozen=True, kw_only=True):
    """One event and how far each sink is with it.

    sinks: `waiting`, `in_flight`, `kept` (sent, to be sent again), `dead`, `settled`
    """

    observation: Observation
    serial: str | None  # None: said by the gateway itself
    device_name: str | None
    lane: Lane
    arrival: int
    boot_id: str
    monotonic_ms: int
    sinks: dict[str, str]


class DeviceLedger(Struct, frozen=True, kw_only=True):
    """The counters of one device, see `reading.read_ledger`."""

    serial: str
    name: str
    on_device: int | None
    fetched: int
    received: int
    stored: int
    known: int
    quarantined: int
    quarantined_again: int
    deleted: int
    thinned: int
    acked: int
    acked_by: dict[str, int]
    last_fetch_at: datetime | None
    complete_until: datetime | None = None
    held_by: str | None = None


class SpoolStats(Struct, frozen=True, kw_only=True):
    """As `reading.read_ledger`, typed."""

    schema: int
    devices: tuple[DeviceLedger, ...]
    backlog: dict[str, dict[Lane, int]]
    dead_letters: dict[str, int]
    quarantined: int
    file_bytes: int
    oldest_received_at: datetime | None = None
    checkpoint_failure: str | None = None
