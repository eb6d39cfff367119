"""Piece prices as they hold on a day, and how many pieces of a period each of them pays.

A price is an exact number of fen a piece: 0.0835 yuan are 8.35 fen. Bands count the pieces of a day or
of a month from the first one on; in a period the pieces of regular hours come first, then those of
overtime.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from msgspec import Struct

from hr_core.errors import CoreError


class NoPriceError(CoreError):
    """Pieces that no approved price covers: whoever made them is not paid by a guess."""

    def __init__(self, what: str, on: date) -> None:
        super().__init__(
            f"there is no approved price of {what} on {on}",
            remedy="import a table with the price (hr-core pay prices import FILE) and let another "
            "person approve it",
        )
        self.what = what
        self.on = on


class Goods(NamedTuple):
    """What is paid by the piece. `grade` is that of the piece ("" = it has none)."""

    product: str
    process: str
    grade: str = ""

    @property
    def text(self) -> str:
        return " / ".join(part for part in self if part)


class Per(StrEnum):
    DAY = "day"
    MONTH = "month"


class Pays(StrEnum):
    """EACH piece by the band that it lies in, or ALL of them by the last band that was reached."""

    EACH = "each"
    ALL = "all"


class Band(Struct, frozen=True):
    """What lies beyond the first `over` pieces of the period, at `price` fen a piece."""

    over: int
    price: Fraction


PRICE_VERSION = "piece-price/"  # and the number of the table's approval


class PriceRow(Struct, frozen=True, kw_only=True):
    """`bands` begin at 0. A quota is a second band of this name. `rework`, `own_rework`, `scrap` in fen a
    piece; None: the table does not say.
    """

    goods: Goods
    since: date
    until: date | None = None
    bands: tuple[Band, ...]
    per: Per = Per.MONTH
    pays: Pays = Pays.EACH
    quota: bool = False
    rework: Fraction | None = None
    own_rework: Fraction | None = None
    scrap: Fraction | None = None
    version: str = ""
    source: str = ""

    def holds(self, on: date) -> bool:
        return self.since <= on and (self.until is None or on < self.until)

    def price_of(self, total: int) -> Band:
        """The last band that `total` pieces reach."""
        return max((one for one in self.bands if one.over < max(total, 1)), key=_over)


def _over(band: Band) -> int:
    return band.over


def split_by_band(row: PriceRow, first: int, pieces: int, total: int) -> dict[Band, int]:
    """Of a period with `total` pieces, those after the first `first`: how many each band pays."""
    if row.pays is Pays.ALL:
        return {row.price_of(total): pieces}
    found = {}
    ends = [*(one.over for one in row.bands[1:]), None]
    for band, end in zip(row.bands, ends, strict=True):
        low = max(first, band.over)
        high = first + pieces if end is None else min(first + pieces, end)
        if high > low:
            found[band] = high - low
    return found


class Rejects(StrEnum):
    """What the counted rejects of a station say about its pieces."""

    APART = "apart"  # the counter of pieces does not hold them
    TAKEN_OFF = "taken_off"  # it does, and they are not paid


class Assignment(Struct, frozen=True, kw_only=True):
    """What a station, or every station of a line, makes from `since` (wall clock) until `until`."""

    station: str = ""
    line: str = ""
    goods: Goods
    since: datetime
    until: datetime | None = None
    rejects: Rejects
    version: str = ""

    def holds(self, at: datetime) -> bool:
        return self.since <= at and (self.until is None or at < self.until)


class Member(Struct, frozen=True, kw_only=True):
    """`person` by its key."""

    person: str
    coefficient: Fraction
    since: date
    until: date | None = None

    def holds(self, on: date) -> bool:
        return self.since <= on and (self.until is None or on < self.until)


class Group(Struct, frozen=True, kw_only=True):
    code: str
    members: tuple[Member, ...]
    version: str = ""


class PriceTable(Struct, frozen=True, kw_only=True):
    """One approved table. `version` names its approval."""

    version: str
    name: str
    source: str
    approved_by: str = ""
    prices: tuple[PriceRow, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    groups: tuple[Group, ...] = ()


class PriceBook:
    """All approved tables, in the order of their approval: of rows that hold at once, the one that
    began last counts, then the one that was approved last.
    """

    def __init__(self, tables: Sequence[PriceTable]) -> None:
        self.tables = tuple(tables)
        self._prices: dict[Goods, list[PriceRow]] = {}
        self._assigned: dict[tuple[str, str], list[Assignment]] = {}
        self._groups: dict[str, Group] = {}
        for table in tables:
            for row in table.prices:
                self._prices.setdefault(row.goods, []).append(row)
            for one in table.assignments:
                place = ("station", one.station) if one.station else ("line", one.line)
                self._assigned.setdefault(place, []).append(one)
            self._groups.update({one.code: one for one in table.groups})

    def row(self, goods: Goods, on: date) -> PriceRow:
        """That of the grade, else the one without a grade. Raises NoPriceError."""
        for wanted in (goods, goods._replace(grade="")):
            found = _newest([row for row in self._prices.get(wanted, ()) if row.holds(on)])
            if found is not None:
                return found
        raise NoPriceError(goods.text, on)

    def assigned(self, station: str, line: str, at: datetime) -> Assignment | None:
        """What the station made at a time of its wall clock; its own row wins over its line's."""
        for place in (("station", station), ("line", line)):
            found = [one for one in self._assigned.get(place, ()) if one.holds(at)]
            if found:
                return max(enumerate(found), key=lambda one: (one[1].since, one[0]))[1]
        return None

    def group(self, code: str) -> Group | None:
        return self._groups.get(code)


def _newest(rows: Iterable[PriceRow]) -> PriceRow | None:
    newest = max(enumerate(rows), key=lambda one: (one[1].since, one[0]), default=None)
    return None if newest is None else newest[1]
