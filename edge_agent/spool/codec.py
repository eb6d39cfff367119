"""What the gateway knows of an arrival, as columns; times to and from integer microseconds."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from edge_agent.spool.lanes import LANE_BY_NUMBER, Lane
from protocols.records import Flag

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class PastReading(Struct, frozen=True, kw_only=True):
    """A device's clock at its last whole read: when that began (aware UTC), how far it was off."""

    read_from: datetime
    offset_ms: int


class Envelope(Struct, frozen=True, kw_only=True):
    """What the gateway knows about the arrival of a delivery.

    reading   set with the last page of a whole read, for the rows that the next one brings
    """

    device_name: str
    zone: str
    lane: Lane
    received_at: datetime
    monotonic_ms: int
    clock_offset_ms: int | None = None
    flags: tuple[Flag, ...] = ()
    reading: PastReading | None = None


def microseconds(instant: datetime) -> int:
    """Since 1970-01-01 UTC. A naive `instant` raises TypeError: it would be a guess."""
    return (instant - _EPOCH) // _MICROSECOND


def instant(since_epoch: int) -> datetime:
    return _EPOCH + since_epoch * _MICROSECOND


@lru_cache(maxsize=64)
def encode_flags(flags: tuple[Flag, ...]) -> tuple[str, int]:
    """The columns `flags` and `suspect`. The latter is apart because it changes later."""
    others = [flag.value for flag in flags if flag is not Flag.GATEWAY_CLOCK_SUSPECT]
    return " ".join(others), int(Flag.GATEWAY_CLOCK_SUSPECT in flags)


@lru_cache(maxsize=64)
def is_sound_envelope(lane: int, zone: str, flags: str) -> bool:
    """Whether these columns of a page are ones that we write."""
    try:
        decode_flags(flags, 0)
        ZoneInfo(zone)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return False
    return lane in LANE_BY_NUMBER


def decode_flags(words: str, suspect: int) -> tuple[Flag, ...]:
    decoded = tuple(Flag(word) for word in words.split())
    return (*decoded, Flag.GATEWAY_CLOCK_SUSPECT) if suspect else decoded
