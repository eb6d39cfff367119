"""Tables in and out: CSV and xlsx as people's spreadsheet programs write and read them."""

import csv
import io
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile, ZipFile

from hr_core.errors import CoreError, InputFileError
from hr_core.workbook_size import TooLargeError, UnsoundError, refuse_too_large

SUFFIXES = (".csv", ".xlsx")
# 100,000 people x 31 days as text are 20 MB.
MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_ROWS = 200_000

# What a spreadsheet program takes for the beginning of a formula (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

Cell = str | int | float | date | datetime | time | timedelta | bool | None
"""A timedelta is hours: a number of days that shows as 26:30 in xlsx, that text in CSV."""

_NO_WORKBOOK = (
    *(BadZipFile, zlib.error, EOFError),  # cut off, or no zip at all
    *(RuntimeError, NotImplementedError),  # encrypted, or packed as nobody unpacks
    *(OSError, UnsoundError),
)

_FIRST_INEXACT = 10**15  # Excel keeps fifteen digits and makes zeros of the others

_HOURS = "[h]:mm"
_MINUTE = timedelta(minutes=1)


class Row(NamedTuple):
    """`number` as the spreadsheet program shows it: the first line is 1."""

    number: int
    cells: tuple[str, ...]


class Merged(NamedTuple):
    """Cells that are shown as one: rows as `Row.number`, columns from 0, last ones included."""

    first_row: int
    first_column: int
    last_row: int
    last_column: int


class Sheet(NamedTuple):
    rows: list[Row]
    merged: tuple[Merged, ...]


def read_rows(path: Path) -> list[Row]:
    """Every line that is not empty, as text without blanks around it; dates as 2026-10-01.

    .xlsx is read from its first sheet; everything else is CSV in UTF-8 or GB 18030 (what a Chinese
    Excel saves), separated by comma, semicolon or tab. Raises InputFileError.
    """
    return read_sheet(path).rows


def read_sheet(path: Path, name: str = "") -> Sheet:
    """As `read_rows`, of the sheet of that name, with the cells of a workbook that are merged; only
    the first of those holds their text. Raises InputFileError.
    """
    body = _read(path)
    merged: tuple[Merged, ...] = ()
    if path.suffix.casefold() == ".xlsx":
        rows, merged = _xlsx_rows(path, body, name)
    else:
        rows = _csv_rows(path, body)
    found = []
    for number, cells in rows:
        if number > MAX_ROWS:
            raise _unreadable(path, f"more than {MAX_ROWS} rows", "split the file")
        if any(cells):
            found.append(Row(number, cells))
    return Sheet(found, merged)


def refuse_doubled(path: Path, columns: Iterable[str]) -> None:
    """Raises InputFileError where two columns mean the same: which of them counts nobody said. Empty
    ones are no columns.
    """
    doubled = [name for name, times in Counter(columns).items() if name and times > 1]
    if doubled:
        raise InputFileError(
            f"two columns are {', '.join(doubled)}",
            file=str(path),
            key="row 1",
            remedy="keep one of them; nothing was stored",
        )


def write_rows(path: Path, rows: Iterable[Sequence[Cell]], mode: int = 0o666) -> None:
    """As xlsx or CSV, by the name; `mode` is that of a new file. Text never becomes a formula.

    Raises CoreError.
    """
    try:
        path.touch(mode=mode)
        if path.suffix.casefold() == ".xlsx":
            _write_xlsx(path, rows)
        else:
            path.write_text(csv_text(rows), encoding="utf-8", newline="")
    except OSError as exc:
        raise CoreError(
            f"{path} cannot be written: {exc.strerror}", remedy="give a path that can be written"
        ) from exc


def csv_text(rows: Iterable[Sequence[Cell]]) -> str:
    """With a byte order mark, without which Excel reads Chinese text as another encoding."""
    out = io.StringIO()
    out.write("\ufeff")
    writer = csv.writer(out)
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return out.getvalue()


def harmless(cell: Cell) -> Cell:
    """As CSV holds it. Text that a spreadsheet program would run as a formula gets an apostrophe
    before it.
    """
    if isinstance(cell, timedelta):
        return hours_text(cell)
    if isinstance(cell, str) and cell.lstrip(" ").startswith(_FORMULA):
        return f"'{cell}"
    return cell


def hours_text(span: timedelta) -> str:
    """Like 26:30, in whole minutes."""
    hours, minutes = divmod(abs(span) // _MINUTE, 60)
    return f"{'-' if span < timedelta() else ''}{hours}:{minutes:02d}"


def _write_xlsx(path: Path, rows: Iterable[Sequence[Cell]]) -> None:
    import xlsxwriter  # noqa: PLC0415 - only whoever exports needs it

    with xlsxwriter.Workbook(str(path), {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        as_hours = book.add_format({"num_format": _HOURS})
        for number, row in enumerate(rows):
            for column, cell in enumerate(row):
                if isinstance(cell, timedelta):
                    sheet.write_number(number, column, cell / timedelta(days=1), as_hours)
                elif isinstance(cell, int | float):
                    sheet.write_number(number, column, cell)
                elif cell is not None:
                    sheet.write_string(number, column, str(cell))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            body = file.read(MAX_FILE_BYTES + 1)
    except OSError as exc:
        raise _unreadable(path, f"cannot be read: {exc.strerror}", "give a file's path") from exc
    if len(body) > MAX_FILE_BYTES:
        raise _unreadable(path, f"over the cap of {MAX_FILE_BYTES} bytes", "split the file")
    return body


def _xlsx_rows(
    path: Path, body: bytes, name: str
) -> tuple[Iterator[tuple[int, tuple[str, ...]]], tuple[Merged, ...]]:
    from python_calamine import CalamineError, load_workbook  # noqa: PLC0415 - as above

    try:
        with ZipFile(io.BytesIO(body)) as archive:
            refuse_too_large(archive)
        with load_workbook(io.BytesIO(body)) as book:
            if name and name not in book.sheet_names:
                there = ", ".join(book.sheet_names)
                raise _unreadable(path, f"there is no sheet {name!r}", f"there are: {there}")
            sheet = book.get_sheet_by_name(name) if name else book.get_sheet_by_index(0)
            rows = sheet.to_python(skip_empty_area=False)
            ranges = sheet.merged_cell_ranges or ()
    except TooLargeError as exc:
        raise _unreadable(path, str(exc), "save what is needed of it as CSV") from exc
    except (CalamineError, *_NO_WORKBOOK) as exc:
        raise _unreadable(path, f"not a workbook ({exc})", "save it as xlsx or CSV") from exc
    merged = tuple(
        Merged(top + 1, left, bottom + 1, right) for (top, left), (bottom, right) in ranges
    )
    return _texts(path, rows), merged


def _texts(path: Path, rows: Iterable[Sequence[object]]) -> Iterator[tuple[int, tuple[str, ...]]]:
    for number, row in enumerate(rows, start=1):
        try:
            yield number, tuple(map(_text, row))
        except OverflowError as exc:
            raise _unreadable(
                path, f"row {number}: {exc}", "format the column as text and type it again"
            ) from exc


def _csv_rows(path: Path, body: bytes) -> Iterator[tuple[int, tuple[str, ...]]]:
    text = _decoded(path, body)
    head = text.split("\n", 1)[0]
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count), strict=True
    )
    while True:
        number = reader.line_num + 1  # where the row begins: a quoted cell may hold line ends
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as exc:
            raise _unreadable(path, f"row {number}: {exc}", "correct the quotes") from exc
        yield number, tuple(cell.strip() for cell in row)


def _decoded(path: Path, body: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = body.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise _unreadable(path, "neither UTF-8 nor GB 18030 text", "save it as CSV UTF-8 or xlsx")


def _text(cell: object) -> str:
    """Raises OverflowError for a number whose last digits are lost: the account of somebody else."""
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time.min else cell.isoformat()
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, int | float) and abs(cell) >= _FIRST_INEXACT:
        digits = len(f"{abs(cell):.0f}")
        raise OverflowError(f"a number of {digits} digits, and a spreadsheet keeps fifteen")
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def _unreadable(path: Path, fault: str, remedy: str) -> InputFileError:
    return InputFileError(fault, file=str(path), key="(file)", remedy=remedy)
