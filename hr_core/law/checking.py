"""What is wrong with a body of law: gaps and overlaps in time, rows without a source."""

from collections.abc import Iterable
from datetime import date, timedelta
from enum import StrEnum
from itertools import groupby, pairwise

from msgspec import Struct

from hr_core.law.rows import AMOUNTS, Item, LawRow, Status

_YEAR_DAYS = 366


class Fault(StrEnum):
    GAP = "gap"
    OVERLAP = "overlap"
    NO_SOURCE = "no_source"
    NO_RATE = "no_rate"
    NO_BOUND = "no_bound"
    ENDED = "ended"


class Finding(Struct, frozen=True):
    fault: Fault
    city: str
    item: str
    district: str
    what: str


def check_law(rows: Iterable[LawRow], today: date) -> list[Finding]:
    """Findings in the order of city, item and time. Overlaps count among rows of one trust alone:
    a better trusted row takes the place of another without a word, and so does one of the same first
    day that was announced later.
    """
    ordered = sorted(rows, key=_place_and_time)
    found: list[Finding] = []
    for _, of_place in groupby(ordered, key=_place):
        same_place = list(of_place)
        found += _in_time(_not_superseded(same_place), today)
        for row in same_place:
            found += _of_row(row)
    return found


def _place(row: LawRow) -> tuple[str, str, str]:
    return row.city, row.item, row.district


def _place_and_time(row: LawRow) -> tuple[str, str, str, date]:
    return (*_place(row), row.since)


def _finding(fault: Fault, row: LawRow, what: str) -> Finding:
    return Finding(fault, row.city, str(row.item), row.district, what)


def _not_superseded(rows: list[LawRow]) -> list[LawRow]:
    newest: dict[tuple[Status, date], date] = {}
    for row in rows:
        place = (row.status, row.since)
        newest[place] = max(newest.get(place, date.min), row.announced or date.min)
    return [row for row in rows if (row.announced or date.min) == newest[row.status, row.since]]


def _in_time(rows: list[LawRow], today: date) -> list[Finding]:
    found = []
    for status in Status:
        trusted = [row for row in rows if row.status is status]
        for earlier, later in pairwise(trusted):
            # An open row ends where the next one begins.
            same_day = earlier.since == later.since
            if same_day or (earlier.until is not None and later.since < earlier.until):
                text = f"{earlier.version} and {later.version} hold at once"
                found.append(_finding(Fault.OVERLAP, later, text))
    reached = rows[0].until
    for row in rows[1:]:
        if reached is not None and row.since > reached:
            found.append(_finding(Fault.GAP, row, f"nothing from {reached} until {row.since}"))
        reached = None if reached is None or row.until is None else max(reached, row.until)
    # An average wage is that of a year gone by: it is looked up until the next year is over.
    grace = timedelta(days=_YEAR_DAYS if rows[0].item is Item.AVERAGE_WAGE else 0)
    if reached is not None and reached + grace <= today:
        found.append(_finding(Fault.ENDED, rows[-1], f"the last row ended on {reached}"))
    return found


def _of_row(row: LawRow) -> list[Finding]:
    found = []
    if not row.source.strip():
        found.append(_finding(Fault.NO_SOURCE, row, f"{row.version} names no source"))
    if row.item in AMOUNTS or row.item is Item.SICK_PAY:
        return found
    if row.floor is None or row.ceiling is None:
        which = "floor" if row.floor is None else "ceiling"
        found.append(_finding(Fault.NO_BOUND, row, f"{row.version} has no {which}"))
    # A range instead of a rate leaves the rate to the employer; injury is always the employer's.
    if row.employee is None and row.employee_range is None:
        found.append(_finding(Fault.NO_RATE, row, f"{row.version} tells no rate"))
    return found


class CityStatus(Struct, frozen=True, kw_only=True):
    """A city's rows that hold on a day: how many of each trust, and how old their last look is."""

    city: str
    items: dict[str, Status]
    status: Status | None
    rows: int
    newest_since: date
    last_looked: date
    age_days: int

    @property
    def holds(self) -> bool:
        return bool(self.items)


def law_status(rows: Iterable[LawRow], on: date) -> list[CityStatus]:
    """Each city, the least trusted first, then the oldest. A city is as good as its worst item."""
    by_city: dict[str, list[LawRow]] = {}
    for row in rows:
        by_city.setdefault(row.city, []).append(row)
    found = [_of_city(city, own, on) for city, own in by_city.items()]
    return sorted(
        found,
        key=lambda one: (-1 if one.status is None else one.status.trust, -one.age_days, one.city),
    )


def _of_city(city: str, rows: list[LawRow], on: date) -> CityStatus:
    items: dict[str, Status] = {}
    for row in rows:
        if row.holds(on):
            known = items.get(str(row.item))
            if known is None or row.status.trust > known.trust:
                items[str(row.item)] = row.status
    looked = max(row.checked or row.announced or row.since for row in rows)
    return CityStatus(
        city=city,
        items=items,
        status=min(items.values(), key=lambda one: one.trust) if items else None,
        rows=len(rows),
        newest_since=max(row.since for row in rows),
        last_looked=looked,
        age_days=(on - looked).days,
    )
