"""The differences of two runs as rows of a sheet: amounts are numbers in yuan."""

from collections.abc import Iterator, Sequence

from hr_core.pay.diff.model import RunDiff
from hr_core.pay.diff.notes import Notes
from hr_core.pay.diff.reason_text import cause_text, reason_text
from hr_core.spreadsheet import Cell

HEADING = (
    "employee number / 工号",
    "name / 姓名",
    "line / 行",
    "label",
    "名称",
    "side",
    "A",
    "B",
    "B - A",
    "cause / 原因",
    "what / 说明",
    "note / 备注",
)


def diff_rows(diff: RunDiff, notes: Notes) -> Iterator[Sequence[Cell]]:
    a, b = diff.before, diff.after
    yield ("A", f"run {a.number}", a.month, f"{a.scheme} {a.scheme_version}", a.digest)
    yield ("B", f"run {b.number}", b.month, f"{b.scheme} {b.scheme_version}", b.digest)
    yield ()
    yield HEADING
    for line in diff.lines:
        yield (
            line.number,
            line.name,
            line.code,
            line.label,
            line.label_zh,
            line.side.value,
            _yuan(line.before_fen),
            _yuan(line.after_fen),
            _yuan(line.difference_fen),
            cause_text(line),
            "; ".join(map(reason_text, line.reasons)),
            "" if (note := notes.of(line.person, line.code)) is None else note.text,
        )
    listed = diff.proof.listed_fen
    held = "= net B - net A" if diff.proof.holds else "DOES NOT HOLD"
    yield ("", "", "", "net / 实发", "", "", *map(_yuan, (a.total_fen, b.total_fen, listed)), held)
    for one in diff.only:
        where = f"only in run {a.number if one.in_first else b.number}"
        yield (one.number, one.name, where, one.why, one.remedy)


def _yuan(fen: int | None) -> float | None:
    """A spreadsheet's number: two decimals of an amount below 10**13 yuan are exact in it."""
    return None if fen is None else fen / 100
