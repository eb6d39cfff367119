"""Collections of base figures made by others (JSON), read as law rows with the status they deserve.

Their licences are unknown or their rows unsourced, so they do not ship: a site imports its copy.
What a row does not tell (a rate, a rounding) stays untold; nothing is filled in.
"""

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import msgspec

from hr_core.errors import InputFileError
from hr_core.law.periods import read_period
from hr_core.law.reading import refuse_impossible
from hr_core.law.rows import INSURANCES, Item, LawRow, Status

_CITED_INSURANCES = (Item.PENSION, Item.MEDICAL, Item.UNEMPLOYMENT)
_CHINESE = {
    "养老保险": Item.PENSION,
    "医疗保险": Item.MEDICAL,
    "失业保险": Item.UNEMPLOYMENT,
    "工伤保险": Item.INJURY,
    "生育保险": Item.MATERNITY,
    "公积金": Item.HOUSING_FUND,
}
_RATE_RANGE = re.compile(r"(\d{1,2})%-(\d{1,2})%")
_FIXED = re.compile(r"(\d+(?:\.\d+)?)% \+ (\d+) yuan")
_Json = dict[str, Any]


class Skipped(NamedTuple):
    city: str
    why: str


class Collected(NamedTuple):
    rows: tuple[LawRow, ...]
    skipped: tuple[Skipped, ...]


class _UnusableError(Exception):
    """A row of a collection that cannot be law; the text says why."""


def read_collection(text: str, *, file: str) -> Collected:
    """Raises InputFileError for what is no known collection."""
    try:
        content = msgspec.json.decode(text)
        reader, rows = _READERS[content["schema"]], content["rows"]
    except (msgspec.DecodeError, KeyError, TypeError, RecursionError) as error:
        raise InputFileError(
            "is no collection of base figures",
            file=file,
            key="schema",
            remedy=f"give a TOML law file, or JSON with schema {', '.join(_READERS)}",
        ) from error
    found: list[LawRow] = []
    skipped: list[Skipped] = []
    origin = _origin(content, file)
    for position, row in enumerate(rows):
        city = row.get("city") if isinstance(row, dict) else None
        try:
            if not isinstance(city, str):
                raise _UnusableError("names no city")  # noqa: TRY301 - one place tells all reasons
            for one in reader(row, origin):
                refuse_impossible(one)
                found.append(one)
        except (_UnusableError, ValueError, KeyError, TypeError, ArithmeticError) as error:
            skipped.append(Skipped(str(city or f"row {position}"), str(error)))
    return Collected(tuple(found), tuple(skipped))


def _origin(content: _Json, file: str) -> str:
    source = content.get("source")
    if not isinstance(source, dict):
        return file
    return f"{source.get('repo')} {source.get('path')} ({str(source.get('commit'))[:7]})"


def _year_after(since: date) -> date:
    """Bases hold for a year; where no end is told, last year's must not go on paying."""
    return since.replace(year=since.year + 1, day=min(since.day, 28))


def _fen(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _UnusableError(f"{value!r} is not an amount")
    # Text of the number, never its binary value; collections have at most two decimals.
    return round(Decimal(str(value)) * 100)


def _rate(value: object) -> Fraction | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _UnusableError(f"{value!r} is not a rate")
    return Fraction(str(value)) / 100


def _housing_fund(row: _Json, origin: str) -> Iterator[LawRow]:
    """Secondary where the row links to an official page and tells since when it holds."""
    floor, ceiling = _fen(row["base_floor"]), _fen(row["base_ceiling"])
    if floor is None and ceiling is None:
        raise _UnusableError("has neither floor nor ceiling")
    period = read_period(row["period"] or "")
    if period is None:
        raise _UnusableError(f"does not tell since when it holds: {row['period']!r}")
    urls = row["source_urls"] or []
    trusted = bool(row["has_official_url"] and urls and period.told and floor and ceiling)
    told = _RATE_RANGE.search(row["rate_range"] or "")
    allowed = (Fraction(int(told[1]), 100), Fraction(int(told[2]), 100)) if told else None
    missing = [
        *([] if period.told else ["the first day is not told, July is usual"]),
        *([] if floor else ["no floor"]),
        *([] if ceiling else ["no ceiling"]),
        "the rounding is not told",
    ]
    yield LawRow(
        city=row["city"],
        item=Item.HOUSING_FUND,
        since=period.since,
        until=period.until or _year_after(period.since),
        status=Status.SECONDARY if trusted else Status.UNVERIFIED,
        source="; ".join([*urls, origin]),
        checked=date.fromisoformat(row["as_of"]),
        note="; ".join([*missing, row["note"] or ""]),
        floor=floor,
        ceiling=ceiling,
        employer_range=allowed,
        employee_range=allowed,
    )


def _year_guess(row: _Json, origin: str) -> Iterator[LawRow]:
    """No source, a guessed year: never anything but unverified."""
    first, last = row["year_guess"].split("..")
    since = date.fromisoformat(f"{first}-01")
    until = (date.fromisoformat(f"{last}-01") + timedelta(days=31)).replace(day=1)
    pairs = ((INSURANCES, "si"), ((Item.HOUSING_FUND,), "hf"))
    if all(row[f"{kind}_{end}"] is None for _, kind in pairs for end in ("floor", "ceiling")):
        raise _UnusableError("is empty")
    for items, kind in pairs:
        floor, ceiling = _fen(row[f"{kind}_floor"]), _fen(row[f"{kind}_ceiling"])
        if floor is None and ceiling is None:
            continue
        for item in items:
            yield LawRow(
                city=row["city"],
                item=item,
                since=since,
                until=until,
                status=Status.UNVERIFIED,
                source=f"{origin}: no source of the row, the year is a guess",
                note="; ".join(row["flags"]),
                floor=floor,
                ceiling=ceiling,
            )


def _cited(row: _Json, _: str) -> Iterator[LawRow]:
    """Rows that name their notices; the collector's own "high" is secondary, the rest is not."""
    begin = row["from"]
    since = date.fromisoformat(begin + "-01-01"[len(begin) - 4 :] if len(begin) < 10 else begin)
    last = row.get("to")
    until = _year_after(since) if last is None else date.fromisoformat(last) + timedelta(days=1)
    high = row["quality"].startswith("high") and len(begin) > 4
    status = Status.SECONDARY if high else Status.UNVERIFIED

    def made(item: Item, floor: object, ceiling: object, **rates: Any) -> LawRow:
        return LawRow(
            city=row["city"],
            item=item,
            since=since,
            until=until,
            status=status,
            source=row["source"],
            note=row["quality"],
            floor=_fen(floor),
            ceiling=_fen(ceiling),
            **rates,
        )

    for item in _CITED_INSURANCES:
        own = row.get("items", {}).get(item, {})
        floor = own.get("floor", row.get("si_floor"))
        ceiling = own.get("ceiling", row.get("si_ceiling"))
        yield made(item, floor, ceiling, **_cited_rates(row, item, own))
    if row.get("injury"):
        yield made(Item.INJURY, row["si_floor"], row["si_ceiling"], employee=Fraction(0))
    yield made(Item.HOUSING_FUND, row["hf_floor"], row["hf_ceiling"])


def _cited_rates(row: _Json, item: Item, own: _Json) -> dict[str, Any]:
    both = row.get(str(item))
    if isinstance(both, list):
        return {"employer": _rate(both[0]), "employee": _rate(both[1])}
    rate = own.get("employee", row.get("employee", {}).get(item))
    if isinstance(rate, str):
        fixed = _FIXED.fullmatch(rate)
        if fixed is None:
            raise _UnusableError(f"{item}: {rate!r} is not a rate")
        return {"employee": Fraction(fixed[1]) / 100, "employee_fixed": int(fixed[2]) * 100}
    return {"employee": _rate(rate)}


def _by_year(row: _Json, origin: str) -> Iterator[LawRow]:
    """One person's page: base years from July, as the same figures stand elsewhere."""
    if row["item"] not in _CHINESE:
        raise _UnusableError(f"{row['item']!r} is no known insurance")
    yield LawRow(
        city=row["city"],
        item=_CHINESE[row["item"]],
        since=date(row["year"], 7, 1),
        until=date(row["year"] + 1, 7, 1),
        status=Status.UNVERIFIED,
        source=origin,
        note="one person's page; the base year from July is a guess",
        floor=_fen(row["floor"]),
        ceiling=_fen(row["ceiling"]),
        employer=_rate(row["employer_percent"]),
        employee=_rate(row["employee_percent"]),
    )


_READERS: dict[str, Callable[[_Json, str], Iterator[LawRow]]] = {
    "cn-housing-fund-base/1": _housing_fund,
    "cn-si-hf-base/1": _year_guess,
    "cn-si-city/1": _cited,
    "cn-si-items/1": _by_year,
}
