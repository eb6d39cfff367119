"""Values of a cumulative counter: what a box reported, how to read it, what was counted between."""

from enum import StrEnum
from typing import Literal, NamedTuple

from msgspec import Struct

Metric = Literal["pieces", "rejects"]


class DeltaFlag(StrEnum):
    BASELINE = "baseline"  # first reading ever: what the odometer showed is nobody's work
    RESET = "reset"  # fell without a plausible wrap: counted from zero
    AMBIGUOUS = "ambiguous"  # taken as a wrap, a reset would explain it too
    RESTART = "restart"  # boot changed: pieces before the restart may be lost
    GAP_EXCEEDS_WRAP = "gap_exceeds_wrap"  # silent long enough for whole wraps: a lower bound
    JUMP = "jump"  # faster than the station can be, confirmed by the next reading: new baseline
    IMPLAUSIBLE = "implausible"  # the next reading contradicts it, or has not yet confirmed it
    HELD = "held"  # may be a torn read: undecided until the next reading
    TORN = "torn_read_suspected"  # two words of one value, read before and after a carry
    LATE = "late"  # arrived after a reading that follows it: the windows it touches are restated
    REPLACED = "replaced"  # first reading of another box, as a person entered it: a new series
    SWAP_SUSPECTED = "swap_suspected"  # looks like another box, and nobody entered a replacement
    PIECE_AGAIN = "piece_scanned_again"  # holds serialised pieces that were counted here before


# Such a delta counts nothing, and the value before it may remain the base of the next one.
NOT_COUNTED = frozenset(
    {
        DeltaFlag.BASELINE,
        DeltaFlag.JUMP,
        DeltaFlag.IMPLAUSIBLE,
        DeltaFlag.HELD,
        DeltaFlag.TORN,
        DeltaFlag.REPLACED,
        DeltaFlag.SWAP_SUSPECTED,
    }
)


class CounterKey(NamedTuple):
    source: str
    tag: str
    metric: Metric
    reject_code: str | None = None


class CounterRules(Struct, frozen=True):
    """`modulus` None: never wraps. `max_rate_per_s` None: no limit known. `retentive` None: not
    known whether the counter survives a restart. `signed`: the box shows an unsigned register as
    a signed number (PLC INT).
    """

    modulus: int | None = None
    max_rate_per_s: int | None = None
    retentive: bool | None = None
    signed: bool = False


class Reading(NamedTuple):
    """`at` and `received_at` in whole UTC seconds since 1970; `serial` of the box, if it tells it."""

    event_id: str
    at: int
    boot_id: str
    seq: int
    value: int
    badge: str | None = None
    received_at: int | None = None
    serial: str | None = None


class Replacement(Struct, frozen=True, kw_only=True):
    """Another box under the same tag since `at` (UTC seconds), as a person entered it."""

    at: int
    author: str
    reason: str


class Delta(NamedTuple):
    """What was counted between two readings; `start` is None only for a baseline.

    otherwise   the amount that the other explanation would give, where there is a doubt
    scanned_by  the badge behind each of its serialised pieces (hr_core.quality.serial_pieces)
    """

    start: Reading | None
    end: Reading
    amount: int
    flags: tuple[DeltaFlag, ...] = ()
    otherwise: int | None = None
    scanned_by: tuple[str, ...] = ()

    @property
    def counted(self) -> bool:
        return not self.flags or NOT_COUNTED.isdisjoint(self.flags)

    @property
    def lost_unknown(self) -> bool:
        """Whether pieces may have been made in between that no reading can prove."""
        return not LOST_UNKNOWN.isdisjoint(self.flags)


LOST_UNKNOWN = frozenset(
    {
        DeltaFlag.RESET,
        DeltaFlag.RESTART,
        DeltaFlag.GAP_EXCEEDS_WRAP,
        DeltaFlag.JUMP,
        DeltaFlag.REPLACED,
        DeltaFlag.SWAP_SUSPECTED,
    }
)
