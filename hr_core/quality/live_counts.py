"""The readings of a stretch of time, kept up to date cheaply while people look at them.

The store is read once for a span; after that only what was ingested since. A batch that commits
late carries an earlier instant than one that is seen already, so each look goes back a little, and
now and then everything is read again: what a look missed is wrong for minutes, not for a shift.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from threading import Lock
from typing import NamedTuple

import sqlalchemy as sa

from hr_core.quality.clock_offset import at_believable_time, clock_offsets
from hr_core.quality.counters import CounterKey, Reading
from hr_core.store.event_rows import StoredCount
from hr_core.store.events import counts_between, counts_ingested_since, last_counts_before
from protocols.records import Flag

_OVERLAP = timedelta(minutes=2)
_READ_AGAIN_AFTER = timedelta(minutes=10)
# The shift that runs, the one before, and two that somebody looks up.
_MOST_SPANS = 4
# How far back a counter's starting point may lie: a line that stands still over a long holiday.
LOOK_BACK = timedelta(days=14)

Readings = Mapping[CounterKey, Sequence[Reading]]


class Span(NamedTuple):
    """A half-open stretch of time; aware UTC instants."""

    since: datetime
    until: datetime


class LiveCounts:
    """Readings by counter, each with the last one before the span. Safe between threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: OrderedDict[Span, _Known] = OrderedDict()

    def of(
        self, conn: sa.Connection, span: Span, sources: Sequence[str], now: datetime
    ) -> Readings:
        """`sources`: whose starting points are looked for; others count from their first reading."""
        with self._lock:
            known = self._known.get(span)
            if known is None or now - known.read_at > _READ_AGAIN_AFTER:
                known = _Known(span, now)
                for source in sources:
                    known.add(last_counts_before(conn, source, span.since, LOOK_BACK))
                known.add(list(counts_between(conn, *span)))
            else:
                since = known.looked_at - _OVERLAP
                known.add(counts_ingested_since(conn, since, *span, known=known.seen))
                known.looked_at = now
            self._known[span] = known
            self._known.move_to_end(span)
            while len(self._known) > _MOST_SPANS:
                self._known.popitem(last=False)
            return known.believable()


class _Known:
    def __init__(self, span: Span, now: datetime) -> None:
        self.span = span
        self.read_at = now
        self.looked_at = now
        self._raw: defaultdict[str, dict[CounterKey, list[Reading]]] = defaultdict(dict)
        self._changed: set[str] = set()
        self.seen: set[bytes] = set()
        self._believable: dict[CounterKey, Sequence[Reading]] = {}

    def add(self, counts: Sequence[StoredCount]) -> None:
        for count in counts:
            if count.event_id in self.seen:
                continue
            self.seen.add(count.event_id)
            # What is not good is kept as a reading and makes no delta.
            if count.quality != "good" or Flag.REPEAT in count.flags:
                continue
            key = CounterKey(count.source, count.tag, count.metric, count.reject_code)
            self._raw[count.source].setdefault(key, []).append(_reading(count))
            self._changed.add(count.source)

    def believable(self) -> Readings:
        """At times to be believed: a box whose clock is wrong is moved as a whole."""
        for source in self._changed:
            of_source = self._raw[source]
            offsets = clock_offsets(one for of_one in of_source.values() for one in of_one)
            for key, of_one in of_source.items():
                moved = tuple(at_believable_time(one, offsets) for one in of_one)
                self._believable[key] = moved
        self._changed.clear()
        return dict(self._believable)


def _reading(count: StoredCount) -> Reading:
    return Reading(
        event_id=count.event_id.hex(),
        at=int(count.at.timestamp()),
        boot_id=count.boot_id,
        seq=count.seq,
        value=count.value,
        badge=count.badge,
        received_at=int(count.received_at.timestamp()),
    )
