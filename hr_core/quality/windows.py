"""A window's number and its life: provisional, final, locked, with every revision kept."""

from enum import StrEnum
from fractions import Fraction

from msgspec import Struct
from msgspec.structs import replace

from hr_core.quality.presence import Evidence

# Terminals and boxes that were offline have delivered by then.
LATENESS_S = 24 * 3_600


class WindowState(StrEnum):
    PROVISIONAL = "provisional"  # its time or its lateness horizon is not over
    FINAL = "final"
    LOCKED = "locked"  # used in pay: only adjustments in an open window can answer to it


def state_of(
    window_end: int, now: int, *, locked: bool = False, lateness_s: int = LATENESS_S
) -> WindowState:
    if locked:
        return WindowState.LOCKED
    late = now >= window_end + lateness_s
    return WindowState.FINAL if late else WindowState.PROVISIONAL


class Figure(Struct, frozen=True, kw_only=True):
    """Pieces and rejects of a subject in a window, with what is needed to judge them.

    evidence    pieces by how they were attributed
    coverage    the share of the window without a gap, as exact text ("9/10")
    """

    subject: str
    window: str
    pieces: int
    rejects: int
    coverage: str
    evidence: dict[str, int]
    rule_version: str
    state: WindowState = WindowState.PROVISIONAL
    revision: int = 1
    recorded_at: int = 0
    reason: str = "computed"

    def same_result(self, other: "Figure") -> bool:
        return _result(self) == _result(other)


def figure_evidence(mix: dict[Evidence, int]) -> dict[str, int]:
    return {evidence.name.lower(): pieces for evidence, pieces in mix.items()}


def coverage_text(share: Fraction) -> str:
    return f"{share.numerator}/{share.denominator}"


class LockedWindowError(Exception):
    """A locked window was to change: what changed has to be an adjustment in an open window."""

    def __init__(self, figure: Figure) -> None:
        super().__init__(f"window {figure.window} of {figure.subject} is locked")
        self.figure = figure


def restated(history: tuple[Figure, ...], newer: Figure) -> tuple[Figure, ...]:
    """The history with the newer figure as its next revision; equal results add none.

    Raises LockedWindowError when the last revision is locked and the result differs.
    """
    if not history:
        return (replace(newer, revision=1),)
    last = history[-1]
    if last.same_result(newer) and last.state is newer.state:
        return history
    if last.state is WindowState.LOCKED:
        if last.same_result(newer):
            return history
        raise LockedWindowError(last)
    return (*history, replace(newer, revision=last.revision + 1))


def _result(figure: Figure) -> tuple[object, ...]:
    return (
        figure.pieces,
        figure.rejects,
        figure.coverage,
        sorted(figure.evidence.items()),
        figure.rule_version,
    )
