"""A table of pay from elsewhere: its rows by person, amounts by line of the map. Nothing is guessed:
a row that cannot be read or is nobody's is refused with its number, the others are compared.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from msgspec import Struct

from hr_core.pay.diff.table_amounts import amount_of
from hr_core.pay.diff.table_header import Header, find_header, plain
from hr_core.pay.diff.table_map import LineMap, TableMap
from hr_core.people.half_width import half_width
from hr_core.spreadsheet import Row, Sheet


class RefusedRow(Struct, frozen=True, kw_only=True):
    row: int
    who: str
    what: str
    remedy: str


class OldPerson(Struct, frozen=True, kw_only=True):
    """Amounts by key of the map's line; None: every cell of it is blank."""

    person: str
    rows: tuple[int, ...]
    name: str
    amounts: dict[str, int | None]


class LooseColumn(Struct, frozen=True, kw_only=True):
    """A column with amounts that the map neither maps nor ignores."""

    name: str
    total_fen: int


class OldTable(Struct, frozen=True, kw_only=True):
    people: dict[str, OldPerson]
    refused: tuple[RefusedRow, ...]
    skipped: int
    loose: tuple[LooseColumn, ...]


class PeopleIndex:
    """Who is meant by a number or a name in the month of the run."""

    def __init__(
        self, numbers: Iterable[tuple[str, str]], names: Iterable[tuple[str, str]]
    ) -> None:
        """Pairs (employee number, person) and (name, person)."""
        self._numbers = _grouped((_number(text), person) for text, person in numbers)
        self._names = _grouped((plain(text), person) for text, person in names)

    def by_number(self, text: str) -> set[str]:
        return self._numbers.get(_number(text), set())

    def by_number_without_zeros(self, text: str) -> set[str]:
        """A spreadsheet makes 123 of 00123."""
        wanted = _number(text).lstrip("0")
        if not wanted:
            return set()
        return {
            person
            for number, people in self._numbers.items()
            if number.lstrip("0") == wanted
            for person in people
        }

    def by_name(self, text: str) -> set[str]:
        return self._names.get(plain(text), set())


def _number(text: str) -> str:
    return half_width(text.strip()).removeprefix("'")


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for text, person in pairs:
        found.setdefault(text, set()).add(person)
    return found


class _Refused(Exception):  # noqa: N818 - a row's, told with its number by the caller
    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


class _Columns(NamedTuple):
    header: Header
    plus: dict[str, list[int]]
    minus: dict[str, list[int]]
    known: set[int]


def read_old_table(sheet: Sheet, how: TableMap, index: PeopleIndex) -> OldTable:
    """Raises NoHeaderError for a heading or a column that is not there."""
    columns = _columns(sheet, how)
    body = [row for row in sheet.rows if row.number > max(columns.header.rows)]
    people: dict[str, OldPerson] = {}
    refused: list[RefusedRow] = []
    paid, skipped = [], 0
    for row in body:
        if _skipped(row, columns.header, how):
            skipped += 1
            continue
        paid.append(row)
        try:
            found = _person(row, columns, how, index)
            people[found.person] = _with_others(found, people.get(found.person), how)
        except _Refused as exc:
            who = " ".join(_who(row, columns.header)).strip()
            refused.append(RefusedRow(row=row.number, who=who, what=exc.what, remedy=exc.remedy))
    return OldTable(
        people=people,
        refused=tuple(refused),
        skipped=skipped,
        loose=tuple(_loose(paid, columns, how)),
    )


def _columns(sheet: Sheet, how: TableMap) -> _Columns:
    header = find_header(sheet, how.table)
    plus = {line.key: [header.column(name) for name in line.columns] for line in how.line}
    minus = {line.key: [header.column(name) for name in line.minus] for line in how.line}
    known = {header.column(name) for name in how.ignore}
    known |= {at for side in (plus, minus) for found in side.values() for at in found}
    known |= {at for at in (header.number, header.name) if at is not None}
    return _Columns(header, plus, minus, known)


def _skipped(row: Row, header: Header, how: TableMap) -> bool:
    wanted = {plain(text) for text in how.table.skip}
    first = next((cell for cell in row.cells if cell), "")
    return any(plain(text) in wanted for text in (*_who(row, header), first) if text)


def _who(row: Row, header: Header) -> tuple[str, str]:
    return (
        "" if header.number is None else _cell(row, header.number),
        "" if header.name is None else _cell(row, header.name),
    )


def _cell(row: Row, column: int) -> str:
    return row.cells[column] if column < len(row.cells) else ""


def _person(row: Row, columns: _Columns, how: TableMap, index: PeopleIndex) -> OldPerson:
    number, name = _who(row, columns.header)
    person = _found(number, name, index)
    amounts: dict[str, int | None] = {}
    for line in how.line:
        plus = [_amount(row, at, columns, how) for at in columns.plus[line.key]]
        minus = [_amount(row, at, columns, how) for at in columns.minus[line.key]]
        said = [one for one in plus if one is not None] + [-one for one in minus if one is not None]
        amounts[line.key] = sum(said) if said else None
    return OldPerson(person=person, rows=(row.number,), name=name, amounts=amounts)


def _amount(row: Row, column: int, columns: _Columns, how: TableMap) -> int | None:
    try:
        return amount_of(
            _cell(row, column),
            in_fen=how.table.unit == "fen",
            half_up=how.table.more_decimals == "half_up",
        )
    except ValueError as exc:
        remedy = "correct the cell"
        if "finer" in str(exc):
            remedy = 'correct it, or say more_decimals = "half_up" in the map'
        raise _Refused(f"column {columns.header.names[column]}: {exc}", remedy) from exc


def _found(number: str, name: str, index: PeopleIndex) -> str:
    """By the number when there is one, else by the name."""
    if number:
        found = index.by_number(number) or index.by_number_without_zeros(number)
        what, remedy = f"nobody has the employee number {number!r}", "correct it in the table"
        if len(found) > 1 and name:
            found = (found & index.by_name(name)) or found
    else:
        found = index.by_name(name)
        what, remedy = f"nobody is called {name!r}", "write the employee number in the table"
        if not name:
            what = "neither an employee number nor a name"
            remedy = "if it is a total, name its text under skip in the map"
    if len(found) > 1:
        who = ", ".join(sorted(found))
        raise _Refused(
            f"{number or name!r} may be {len(found)} people: {who}",
            "write the employee number in the table",
        )
    if not found:
        raise _Refused(what, f"{remedy}; a total is named under skip in the map")
    return next(iter(found))


def _with_others(found: OldPerson, held: OldPerson | None, how: TableMap) -> OldPerson:
    if held is None:
        return found
    if how.table.several_rows == "refuse":
        raise _Refused(
            f"the person stands in row {held.rows[0]} already",
            'correct it, or say several_rows = "sum" in the map',
        )
    return OldPerson(
        person=found.person,
        rows=held.rows + found.rows,
        name=held.name,
        amounts={key: _sum(held.amounts[key], found.amounts[key]) for key in found.amounts},
    )


def _sum(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else one + other


def _loose(rows: Iterable[Row], columns: _Columns, how: TableMap) -> Iterator[LooseColumn]:
    rows = list(rows)
    for at, name in enumerate(columns.header.names):
        if at not in columns.known:
            total = _total(rows, at, how)
            if total is not None:
                yield LooseColumn(name=name or f"(column {at + 1})", total_fen=total)


def _total(rows: list[Row], column: int, how: TableMap) -> int | None:
    """None for a column that is no amounts: words, dates, or nothing at all."""
    found = []
    for row in rows:
        try:
            found.append(
                amount_of(_cell(row, column), in_fen=how.table.unit == "fen", half_up=True)
            )
        except ValueError:
            return None
    said = [one for one in found if one is not None]
    return sum(said) if any(said) else None


def line_by_key(how: TableMap) -> Mapping[str, LineMap]:
    return {line.key: line for line in how.line}
