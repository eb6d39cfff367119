"""Price tables as TOML, and what every table file becomes: a TableFile, plain text and dates, which is
proposed, approved and kept.
"""

from collections.abc import Callable, Iterable
from datetime import date, datetime
from fractions import Fraction
from itertools import pairwise
from typing import Any

from msgspec import Struct

from hr_core.clock import midnight
from hr_core.errors import InputFileError
from hr_core.money import parse_exact
from hr_core.pay.piece.prices import (
    Assignment,
    Band,
    Goods,
    Group,
    Member,
    Pays,
    Per,
    PriceRow,
    PriceTable,
    Rejects,
)
from hr_core.toml_text import shaped, toml_tables

SCHEMA = "clockline-pieces/1"
# A plant has some thousand processes; a table beyond this is another file.
MAX_ROWS = 20_000
_PARTS_OF_A_FEN = 10**4  # six decimals of a yuan, as slips show them
REMEDY = "correct the row and import again (docs/piece-pay.md); nothing was stored"


class Tier(Struct, frozen=True, forbid_unknown_fields=True):
    over: int
    price: str


class FilePrice(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"since": "from"}
):
    """Prices are yuan a piece as text, "0.0835"."""

    product: str
    process: str
    since: date
    price: str
    grade: str = ""
    until: date | None = None
    tiers: tuple[Tier, ...] = ()
    quota: int | None = None
    above_quota: str | None = None
    per: Per = Per.MONTH
    pays: Pays = Pays.EACH
    rework: str | None = None
    own_rework: str | None = None
    scrap: str | None = None


class FileAssignment(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"since": "from"}
):
    """Times are the site's wall clock."""

    product: str
    process: str
    since: datetime
    rejects: Rejects
    station: str = ""
    line: str = ""
    grade: str = ""
    until: datetime | None = None


class FileMember(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"since": "from"}
):
    person: str
    coefficient: str
    since: date
    until: date | None = None


class FileGroup(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    code: str
    member: tuple[FileMember, ...]


class TableFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`name` tells tables apart; `source` says who decided the prices and where that is written."""

    schema: str
    name: str
    source: str
    price: tuple[FilePrice, ...] = ()
    assignment: tuple[FileAssignment, ...] = ()
    group: tuple[FileGroup, ...] = ()


def parse_table(text: str, *, file: str) -> TableFile:
    """Raises InputFileError naming the key."""
    read = toml_tables(text, file=file, remedy=REMEDY)
    _days_to_times(read)
    table = shaped(read, TableFile, file=file, remedy=REMEDY)
    if table.schema != SCHEMA:
        raise InputFileError(
            f"is {table.schema!r}", file=file, key="schema", remedy=f"write schema = {SCHEMA!r}"
        )
    table_of(table, version="", file=file)
    return table


def table_of(read: TableFile, *, version: str, file: str, approved_by: str = "") -> PriceTable:
    """As the engine reads it. Raises InputFileError for what cannot hold."""
    if not read.name.strip() or not read.source.strip():
        raise InputFileError("is empty", file=file, key="name or source", remedy=REMEDY)
    rows = len(read.price) + len(read.assignment) + sum(len(one.member) for one in read.group)
    if not 0 < rows <= MAX_ROWS:
        raise InputFileError(
            f"holds {rows} rows", file=file, key="(file)", remedy=f"1 to {MAX_ROWS} rows a table"
        )
    table = PriceTable(
        version=version,
        name=read.name,
        source=read.source,
        approved_by=approved_by,
        prices=_each(read.price, "price", file, lambda row: _price(row, version, read.source)),
        assignments=_each(read.assignment, "assignment", file, lambda row: _made_at(row, version)),
        groups=_each(read.group, "group", file, lambda row: _group(row, version)),
    )
    _refuse_twice(((row.goods, row.since) for row in table.prices), "price", file)
    places = ((one.station, one.line, one.since) for one in table.assignments)
    _refuse_twice(places, "assignment", file)
    _refuse_twice((one.code for one in table.groups), "group", file)
    return table


def _each(rows: Iterable[Any], key: str, file: str, make: Callable[[Any], Any]) -> tuple[Any, ...]:
    found = []
    for position, row in enumerate(rows):
        try:
            found.append(make(row))
        except ValueError as exc:
            raise InputFileError(
                str(exc), file=file, key=f"{key}[{position}]", remedy=REMEDY
            ) from exc
    return tuple(found)


def _refuse_twice(keys: Iterable[object], what: str, file: str) -> None:
    seen: set[object] = set()
    for position, key in enumerate(keys):
        if key in seen:
            raise InputFileError(
                "says the same as an earlier row, from the same time",
                file=file,
                key=f"{what}[{position}]",
                remedy=REMEDY,
            )
        seen.add(key)


def _price(row: FilePrice, version: str, source: str) -> PriceRow:
    _refuse_empty_span(row.since, row.until)
    bands = [Band(0, _fen(row.price))]
    if row.quota is not None or row.above_quota is not None:
        if row.tiers or row.quota is None or row.above_quota is None or row.pays is Pays.ALL:
            raise ValueError('a quota needs above_quota, and neither tiers nor pays = "all"')
        bands.append(Band(row.quota, _fen(row.above_quota)))
    bands += [Band(one.over, _fen(one.price)) for one in row.tiers]
    for lower, higher in pairwise(bands):
        if higher.over <= lower.over:
            raise ValueError("tiers must rise, and a quota lie above zero")
        if higher.price < lower.price:
            raise ValueError(
                "a price that falls with the quantity would pay overtime below the price of regular "
                "hours (工资支付暂行规定 art. 13)"
            )
    return PriceRow(
        goods=_goods(row),
        since=row.since,
        until=row.until,
        bands=tuple(bands),
        per=row.per,
        pays=row.pays,
        quota=row.quota is not None,
        rework=_fen_or_none(row.rework),
        own_rework=_fen_or_none(row.own_rework),
        scrap=_fen_or_none(row.scrap),
        version=version,
        source=source,
    )


def _made_at(row: FileAssignment, version: str) -> Assignment:
    _refuse_empty_span(row.since, row.until)
    if bool(row.station) == bool(row.line):
        raise ValueError("names a station or a line, one of the two")
    if row.since.tzinfo or (row.until and row.until.tzinfo):
        raise ValueError("times are of the site's wall clock, without an offset")
    return Assignment(
        station=row.station,
        line=row.line,
        goods=_goods(row),
        since=row.since,
        until=row.until,
        rejects=row.rejects,
        version=version,
    )


def _group(row: FileGroup, version: str) -> Group:
    members: list[Member] = []
    for one in row.member:
        _refuse_empty_span(one.since, one.until)
        coefficient = parse_exact(one.coefficient)
        if coefficient <= 0:
            raise ValueError(f"the coefficient of {one.person} is not above zero")
        member = Member(
            person=one.person, coefficient=coefficient, since=one.since, until=one.until
        )
        if any(
            other.person == member.person and (other.holds(one.since) or member.holds(other.since))
            for other in members
        ):
            raise ValueError(f"{one.person} is in the group twice on {one.since}")
        members.append(member)
    return Group(code=row.code, members=tuple(members), version=version)


def _goods(row: FilePrice | FileAssignment) -> Goods:
    goods = Goods(row.product.strip(), row.process.strip(), row.grade.strip())
    if not goods.product or not goods.process:
        raise ValueError("names no product or no process")
    if any(":" in part for part in goods):
        raise ValueError("a colon in product, process or grade: lines of a slip are named with it")
    return goods


def _fen(text: str) -> Fraction:
    price = parse_exact(text) * 100
    if price < 0 or (price * _PARTS_OF_A_FEN).denominator != 1:
        raise ValueError(f"a price of {text} yuan: 0 or more, with up to six decimals")
    return price


def _fen_or_none(text: str | None) -> Fraction | None:
    return None if text is None else _fen(text)


def _refuse_empty_span(since: date, until: date | None) -> None:
    if until is not None and until <= since:
        raise ValueError(f"ends on {until}, not after its beginning {since}")


def _days_to_times(read: dict[str, Any]) -> None:
    """An assignment may begin on a day: at its midnight."""
    rows = read.get("assignment")
    for row in rows if isinstance(rows, list) else ():
        for key in ("from", "until"):
            value = row.get(key) if isinstance(row, dict) else None
            if isinstance(value, date) and not isinstance(value, datetime):
                row[key] = midnight(value)
