"""Counters of a stretch of time with all that is known beside them, as often as one looks."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from hr_core.people.model import Roster
from hr_core.quality.live_counts import LiveCounts, Readings, Span
from hr_core.quality.month import LineFacts, Series, counted_series
from hr_core.quality.readings import line_facts

# Punches at a station's readers and entries of people; pieces themselves are never this old.
_FACTS_FRESH_FOR = timedelta(seconds=15)
_MOST_SPANS = 4
# A box tells an unchanged counter every 15 minutes (max_silence_s of the drivers), and a minute.
SILENCE_S = 960


class LiveSpan(NamedTuple):
    """`times` of all readings by source; every source of a station is there."""

    series: list[Series]
    times: Mapping[str, Sequence[int]]

    def silence_s(self) -> dict[str, int]:
        """By source: how long it may say nothing. The line file's shortest, else the usual."""
        told = dict.fromkeys(self.times, SILENCE_S)
        for one in self.series:
            if one.silence_s is not None:
                told[one.counter.source] = min(told[one.counter.source], one.silence_s)
        return told


class LiveLine:
    """Safe between threads."""

    def __init__(self) -> None:
        self._counts = LiveCounts()
        self._facts: dict[Span, tuple[datetime, LineFacts]] = {}

    def look(self, conn: sa.Connection, roster: Roster, span: Span, now: datetime) -> LiveSpan:
        sources = sorted({station.source for station in roster.stations})
        readings = self._counts.of(conn, span, sources, now)
        facts = self._facts_of(conn, roster, readings, span, now)
        series, _ = counted_series(readings, roster.stations, facts)
        times: defaultdict[str, list[int]] = defaultdict(list)
        for source in sources:
            times[source] = []
        for counter, of_one in readings.items():
            if counter.source in times:
                times[counter.source] += [reading.at for reading in of_one]
        return LiveSpan(series, times)

    def _facts_of(
        self, conn: sa.Connection, roster: Roster, readings: Readings, span: Span, now: datetime
    ) -> LineFacts:
        known = self._facts.get(span)
        if known is not None and now - known[0] <= _FACTS_FRESH_FOR:
            return known[1]
        listed = {key: list(of_one) for key, of_one in readings.items()}
        facts = line_facts(conn, roster, listed, (span.since, span.until))
        if span not in self._facts and len(self._facts) >= _MOST_SPANS:
            self._facts.clear()
        self._facts[span] = (now, facts)
        return facts
