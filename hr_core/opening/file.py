"""The file of opening balances: TOML, or a table (xlsx, CSV) with one balance in each row.

Every fault names the file and the row or key; nothing is taken from a file that has one.
"""

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta, Struct

from hr_core.attendance.calendar import DayKind
from hr_core.clock import DAY_MIN, Month
from hr_core.errors import InputFileError, NotFoundError
from hr_core.law.national import Fen
from hr_core.money import MAX_FEN, parse_exact, parse_yuan
from hr_core.opening.rows import (
    Balance,
    LeaveOpening,
    OpeningFile,
    OpeningKind,
    OpeningRow,
    PeriodOpening,
    TaxOpening,
    TimeOffOpening,
)
from hr_core.spreadsheet import SUFFIXES, read_rows

# Four balances of 50,000 people are 20 MB of TOML.
MAX_FILE_BYTES = 32 * 1024 * 1024
MOST_FAULTS_SHOWN = 10

_HALVES = 2
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
_YES = {"yes": True, "是": True, "true": True, "no": False, "否": False, "false": False, "": False}

Word = Annotated[str, Meta(min_length=1, max_length=200)]
Count = Annotated[int, Meta(ge=0)]


class _Row(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    person: Word


class _TaxYear(_Row, frozen=True, kw_only=True):
    months: Annotated[int, Meta(ge=0, le=12)]
    income: Fen
    contributions: Fen
    special_deductions: Fen
    withheld: Fen
    annual_bonus_apart: bool = False


class _TimeOff(_Row, frozen=True, kw_only=True):
    day: date
    day_kind: DayKind
    minutes: Annotated[int, Meta(ge=1, le=DAY_MIN)]
    last_day: date | None = None


class _Leave(_Row, frozen=True, kw_only=True):
    leave: Word
    year: int
    days: Fraction


class _Period(_Row, frozen=True, kw_only=True, rename={"since": "from"}):
    permit: Word
    since: date
    worked_min: Count
    holiday_min: Count = 0


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    schema: Literal["clockline-opening/1"]
    source: Word
    first_month: Word
    tax_year: list[Any] = []
    time_off: list[Any] = []
    leave: list[Any] = []
    period: list[Any] = []


_SHAPES: dict[str, type[_Row]] = {
    "tax_year": _TaxYear,
    "time_off": _TimeOff,
    "leave": _Leave,
    "period": _Period,
}


class _Given(NamedTuple):
    """A balance as the file has it; `where` is its key or row."""

    where: str
    item: str
    values: Mapping[str, Any]


def read_opening_file(
    path: Path,
    person_of: Callable[[str], str],
    *,
    source: str | None = None,
    first_month: str | None = None,
) -> OpeningFile:
    """`person_of`: the key of whoever has an employee number in the first month. A table does not
    tell its `source` and `first_month`: they are given with it. Raises InputFileError.
    """
    if path.suffix.casefold() in SUFFIXES:
        given = list(_table(path))
        told = (source or "", first_month or "")
    else:
        read = _toml(path)
        given = list(_given(read))
        told = (source or read.source, first_month or read.first_month)
    month = _month(path, *told)
    rows, faults = [], []
    for one in given:
        try:
            balance, number = _balance(one, month)
            origin = f"{told[0]}, {path.name} {one.where}"
            rows.append(OpeningRow(person=person_of(number), balance=balance, source=origin))
        except (msgspec.ValidationError, ValueError, NotFoundError) as exc:
            faults.append(f"{one.where}: {exc}")
    faults += _twice(rows)
    if faults or not rows:
        raise _refused(path, faults or ["it holds no balance"])
    return OpeningFile(file=path.name, source=told[0], first_month=str(month), rows=tuple(rows))


def _toml(path: Path) -> _File:
    try:
        body = path.read_bytes()
        if len(body) > MAX_FILE_BYTES:
            raise _refused(path, [f"it is over the cap of {MAX_FILE_BYTES} bytes"])
        return msgspec.convert(tomllib.loads(body.decode()), _File)
    except OSError as exc:
        raise _refused(path, [f"it cannot be read: {exc.strerror}"]) from exc
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as exc:
        raise _refused(path, [str(exc)]) from exc


def _given(read: _File) -> Iterator[_Given]:
    for item in _SHAPES:
        for position, values in enumerate(getattr(read, item), 1):
            yield _Given(f"{item}[{position}]", item, values)


def _table(path: Path) -> Iterator[_Given]:
    rows = read_rows(path)
    if not rows:
        raise _refused(path, ["it has no heading"])
    heading = [_CHINESE.get(cell, cell) for cell in rows[0].cells]
    unknown = set(heading) - set(_CHINESE.values()) - {""}
    if unknown or not {"person", "item"} <= set(heading):
        raise _refused(
            path,
            [
                f"columns {', '.join(sorted(unknown)) or 'person, item'} "
                f"{'are not known' if unknown else 'are lacking'}"
            ],
        )
    for row in rows[1:]:
        cells = {
            name: cell for name, cell in zip(heading, row.cells, strict=False) if name and cell
        }
        item = cells.pop("item", "")
        yield _Given(f"row {row.number}", _ITEMS.get(item, item), cells)


def _balance(given: _Given, month: Month) -> tuple[Balance, str]:
    """And the employee number. Raises ValidationError and ValueError."""
    shape = _SHAPES.get(given.item)
    if shape is None:
        raise ValueError(f"{given.item!r} is none of {', '.join(_SHAPES)}")
    from_text = given.where.startswith("row ")
    values = _typed(shape, given.values) if from_text else given.values
    read = msgspec.convert(values, shape, dec_hook=_figure)
    balance = _value(read, month)
    _check(balance, month)
    return balance, read.person


def _typed(shape: type[_Row], cells: Mapping[str, str]) -> dict[str, Any]:
    """Cells of a table are text: whole numbers and yes/no are read here, the rest as in TOML."""
    found: dict[str, Any] = {}
    kinds = {field.encode_name: field.type for field in msgspec.structs.fields(shape)}
    for name, cell in cells.items():
        kind = kinds.get(name)
        if kind is bool:
            if cell.casefold() not in _YES:
                raise ValueError(f"{name}: {cell!r} is neither yes nor no")
            found[name] = _YES[cell.casefold()]
        elif kind is int or getattr(kind, "__origin__", None) is int:
            found[name] = int(cell)
        else:
            found[name] = cell
    return found


def _value(read: _Row, month: Month) -> Balance:
    match read:
        case _TaxYear():
            return TaxOpening(
                year=month.year,
                months=read.months,
                income=read.income.fen,
                contributions=read.contributions.fen,
                special=read.special_deductions.fen,
                withheld=read.withheld.fen,
                bonus_apart_taken=read.annual_bonus_apart,
            )
        case _TimeOff():
            return TimeOffOpening(
                day=read.day, day_kind=read.day_kind, minutes=read.minutes, last_day=read.last_day
            )
        case _Leave():
            halves = read.days * _HALVES
            if halves.denominator != 1 or halves < 0:
                raise ValueError(f"{read.days} days are not whole or half days from 0 on")
            return LeaveOpening(leave=read.leave, year=read.year, half_days=halves.numerator)
        case _Period():
            return PeriodOpening(
                permit=read.permit,
                since=read.since,
                until=month.first,
                worked_min=read.worked_min,
                holiday_min=read.holiday_min,
            )
    raise TypeError(type(read))


def _check(balance: Balance, month: Month) -> None:
    """Raises ValueError for what cannot be before the first month."""
    match balance:
        case TaxOpening():
            if balance.months >= month.month:
                raise ValueError(f"{balance.months} months lie before {month} in no tax year")
            figures = (
                balance.income,
                balance.contributions,
                balance.special,
                balance.withheld,
            )
            if min(figures) < 0 or max(figures) > MAX_FEN:
                raise ValueError("an amount is below zero or beyond any pay")
            if balance.withheld > balance.income:
                raise ValueError("more tax is withheld than was earned")
            if not balance.months and any(figures):
                raise ValueError("there are amounts and no months")
        case TimeOffOpening():
            if balance.day >= month.first:
                raise ValueError(f"{balance.day} lies in a month that is counted here")
            if balance.last_day is not None and balance.last_day < balance.day:
                raise ValueError(f"the last day {balance.last_day} is before the overtime")
        case PeriodOpening():
            if balance.since >= month.first:
                raise ValueError(f"a period from {balance.since} on is counted here from its start")
            days = (balance.until - balance.since).days
            if balance.holiday_min > balance.worked_min or balance.worked_min > days * DAY_MIN:
                raise ValueError("more minutes than the days, or the whole work, can hold")
        case LeaveOpening():
            if not month.year - 1 <= balance.year <= month.year:
                raise ValueError(f"leave of {balance.year} cannot be open in {month}")


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


def _figure(target: type, value: object) -> Fraction | Fen:
    if not isinstance(value, str):
        raise ValueError(f'{value!r} is not a figure as text, like "69600.00"')  # noqa: TRY004 - msgspec tells ValueErrors with the key
    return Fen(parse_yuan(value)) if target is Fen else parse_exact(value)


def _refused(path: Path, faults: list[str]) -> InputFileError:
    shown = "; ".join(faults[:MOST_FAULTS_SHOWN])
    more = len(faults) - MOST_FAULTS_SHOWN
    return InputFileError(
        shown + (f"; and {more} more" if more > 0 else ""),
        file=str(path),
        key="(file)",
        remedy="correct these rows (docs/switching-over.md has the columns); nothing was stored",
    )
