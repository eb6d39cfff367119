"""What every device becomes: the records that edge and core share.

Frozen msgspec structs (0.1 us each where a frozen dataclass costs 4), so that a 100,000-row log
costs a fraction of a second and the uplink encodes them without a second model.

`raw` always travels: the device's own bytes, less biometric parts and passwords.
Device times are naive wall clocks, exactly as the device wrote them; instants are aware UTC.
"""

from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace


class Channel(StrEnum):
    """How a record reached the gateway."""

    PULL = "pull"
    PUSH = "push"
    LIVE = "live"
    FILE = "file"
    MANUAL = "manual"


class Direction(StrEnum):
    """What a punch's state number means on its device. UNKNOWN lets the core decide by shift."""

    IN = "in"
    OUT = "out"
    BREAK_OUT = "break_out"
    BREAK_IN = "break_in"
    OVERTIME_IN = "overtime_in"
    OVERTIME_OUT = "overtime_out"
    UNKNOWN = "unknown"


class Flag(StrEnum):
    """Facts about a record that someone downstream must see. A flag never drops a record."""

    REPEAT = "repeat"  # equal in every byte to a row of an earlier block of the same log
    CLOCK_SUSPECT = "clock_suspect"  # year 2000 to 2009 by default: a clock that lost its battery
    FUTURE = "future"  # later than the reader's clock allows
    STATE_UNKNOWN = "state_unknown"  # a state number outside the device's table
    FILL_PATTERN = "fill_pattern"  # fields filled with one byte (0x5A, 0xFF): worn flash
    GATEWAY_CLOCK_SUSPECT = "gateway_clock_suspect"  # received before the gateway knew the time


UNKNOWN_METHOD: Final = "unknown"


class Punch(
    Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="punch", tag_field="kind"
):
    """One row of a terminal's log.

    serial      the device, by its own serial number
    user_id     as the device knows the person: text, leading zeros kept
    device_time naive local wall clock, as the device wrote it
    state       raw number; 255 = the device does not ask for a direction
    verify      raw number of the way the person was recognised
    direction, method: what those numbers mean on this device (firmware profile)
    ordinal     0 for the first of equal punches (same time, serial, user, state), then 1, 2, …
    """

    serial: str
    user_id: str
    device_time: datetime
    state: int
    verify: int
    direction: Direction = Direction.UNKNOWN
    method: str = UNKNOWN_METHOD
    work_code: int | None = None
    card: str | None = None
    channel: Channel = Channel.PULL
    ordinal: int = 0
    flags: tuple[Flag, ...] = ()
    raw: bytes = b""


class Count(
    Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="count", tag_field="kind"
):
    """One reading of a cumulative counter of a production line. Deltas are derived by the core.

    source      the box (serial or configured name); `tag` the counter on it
    metric      what is counted; `reject_code` the reason where the line tells it
    value       cumulative, as read
    boot_id     changes when the counter may have restarted; `seq` orders readings within a boot
    source_time aware UTC instant of the reading
    badge       the operator the line itself reports at that instant, if any
    """

    source: str
    tag: str
    metric: Literal["pieces", "rejects"]
    value: int
    boot_id: str
    seq: int
    source_time: datetime
    reject_code: str | None = None
    badge: str | None = None
    quality: Literal["good", "uncertain", "bad"] = "good"
    flags: tuple[Flag, ...] = ()
    raw: bytes = b""


class DeviceEvent(
    Struct,
    frozen=True,
    kw_only=True,
    gc=False,
    omit_defaults=True,
    tag="device_event",
    tag_field="kind",
):
    """Something a device says about itself: power on, clock set, log cleared, door, alarm.

    `code` is a word of ours (`power_on`, `clock_set`, `log_cleared`, …); `detail` the wire's facts.
    """

    serial: str
    code: str
    device_time: datetime
    detail: dict[str, str | int] = {}
    raw: bytes = b""


class ClockReading(Struct, frozen=True, kw_only=True, gc=False):
    """A device clock beside the gateway's: naive device time, aware UTC, round trip in seconds."""

    serial: str
    device_time: datetime
    gateway_time: datetime
    round_trip_s: float


class Quarantined(Struct, frozen=True, kw_only=True, gc=False):
    """Bytes that could not become a record, kept whole so that a better decoder can try again.

    `source` is the device serial or file, `offset` bytes into that table, stream or file.
    """

    source: str
    offset: int
    reason: str
    raw: bytes


Record = Punch | Count | DeviceEvent


def in_plain_spelling(record: Record) -> Record:
    """An equal record of which every encoding is the same.

    `omit_defaults` leaves out what *is* the default. A text that only equals it (read from a file
    or the wire) would be spelled out, and an equal record would have another digest.
    """
    if (
        isinstance(record, Punch)
        and record.method == UNKNOWN_METHOD
        and record.method is not UNKNOWN_METHOD
    ):
        return replace(record, method=UNKNOWN_METHOD)
    return record
