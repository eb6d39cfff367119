"""Two runs beside each other, as one JSON object and as text."""

from itertools import groupby
from typing import Any

from hr_core.cli.table_diff_output import note_object
from hr_core.money import format_fen
from hr_core.pay.diff.model import Cause, Change, LineDiff, OnlyIn, RunDiff, RunHead
from hr_core.pay.diff.notes import Notes
from hr_core.pay.diff.reason_text import cause_text, reason_text, signed

_LISTED = 5  # reasons of one kind under a line


def diff_object(diff: RunDiff, notes: Notes) -> dict[str, Any]:
    return {
        "before": diff.before,
        "after": diff.after,
        "identical": diff.identical,
        "proof": {"holds": diff.proof.holds, **_fields(diff.proof)},
        "changed_people": diff.changed_people,
        "same_people": diff.same_people,
        "restated_lines": diff.restated,
        "unexplained": diff.unexplained,
        "by_cause": {cause.value: fen for cause, fen in diff.by_cause().items()},
        "only_in_one": diff.only,
        "lines": [_line_object(line, notes) for line in diff.lines],
    }


def _fields(struct: Any) -> dict[str, Any]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


def _line_object(line: LineDiff, notes: Notes) -> dict[str, Any]:
    found = _fields(line)
    return {
        **found,
        "difference_fen": line.difference_fen,
        "cause": line.cause.value,
        "reasons": [{**_fields(one), "text": reason_text(one)} for one in line.reasons],
        "note": note_object(notes, line.person, line.code),
    }


def print_diff(diff: RunDiff, notes: Notes) -> None:
    before, after = diff.before, diff.after
    if diff.identical:
        print(
            f"identical: run {before.number} and run {after.number}, {after.people} people, "
            f"{after.lines} lines"
        )
    else:
        _print_heads(diff)
    for label, head in (("A", before), ("B", after)):
        print(f"  {label} sha256 {head.digest}")
    for one in diff.only:
        _print_only(one, diff)
    for line in diff.lines:
        if line.cause is not Cause.PERSON:  # the total of such a person is told above
            _print_line(line, notes)
    if diff.lines and diff.proof.holds:
        print(f"  sum of what is listed {signed(diff.proof.listed_fen)} = difference of the totals")
    if not diff.lines and diff.restated:
        print(f"  no amount differs; {diff.restated} lines came about otherwise")


def _print_line(line: LineDiff, notes: Notes) -> None:
    print(
        f"  {line.number}  {line.name}  {line.code}  {_amount(line.before_fen)} -> "
        f"{_amount(line.after_fen)}  {signed(line.difference_fen)}  {cause_text(line)}"
    )
    for text in _reason_texts(line):
        print(f"      {text}")
    note = notes.of(line.person, line.code)
    if note is not None:
        print(f"      note: {note.text}")
    if line.unexplained:
        print("      UNKNOWN: no input, rule or law that the traces name explains it")


def _reason_texts(line: LineDiff) -> list[str]:
    """A month of counters that are all there, or all gone, is one sentence; --json has each."""
    texts: list[str] = []
    for (kind, change), found in groupby(line.reasons, key=lambda one: (one.kind, one.change)):
        reasons = list(found)
        shown = reasons if change is Change.CHANGED or len(reasons) <= _LISTED else reasons[:1]
        texts += [reason_text(one) for one in shown]
        if len(reasons) > len(shown):
            texts.append(f"  and {len(reasons) - 1} more of {kind} {change.value} (--json has all)")
    return texts


def _print_heads(diff: RunDiff) -> None:
    before, after = diff.before, diff.after
    print(
        f"run {_head(before)} {format_fen(before.total_fen)} -> run {_head(after)} "
        f"{format_fen(after.total_fen)}: {diff.changed_people} people changed, "
        f"{diff.same_people} not, {len(diff.only)} in one run only"
    )
    proof = diff.proof
    if not proof.holds:
        print(
            f"  SUMS DO NOT AGREE: listed {signed(proof.listed_fen)}, totals differ by "
            f"{signed(proof.net_after_fen - proof.net_before_fen)}"
        )
    for fault in proof.faults:
        print(f"  FAULT {fault}")
    for cause, fen in diff.by_cause().items():
        print(f"  by {cause.value}: {signed(fen)}")


def _print_only(one: OnlyIn, diff: RunDiff) -> None:
    there, other = diff.before.number, diff.after.number
    if not one.in_first:
        there, other = other, there
    refused = "refused there: " if one.refused else ""
    why = f"{refused}{one.why}" if one.why else "why is not stored"
    print(
        f"  {one.number}  {one.name}  {format_fen(one.total_fen)} in run {there} only; not in "
        f"run {other}: {why}" + (f"; {one.remedy}" if one.remedy else "")
    )


def _head(head: RunHead) -> str:
    return f"{head.number} ({head.month}, {head.scheme} {head.scheme_version})"


def _amount(fen: int | None) -> str:
    return "-" if fen is None else format_fen(fen)
