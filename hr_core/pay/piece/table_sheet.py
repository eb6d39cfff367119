"""A price table from a file: TOML, or a sheet of prices (xlsx, CSV)."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from hr_core.errors import InputFileError
from hr_core.pay.piece.table_file import REMEDY, SCHEMA, FilePrice, TableFile, parse_table, table_of
from hr_core.people.file import read_file
from hr_core.spreadsheet import SUFFIXES, read_rows, refuse_doubled

_COLUMNS = {
    "product": ("product", "产品"),
    "process": ("process", "工序"),
    "grade": ("grade", "等级"),
    "from": ("from", "起"),
    "until": ("until", "止"),
    "price": ("price", "单价"),
    "tiers": ("tiers", "阶梯"),
    "quota": ("quota", "定额"),
    "above_quota": ("above_quota", "超额单价"),
    "per": ("per", "周期"),
    "pays": ("pays", "计法"),
    "rework": ("rework", "返工单价"),
    "own_rework": ("own_rework", "本人返工单价"),
    "scrap": ("scrap", "报废扣款"),
}
_NOTES = ("note", "备注")
_NEEDED = ("product", "process", "from", "price")
_TIER = re.compile(r"(\d{1,9})\s*[:：]\s*(\d+(?:\.\d+)?)")


def read_table(path: Path, source: str = "") -> TableFile:
    """`source` of a sheet, which has no place for it. Raises InputFileError."""
    if path.suffix.casefold() in SUFFIXES:
        return _sheet(path, source)
    return parse_table(read_file(path), file=str(path))


def _sheet(path: Path, source: str) -> TableFile:
    """A heading and a row for each price; tiers as "1000: 0.40; 2000: 0.45"."""
    rows = read_rows(path)
    if not rows or not source.strip():
        raise InputFileError(
            "has no rows" if not rows else "needs --source: who decided the prices, written where",
            file=str(path),
            key="(file)",
            remedy=REMEDY,
        )
    names = {word: column for column, words in _COLUMNS.items() for word in words}
    heading = [names.get(cell.casefold(), "") for cell in rows[0].cells]
    refuse_doubled(path, heading)
    _refuse_unknown(path, rows[0].cells, names)
    lacking = [column for column in _NEEDED if column not in heading]
    if lacking:
        raise InputFileError(
            f"has no column {', '.join(lacking)}", file=str(path), key="row 1", remedy=REMEDY
        )
    prices = []
    for row in rows[1:]:
        told = {
            column: cell
            for column, cell in zip(heading, row.cells, strict=False)
            if column and cell
        }
        try:
            prices.append(msgspec.convert(_typed(told), FilePrice, strict=False))
        except (ValueError, msgspec.ValidationError) as exc:
            raise InputFileError(
                str(exc), file=str(path), key=f"row {row.number}", remedy=REMEDY
            ) from exc
    read = TableFile(schema=SCHEMA, name=path.name, source=source.strip(), price=tuple(prices))
    table_of(read, version="", file=str(path))
    return read


def _refuse_unknown(path: Path, cells: Iterable[str], names: Mapping[str, str]) -> None:
    """A misspelt column of quotas or scrap would be a price that nobody decided."""
    unknown = [cell for cell in cells if cell and cell.casefold() not in {*names, *_NOTES}]
    if unknown:
        raise InputFileError(
            f"has columns that nobody knows: {', '.join(unknown)}",
            file=str(path),
            key="row 1",
            remedy=f"its columns are {', '.join(_COLUMNS)}; remarks stand under note (备注)",
        )


def _typed(told: dict[str, str]) -> dict[str, Any]:
    tiers = told.get("tiers", "")
    found = _TIER.findall(tiers)
    if len(found) != len([part for part in re.split(r"[;；]", tiers) if part.strip()]):
        raise ValueError(f'tiers {tiers!r} are not like "1000: 0.40; 2000: 0.45"')
    return told | {"tiers": [{"over": int(over), "price": price} for over, price in found]}
