"""A run beside a table from elsewhere, as one JSON object and as text."""

from typing import Any

import msgspec

from hr_core.money import format_fen
from hr_core.pay.diff.notes import Notes
from hr_core.pay.diff.reason_text import signed
from hr_core.pay.diff.table_compare import TableDiff, TableLine, Verdict

_WORDS = {
    Verdict.WE_MORE: "we have more",
    Verdict.OLD_MORE: "the old table has more",
    Verdict.NOT_IN_OLD: "not in the old table",
    Verdict.NOT_IN_RUN: "not in the run",
}


def table_object(found: TableDiff, notes: Notes) -> dict[str, Any]:
    facts = msgspec.to_builtins(found)
    return {
        **facts,
        "proof_holds": found.proof_holds,
        "agrees": found.agrees,
        "by_verdict": {
            verdict.value: {"count": count, "difference_fen": fen}
            for verdict, (count, fen) in found.by_verdict().items()
        },
        "lines": [
            {
                **msgspec.to_builtins(line),
                "difference_fen": line.difference_fen,
                "note": note_object(notes, line.person, line.line),
            }
            for line in found.lines
        ],
    }


def note_object(notes: Notes, person: str, line: str) -> dict[str, Any] | None:
    found = notes.of(person, line)
    if found is None:
        return None
    note = found.note
    return {
        "standing": found.standing.value,
        "number": note.number,
        "reason": note.reason,
        "month": note.month,
        "until": note.until,
        "by": note.noted_by,
    }


def print_table_diff(found: TableDiff, notes: Notes) -> None:
    print(
        f"run {found.run.number} ({found.run.month}) and {found.table}: {found.people} people, "
        f"{found.equal} amounts alike, {len(found.lines)} differ"
    )
    proof = "=" if found.proof_holds else "IS NOT"
    print(
        f"  ours {format_fen(found.ours_fen)} less theirs {format_fen(found.old_fen)} {proof} what "
        "is listed and what lies within tolerance"
    )
    for one in found.within:
        print(
            f"  within tolerance: {one.line}, {one.count} times, together {signed(one.total_fen)}"
        )
    for verdict, (count, fen) in found.by_verdict().items():
        print(f"  {_WORDS[verdict]}: {count} times, {signed(fen)}")
    for row in found.refused:
        print(f"  row {row.row} not read ({row.who}): {row.what}; {row.remedy}")
    for column in found.loose_columns:
        print(
            f"  column {column.name} is in no line of the map: {format_fen(column.total_fen)}; "
            "map it, or name it under ignore"
        )
    for loose in found.loose_lines:
        print(
            f"  line {loose.code} is held against nothing: {loose.people} people, "
            f"{format_fen(loose.total_fen)}"
        )
    for line in found.lines:
        _print_line(line, notes)


def _print_line(line: TableLine, notes: Notes) -> None:
    rows = f"  row {', '.join(map(str, line.rows))}" if line.rows else ""
    why = f" ({line.why})" if line.why else ""
    print(
        f"  {line.number}  {line.name}  {line.line}  run {_amount(line.ours_fen)}  table "
        f"{_amount(line.old_fen)}  {signed(line.difference_fen)}  {_WORDS[line.verdict]}{why}{rows}"
    )
    note = notes.of(line.person, line.line)
    if note is not None:
        print(f"      note: {note.text}")


def _amount(fen: int | None) -> str:
    return "-" if fen is None else format_fen(fen)
