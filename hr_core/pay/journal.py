"""The journal of a run: what each cost centre spends and what is owed to whom, to the fen.

Debit is what a cost centre spends (earned lines, the employer's part), credit what is owed for it: own
shares and taxes to those who get them, the employer's part to them too, and the net pay to people.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

import sqlalchemy as sa
from msgspec import Struct

from hr_core.errors import CoreError, NotFoundError
from hr_core.pay.line_words import kind_of
from hr_core.pay.run_slips import RunSlip, run_slips
from hr_core.pay.slip import Side
from hr_core.store.results import run_by_number

NET = "net"


class Part(StrEnum):
    """`employer` is what the company's part costs, `employer_owed` the debt that it makes."""

    EARNED = "earned"
    DEDUCTED = "deducted"
    EMPLOYER = "employer"
    EMPLOYER_OWED = "employer_owed"
    NET = "net"


class JournalRow(Struct, frozen=True, kw_only=True):
    """`kind` as in line_words.toml, `net` for the net pay; one of the two amounts is zero."""

    cost_centre: str
    part: Part
    kind: str
    debit_fen: int
    credit_fen: int


class Journal(Struct, frozen=True, kw_only=True):
    run: int
    month: str
    rows: tuple[JournalRow, ...]

    @property
    def debit_fen(self) -> int:
        return sum(row.debit_fen for row in self.rows)

    @property
    def credit_fen(self) -> int:
        return sum(row.credit_fen for row in self.rows)

    def of(self, part: Part) -> int:
        """Debit less credit."""
        return sum(row.debit_fen - row.credit_fen for row in self.rows if row.part is part)


class JournalMismatchError(CoreError):
    """Slips, journal and run do not tell the same sums: nothing may be booked or paid by them."""


def journal_of_run(conn: sa.Connection, number: int) -> Journal:
    """Raises NotFoundError, JournalMismatchError."""
    run = run_by_number(conn, number)
    if run is None:
        raise NotFoundError(f"there is no pay run {number}", remedy="list them: hr-core pay runs")
    slips = run_slips(conn, run)
    journal = Journal(run=number, month=run.month, rows=journal_rows(slips))
    check_journal(journal, slips, run.total_fen)
    return journal


def journal_rows(slips: Iterable[RunSlip]) -> tuple[JournalRow, ...]:
    """By cost centre, part and kind; what adds up to nothing stays, as it stays on the slips."""
    sums: defaultdict[tuple[str, Part, str], int] = defaultdict(int)
    for slip in slips:
        for move in movements(slip):
            sums[slip.cost_centre, move.part, move.kind] += move.fen
    return tuple(
        JournalRow(
            cost_centre=centre,
            part=part,
            kind=kind,
            debit_fen=max(fen, 0),
            credit_fen=max(-fen, 0),
        )
        for (centre, part, kind), fen in sorted(sums.items(), key=_in_order)
    )


class Movement(NamedTuple):
    """`fen`: debit above zero, credit below; `line` of the slip, None for its net pay."""

    part: Part
    kind: str
    fen: int
    line: int | None


def movements(slip: RunSlip) -> Iterator[Movement]:
    for at, line in enumerate(slip.lines):
        kind = kind_of(line)
        yield Movement(Part(line.side.value), kind, line.amount_fen, at)
        if line.side is Side.EMPLOYER:
            yield Movement(Part.EMPLOYER_OWED, kind, -line.amount_fen, at)
    yield Movement(Part.NET, NET, -slip.net_fen, None)


def check_journal(journal: Journal, slips: Iterable[RunSlip], run_total_fen: int) -> None:
    """Raises JournalMismatchError unless both sides agree, and slips with the lines and the run."""
    slips = tuple(slips)
    sides = {
        part: sum(slip.side_fen(side) for slip in slips)
        for part, side in zip((Part.EARNED, Part.DEDUCTED, Part.EMPLOYER), Side, strict=True)
    }
    _same("debit and credit", journal.debit_fen, journal.credit_fen)
    for part, fen in sides.items():
        _same(f"the journal's {part} and the slips'", journal.of(part), fen)
    _same("the journal's net pay and the slips'", -journal.of(Part.NET), run_total_fen)
    for slip in slips:
        of_lines = slip.side_fen(Side.EARNED) + slip.side_fen(Side.DEDUCTED)
        _same(f"the lines and the net pay of {slip.person}", of_lines, slip.net_fen)


def centre_totals(journal: Journal) -> Mapping[str, tuple[int, int]]:
    """Debit and credit by cost centre."""
    found: dict[str, tuple[int, int]] = {}
    for row in journal.rows:
        debit, credit = found.get(row.cost_centre, (0, 0))
        found[row.cost_centre] = (debit + row.debit_fen, credit + row.credit_fen)
    return found


def _in_order(item: tuple[tuple[str, Part, str], int]) -> tuple[str, int, str]:
    (centre, part, kind), _ = item
    return centre, list(Part).index(part), kind


def _same(what: str, one: int, other: int) -> None:
    if one != other:
        raise JournalMismatchError(
            f"{what} differ: {one} and {other} fen",
            remedy="book and pay nothing by this run; compare its slips with hr-core pay explain, "
            "the database was changed by hand or the program is wrong",
        )
