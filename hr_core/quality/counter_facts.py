"""What the deltas of a counter tell beside their amounts: gaps, doubts to review, alarms."""

from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

from hr_core.quality.counters import Delta, DeltaFlag

# Normal, or told elsewhere: no person needs to look at them.
_NOT_REVIEWED = frozenset(
    {DeltaFlag.BASELINE, DeltaFlag.LATE, DeltaFlag.REPLACED, DeltaFlag.PIECE_AGAIN}
)

_REMEDY = {
    DeltaFlag.RESET: "the counter began again at 0: if the box was swapped, enter the replacement; "
    "if it is reset by hand, duplicate the counter instead",
    DeltaFlag.AMBIGUOUS: "a wrap and a reset both explain it: have the box send a boot id",
    DeltaFlag.RESTART: "the box started again: if it is another box, enter the replacement",
    DeltaFlag.SWAP_SUSPECTED: "another box seems to count here: enter its replacement "
    "(edge-agent line replace TAG --at TIME --reason …)",
    DeltaFlag.GAP_EXCEEDS_WRAP: "poll more often than a quarter of the time of a half wrap",
    DeltaFlag.JUMP: "the counter was preset, or max_rate_per_s is too low: correct the station",
    DeltaFlag.IMPLAUSIBLE: "check word order and wiring; it counts once a next reading confirms it",
    DeltaFlag.TORN: "read both registers of the counter in one request",
    DeltaFlag.HELD: "nothing yet: the next reading decides",
}


class ReviewItem(NamedTuple):
    """`otherwise`: what the other explanation would have counted."""

    event_id: str
    flag: DeltaFlag
    amount: int
    otherwise: int | None
    remedy: str


def review(found: Iterable[Delta]) -> tuple[ReviewItem, ...]:
    """What a person should look at, in the counter's order."""
    return tuple(
        ReviewItem(delta.end.event_id, flag, delta.amount, delta.otherwise, _REMEDY[flag])
        for delta in found
        for flag in delta.flags
        if flag not in _NOT_REVIEWED
    )


class Gap(NamedTuple):
    """A span in which no piece can be placed. `pieces` None: not known, else at least so many."""

    since: int
    until: int
    reason: str
    pieces: int | None


def gaps(found: Iterable[Delta], *, silence_s: int | None = None) -> tuple[Gap, ...]:
    """`silence_s`: from when on a silence is a gap (a counter that reports only changes has None)."""
    return tuple(
        Gap(delta.start.at, delta.end.at, reason, pieces)
        for delta in found
        if delta.start is not None
        for reason, pieces in _reasons(delta, silence_s)
    )


def _reasons(delta: Delta, silence_s: int | None) -> list[tuple[str, int | None]]:
    lost = [flag for flag in delta.flags if flag in _UNKNOWN_WORK]
    if lost:
        return [(lost[-1].value, delta.amount if delta.counted else None)]
    start = delta.end if delta.start is None else delta.start
    silent = silence_s is not None and delta.end.at - start.at > silence_s
    return [("silent", delta.amount)] if silent and delta.counted else []


_UNKNOWN_WORK = (
    DeltaFlag.RESET,
    DeltaFlag.RESTART,
    DeltaFlag.GAP_EXCEEDS_WRAP,
    DeltaFlag.JUMP,
    DeltaFlag.REPLACED,
    DeltaFlag.SWAP_SUSPECTED,
)


def coverage(found: Iterable[Gap], since: int, until: int) -> Fraction:
    """The share of the window without a gap; 1 for an empty window."""
    if until <= since:
        return Fraction(1)
    covered_to, missing = since, 0
    for gap in sorted(found):
        begin, end = max(gap.since, covered_to), min(gap.until, until)
        if end > begin:
            missing += end - begin
            covered_to = end
    return 1 - Fraction(missing, until - since)


REJECTS_EXCEED_PIECES = "rejects_exceed_pieces"


def window_flag(pieces: int, rejects: int) -> str | None:
    """Two counters read at different moments: the window has no rate."""
    return REJECTS_EXCEED_PIECES if rejects > pieces else None
