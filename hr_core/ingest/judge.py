"""Judging one record on its own: is it what its event id says, and can its time be placed?

Pure: no database, no clock.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from protocols.identity import event_id
from protocols.records import Count, DeviceEvent, Flag, Punch, Record
from protocols.uplink import Observation

# What a database integer holds. JSON numbers know no bound, and one that no column takes would
# fail the whole batch on every retry.
_INT32 = range(-(2**31), 2**31)
_INT64 = range(-(2**63), 2**63)

# Before this no gateway of this protocol existed: a clock that was never set starts in 1970.
_NO_CLOCK_EARLIER = datetime(2020, 1, 1, tzinfo=UTC)


class Refusal(Struct, frozen=True):
    """Why a record can never be accepted as it is: a stable `code`, a `detail` for people."""

    code: str
    detail: str


class Arrival(Protocol):
    """What a gateway says of an arrival: of one record, or of a section of columns."""

    @property
    def received_at(self) -> datetime: ...

    @property
    def clock_offset_ms(self) -> int | None: ...

    @property
    def flags(self) -> tuple[Flag, ...]: ...


class Placed(Struct, frozen=True):
    """A sound record: its key and the instant of its device time, aware UTC."""

    key: bytes
    at: datetime


def judge(observation: Observation) -> Placed | Refusal:
    wrong = wrong_arrival(observation) or _wrong_time(observation) or _wrong_number(observation)
    if wrong is not None:
        return wrong
    key = event_id(observation.record)
    if key.hex() != observation.event_id:
        return Refusal("event_id_mismatch", f"the id of this record is {key.hex()}")
    zone = zone_named(observation.zone)
    if isinstance(zone, Refusal):
        return zone
    placed = _place(key, observation.record, zone)
    return (
        placed if isinstance(placed, Refusal) else wrong_text(*_named(observation.record)) or placed
    )


def same_fact(stored: Record, sent: Record) -> bool:
    """Whether two records of one event id say the same of the world.

    Flags, direction and method are the reader's judgement and change with its clock and profile.
    Channels disagree about a punch's verify, card, work code and bytes (protocols.identity), so
    two channels confirm each other; one channel must repeat itself.
    """
    match stored, sent:
        case Punch(), Punch():
            return stored.channel != sent.channel or _of_device(stored) == _of_device(sent)
        case Count(), Count():
            return _of_line(stored) == _of_line(sent)
        case DeviceEvent(), DeviceEvent():  # its raw bytes are in the key, the rest decodes them
            return bool(sent.raw) or stored.detail == sent.detail
        case _:
            return False


def wrong_text(*texts: str) -> Refusal | None:
    """No text column of PostgreSQL holds a NUL, and one would fail the whole batch."""
    if any("\0" in text for text in texts):
        return Refusal("bad_text", "a NUL stands in its serial, source or user id")
    return None


def _named(record: Record) -> tuple[str, ...]:
    if isinstance(record, Punch):
        return record.serial, record.user_id
    return (record.source if isinstance(record, Count) else record.serial,)


def _place(key: bytes, record: Record, zone: ZoneInfo) -> Placed | Refusal:
    if isinstance(record, Count):
        return Placed(key, record.source_time)
    try:
        # A wall clock that a DST change repeats is taken as the first of the two instants.
        return Placed(key, record.device_time.replace(tzinfo=zone).astimezone(UTC))
    except OverflowError:
        return no_instant(record.device_time, zone)


def no_instant(wall: datetime, zone: ZoneInfo) -> Refusal:
    return Refusal("bad_time", f"{wall} has no instant in {zone.key}")


def _of_device(punch: Punch) -> tuple[object, ...]:
    return punch.verify, punch.work_code, punch.card, punch.raw


def _of_line(count: Count) -> tuple[object, ...]:
    return count.value, count.badge, count.quality, count.raw


def wrong_arrival(arrival: Arrival) -> Refusal | None:
    if arrival.received_at.utcoffset() != timedelta(0):
        return Refusal("bad_time", "received_at must be UTC")
    unset = arrival.received_at < _NO_CLOCK_EARLIER
    if unset and Flag.GATEWAY_CLOCK_SUSPECT not in arrival.flags:
        return Refusal(
            "gateway_clock_unset",
            f"the gateway's clock said {arrival.received_at:%Y-%m-%d}, and it did not say that "
            "it doubts it",
        )
    if (arrival.clock_offset_ms or 0) not in _INT64:
        return Refusal("number_out_of_range", f"clock_offset_ms {arrival.clock_offset_ms}")
    return None


def zone_named(name: str) -> ZoneInfo | Refusal:
    zone = _zone(name)
    return zone or Refusal("unknown_zone", f"no time zone is named {name[:80]!r} here")


def _wrong_time(observation: Observation) -> Refusal | None:
    record = observation.record
    if isinstance(record, Count):
        if record.source_time.utcoffset() != timedelta(0):
            return Refusal("bad_time", "source_time of a count must be UTC")
    elif record.device_time.tzinfo is not None:
        return Refusal("bad_time", "device_time must be the device's wall clock, without a zone")
    return None


def _wrong_number(observation: Observation) -> Refusal | None:
    record = observation.record
    if isinstance(record, Punch) and not (
        record.state in _INT32 and record.verify in _INT32 and record.ordinal in _INT32
    ):
        return Refusal("number_out_of_range", "state, verify and ordinal are 32-bit numbers")
    if isinstance(record, Count) and not (record.value in _INT64 and record.seq in _INT64):
        return Refusal("number_out_of_range", "value and seq are 64-bit numbers")
    return None


@lru_cache(maxsize=1024)  # more zones than the world has; a peer's inventions push each other out
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: "" and "Asia" are folders
        return None
