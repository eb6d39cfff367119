"""A run as a file by a template: who is in it, who is not and why, and sums that are proven.

Nobody is dropped silently: whoever cannot stand in the file is listed with the amount, and the
written and the left-out together are the run's total, or nothing is written.
"""

import re
from hashlib import sha256

import sqlalchemy as sa
from msgspec import Struct

from hr_core.errors import NotFoundError, RefusedError
from hr_core.pay.export_file import (
    FileCell,
    Money,
    UnwritableTextError,
    check_text,
    clean_text,
    file_bytes,
    money_of_text,
    money_text,
)
from hr_core.pay.export_rows import SourceRow, head_values, source_rows
from hr_core.pay.export_template import HEAD_FIELD, Column, ExportTemplate, Source
from hr_core.pay.journal import Journal, JournalMismatchError, check_journal, journal_rows
from hr_core.pay.run_approval import approved
from hr_core.pay.run_slips import run_slips
from hr_core.store.results import RunRow, run_by_number

TRIAL = "试算 TRIAL: 不得付款、不得入账 not for payment, not for booking"


_IN_AGREEMENT = (
    ": HR adds it to the agreement (hr-core pay agreements import), then write the file again"
)
_WHERE_ENTERED = {"bank_account": _IN_AGREEMENT, "bank_name": _IN_AGREEMENT}


class LeftOut(Struct, frozen=True, kw_only=True):
    """`what` names the person; `amount_fen` of the template's total."""

    person: str
    what: str
    amount_fen: int
    why: str


class Export(Struct, frozen=True, kw_only=True):
    """`total_fen` of the written rows; `zero` rows had nothing to tell and were not asked for."""

    run: int
    template: str
    trial: bool
    rows: int
    zero: int
    total_fen: int
    left_out: tuple[LeftOut, ...]
    sha256: str
    content: bytes

    @property
    def left_out_fen(self) -> int:
        return sum(one.amount_fen for one in self.left_out)


class _Written(Struct, frozen=True, kw_only=True):
    rows: list[SourceRow]
    cells: list[list[FileCell]]
    left_out: list[LeftOut]
    zero: int


def export_run(
    conn: sa.Connection, number: int, template: ExportTemplate, *, trial: bool = False
) -> Export:
    """Raises NotFoundError, RefusedError (not approved; a row that must be there cannot be written),
    JournalMismatchError.
    """
    run = run_by_number(conn, number)
    if run is None:
        raise NotFoundError(f"there is no pay run {number}", remedy="list them: hr-core pay runs")
    if template.approved_only and not trial and not approved(conn, run):
        raise RefusedError(
            f"run {number} of {run.month} is not approved, and {template.name} takes approved runs",
            remedy="two people submit and approve it; or write a stamped trial with --trial",
        )
    slips = run_slips(conn, run)
    journal = Journal(run=number, month=run.month, rows=journal_rows(slips))
    check_journal(journal, slips, run.total_fen)
    rows = source_rows(template, run, slips, journal)
    written = _written(template, rows)
    total = sum(_total_of(template, row) for row in written.rows)
    _check_total(template, rows, written, total)
    table = _table(template, run, written, total, trial=trial)
    content = file_bytes(template, table, sheet="试算 TRIAL" if trial else "Sheet1")
    return Export(
        run=number,
        template=template.name,
        trial=trial,
        rows=len(written.rows),
        zero=written.zero,
        total_fen=total,
        left_out=tuple(written.left_out),
        sha256=sha256(content).hexdigest(),
        content=content,
    )


def _written(template: ExportTemplate, rows: list[SourceRow]) -> _Written:
    kept: list[SourceRow] = []
    cells: list[list[FileCell]] = []
    left_out: list[LeftOut] = []
    zero = 0
    for row in rows:
        amounts = [row.amount(one.field) for one in template.column if one.form == "amount"]
        if template.leave_out_zero and amounts and not any(amounts):
            zero += 1
            continue
        why = _why_not(template, row, amounts)
        if why:
            left_out.append(
                LeftOut(person=row.who, what=row.what, amount_fen=_total_of(template, row), why=why)
            )
            continue
        kept.append(row)
        cells.append([_cell(one, row, len(kept)) for one in template.column])
    if left_out and template.rows is not Source.PEOPLE:
        first = left_out[0]
        raise RefusedError(
            f"{len(left_out)} rows cannot be written, the first is {first.what}: {first.why}",
            remedy="correct the template (its accounts, its encoding); nothing was written",
        )
    return _Written(rows=kept, cells=cells, left_out=left_out, zero=zero)


def _why_not(template: ExportTemplate, row: SourceRow, amounts: list[int]) -> str:
    if template.above_zero and min(amounts, default=0) < 0:
        return "the amount is below zero: the person owes, nothing can be paid"
    for column in template.column:
        if column.form == "amount" or not column.field or column.field == "row":
            continue
        text = clean_text(row.text(column.field))
        if column.required and not text:
            return f"no {column.field} is entered{_WHERE_ENTERED.get(column.field, '')}"
        if column.pattern and text and re.fullmatch(column.pattern, text) is None:
            return f"{column.field} does not look like {column.title}: {_masked(text)}"
        try:
            check_text(text, template)
        except UnwritableTextError as exc:
            return f"{column.field}: {exc}"
    return ""


def _cell(column: Column, row: SourceRow, place: int) -> FileCell:
    if column.text:
        return column.text
    if column.field == "row":
        return str(place)
    if column.form == "amount":
        return Money(column.sign * row.amount(column.field))
    return clean_text(row.text(column.field))


def _table(
    template: ExportTemplate, run: RunRow, written: _Written, total: int, *, trial: bool
) -> list[list[FileCell]]:
    values = head_values(run) | {
        "count": str(len(written.rows)),
        "total": money_text(total, template.decimal),
    }
    for name in ("debit", "credit"):
        fen = sum(int(row.values.get(name, 0)) for row in written.rows)
        values[name] = money_text(fen, template.decimal)
    stamp: list[list[FileCell]] = [[f"{TRIAL}; run {run.number}"]] if trial else []
    titles: list[list[FileCell]] = (
        [[column.title for column in template.column]] if template.titles else []
    )
    return [
        *stamp,
        *_heads(template.header, values),
        *titles,
        *written.cells,
        *_heads(template.footer, values),
        *stamp,
    ]


def _heads(rows: tuple[tuple[str, ...], ...], values: dict[str, str]) -> list[list[FileCell]]:
    return [[HEAD_FIELD.sub(lambda found: values[found[1]], cell) for cell in row] for row in rows]


def _check_total(
    template: ExportTemplate, rows: list[SourceRow], written: _Written, total: int
) -> None:
    """What stands in the cells, read back as they are written, and the left out are all there is."""
    for at, column in enumerate(template.column):
        if column.form != "amount":
            continue
        in_cells = 0
        for row in written.cells:
            cell = row[at]
            if isinstance(cell, Money):
                in_cells += money_of_text(money_text(cell.fen, template.decimal), template.decimal)
        of_rows = sum(column.sign * row.amount(column.field) for row in written.rows)
        _same(f"the column {column.title}", in_cells, of_rows)
    left = sum(one.amount_fen for one in written.left_out)
    everybody = sum(_total_of(template, row) for row in rows)
    _same("the total", total + left, everybody)
    _same("the count", len(written.rows) + len(written.left_out) + written.zero, len(rows))


def _total_of(template: ExportTemplate, row: SourceRow) -> int:
    return template.total_sign * row.amount(template.total) if template.total else 0


def _same(what: str, one: int, other: int) -> None:
    if one != other:
        raise JournalMismatchError(
            f"{what} of the file is {one}, of the run {other}",
            remedy="this is a fault of the program: send nothing, and report it",
        )


def _masked(text: str) -> str:
    return f"…{text[-4:]} ({len(text)} characters)"
