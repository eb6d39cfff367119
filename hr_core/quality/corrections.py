"""Corrections: signed rows of their own, never an edit of a counter or of a closed number.

In an open window a correction counts where the work was done. After the lock the closed number
stays as it was paid; the correction counts in the open window and refers to the closed one.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from hr_core.errors import CoreError


class Correction(Struct, frozen=True, kw_only=True):
    """Signed pieces and rejects for a subject. `concerns` is the window of the work itself."""

    identity: str
    subject: str
    line: str
    concerns: str
    pieces: int
    rejects: int
    author: str
    approver: str
    reason: str
    recorded_at: int


class Placed(Struct, frozen=True, kw_only=True):
    """`window`: where it counts; `refers_to`: the closed window it answers to, None when open."""

    correction: Correction
    window: str
    refers_to: str | None


def check(correction: Correction) -> None:
    """Four eyes, a reason, and something to correct. Raises CoreError."""
    if not correction.reason.strip():
        raise CoreError("a correction needs a reason", remedy="say why: --reason '…'")
    if not correction.approver.strip() or correction.approver == correction.author:
        raise CoreError(
            f"the correction of {correction.subject} needs an approver other than its author",
            remedy="have somebody else approve it: --approver NAME",
        )
    if correction.pieces == 0 and correction.rejects == 0:
        raise CoreError(
            "a correction of 0 pieces and 0 rejects changes nothing",
            remedy="give the signed difference: --pieces -3 --rejects -3",
        )


def placed(correction: Correction, locked: Sequence[str], open_window: str) -> Placed:
    """`locked`: the windows that were used in pay; `open_window`: the one that runs now."""
    if correction.concerns in locked:
        return Placed(correction=correction, window=open_window, refers_to=correction.concerns)
    return Placed(correction=correction, window=correction.concerns, refers_to=None)


def effect(placed_rows: Iterable[Placed], subject: str, window: str) -> tuple[int, int]:
    """(pieces, rejects) to be added to the subject's counted ones in the window."""
    rows = {
        row.correction.identity: row.correction
        for row in placed_rows
        if row.window == window and row.correction.subject == subject
    }
    return sum(row.pieces for row in rows.values()), sum(row.rejects for row in rows.values())
