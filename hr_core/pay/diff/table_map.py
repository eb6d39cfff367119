"""How a table of pay from elsewhere is to be read: its header, its people, columns to lines."""

from collections import Counter
from pathlib import Path
from typing import Literal

from msgspec import Struct

from hr_core.errors import InputFileError
from hr_core.money import parse_yuan
from hr_core.toml_text import parse_toml

# Sums of a slip, beside its lines' codes.
SUMS = ("@net", "@earned", "@deducted", "@employer")
_MAX_MAP_BYTES = 256 * 1024  # a table has some hundred columns
_REMEDY = "correct the map (docs/pay-diff.md), or write a first one with --make-map"


class TablePlace(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`header_rows`: as the spreadsheet program numbers them; empty: found by the person's column.

    number, name    the columns that say who it is; one of the two is enough
    skip            texts in a person's column, or first in the row, whose rows are no person (totals)
    several_rows    two rows of one person: refused, or added up
    more_decimals   an amount finer than a fen: refused, or rounded half up
    """

    sheet: str = ""
    header_rows: tuple[int, ...] = ()
    number: str = ""
    name: str = ""
    unit: Literal["yuan", "fen"] = "yuan"
    skip: tuple[str, ...] = ()
    several_rows: Literal["refuse", "sum"] = "refuse"
    more_decimals: Literal["refuse", "half_up"] = "refuse"
    tolerance: str = "0.00"


class LineMap(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The sum of our `lines` is held against the sum of `columns` less that of `minus`.

    What we take off is negative with us; a table that writes it as a plain number has it in `minus`.
    """

    lines: tuple[str, ...]
    columns: tuple[str, ...] = ()
    minus: tuple[str, ...] = ()
    tolerance: str | None = None

    @property
    def key(self) -> str:
        return "+".join(self.lines)

    @property
    def all_columns(self) -> tuple[str, ...]:
        return self.columns + self.minus

    @property
    def of_sums(self) -> bool:
        return any(code in SUMS for code in self.lines)


class TableMap(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`name`: under which notes are kept from month to month; `ignore`: columns that are no line."""

    name: str
    table: TablePlace
    line: tuple[LineMap, ...]
    ignore: tuple[str, ...] = ()

    def tolerance_fen(self, line: LineMap) -> int:
        return parse_yuan(self.table.tolerance if line.tolerance is None else line.tolerance)


def read_map(path: Path) -> TableMap:
    """Raises InputFileError naming the key."""
    try:
        with path.open("rb") as file:
            body = file.read(_MAX_MAP_BYTES + 1)
    except OSError as exc:
        raise _refused(path, "(file)", f"cannot be read: {exc.strerror}") from exc
    if len(body) > _MAX_MAP_BYTES:
        raise _refused(path, "(file)", f"over the cap of {_MAX_MAP_BYTES} bytes")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise _refused(path, "(file)", "not UTF-8") from exc
    found = parse_toml(text, TableMap, file=str(path), remedy=_REMEDY)
    _check(path, found)
    return found


def _check(path: Path, found: TableMap) -> None:
    if not (found.table.number or found.table.name):
        raise _refused(path, "table", "neither number nor name says which column tells who it is")
    for at, line in enumerate(found.line):
        key = f"line[{at}]"
        if not line.lines or not line.all_columns:
            raise _refused(path, key, "lines and columns (or minus) must both name something")
        try:
            tolerance = found.tolerance_fen(line)
        except ValueError as exc:
            raise _refused(path, f"{key}.tolerance", str(exc)) from exc
        if tolerance < 0:
            raise _refused(path, f"{key}.tolerance", "a tolerance is not below zero")
        if line.of_sums and len(line.lines) > 1:
            raise _refused(path, key, f"a sum like {SUMS[0]} stands alone in lines")
        if wrong := [one for one in line.lines if one.startswith("@") and one not in SUMS]:
            raise _refused(path, key, f"{wrong[0]} is no sum; there are: {', '.join(SUMS)}")
    parts = [line for line in found.line if not line.of_sums]
    _check_once(path, "lines", [code for line in found.line for code in line.lines])
    _check_once(path, "columns", [name for line in parts for name in line.all_columns])


def _check_once(path: Path, key: str, names: list[str]) -> None:
    """What counts twice makes a difference that is none."""
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise _refused(path, f"line.{key}", f"{twice[0]!r} stands in two places")


def _refused(path: Path, key: str, fault: str) -> InputFileError:
    return InputFileError(
        fault,
        file=str(path),
        key=key,
        remedy=_REMEDY,
    )
