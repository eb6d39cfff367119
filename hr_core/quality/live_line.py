"""Counters of a stretch of time with all that is known beside them, as often as one looks."""

from collections import OrderedDict, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from threading import Lock
from typing import NamedTuple

import sqlalchemy as sa

from hr_core.people.model import Days, Roster
from hr_core.quality.counters import CounterKey, Reading
from hr_core.quality.live_counts import LiveCounts, Readings, Span
from hr_core.quality.month import LineFacts, Series, counted_series
from hr_core.quality.readings import line_facts
from hr_core.quality.shift_figures import SeriesFigures, Window, series_figures

# Punches at a station's readers and entries of people; pieces themselves are never this old.
_FACTS_FRESH_FOR = timedelta(seconds=15)
_MOST_SPANS = 4
# A box tells an unchanged counter every 15 minutes (max_silence_s of the drivers), and a minute.
SILENCE_S = 960


class LiveSpan(NamedTuple):
    """`parts`: the figures of each series over the span. `times` of all readings by source; every
    source of a station is there.
    """

    series: list[Series]
    parts: list[SeriesFigures]
    times: Mapping[str, Sequence[int]]

    def silence_s(self) -> dict[str, int]:
        """By source: how long it may say nothing. The line file's shortest, else the usual."""
        told = dict.fromkeys(self.times, SILENCE_S)
        for one in self.series:
            if one.silence_s is not None:
                told[one.counter.source] = min(told[one.counter.source], one.silence_s)
        return told


class _Beside(NamedTuple):
    """What figures depend on beside the readings."""

    roster: Roster
    facts: LineFacts


class _Counted(NamedTuple):
    readings: Sequence[Reading]
    series: Series
    part: SeriesFigures


class _Kept(NamedTuple):
    """What was computed of each counter, good as long as its readings are the same."""

    beside: _Beside
    by_counter: dict[CounterKey, list[_Counted]]

    def counted(self, key: CounterKey, readings: Sequence[Reading], span: Span) -> list[_Counted]:
        """One, or none when no station names the counter."""
        known = self.by_counter.get(key)
        if known is None or any(one.readings is not readings for one in known):
            roster, facts = self.beside
            window = Window(int(span.since.timestamp()), int(span.until.timestamp()))
            series, _ = counted_series({key: readings}, roster.stations, facts)
            badges = roster.number_by_badge(Days.of_span(span.since, span.until, roster.zone))
            known = [_Counted(readings, one, series_figures(one, badges, window)) for one in series]
            self.by_counter[key] = known
        return known


class LiveLine:
    """Safe between threads."""

    def __init__(self) -> None:
        self._counts = LiveCounts()
        self._facts: dict[Span, tuple[datetime, LineFacts]] = {}
        self._kept: OrderedDict[Span, _Kept] = OrderedDict()
        self._lock = Lock()

    def look(self, conn: sa.Connection, roster: Roster, span: Span, now: datetime) -> LiveSpan:
        sources = sorted({station.source for station in roster.stations})
        readings = self._counts.of(conn, span, sources, now)
        facts = self._facts_of(conn, roster, readings, span, now)
        beside = _Beside(roster, facts)
        with self._lock:
            kept = self._kept.get(span)
            if kept is None or kept.beside != beside:
                kept = self._kept[span] = _Kept(beside, {})
            self._kept.move_to_end(span)
            while len(self._kept) > _MOST_SPANS:
                self._kept.popitem(last=False)
            counted = [
                one
                for key in sorted(readings, key=_text_key)
                for one in kept.counted(key, readings[key], span)
            ]
        times: defaultdict[str, list[int]] = defaultdict(list)
        for source in sources:
            times[source] = []
        for counter, of_one in readings.items():
            if counter.source in times:
                times[counter.source] += [reading.at for reading in of_one]
        return LiveSpan([one.series for one in counted], [one.part for one in counted], times)

    def _facts_of(
        self, conn: sa.Connection, roster: Roster, readings: Readings, span: Span, now: datetime
    ) -> LineFacts:
        known = self._facts.get(span)
        if known is not None and now - known[0] <= _FACTS_FRESH_FOR:
            return known[1]
        listed = {key: list(of_one) for key, of_one in readings.items()}
        facts = line_facts(conn, roster, listed, (span.since, span.until))
        if known is not None and facts == known[1]:
            facts = known[1]
        if span not in self._facts and len(self._facts) >= _MOST_SPANS:
            self._facts.clear()
        self._facts[span] = (now, facts)
        return facts


def _text_key(counter: CounterKey) -> tuple[str, str, str, str]:
    return counter.source, counter.tag, counter.metric, counter.reject_code or ""
