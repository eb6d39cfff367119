"""A run beside a table from elsewhere: person x line x who has more, within tolerance counted."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum

from msgspec import Struct

from hr_core.pay.diff.model import RunHead, RunSide, SlipSide
from hr_core.pay.diff.old_table import LooseColumn, OldPerson, OldTable, RefusedRow
from hr_core.pay.diff.table_map import LineMap, TableMap
from hr_core.pay.slip import Side, SlipLine
from hr_core.spreadsheet import Cell


class Verdict(StrEnum):
    """By signed amounts: what is taken off is below zero on both sides."""

    WE_MORE = "we_more"
    OLD_MORE = "old_more"
    NOT_IN_OLD = "not_in_old"  # a blank cell, or no row of the person
    NOT_IN_RUN = "not_in_run"


class TableLine(Struct, frozen=True, kw_only=True):
    """`ours_fen` None: the slip has none of the lines; `old_fen` None: every cell is blank."""

    person: str
    number: str
    name: str
    line: str
    rows: tuple[int, ...]
    ours_fen: int | None
    old_fen: int | None
    verdict: Verdict
    why: str = ""

    @property
    def difference_fen(self) -> int:
        return (self.ours_fen or 0) - (self.old_fen or 0)


class WithinTolerance(Struct, frozen=True, kw_only=True):
    """How many of a line differ by no more than its tolerance, and by how much together."""

    line: str
    count: int
    total_fen: int


class LooseLine(Struct, frozen=True, kw_only=True):
    """A line of the run that the map does not hold against anything."""

    code: str
    people: int
    total_fen: int


class TableDiff(Struct, frozen=True, kw_only=True):
    """`proof_holds`: of the mapped lines, ours less theirs is what is listed and within tolerance."""

    run: RunHead
    table: str
    people: int
    equal: int
    lines: tuple[TableLine, ...]
    within: tuple[WithinTolerance, ...]
    refused: tuple[RefusedRow, ...]
    skipped_rows: int
    loose_columns: tuple[LooseColumn, ...]
    loose_lines: tuple[LooseLine, ...]
    ours_fen: int
    old_fen: int

    @property
    def proof_holds(self) -> bool:
        listed = sum(line.difference_fen for line in self.lines)
        within = sum(one.total_fen for one in self.within)
        return self.ours_fen - self.old_fen == listed + within

    @property
    def agrees(self) -> bool:
        return not (self.lines or self.refused or self.loose_columns or self.loose_lines)

    def by_verdict(self) -> dict[Verdict, tuple[int, int]]:
        """How many, and fen."""
        found = {
            verdict: [line for line in self.lines if line.verdict is verdict] for verdict in Verdict
        }
        return {
            verdict: (len(lines), sum(line.difference_fen for line in lines))
            for verdict, lines in found.items()
            if lines
        }


def compare_table(
    side: RunSide, table: OldTable, how: TableMap, *, name: str, called: Callable[[str], str]
) -> TableDiff:
    """`called` gives the employee number of a person without a slip."""
    lines: list[TableLine] = []
    within: dict[str, list[int]] = {}
    equal = ours_fen = old_fen = 0
    people = sorted(side.slips.keys() | table.people.keys())
    for person in people:
        slip, old = side.slips.get(person), table.people.get(person)
        for line in how.line:
            ours = None if slip is None else _ours(slip.lines, line)
            theirs = None if old is None else old.amounts[line.key]
            ours_fen += ours or 0
            old_fen += theirs or 0
            apart = (ours or 0) - (theirs or 0)
            if apart == 0:
                equal += 1
            elif abs(apart) <= how.tolerance_fen(line) and ours is not None and theirs is not None:
                within.setdefault(line.key, []).append(apart)
            else:
                number = slip.number if slip is not None else called(person)
                lines.append(_line((person, number), (slip, old), line, (ours, theirs), side))
    return TableDiff(
        run=side.head,
        table=name,
        people=len(people),
        equal=equal,
        lines=tuple(sorted(lines, key=lambda one: one.number)),
        within=tuple(
            WithinTolerance(line=key, count=len(found), total_fen=sum(found))
            for key, found in within.items()
        ),
        refused=table.refused,
        skipped_rows=table.skipped,
        loose_columns=table.loose,
        loose_lines=tuple(_loose(side, how)),
        ours_fen=ours_fen,
        old_fen=old_fen,
    )


def _line(
    who: tuple[str, str],
    sides: tuple[SlipSide | None, OldPerson | None],
    line: LineMap,
    amounts: tuple[int | None, int | None],
    run: RunSide,
) -> TableLine:
    slip, old = sides
    ours, theirs = amounts
    person, number = who
    return TableLine(
        person=person,
        number=number,
        name=slip.name if slip is not None else old.name if old is not None else "",
        line=line.key,
        rows=() if old is None else old.rows,
        ours_fen=ours,
        old_fen=theirs,
        verdict=_verdict(ours, theirs),
        why=_why(person, slip, old, run),
    )


def _verdict(ours: int | None, theirs: int | None) -> Verdict:
    if theirs is None:
        return Verdict.NOT_IN_OLD
    if ours is None:
        return Verdict.NOT_IN_RUN
    return Verdict.WE_MORE if ours > theirs else Verdict.OLD_MORE


def _why(person: str, slip: SlipSide | None, old: OldPerson | None, run: RunSide) -> str:
    if old is None:
        return "no row of the person"
    if slip is not None:
        return ""
    refused = run.refused.get(person)
    if refused is not None:
        return f"refused: {refused.what}; {refused.remedy}"
    return run.without.get(person, "no slip of the person")


def _ours(lines: tuple[SlipLine, ...], wanted: LineMap) -> int | None:
    found = [line.amount_fen for line in lines for code in wanted.lines if _is_of(line, code)]
    return sum(found) if found else None


def _is_of(line: SlipLine, code: str) -> bool:
    if code == "@net":
        return line.side is not Side.EMPLOYER
    return code in {line.code, f"@{line.side.value}"}


def _loose(side: RunSide, how: TableMap) -> Iterator[LooseLine]:
    mapped = {code for line in how.line for code in line.lines}
    found: dict[str, list[int]] = {}
    for slip in side.slips.values():
        for line in slip.lines:
            if line.code not in mapped and line.amount_fen:
                found.setdefault(line.code, []).append(line.amount_fen)
    for code, amounts in sorted(found.items()):
        yield LooseLine(code=code, people=len(amounts), total_fen=sum(amounts))


def table_rows(found: TableDiff, notes: Iterable[str]) -> Iterator[Sequence[Cell]]:
    """As rows of a sheet; `notes` one for each line."""
    yield ("employee number / 工号", "name / 姓名", "line / 行", "run / 本系统", "table / 旧表", "run - table", "cause / 原因", "rows", "why", "note / 说明")  # fmt: skip
    for line, note in zip(found.lines, notes, strict=True):
        yield (
            line.number,
            line.name,
            line.line,
            None if line.ours_fen is None else line.ours_fen / 100,
            None if line.old_fen is None else line.old_fen / 100,
            line.difference_fen / 100,
            line.verdict.value,
            ", ".join(map(str, line.rows)),
            line.why,
            note,
        )
    for one in found.refused:
        yield ("", one.who, "refused row", None, None, None, "", str(one.row), one.what, one.remedy)
