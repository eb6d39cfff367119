"""The period of a law row as people write it: "2026年度（2026年7月1日-2027年6月30日）"."""

import re
from datetime import date, timedelta
from typing import NamedTuple

_DAY = r"(\d{4})[-年](\d{1,2})(?:[-月](\d{1,2})日?|月)?"
_END = r"(?:(\d{4})[-年])?(\d{1,2})(?:[-月](\d{1,2})日?|月)?"
_RANGE = re.compile(rf"{_DAY}\s*(?:至|到|-|~|—)\s*{_END}")
_FROM = re.compile(rf"{_DAY}(?:起|执行|调整)")
_YEAR = re.compile(r"(\d{4})\D{0,4}年度|(\d{4})住房公积金年度")
# A shorter range is the time in which employers hand the new bases in, not the time they hold.
_SHORTEST_PERIOD_DAYS = 180


class Period(NamedTuple):
    """Half-open. `told` False: the first day was not told and is the July that is usual."""

    since: date
    until: date | None
    told: bool


def read_period(text: str) -> Period | None:
    """None where not even a year is told. Figures that began apart hold together from the later
    day on.
    """
    spans = [span for span in map(_span, _RANGE.finditer(text)) if span is not None]
    begun = [one for one in map(_day, _FROM.finditer(text)) if one is not None]
    try:
        if spans:
            since, until = spans[0]
            later = [one for one in begun if since <= one < until]
            return Period(max([since, *later]), until, told=True)
        if begun:
            return Period(max(begun), None, told=True)
        year = _YEAR.search(text)
        return Period(date(int(year[1] or year[2]), 7, 1), None, told=False) if year else None
    except ValueError:
        return None


def _span(found: re.Match[str]) -> tuple[date, date] | None:
    year, month, day, end_year, end_month, end_day = found.groups()
    try:
        since = date(int(year), int(month), int(day or 1))
        last = date(int(end_year or year), int(end_month), int(end_day or 1))
    except ValueError:
        return None
    until = last + timedelta(days=1) if end_day else (last + timedelta(days=31)).replace(day=1)
    return (since, until) if (until - since).days >= _SHORTEST_PERIOD_DAYS else None


def _day(found: re.Match[str]) -> date | None:
    try:
        return date(int(found[1]), int(found[2]), int(found[3] or 1))
    except ValueError:
        return None
