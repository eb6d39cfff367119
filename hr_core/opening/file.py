"""The file of opening balances: TOML, or a table (xlsx, CSV) with one balance in each row.

Every fault names the file and the row or key; nothing is taken from a file that has one.
"""

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Struct

from hr_core.clock import Month
from hr_core.errors import InputFileError, NotFoundError
from hr_core.opening.file_rows import SHAPES, FileRow, Word, figure
from hr_core.opening.rows import OpeningFile, OpeningKind, OpeningRow
from hr_core.spreadsheet import SUFFIXES, read_rows, refuse_doubled
from hr_core.toml_text import parse_toml_text

# Four balances of 50,000 people are 20 MB of TOML.
MAX_FILE_BYTES = 32 * 1024 * 1024
MOST_FAULTS_SHOWN = 10

_CHINESE = {
    "工号": "person",
    "项目": "item",
    "月数": "months",
    "累计收入": "income",
    "累计专项扣除": "contributions",
    "累计专项附加扣除": "special_deductions",
    "已预缴税额": "withheld",
    "已单独计税年终奖": "annual_bonus_apart",
    "日期": "day",
    "日期类型": "day_kind",
    "分钟": "minutes",
    "有效期至": "last_day",
    "假别": "leave",
    "年度": "year",
    "天数": "days",
    "批文": "permit",
    "周期开始": "from",
    "已工作分钟": "worked_min",
    "节假日分钟": "holiday_min",
}
_ITEMS = {"个税": "tax_year", "调休": "time_off", "假期": "leave", "综合工时": "period"}
_YES = {"yes": True, "是": True, "true": True, "no": False, "否": False, "false": False}


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    schema: Literal["clockline-opening/1"]
    source: Word
    first_month: Word
    tax_year: list[Any] = []
    time_off: list[Any] = []
    leave: list[Any] = []
    period: list[Any] = []


class _Given(NamedTuple):
    """A balance as the file has it; `where` is its key or row."""

    where: str
    item: str
    values: Mapping[str, Any]


def read_opening_file(
    path: Path,
    person_of: Callable[[str, Month], str],
    *,
    source: str = "",
    first_month: str = "",
) -> OpeningFile:
    """`person_of`: the key of whoever has an employee number in the first month. A table does not
    tell its `source` and `first_month`: they are given with it. Raises InputFileError.
    """
    if path.suffix.casefold() in SUFFIXES:
        given = list(_table(path))
    else:
        read = _toml(path)
        given = list(_given(read))
        source, first_month = source or read.source, first_month or read.first_month
    month = _month(path, source, first_month)
    rows, faults = list[OpeningRow](), list[str]()
    for one in given:
        try:
            shape = _shape(one.item)
            row = msgspec.convert(one.values, shape, dec_hook=figure)
            person, balance = person_of(row.person, month), row.balance(month)
        except (msgspec.ValidationError, ValueError, NotFoundError) as exc:
            faults.append(f"{one.where}: {exc}")
        else:
            told = f"{source}, {path.name} {one.where}"
            rows.append(OpeningRow(person=person, balance=balance, source=told))
    faults += _twice(rows)
    if faults or not rows:
        raise _refused(path, faults or ["it holds no balance"])
    return OpeningFile(file=path.name, source=source, first_month=str(month), rows=tuple(rows))


def _toml(path: Path) -> _File:
    try:
        body = path.read_bytes()
        if len(body) > MAX_FILE_BYTES:
            raise _refused(path, [f"it is over the cap of {MAX_FILE_BYTES} bytes"])
        return msgspec.convert(parse_toml_text(body.decode()), _File)
    except OSError as exc:
        raise _refused(path, [f"it cannot be read: {exc.strerror}"]) from exc
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as exc:
        raise _refused(path, [str(exc)]) from exc


def _given(read: _File) -> Iterator[_Given]:
    for item in SHAPES:
        for position, values in enumerate(getattr(read, item), 1):
            yield _Given(f"{item}[{position}]", item, values)


def _table(path: Path) -> Iterator[_Given]:
    rows = read_rows(path)
    heading = [_CHINESE.get(cell, cell) for cell in rows[0].cells] if rows else []
    refuse_doubled(path, heading)
    unknown = sorted(set(heading) - set(_CHINESE.values()) - {""})
    lacking = sorted({"person", "item"} - set(heading))
    if unknown or lacking:
        fault = "columns that nobody knows" if unknown else "columns that are lacking"
        raise _refused(path, [f"{fault}: {', '.join(unknown or lacking)}"])
    for row in rows[1:]:
        cells = {
            name: cell for name, cell in zip(heading, row.cells, strict=False) if name and cell
        }
        item = cells.pop("item", "")
        item, where = _ITEMS.get(item, item), f"row {row.number}"
        try:
            values = _typed(_shape(item), cells)
        except ValueError as exc:
            raise _refused(path, [f"{where}: {exc}"]) from exc
        yield _Given(where, item, values)


def _shape(item: str) -> type[FileRow]:
    if item not in SHAPES:
        raise ValueError(f"item {item!r} is none of {', '.join(SHAPES)}")
    return SHAPES[item]


def _typed(shape: type[FileRow], cells: Mapping[str, str]) -> dict[str, Any]:
    """Cells of a table are text: whole numbers and yes/no are read here, the rest as in TOML."""
    kinds = {field.encode_name: field.type for field in msgspec.structs.fields(shape)}
    found: dict[str, Any] = {}
    for name, cell in cells.items():
        kind = kinds.get(name)
        if kind is bool:
            if cell.casefold() not in _YES:
                raise ValueError(f"{name}: {cell!r} is neither yes nor no")
            found[name] = _YES[cell.casefold()]
        else:
            whole = int in {kind, getattr(kind, "__origin__", None)}
            found[name] = int(cell) if whole else cell
    return found


def _twice(rows: Iterable[OpeningRow]) -> list[str]:
    seen: dict[tuple[str, OpeningKind, str], str] = {}
    faults = []
    for row in rows:
        key = (row.person, row.kind, row.key)
        if key in seen:
            faults.append(f"{row.source}: says again what {seen[key]} says of person {row.person}")
        seen[key] = row.source
    return faults


def _month(path: Path, source: str, first_month: str) -> Month:
    if not source or not first_month:
        raise InputFileError(
            "a table does not tell where it is from and which month is the first one here",
            file=str(path),
            key="(file)",
            remedy="give --source TEXT and --first-month 2026-09",
        )
    try:
        return Month.parse(first_month)
    except ValueError as exc:
        raise _refused(path, [f"first_month: {exc}"]) from exc


def _refused(path: Path, faults: list[str]) -> InputFileError:
    more = len(faults) - MOST_FAULTS_SHOWN
    return InputFileError(
        "; ".join(faults[:MOST_FAULTS_SHOWN]) + (f"; and {more} more" if more > 0 else ""),
        file=str(path),
        key="(file)",
        remedy="correct these rows (docs/switching-over.md has the columns); nothing was stored",
    )
