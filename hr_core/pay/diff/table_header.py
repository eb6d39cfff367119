"""The columns of a table: one heading over several rows, merged cells, titles above."""

import re
import unicodedata
from collections.abc import Sequence

from msgspec import Struct

from hr_core.pay.diff.table_map import TablePlace
from hr_core.spreadsheet import Merged, Row, Sheet

NUMBER_WORDS = ("工号", "员工编号", "职工编号", "员工号", "人员编号", "employee number", "employee no", "emp no", "employee id", "number")  # fmt: skip
NAME_WORDS = ("姓名", "员工姓名", "职工姓名", "employee name", "name")
_SEARCHED = 30  # rows of titles and notes above a heading
_MOST_HEADER_ROWS = 4
_AMOUNT = re.compile(r"[-+(]?[\d,.，￥¥]+\)?")


class NoHeaderError(Exception):
    """`what` is missing or stands twice."""


class Header(Struct, frozen=True, kw_only=True):
    """`names` by column: the texts from top to bottom with "/" between, said once when alike."""

    names: tuple[str, ...]
    rows: tuple[int, ...]
    number: int | None
    name: int | None

    def column(self, wanted: str) -> int:
        """By its whole name, or by its last part where only one column has that. Raises NoHeaderError."""
        text = plain(wanted)
        names = {at: plain(name) for at, name in enumerate(self.names) if name}
        whole = [at for at, name in names.items() if name == text]
        found = whole or [at for at, name in names.items() if name.rpartition("/")[2] == text]
        if len(found) == 1:
            return found[0]
        if found:
            both = ", ".join(self.names[at] for at in found)
            raise NoHeaderError(f"column {wanted!r} stands {len(found)} times ({both})")
        raise NoHeaderError(f"there is no column {wanted!r}")


def plain(text: str) -> str:
    """As headings are compared: width, case, blanks and line ends do not count."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).casefold()


def find_header(sheet: Sheet, place: TablePlace) -> Header:
    """By `place`'s own rows and columns, or by the words that people use. Raises NoHeaderError."""
    numbers = [place.number] if place.number else [] if place.name else list(NUMBER_WORDS)
    names = [place.name] if place.name else [] if place.number else list(NAME_WORDS)
    rows = place.header_rows or _found_rows(sheet, {plain(one) for one in (*numbers, *names)})
    header = Header(names=_names(sheet, rows), rows=rows, number=None, name=None)
    return Header(
        names=header.names,
        rows=rows,
        number=_first(header, numbers, needed=bool(place.number)),
        name=_first(header, names, needed=bool(place.name)),
    )


def _first(header: Header, wanted: Sequence[str], *, needed: bool) -> int | None:
    for one in wanted:
        try:
            return header.column(one)
        except NoHeaderError:
            if needed:
                raise
    return None


def _found_rows(sheet: Sheet, wanted: set[str]) -> tuple[int, ...]:
    merged = _filled(sheet)
    for at, row in enumerate(sheet.rows[:_SEARCHED]):
        column = next((n for n, cell in enumerate(row.cells) if _last(cell) in wanted), None)
        if column is not None:
            below = sheet.rows[at + 1 : at + _MOST_HEADER_ROWS]
            return (row.number, *_more_rows(below, column, merged))
    shown = ", ".join(sorted(wanted)[:4])
    raise NoHeaderError(f"no row of the first {_SEARCHED} has a column {shown}")


def _last(cell: str) -> str:
    return plain(cell).rpartition("/")[2]


def _more_rows(below: Sequence[Row], column: int, merged: dict[tuple[int, int], str]) -> list[int]:
    """Rows under the first that still are heading: words without a number, and no person in them."""
    found = []
    for row in below:
        person = row.cells[column] if column < len(row.cells) else ""
        words = [cell for cell in row.cells if cell]
        amounts = any(_AMOUNT.fullmatch(cell) for cell in words)
        if person or amounts or not words:
            break
        if (row.number, column) not in merged and len(words) == 1:
            break  # a lone word, like the name of a department over its people
        found.append(row.number)
    return found


def _names(sheet: Sheet, rows: Sequence[int]) -> tuple[str, ...]:
    merged = _filled(sheet)
    chosen = [row for row in sheet.rows if row.number in rows]
    if len(chosen) != len(rows):
        raise NoHeaderError(f"header rows {', '.join(map(str, rows))} are not all there")
    width = max(len(row.cells) for row in sheet.rows)
    parts: list[list[str]] = [[] for _ in range(width)]
    for row in chosen:
        # A workbook tells which cells are merged; a CSV has their text in the first one only.
        spreads = not sheet.merged and row is not chosen[-1]
        for column in range(width):
            cell = row.cells[column] if column < len(row.cells) else ""
            text = merged.get((row.number, column), cell)
            if not text and spreads:
                text = _left_of(row, column, chosen[-1])
            text = re.sub(r"\s+", "", text)
            if text and text not in parts[column]:
                parts[column].append(text)
    return tuple("/".join(part) for part in parts)


def _left_of(row: Row, column: int, last: Row) -> str:
    """Reaches only over columns that have a text of their own below."""
    at = column
    while at < len(last.cells) and last.cells[at] and at < len(row.cells):
        if row.cells[at]:
            return row.cells[at]
        if at == 0:
            break
        at -= 1
    return ""


def _filled(sheet: Sheet) -> dict[tuple[int, int], str]:
    """The text of every cell of merged ranges, by (row number, column)."""
    rows = {row.number: row.cells for row in sheet.rows}

    def text(one: Merged) -> str:
        cells = rows.get(one.first_row, ())
        return cells[one.first_column] if one.first_column < len(cells) else ""

    return {
        (row, column): text(one)
        for one in sheet.merged
        if one.last_row - one.first_row <= _MOST_HEADER_ROWS
        for row in range(one.first_row, one.last_row + 1)
        for column in range(one.first_column, one.last_column + 1)
    }
