"""Counters over a day or a month of the site, cut into hours or days."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from hr_core.clock import Month, midnight
from hr_core.people.model import Roster
from hr_core.quality.live_counts import Span
from hr_core.quality.month import Series, Tally, counted_series
from hr_core.quality.readings import line_facts, readings_between

_HOUR = timedelta(hours=1)


class Part(NamedTuple):
    span: Span
    tally: Tally


class Window(NamedTuple):
    """`name` as it was asked for: 2026-11-21 or 2026-11. `cuts`: the starts of its parts."""

    name: str
    span: Span
    cuts: tuple[datetime, ...]


def day_window(day: date, zone: ZoneInfo) -> Window:
    """By its hours: 23 or 25 where the clocks are changed."""
    span = Span(_start(day, zone), _start(day + timedelta(days=1), zone))
    hours = int((span.until - span.since) / _HOUR)
    return Window(day.isoformat(), span, tuple(span.since + n * _HOUR for n in range(hours)))


def month_window(month: Month, zone: ZoneInfo) -> Window:
    """By its days."""
    cuts = tuple(_start(day, zone) for day in month.days())
    return Window(str(month), Span(*month.instants(zone)), cuts)


def _start(day: date, zone: ZoneInfo) -> datetime:
    return midnight(day).replace(tzinfo=zone).astimezone(UTC)


def series_of(conn: sa.Connection, roster: Roster, window: Window) -> list[Series]:
    """Every counter of a station, with the deltas whose later reading lies in the window."""
    readings = readings_between(conn, *window.span)
    facts = line_facts(conn, roster, readings, window.span)
    found, _ = counted_series(readings, roster.stations, facts)
    since, until = (int(one.timestamp()) for one in window.span)
    return [series.between(since, until) for series in found]


def parts_of(found: Iterable[Series], window: Window) -> list[Part]:
    """Pieces and rejects of each part together; one in which nothing was counted is missing."""
    starts = [int(cut.timestamp()) for cut in window.cuts]
    pieces: Counter[int] = Counter()
    rejects: Counter[int] = Counter()
    for series in found:
        counted = pieces if series.counter.metric == "pieces" else rejects
        for delta in series.deltas:
            if delta.counted and delta.amount:
                counted[bisect_right(starts, delta.end.at) - 1] += delta.amount
    ends = [*window.cuts[1:], window.span.until]
    return [
        Part(Span(window.cuts[at], ends[at]), Tally(pieces[at], rejects[at]))
        for at in sorted(pieces | rejects)
    ]


def whole(parts: Iterable[Part]) -> Tally:
    tallies = [part.tally for part in parts]
    return Tally(sum(one.pieces for one in tallies), sum(one.rejects for one in tallies))
