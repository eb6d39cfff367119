"""Business figures as other programs write them: TOML, or CSV and xlsx read through a mapping."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Literal, NamedTuple

from msgspec import Struct

from hr_core.errors import InputFileError
from hr_core.money import parse_exact
from hr_core.performance.periods import Period
from hr_core.performance.toml_file import read_toml
from hr_core.spreadsheet import SUFFIXES, Row, read_rows, refuse_doubled

_EXAMPLE = "docs/performance.md shows one"
Subject = Literal["person", "unit", "line"]


class WrittenFigure(Struct, frozen=True, kw_only=True):
    """`subject` as the file writes it: an employee number, a unit, a line."""

    kind: Subject
    subject: str
    figure: str
    period: str
    value: Fraction
    of: Fraction | None
    place: str


class FigureFile(NamedTuple):
    """`source`: which program or department the values are from."""

    source: str
    rows: tuple[WrittenFigure, ...]


class ValueColumn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A column of values; `of`: the column of the whole that they are a part of."""

    column: str
    figure: str
    of: str | None = None


class Mapping(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which column is what. `subject_kind`: whose figures the file holds.

    period          the column of the period, or with fixed_period the same one for every row
    figure, value   columns of a long table (one figure a row)
    values          columns of a wide table (one figure a column)
    """

    source: str
    subject_kind: Subject
    subject: str
    period: str | None = None
    fixed_period: str | None = None
    figure: str | None = None
    value: str | None = None
    of: str | None = None
    values: tuple[ValueColumn, ...] = ()


class _TomlRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    subject_kind: Subject
    subject: str
    figure: str
    period: str
    value: Fraction
    of: Fraction | None = None


class _TomlFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    source: str
    figure: tuple[_TomlRow, ...]


def read_figure_file(path: Path, mapping: Path | None) -> FigureFile:
    """Raises InputFileError with the row and what to correct."""
    if path.suffix.casefold() in SUFFIXES:
        if mapping is None:
            raise InputFileError(
                "nothing says which column is what",
                file=str(path),
                key="(file)",
                remedy="give a mapping: --map MAP.toml (docs/performance.md shows one)",
            )
        mapped = read_toml(mapping, Mapping, remedy=_EXAMPLE)
        _check(mapped, str(mapping))
        return FigureFile(mapped.source, tuple(_table(path, mapped)))
    file = read_toml(path, _TomlFile, remedy=_EXAMPLE)
    return FigureFile(
        file.source,
        tuple(
            WrittenFigure(
                kind=row.subject_kind,
                subject=row.subject,
                figure=row.figure,
                period=_period(row.period, str(path), f"figure[{at}]"),
                value=row.value,
                of=row.of,
                place=f"figure[{at}]",
            )
            for at, row in enumerate(file.figure)
        ),
    )


def _check(mapping: Mapping, file: str) -> None:
    faults = []
    if (mapping.period is None) == (mapping.fixed_period is None):
        faults.append("either period (a column) or fixed_period")
    if bool(mapping.values) == bool(mapping.figure and mapping.value):
        faults.append("either figure and value, or values")
    if faults:
        raise InputFileError(
            f"needs {' and '.join(faults)}", file=file, key="(file)", remedy=_EXAMPLE
        )


def _table(path: Path, mapping: Mapping) -> Iterator[WrittenFigure]:
    rows = read_rows(path)
    if not rows:
        raise InputFileError("is empty", file=str(path), key="(file)", remedy="give another file")
    head = {name: at for at, name in enumerate(rows[0].cells) if name}
    columns = mapping.values or (ValueColumn(column=mapping.value or "", figure="", of=mapping.of),)
    used = {mapping.subject, mapping.period, mapping.figure, mapping.value, mapping.of}
    used |= {name for column in columns for name in (column.column, column.of)}
    refuse_doubled(path, (cell for cell in rows[0].cells if cell in used))
    for row in rows[1:]:
        cells = _Cells(path, head, row)
        period = _period(
            mapping.fixed_period or cells.text(mapping.period or ""), str(path), cells.place
        )
        for column in columns:
            if mapping.values and not cells.text(column.column):
                continue  # this row has no such figure
            yield WrittenFigure(
                kind=mapping.subject_kind,
                subject=cells.required(mapping.subject),
                figure=column.figure or cells.required(mapping.figure or ""),
                period=period,
                value=cells.number(column.column),
                of=None if column.of is None else cells.number(column.of),
                place=cells.place,
            )


class _Cells(NamedTuple):
    path: Path
    head: dict[str, int]
    row: Row

    @property
    def place(self) -> str:
        return f"row {self.row.number}"

    def text(self, column: str) -> str:
        at = self.head.get(column)
        if at is None:
            raise InputFileError(
                f"there is no column {column!r}",
                file=str(self.path),
                key="row 1",
                remedy=f"it has {', '.join(self.head)}: correct the mapping",
            )
        return self.row.cells[at] if at < len(self.row.cells) else ""

    def required(self, column: str) -> str:
        text = self.text(column)
        if not text:
            raise self._fault(column, "is empty", "fill it in")
        return text

    def number(self, column: str) -> Fraction:
        text = self.required(column)
        try:
            return parse_exact(text.replace(",", "").removesuffix("%").strip())
        except ValueError as exc:
            raise self._fault(column, f"{text!r} is no number", "write it like 1234.5") from exc

    def _fault(self, column: str, what: str, remedy: str) -> InputFileError:
        return InputFileError(
            f"column {column!r} {what}", file=str(self.path), key=self.place, remedy=remedy
        )


def _period(text: str, file: str, key: str) -> str:
    try:
        return str(Period.parse(text.strip()))
    except ValueError as exc:
        remedy = "write it like 2026-10, 2026-Q4 or 2026"
        raise InputFileError(str(exc), file=file, key=key, remedy=remedy) from exc
