"""Permits from a TOML file (`[[permit]]`) or a CSV table with the same names as its head line.

`valid_to` is the last day, as it stands on the paper; posts in a CSV cell are parted by ";".
Every row that cannot hold is named with its reason, and then nothing is taken from the file.
"""

import csv
import io
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from hr_core.attendance.hours.law import PeriodLength, System
from hr_core.attendance.hours.permits import Permit, conflicts
from hr_core.errors import InputFileError
from hr_core.toml_text import parse_toml_text

MAX_PERMITS = 10_000  # a group of many plants has some hundred
MAX_TEXT = 200  # of a number, a post, an authority
_MOST_FAULTS_SHOWN = 20
_NEEDED = ("number", "system", "posts", "valid_from", "valid_to")
_OPTIONAL = ("period", "anchor", "basis", "holiday_fills_standard", "authority")
_ZH = {
    "批准文号": "number",
    "工时制度": "system",
    "岗位": "posts",
    "开始日期": "valid_from",
    "结束日期": "valid_to",
    "周期": "period",
    "周期起点": "anchor",
    "基准": "basis",
    "节假日计入标准工时": "holiday_fills_standard",
    "批准机关": "authority",
}
_WORDS = {
    "综合计算工时": "comprehensive", "综合工时": "comprehensive", "不定时": "irregular",
    "周": "week", "月": "month", "季": "quarter", "年": "year", "是": "true", "否": "false",
}  # fmt: skip


class RowFault(NamedTuple):
    where: str
    message: str


class PermitFileError(InputFileError):
    """`faults` are all of them, the message shows the first."""

    def __init__(self, faults: Sequence[RowFault], *, file: str) -> None:
        shown = [f"{one.where}: {one.message}" for one in faults[1:_MOST_FAULTS_SHOWN]]
        if len(faults) > _MOST_FAULTS_SHOWN:
            shown.append(f"and {len(faults) - _MOST_FAULTS_SHOWN} more")
        super().__init__(
            "; ".join([faults[0].message, *shown]),
            file=file,
            key=faults[0].where,
            remedy="correct these rows and import again (docs/hours-cn.md); nothing was stored",
        )
        self.faults = tuple(faults)


class _BadCellError(Exception):
    pass


def read_permits(text: str, *, file: str, known: Sequence[Permit] = ()) -> tuple[Permit, ...]:
    """`known` are those already stored: a row with the number of one replaces it, and none may hold
    for a post on a day on which another one does. Raises PermitFileError.
    """
    rows = list(_csv_rows(text, file) if file.lower().endswith(".csv") else _toml_rows(text, file))
    faults: list[RowFault] = []
    found: dict[str, tuple[str, Permit]] = {}
    for where, cells in rows[:MAX_PERMITS]:
        try:
            permit = _permit(cells)
        except _BadCellError as exc:
            faults.append(RowFault(where, str(exc)))
            continue
        if permit.number in found:
            faults.append(
                RowFault(where, f"permit {permit.number} stands in {found[permit.number][0]} too")
            )
        else:
            found[permit.number] = where, permit
    if len(rows) > MAX_PERMITS:
        faults.append(RowFault("(file)", f"{len(rows)} permits are over the cap of {MAX_PERMITS}"))
    if not rows:
        faults.append(RowFault("(file)", "there is no permit in it"))
    new = [permit for _, permit in found.values()]
    kept = [permit for permit in known if permit.number not in found]
    for one, other, post in conflicts([*kept, *new]):
        where = found[other.number][0] if other.number in found else "(stored)"
        faults.append(RowFault(where, f"{other.number} and {one.number} both hold for post {post}"))
    if faults:
        raise PermitFileError(faults, file=file)
    return tuple(new)


def _toml_rows(text: str, file: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    try:
        content = parse_toml_text(text)
    except tomllib.TOMLDecodeError as exc:
        raise PermitFileError([RowFault("(file)", f"not TOML: {exc}")], file=file) from exc
    rows = content.pop("permit", [])
    if content or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        fault = RowFault("(file)", "holds something else than [[permit]] tables")
        raise PermitFileError([fault], file=file)
    for index, row in enumerate(rows, 1):
        yield f"permit {index}", row


def _csv_rows(text: str, file: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    try:
        head = [_ZH.get(cell.strip(), cell.strip()) for cell in next(reader, [])]
        for cells in reader:
            if any(cell.strip() for cell in cells):
                where = f"line {reader.line_num}"
                if len(cells) > len(head):
                    fault = RowFault(where, f"{len(cells)} cells, the head has {len(head)}")
                    raise PermitFileError([fault], file=file)
                row = dict(zip(head, (cell.strip() for cell in cells), strict=False))
                yield where, {key: value for key, value in row.items() if value}
    except csv.Error as exc:
        fault = RowFault(f"line {reader.line_num}", f"not CSV: {exc}")
        raise PermitFileError([fault], file=file) from exc


def _permit(cells: Mapping[str, object]) -> Permit:
    unknown = sorted(set(cells) - {*_NEEDED, *_OPTIONAL})
    if unknown:
        raise _BadCellError(
            f"unknown {', '.join(unknown)}; known are {', '.join(_NEEDED + _OPTIONAL)}"
        )
    missing = [name for name in _NEEDED if name not in cells]
    if missing:
        raise _BadCellError(f"{', '.join(missing)} is missing")
    system = System(_choice(cells, "system", (System.COMPREHENSIVE, System.IRREGULAR)))
    period = cells.get("period")
    if (system is System.COMPREHENSIVE) != (period is not None):
        raise _BadCellError("comprehensive hours need a period, irregular hours have none")
    first, last = _date(cells, "valid_from"), _date(cells, "valid_to")
    if last < first:
        raise _BadCellError(f"valid_to {last} is before valid_from {first}")
    basis = _choice(cells, "basis", ("notice", "calendar")) if "basis" in cells else "notice"
    return Permit(
        number=_text(cells["number"], "number"),
        system=system,
        posts=_posts(cells["posts"]),
        period=None if period is None else PeriodLength(_choice(cells, "period", PeriodLength)),
        valid_from=first,
        valid_until=last + timedelta(days=1),
        anchor=_date(cells, "anchor") if "anchor" in cells else None,
        basis="calendar" if basis == "calendar" else "notice",
        holiday_fills_standard=_flag(cells, "holiday_fills_standard"),
        authority=_text(cells["authority"], "authority") if "authority" in cells else "",
    )


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_TEXT or "\0" in value:
        raise _BadCellError(f"{name} {str(value)[:40]!r} is no text of 1 to {MAX_TEXT} characters")
    return value.strip()


def _posts(value: object) -> tuple[str, ...]:
    parts = value.replace("；", ";").split(";") if isinstance(value, str) else value
    if not isinstance(parts, list) or not parts:
        raise _BadCellError("posts are no list of names")
    posts = tuple(_text(part, "post") for part in parts)
    if len(set(posts)) != len(posts):
        raise _BadCellError("a post stands twice")
    return posts


def _choice(
    cells: Mapping[str, object], name: str, choices: Sequence[str] | type[PeriodLength]
) -> str:
    words = [str(choice) for choice in choices]
    value = str(cells[name])
    word = _WORDS.get(value, value)
    if word not in words:
        raise _BadCellError(f"{name} {value[:40]!r} is none of {', '.join(words)}")
    return word


def _date(cells: Mapping[str, object], name: str) -> date:
    value = cells[name]
    if type(value) is date:
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError as exc:
        raise _BadCellError(f"{name} {str(value)[:40]!r} is not a day like 2026-01-31") from exc


def _flag(cells: Mapping[str, object], name: str) -> bool:
    value = cells.get(name, False)
    return value if isinstance(value, bool) else _choice(cells, name, ("true", "false")) == "true"
