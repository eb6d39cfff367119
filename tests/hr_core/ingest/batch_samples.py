"""Records and batches that the tests of uplink, ingest and API share."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from protocols.identity import event_id
from protocols.records import Count, DeviceEvent, Direction, Punch, Record
from protocols.uplink import Batch, Observation

NOW = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
GATEWAY = "gate-1"


def punch(number: int = 0, **changes) -> Punch:
    """A different punch for each number, one a minute from 08:00."""
    fields = {
        "serial": "ZK0001",
        "user_id": f"{1000 + number}",
        "device_time": datetime(2026, 11, 21, 8) + timedelta(minutes=number),
        "state": 0,
        "verify": 15,
        "direction": Direction.IN,
        "raw": b"\x00\xff" + number.to_bytes(4, "little"),
    }
    return Punch(**fields | changes)


def count(number: int = 0, **changes) -> Count:
    fields = {
        "source": "LINE-1",
        "tag": "good",
        "metric": "pieces",
        "value": 100 + number,
        "boot_id": "b1",
        "seq": number,
        "source_time": datetime(2026, 11, 21, 0, 0, number % 60, tzinfo=UTC),
    }
    return Count(**fields | changes)


def device_event(**changes) -> DeviceEvent:
    fields = {
        "serial": "ZK0001",
        "code": "power_on",
        "device_time": datetime(2026, 11, 21, 7, 59),
        "detail": {"op": 0},
    }
    return DeviceEvent(**fields | changes)


def observe(record: Record, **changes) -> Observation:
    fields = {
        "event_id": changes.get("event_id") or event_id(record).hex(),
        "record": record,
        "received_at": NOW,
        "zone": "Asia/Shanghai",
        "clock_offset_ms": -1500,
    }
    return Observation(**fields | changes)


def batch_of(
    *observations: Observation, number: int = 1, gateway: str = GATEWAY, salt: str | None = None
) -> Batch:
    return Batch(
        gateway=gateway,
        site="plant",
        number=number,
        salt=salt or sha256(f"{gateway} {number}".encode()).hexdigest(),
        observations=observations,
    )


def punch_batch(size: int, *, first: int = 0, number: int = 1) -> Batch:
    return batch_of(*(observe(punch(first + n)) for n in range(size)), number=number)
