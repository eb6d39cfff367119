"""From stored counter readings to a month's rates."""

from collections import defaultdict
from datetime import timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from hr_core.clock import Month
from hr_core.people.model import Roster
from hr_core.quality.counters import CounterKey, Reading
from hr_core.quality.month import QualityMonth, compute_quality
from hr_core.store.event_rows import StoredCount
from hr_core.store.events import counts_between
from protocols.records import Flag

# How far back a month's first delta may find its starting point: a line that stands still over a
# long holiday. Beyond it the first reading is a baseline and counts nothing.
LOOK_BACK = timedelta(days=14)


def quality_of_month(conn: sa.Connection, roster: Roster, month: Month) -> QualityMonth:
    start, end = month.instants(ZoneInfo(roster.zone))
    readings: defaultdict[CounterKey, list[Reading]] = defaultdict(list)
    for count in counts_between(conn, start - LOOK_BACK, end):
        if count.quality != "bad" and Flag.REPEAT not in count.flags:
            key = CounterKey(count.source, count.tag, count.metric, count.reject_code)
            readings[key].append(_reading(count))
    return compute_quality(
        readings,
        roster.stations,
        roster.number_by_badge(),
        int(start.timestamp()),
        int(end.timestamp()),
    )


def _reading(count: StoredCount) -> Reading:
    return Reading(
        count.event_id.hex(),
        int(count.at.timestamp()),
        count.boot_id,
        count.seq,
        count.value,
        count.badge,
    )
