"""Counter readings to deltas, after the rules of specs/line/protocols.md section 9.

The readings are the truth and stay; a delta is a view. Where a wrap, a reset or a restart leaves a
doubt, the reading that cannot overcount is taken and the delta says so.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from operator import attrgetter
from typing import Literal, NamedTuple

from msgspec import Struct

Metric = Literal["pieces", "rejects"]

DOUBT_TOLERANCE = 100  # pieces at stake below which a wrap-or-reset doubt is not worth a review


class DeltaFlag(StrEnum):
    BASELINE = "baseline"  # first reading ever: what the odometer showed is nobody's work
    RESET = "reset"  # fell without a plausible wrap: counted from zero
    AMBIGUOUS = "ambiguous"  # taken as a wrap, a reset would explain it too
    RESTART = "restart"  # boot changed: pieces before the restart may be lost
    GAP_EXCEEDS_WRAP = "gap_exceeds_wrap"  # silent long enough for whole wraps: a lower bound
    JUMP = "jump"  # faster than the station can be, confirmed by the next reading: new baseline
    IMPLAUSIBLE = "implausible"  # the same, contradicted by the next reading or not yet confirmed


NOT_COUNTED = frozenset({DeltaFlag.BASELINE, DeltaFlag.JUMP, DeltaFlag.IMPLAUSIBLE})


class CounterKey(NamedTuple):
    source: str
    tag: str
    metric: Metric
    reject_code: str | None = None


class CounterRules(Struct, frozen=True):
    """`modulus` None: never wraps. `max_rate_per_s` None: no limit known. `retentive` None: not
    known whether the counter survives a restart.
    """

    modulus: int | None = None
    max_rate_per_s: int | None = None
    retentive: bool | None = None


class Reading(NamedTuple):
    """`at` in whole UTC seconds since 1970."""

    event_id: str
    at: int
    boot_id: str
    seq: int
    value: int
    badge: str | None = None


class Delta(NamedTuple):
    """What was counted between two readings; `start` is None only for a baseline."""

    start: Reading | None
    end: Reading
    amount: int
    flags: tuple[DeltaFlag, ...] = ()


def deltas(readings: Iterable[Reading], rules: CounterRules) -> list[Delta]:
    """One delta per reading, in the counter's own order (boot, seq): arrival does not matter."""
    ordered = _in_counter_order(readings)
    result: list[Delta] = []
    base: Reading | None = None
    for index, reading in enumerate(ordered):
        if base is None:
            result.append(Delta(None, reading, 0, (DeltaFlag.BASELINE,)))
            base = reading
            continue
        amount, flags = _between(base, reading, rules)
        if _too_fast(amount, base, reading, rules) and DeltaFlag.RESTART not in flags:
            follower = ordered[index + 1] if index + 1 < len(ordered) else None
            if follower is None or not _confirms(reading, follower, rules):
                result.append(Delta(base, reading, 0, (DeltaFlag.IMPLAUSIBLE,)))
                continue  # the base stays: the next true reading is measured from it
            amount, flags = 0, (DeltaFlag.JUMP,)
        result.append(Delta(base, reading, amount, flags))
        base = reading
    return result


def _in_counter_order(readings: Iterable[Reading]) -> Sequence[Reading]:
    unique = {reading.event_id: reading for reading in readings}.values()
    boot_began: dict[str, int] = {}
    for reading in unique:
        boot_began[reading.boot_id] = min(boot_began.get(reading.boot_id, reading.at), reading.at)
    by_time = sorted(unique, key=attrgetter("at", "event_id"))
    return sorted(by_time, key=lambda r: (boot_began[r.boot_id], r.boot_id, r.seq))


def _between(
    base: Reading, reading: Reading, rules: CounterRules
) -> tuple[int, tuple[DeltaFlag, ...]]:
    rise = reading.value - base.value
    if base.boot_id != reading.boot_id and not rules.retentive:
        # Without knowing, a rise over the old value is the smaller of the two explanations.
        restarted = rules.retentive is False or rise < 0
        return (reading.value if restarted else rise), (DeltaFlag.RESTART,)
    flags = (DeltaFlag.RESTART,) if base.boot_id != reading.boot_id else ()
    if rise >= 0:
        return rise, flags + _gap(base, reading, rules)
    wrapped = _plausible_wrap(rise, base, reading, rules)
    if wrapped is None:
        return reading.value, (*flags, DeltaFlag.RESET)
    return wrapped, flags + _doubt(base, reading, rules) + _gap(base, reading, rules)


def _plausible_wrap(rise: int, base: Reading, reading: Reading, rules: CounterRules) -> int | None:
    if rules.modulus is None or base.value >= rules.modulus:
        return None
    wrapped = rise % rules.modulus
    limit = _most_possible(base, reading, rules)
    if limit is None:  # no rate known: a short way round is a wrap, a long one a reset
        limit = rules.modulus // 2
    return wrapped if wrapped <= limit else None


def _doubt(base: Reading, reading: Reading, rules: CounterRules) -> tuple[DeltaFlag, ...]:
    limit = _most_possible(base, reading, rules)
    at_stake = (rules.modulus or 0) - base.value
    reset_possible = limit is None or reading.value <= limit
    return (DeltaFlag.AMBIGUOUS,) if reset_possible and at_stake > DOUBT_TOLERANCE else ()


def _gap(base: Reading, reading: Reading, rules: CounterRules) -> tuple[DeltaFlag, ...]:
    limit = _most_possible(base, reading, rules)
    if rules.modulus is None or limit is None or limit < rules.modulus:
        return ()
    return (DeltaFlag.GAP_EXCEEDS_WRAP,)


def _most_possible(base: Reading, reading: Reading, rules: CounterRules) -> int | None:
    if rules.max_rate_per_s is None:
        return None
    # Whole seconds on both ends: a second is added so that rounding never condemns a true count.
    return rules.max_rate_per_s * (max(0, reading.at - base.at) + 1)


def _too_fast(amount: int, base: Reading, reading: Reading, rules: CounterRules) -> bool:
    limit = _most_possible(base, reading, rules)
    return limit is not None and reading.value >= base.value and amount > limit


def _confirms(held: Reading, follower: Reading, rules: CounterRules) -> bool:
    """Whether the counter really went on from the value that seemed impossible."""
    limit = _most_possible(held, follower, rules)
    rise = follower.value - held.value
    return follower.boot_id == held.boot_id and limit is not None and 0 <= rise <= limit
