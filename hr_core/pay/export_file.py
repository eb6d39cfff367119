"""A table of texts and amounts as a file: CSV in the encoding and decimals of a template, or xlsx."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from hr_core.errors import CoreError
from hr_core.pay.export_template import DecimalForm, ExportTemplate
from hr_core.spreadsheet import harmless


class Money(NamedTuple):
    fen: int


FileCell = str | Money
FileRow = Sequence[FileCell]


class UnwritableTextError(ValueError):
    """The text cannot stand in this file; the message says why, in words for people."""


def money_text(fen: int, form: DecimalForm) -> str:
    sign, rest = ("-" if fen < 0 else ""), abs(fen)
    if form.unit == "fen":
        return f"{sign}{rest}"
    whole = f"{rest // 100:,}".replace(",", form.thousands)
    return f"{sign}{whole}{form.point}{rest % 100:02d}"


def money_of_text(text: str, form: DecimalForm) -> int:
    """Fen of an amount as `money_text` writes it. Raises ValueError."""
    digits = text.replace(form.thousands, "") if form.thousands else text
    if form.unit == "fen":
        return int(digits)
    whole, point, cents = digits.partition(form.point)
    if point != form.point or len(cents) != 2:
        raise ValueError(f"{text!r} is not an amount")
    return int(whole + cents)


def clean_text(text: str) -> str:
    """On one line, without the control characters that end a row or a cell."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def check_text(text: str, template: ExportTemplate) -> None:
    """Raises UnwritableTextError: a bank must not get a name with a question mark in it."""
    if template.file == "xlsx":
        return
    try:
        text.encode(template.encoding)
    except UnicodeEncodeError as exc:
        raise UnwritableTextError(
            f"{template.encoding} has no {text[exc.start : exc.end]!r} (gb18030 has all)"
        ) from exc
    if template.quotes == "never" and (template.separator in text or '"' in text):
        raise UnwritableTextError("it holds the separator or a quote, and the file takes no quotes")


def file_bytes(template: ExportTemplate, rows: Sequence[FileRow], sheet: str) -> bytes:
    if template.file == "xlsx":
        return _xlsx(rows, sheet)
    return csv_text(template, rows).encode(template.encoding)


def csv_text(template: ExportTemplate, rows: Sequence[FileRow]) -> str:
    """Texts that a spreadsheet program would run get an apostrophe; amounts keep their minus."""
    out = io.StringIO()
    line_end = "\r\n" if template.line_end == "crlf" else "\n"
    cells = [[_csv_cell(cell, template.decimal) for cell in row] for row in rows]
    if template.quotes == "never":
        return "".join(template.separator.join(row) + line_end for row in cells)
    writer = csv.writer(
        out,
        delimiter=template.separator,
        lineterminator=line_end,
        quoting=csv.QUOTE_ALL if template.quotes == "always" else csv.QUOTE_MINIMAL,
    )
    writer.writerows(cells)
    return out.getvalue()


def save_private(path: Path, content: bytes) -> None:
    """Everybody's pay is in it: readable for its owner alone. Raises CoreError."""
    try:
        path.touch(mode=0o600)
        path.chmod(0o600)  # a file that was there keeps its own mode otherwise
        path.write_bytes(content)
    except OSError as exc:
        raise CoreError(
            f"{path} cannot be written: {exc.strerror}", remedy="give a path that can be written"
        ) from exc


def _csv_cell(cell: FileCell, form: DecimalForm) -> str:
    return money_text(cell.fen, form) if isinstance(cell, Money) else str(harmless(cell))


def _xlsx(rows: Sequence[FileRow], sheet: str) -> bytes:
    """Texts stay texts, account numbers with all their digits too; amounts are numbers in yuan."""
    import xlsxwriter  # noqa: PLC0415 - only whoever exports needs it

    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        page = book.add_worksheet(sheet)
        yuan = book.add_format({"num_format": "#,##0.00"})
        for at, row in enumerate(rows):
            for column, cell in enumerate(row):
                if isinstance(cell, Money):
                    page.write_number(at, column, cell.fen / 100, yuan)
                else:
                    page.write_string(at, column, cell)
    return out.getvalue()
