"""The slip workbook: a sheet for each person, every movement, and the journal, all of it formulas."""

import io
import re
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from hr_core.errors import NotFoundError, RefusedError
from hr_core.pay.journal import NET, Journal, check_journal, journal_rows, movements
from hr_core.pay.line_words import words
from hr_core.pay.run_slips import RunSlip, run_slips
from hr_core.pay.slip_sheet import Filled, Look, SlipSheet
from hr_core.store.results import RunRow, run_by_number

# 500 sheets of some 150 rows are what a spreadsheet program still opens in seconds.
MAX_SHEETS = 500

_MAX_NAME = 31
_NOT_IN_NAMES = re.compile(r"[^\w.\- ]")
_JOURNAL_FIRST = 3  # rows above the journal's first


class Workbook(Struct, frozen=True):
    slips: tuple[RunSlip, ...]
    content: bytes


def slip_workbook(conn: sa.Connection, number: int, person: str | None = None) -> Workbook:
    """Of a run, or of one person's slip in it. Raises NotFoundError, RefusedError,
    JournalMismatchError.
    """
    run = run_by_number(conn, number)
    if run is None:
        raise NotFoundError(f"there is no pay run {number}", remedy="list them: hr-core pay runs")
    slips = run_slips(conn, run, person)
    if not slips:
        raise NotFoundError(
            f"run {number} has no such payslip",
            remedy=f"list its payslips: hr-core pay slips {number}",
        )
    if len(slips) > MAX_SHEETS:
        raise RefusedError(
            f"run {number} has {len(slips)} payslips, a workbook takes {MAX_SHEETS}",
            remedy="write one person's with --person, or a table of all with --template",
        )
    journal = Journal(run=number, month=run.month, rows=journal_rows(slips))
    check_journal(journal, slips, sum(slip.net_fen for slip in slips))
    file = io.BytesIO()
    _write(file, run, slips, journal)
    return Workbook(slips, file.getvalue())


def _write(file: io.BytesIO, run: RunRow, slips: tuple[RunSlip, ...], journal: Journal) -> None:
    import xlsxwriter  # noqa: PLC0415 - only whoever exports needs it

    plain = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(file, {"in_memory": True, **plain}) as book:
        book.set_properties({"created": run.created_at.replace(tzinfo=None)})
        look = Look(
            head=book.add_format({"bold": True}),
            input=book.add_format({"bg_color": "#FFF2B3", "num_format": "#,##0"}),
            plain=book.add_format({"num_format": "#,##0"}),
            yuan=book.add_format({"num_format": "#,##0.00"}),
        )
        summary, moves = book.add_worksheet("日记账 Journal"), book.add_worksheet("明细 Movements")
        names = _sheet_names(slips)
        filled = [
            SlipSheet(book.add_worksheet(name), look, slip, run.month).fill()
            for name, slip in zip(names, slips, strict=True)
        ]
        rows = {(row.cost_centre, row.part, row.kind): at for at, row in enumerate(journal.rows)}
        last = _movements(moves, look, [*zip(names, slips, filled, strict=True)], rows)
        _journal(summary, look, journal, f"run {run.number}, {len(slips)} slips", last)


def _sheet_names(slips: tuple[RunSlip, ...]) -> list[str]:
    """The employee number as a sheet may be called; two that differ in case alone get a number."""
    taken: set[str] = {"history"}  # Excel keeps the name for itself
    found = []
    for slip in slips:
        wanted = _NOT_IN_NAMES.sub("_", slip.number)[:_MAX_NAME] or "_"
        name, count = wanted, 1
        while name.casefold() in taken:
            count += 1
            name = f"{wanted[: _MAX_NAME - len(str(count)) - 1]}_{count}"
        taken.add(name.casefold())
        found.append(name)
    return found


def _movements(
    sheet: Any,
    look: Look,
    slips: list[tuple[str, RunSlip, Filled]],
    rows: dict[tuple[str, Any, str], int],
) -> int:
    """One row for each amount, with the number of the journal's row it goes to. Gives the last row."""
    sheet.set_column(0, 6, 18)
    heads = (
        "工号 number",
        "姓名 name",
        "成本中心 cost centre",
        "part",
        "kind",
        "分 fen",
        "journal row",
    )
    for column, head in enumerate(heads):
        sheet.write_string(0, column, head, look.head)
    at = 0
    for name, slip, filled in slips:
        for move in movements(slip):
            at += 1
            texts = (slip.number, slip.name, slip.cost_centre, move.part.value, move.kind)
            for column, text in enumerate(texts):
                sheet.write_string(at, column, text)
            cell = filled.net if move.line is None else filled.amounts[move.line]
            minus = "-" if move.part in {"net", "employer_owed"} else ""
            sheet.write_formula(at, 5, f"={minus}'{name}'!{cell}", look.plain, move.fen)
            sheet.write_number(at, 6, rows[slip.cost_centre, move.part, move.kind])
    return at + 1


def _journal(sheet: Any, look: Look, journal: Journal, title: str, last: int) -> None:
    sheet.set_column(0, 5, 20)
    sheet.write_string(0, 0, f"{journal.month}  {title}", look.head)
    heads = ("成本中心 cost centre", "part", "kind", "名称 name", "借 debit", "贷 credit")
    for column, head in enumerate(heads):
        sheet.write_string(_JOURNAL_FIRST - 1, column, head, look.head)
    for number, row in enumerate(journal.rows):
        at = _JOURNAL_FIRST + number
        name = "实发" if row.kind == NET else words().names[row.kind][0]
        for column, text in enumerate((row.cost_centre, row.part.value, row.kind, name)):
            sheet.write_string(at, column, text)
        total = _sum_of_moves(number, last)
        for column, sign, fen in ((4, "", row.debit_fen), (5, "-", row.credit_fen)):
            sheet.write_formula(at, column, f"=MAX({sign}{total},0)/100", look.yuan, fen / 100)
    end = _JOURNAL_FIRST + len(journal.rows)
    sheet.write_string(end, 3, "合计 total", look.head)
    for column, letter, fen in ((4, "E", journal.debit_fen), (5, "F", journal.credit_fen)):
        total = f"=SUM({letter}{_JOURNAL_FIRST + 1}:{letter}{end})"
        sheet.write_formula(end, column, total, look.yuan, fen / 100)


def _sum_of_moves(row: int, last: int) -> str:
    """By the row's number: a criterion of text would take * and > in a cost centre for its own."""
    moves = "'明细 Movements'!"
    return f"SUMIF({moves}$G$2:$G${last},{row},{moves}$F$2:$F${last})"
