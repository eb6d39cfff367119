"""What a time sheet case expects of a day: its rows as a multiset, and its punches."""

from collections.abc import Sequence
from datetime import datetime

from hr_core.attendance.timesheet.local_time import LocalTime
from hr_core.attendance.timesheet.model import Punch, Row, Shift
from hr_core.attendance.timesheet.rules import RowKind
from hr_core.attendance.timesheet.sheet import DaySheet
from hr_core.cases.case_input import (
    Fields,
    Json,
    UnsupportedError,
    length,
    number,
    rows,
    text,
    whole,
)

_WAGE = 21.50
_RATE_TOLERANCE = 0.005
# Follow from the rows beside them, or are the recorder's own.
_INFORMATIVE = ("tmp_override", "hourly_rate_with_burden")
_ROW_KEYS = {
    "kind", "pay_code", "seconds", "start", "end", "hourly_rate", "branch", "department",
    *_INFORMATIVE,
}  # fmt: skip


def instant(value: Json) -> int:
    """Unix seconds of a time with its offset."""
    moment = datetime.fromisoformat(text(value))
    if moment.tzinfo is None or not 1970 <= moment.year <= 9990:
        raise ValueError
    return int(moment.timestamp())


def _instant_or_none(value: Json) -> int | None:
    """False: laid at no time of day."""
    return None if value is False else instant(value)


def punches_of(shift: Shift) -> list[Punch]:
    return [punch for pair in shift.pairs for punch in (pair.came, pair.left) if punch is not None]


def compare_day(given: Fields, sheet: DaySheet, local: LocalTime) -> list[str]:
    computed = [_as_row(row, local) for row in sheet.rows]
    wanted = given.read_or("rows", rows, [])
    count = given.read_or("row_count", length, None)
    found = _unmatched(wanted, computed)
    if count is not None and count != len(computed):
        found.append(f"{sheet.day}: {len(computed)} rows, expected {count}: {_brief(computed)}")
    return found + _groups(given, sheet)


def _as_row(row: Row, local: LocalTime) -> dict[str, Json]:
    return {
        "kind": str(row.kind),
        "pay_code": row.pay_code,
        "seconds": row.seconds,
        "start": False if row.start is None else local.iso(row.start),
        "end": False if row.end is None else local.iso(row.end),
        "hourly_rate": 0 if row.kind is RowKind.TOTAL else _WAGE * row.multiplier,
        "branch": row.place.branch,
        "department": row.place.department,
    }


def _unmatched(wanted: Sequence[Json], computed: Sequence[dict[str, Json]]) -> list[str]:
    for row in wanted:
        if not isinstance(row, dict) or set(row) - _ROW_KEYS:
            raise UnsupportedError(f"row: {row!r}")
        if row.get("kind") not in list(RowKind):
            raise UnsupportedError(f"row of kind {row.get('kind')!r}")
        given = Fields(row, "row")
        given.read_or("hourly_rate", number, None)
        given.read_or("seconds", whole, None)
        for key in ("start", "end"):
            given.read_or(key, _instant_or_none, None)
    taken, without = _matched(wanted, computed)
    left = [row for place, row in enumerate(computed) if place not in taken]
    return [f"no row {row}, left are {_brief(left)}" for row in without]


def _matched(
    wanted: Sequence[Json], computed: Sequence[dict[str, Json]]
) -> tuple[dict[int, int], list[Json]]:
    """Computed rows to the asserted ones that take them, and what is left without a row. A row that
    is taken moves on to another that is free, so that no order of the asserted rows decides.
    """
    taken: dict[int, int] = {}

    def take(asserted: int, tried: set[int]) -> bool:
        for place, row in enumerate(computed):
            if place in tried or not _same(wanted[asserted], row):
                continue
            tried.add(place)
            if place not in taken or take(taken[place], tried):
                taken[place] = asserted
                return True
        return False

    # What is asserted most closely is missed first, and said so.
    closest_first = sorted(range(len(wanted)), key=lambda one: -len(wanted[one]))
    return taken, [wanted[one] for one in closest_first if not take(one, set())]


def _same(wanted: dict[str, Json], row: dict[str, Json]) -> bool:
    for key, value in wanted.items():
        if key in _INFORMATIVE:
            continue
        if not _equal(key, value, row[key]):
            return False
    return True


def _equal(key: str, wanted: Json, found: Json) -> bool:
    if key == "hourly_rate":
        return wanted is None or abs(found - number(wanted)) <= _RATE_TOLERANCE
    if key == "seconds":
        return wanted is None or whole(wanted) == found
    if key in ("start", "end") and wanted is None:
        return found is False
    if key in ("start", "end") and isinstance(wanted, str) and isinstance(found, str):
        return datetime.fromisoformat(wanted) == datetime.fromisoformat(found)
    return bool(wanted == found)


def _brief(computed: Sequence[dict[str, Json]]) -> list[tuple[Json, ...]]:
    return [(row["kind"], row["pay_code"], row["seconds"], row["start"]) for row in computed]


def _groups(given: Fields, sheet: DaySheet) -> list[str]:
    given.ignore("punch_group_count")
    groups = given.take("punch_groups", {})
    if not isinstance(groups, dict):
        raise UnsupportedError("punch_groups: not an object")
    pairs = [pair for shift in sheet.shifts for pair in shift.pairs]
    found = [f"{sheet.day}: no punches"] if groups and not pairs else []
    for group in groups.values():
        found += _group(Fields(group, "punch_groups"), sheet)
    return found


def _group(given: Fields, sheet: DaySheet) -> list[str]:
    given.ignore("punch_count")
    dated, wanted = given.read_or("date", text, None), given.take("punches", {})
    given.done()
    if not isinstance(wanted, dict):
        raise UnsupportedError("punches: not an object")
    found = []
    if dated is not None and dated != sheet.day.isoformat():
        found.append(f"group dated {dated}")
    if wanted and not any(_holds(wanted, shift) for shift in sheet.shifts):
        found.append(f"{sheet.day}: punches {wanted}")
    return found


def _holds(wanted: dict[str, Json], shift: Shift) -> bool:
    punches = punches_of(shift)
    same = True
    for position, values in wanted.items():
        given = Fields(values, "punch")
        if not position.isdecimal():
            raise UnsupportedError(f"punches: {position!r}")
        at, type_, direction = (
            given.read_or("time", instant, None),
            given.read_or("type", text, None),
            given.read_or("direction", text, None),
        )
        given.done()
        if int(position) >= len(punches):
            return False
        punch = punches[int(position)]
        same = (
            same
            and at in (None, punch.at)
            and type_ in (None, punch.type)
            and direction in (None, punch.direction)
        )
    return same
