"""Counter readings to deltas, after the nine rules of specs/line/protocols.md section 9.

The readings are the truth and stay; a delta is a view. Where a wrap, a reset, a restart or a torn
read leaves a doubt, the explanation that cannot overcount is taken and the delta says so.
"""

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import NamedTuple

from hr_core.quality.counter_order import Placed, in_counter_order
from hr_core.quality.counters import CounterRules, Delta, DeltaFlag, Reading, Replacement

DOUBT_TOLERANCE = 100  # pieces at stake below which a wrap-or-reset doubt is not worth a review

_LATE = (DeltaFlag.LATE,)
_WORD = 1 << 16  # a register: a wider counter is read in several, and may be torn between them


class _Step(NamedTuple):
    """From the base to a reading; `stays`: the base is kept, the reading is not believed."""

    amount: int
    flags: tuple[DeltaFlag, ...] = ()
    otherwise: int | None = None
    stays: bool = False


def deltas(
    readings: Iterable[Reading], rules: CounterRules, replacements: Sequence[Replacement] = ()
) -> list[Delta]:
    """One delta per reading, in the counter's own order: the order of arrival changes nothing."""
    ordered = in_counter_order(readings, replacements)
    if rules.signed:
        ordered = [_unsigned(placed, rules) for placed in ordered]
    result: list[Delta] = []
    base: Placed | None = None
    for placed, following in zip_longest(ordered, ordered[1:]):
        reading = placed.reading
        late = _LATE if placed.late else ()
        if base is None:
            result.append(Delta(None, reading, 0, (DeltaFlag.BASELINE, *late)))
            base = placed
            continue
        if base.series != placed.series:
            step = _Step(0, (DeltaFlag.REPLACED,))
        else:
            step = _between(base.reading, reading, _same_boot(placed, following), rules)
        result.append(Delta(base.reading, reading, step.amount, step.flags + late, step.otherwise))
        base = base if step.stays else placed
    return result


def _unsigned(placed: Placed, rules: CounterRules) -> Placed:
    if rules.modulus is None:
        return placed
    value = placed.reading.value % rules.modulus
    return placed._replace(reading=placed.reading._replace(value=value))


def _same_boot(placed: Placed, following: Placed | None) -> Reading | None:
    """The reading that may confirm or contradict: only the same box in the same boot can."""
    if following is None or following.series != placed.series:
        return None
    same = following.reading.boot_id == placed.reading.boot_id
    return following.reading if same else None


def _between(
    base: Reading, reading: Reading, follower: Reading | None, rules: CounterRules
) -> _Step:
    if base.serial is not None and reading.serial not in {None, base.serial}:
        return _Step(0, (DeltaFlag.SWAP_SUSPECTED,))
    if base.boot_id != reading.boot_id:
        return _restarted(base, reading, rules)
    if reading.value < base.value:
        return _fallen(base, reading, follower, rules)
    return _risen(base, reading, follower, rules)


def _restarted(base: Reading, reading: Reading, rules: CounterRules) -> _Step:
    rise = reading.value - base.value
    wrapped = _plausible_wrap(rise, base, reading, rules) if rise < 0 else rise
    if rules.retentive and wrapped is not None:
        amount = wrapped
    elif rules.retentive is None and rise >= 0:
        amount = rise  # without knowing, the smaller of the two explanations
    else:
        amount = reading.value
    if not _possible(amount, base, reading, rules):
        return _Step(0, (DeltaFlag.RESTART, DeltaFlag.SWAP_SUSPECTED), otherwise=amount)
    doubt = (DeltaFlag.RESET,) if rules.retentive and wrapped is None else ()
    return _Step(amount, (DeltaFlag.RESTART, *doubt))


def _risen(base: Reading, reading: Reading, follower: Reading | None, rules: CounterRules) -> _Step:
    rise = reading.value - base.value
    limit = _most_possible(base, reading, rules)
    if limit is None or rise <= limit:
        return _Step(rise, _gap(limit, rules))
    if follower is not None and _continues(reading, follower, rules):
        return _Step(0, (DeltaFlag.JUMP,), otherwise=rise)
    if follower is not None and _torn(base, reading, follower, rules):
        return _Step(0, (DeltaFlag.TORN,), stays=True)
    return _Step(0, (DeltaFlag.IMPLAUSIBLE,), otherwise=rise, stays=True)


def _fallen(
    base: Reading, reading: Reading, follower: Reading | None, rules: CounterRules
) -> _Step:
    if follower is None:
        if _torn_at_next_carry(base, reading, rules):
            return _Step(0, (DeltaFlag.HELD,), otherwise=reading.value, stays=True)
    elif _torn(base, reading, follower, rules):
        return _Step(0, (DeltaFlag.TORN,), otherwise=reading.value, stays=True)
    elif _contradicted(base, reading, follower, rules):
        return _Step(0, (DeltaFlag.IMPLAUSIBLE,), otherwise=reading.value, stays=True)
    wrapped = _plausible_wrap(reading.value - base.value, base, reading, rules)
    if wrapped is None:
        return _reset(base, reading, rules)
    limit = _most_possible(base, reading, rules)
    if _doubtful(base, reading, rules):
        flags = (DeltaFlag.AMBIGUOUS, *_gap(limit, rules))
        return _Step(wrapped, flags, otherwise=reading.value)
    return _Step(wrapped, _gap(limit, rules))


def _reset(base: Reading, reading: Reading, rules: CounterRules) -> _Step:
    """From zero; where that is more than can have been made, the value is another box's."""
    if _possible(reading.value, base, reading, rules):
        return _Step(reading.value, (DeltaFlag.RESET,))
    return _Step(0, (DeltaFlag.RESET, DeltaFlag.SWAP_SUSPECTED), otherwise=reading.value)


def _plausible_wrap(rise: int, base: Reading, reading: Reading, rules: CounterRules) -> int | None:
    if rules.modulus is None or base.value >= rules.modulus:
        return None
    wrapped = rise % rules.modulus
    limit = _most_possible(base, reading, rules)
    if limit is None:  # no rate known: a short way round is a wrap, a long one a reset
        limit = rules.modulus // 2
    return wrapped if wrapped <= limit else None


def _doubtful(base: Reading, reading: Reading, rules: CounterRules) -> bool:
    """Whether a reset would explain the fall as well, with enough pieces at stake to ask."""
    at_stake = (rules.modulus or 0) - base.value
    return at_stake > DOUBT_TOLERANCE and _possible(reading.value, base, reading, rules)


def _gap(limit: int | None, rules: CounterRules) -> tuple[DeltaFlag, ...]:
    """`limit`: the most that can have been made; a whole modulus of it may be missing."""
    if rules.modulus is None or limit is None or limit < rules.modulus:
        return ()
    return (DeltaFlag.GAP_EXCEEDS_WRAP,)


def _most_possible(base: Reading, reading: Reading, rules: CounterRules) -> int | None:
    if rules.max_rate_per_s is None:
        return None
    # Whole seconds on both ends: a second is added so that rounding never condemns a true count.
    return rules.max_rate_per_s * (max(0, reading.at - base.at) + 1)


def _possible(amount: int, base: Reading, reading: Reading, rules: CounterRules) -> bool:
    limit = _most_possible(base, reading, rules)
    return limit is None or amount <= limit


def _continues(before: Reading, after: Reading, rules: CounterRules) -> bool:
    """Whether the counter really went on from `before`, at a rate that is known and possible."""
    rise = after.value - before.value
    if rise < 0:
        return _plausible_wrap(rise, before, after, rules) is not None
    return rules.max_rate_per_s is not None and _possible(rise, before, after, rules)


def _contradicted(base: Reading, seen: Reading, follower: Reading, rules: CounterRules) -> bool:
    """Whether the counter went on from the base as though the reading between had not been."""
    return (
        follower.value >= base.value
        and _continues(base, follower, rules)
        and not _continues(seen, follower, rules)
    )


def _torn(base: Reading, seen: Reading, follower: Reading, rules: CounterRules) -> bool:
    """Whether `seen` mixes two words of values between the base and its follower."""
    if follower.value < base.value or not _possible(
        follower.value - base.value, base, follower, rules
    ):
        return False
    return _torn_at_next_carry(base, seen, rules, known_until=follower.value)


def _torn_at_next_carry(
    base: Reading, seen: Reading, rules: CounterRules, *, known_until: int | None = None
) -> bool:
    """Whether `seen` is one word from before and one from after the base's next carry.

    Without `known_until` the carry must be within reach of the highest rate.
    """
    if rules.modulus is not None and rules.modulus <= _WORD:
        return False
    reach = _most_possible(base, seen, rules)
    ends = [] if reach is None else [base.value + reach]
    ends += [] if known_until is None else [known_until]
    if not ends:
        return False
    until = min(ends)
    high, low = divmod(seen.value, _WORD)
    base_high, base_low = divmod(base.value, _WORD)
    carry = (base_high + 1) * _WORD
    if high == base_high:  # the low word is new
        return low < base_low and carry + low <= until
    return high == base_high + 1 and low >= base_low and carry <= until
