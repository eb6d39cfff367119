"""From stored counter readings, punches and entries to what the engine counts from."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from msgspec.structs import replace

from hr_core.clock import Month, midnight
from hr_core.people.model import Days, Roster, find_person
from hr_core.quality.clock_offset import LOST_CLOCK_BEFORE, at_believable_time, clock_offsets
from hr_core.quality.counters import CounterKey, Reading
from hr_core.quality.line_settings import CounterPlace, LineSettings, StationRow
from hr_core.quality.month import LineFacts, QualityMonth, compute_quality, with_corrections
from hr_core.quality.presence import Evidence, Presence, Timeline
from hr_core.quality.serial_pieces import known_pieces
from hr_core.quality.station_presence import BadgePress, badge_presences, snapped
from hr_core.store.event_rows import StoredCount
from hr_core.store.events import counts_between, punches_between
from hr_core.store.line_entries import corrections_in, line_settings, replacements
from hr_core.store.piece_scans import scans_of_codes_between
from protocols.records import Flag

# How far back a month's first delta may find its starting point: a line that stands still over a
# long holiday. Beyond it the first reading is a baseline and counts nothing.
LOOK_BACK = timedelta(days=14)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOST_CLOCK_END = datetime.fromtimestamp(LOST_CLOCK_BEFORE, UTC)
_MOST_AHEAD = timedelta(
    days=1
)  # a box further ahead is a matter of its clock, not of a month's end
_LONGEST_SHIFT = timedelta(days=2)  # whoever stands at a station at midnight badged after that
_LONGEST_HOLE = timedelta(days=1)  # each piece has its reading: this many of them may be missing

Readings = dict[CounterKey, list[Reading]]


def quality_of_month(conn: sa.Connection, roster: Roster, month: Month) -> QualityMonth:
    start, end = month.instants(ZoneInfo(roster.zone))
    found = readings_between(conn, start, end)
    counted = compute_quality(
        found,
        roster.stations,
        roster.number_by_badge(Days(month.first, month.after)),
        int(start.timestamp()),
        int(end.timestamp()),
        line_facts(conn, roster, found, (start, end)),
    )
    corrections = [
        replace(row.correction, subject=roster.current(row.correction.subject))
        for row in corrections_in(conn, str(month))
    ]
    return with_corrections(counted, corrections)


def readings_between(
    conn: sa.Connection, start: datetime, end: datetime, look_back: timedelta = LOOK_BACK
) -> Readings:
    """Good readings of each counter, from `look_back` before the span, at times to be believed."""
    readings: defaultdict[CounterKey, list[Reading]] = defaultdict(list)
    by_source: defaultdict[str, list[Reading]] = defaultdict(list)
    for count in _counts(conn, start - look_back, end):
        # What is not good (OPC UA's word too) is kept as a reading and makes no delta.
        if count.quality == "good" and Flag.REPEAT not in count.flags:
            reading = _reading(count)
            key = CounterKey(count.source, count.tag, count.metric, count.reject_code)
            readings[key].append(reading)
            by_source[count.source].append(reading)
    offsets = {source: clock_offsets(of_one) for source, of_one in by_source.items()}
    return {
        key: [at_believable_time(one, offsets[key.source]) for one in of_one]
        for key, of_one in readings.items()
    }


def _counts(conn: sa.Connection, start: datetime, end: datetime) -> Iterator[StoredCount]:
    """By source time; those of a lost clock, or of one that is ahead, by their receipt."""
    yield from counts_between(conn, start, end)
    for since, until in ((_EPOCH, _LOST_CLOCK_END), (end, end + _MOST_AHEAD)):
        for count in counts_between(conn, since, until):
            if start <= count.received_at < end:
                yield count


def _reading(count: StoredCount) -> Reading:
    return Reading(
        count.event_id.hex(),
        int(count.at.timestamp()),
        count.boot_id,
        count.seq,
        count.value,
        count.badge,
        int(count.received_at.timestamp()),
    )


def line_facts(
    conn: sa.Connection, roster: Roster, readings: Readings, span: tuple[datetime, datetime]
) -> LineFacts:
    """What people entered and what the terminals at the stations say of the span."""
    settings = line_settings(conn)
    presses = _presses(conn, roster, settings, span)
    ends = _shift_ends(roster, span)
    times: defaultdict[CounterPlace, list[int]] = defaultdict(list)
    for key, of_one in readings.items():
        times[key.source, key.tag] += [one.at for one in of_one]
    present = {}
    for row in settings.station:
        badges = badge_presences(presses.get(row.code, ()), ends, team=row.team)
        planned = _planned(row, settings, roster)
        for place in row.places():
            present[place] = Timeline(snapped([*badges, *planned], times[place]))
    station_of = {place: row.code for place, row in settings.station_of().items()}
    scans = scans_of_codes_between(conn, span[0] - _LONGEST_HOLE, span[1])
    return LineFacts(
        settings=settings,
        present=present,
        replacements=replacements(conn),
        pieces=known_pieces(scans, station_of),
    )


def _presses(
    conn: sa.Connection, roster: Roster, settings: LineSettings, span: tuple[datetime, datetime]
) -> Mapping[str, list[BadgePress]]:
    """Punches at the readers of each station."""
    station_of = {serial: row.code for row in settings.station for serial in row.readers}
    presses: defaultdict[str, list[BadgePress]] = defaultdict(list)
    if not station_of:
        return presses
    mapping = roster.number_by_device_user()
    for punch in punches_between(conn, span[0] - _LONGEST_SHIFT, span[1]):
        code = station_of.get(punch.serial)
        number = find_person(mapping, punch.serial, punch.user_id, punch.device_time.date())
        if code is not None and number is not None and Flag.REPEAT not in punch.flags:
            press = BadgePress(int(punch.at.timestamp()), number, punch.direction)
            presses[code].append(press)
    return presses


def _shift_ends(roster: Roster, span: tuple[datetime, datetime]) -> dict[str, list[int]]:
    """When each person's shifts end, in UTC seconds, a day beyond the span on both sides."""
    zone = ZoneInfo(roster.zone)
    first = (span[0] - _LONGEST_SHIFT).astimezone(zone).date()
    last = (span[1] + _LONGEST_SHIFT).astimezone(zone).date()
    ends: dict[str, list[int]] = {code: [] for code in roster.shifts}
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        day = midnight(first.fromordinal(ordinal))
        for code, shift in roster.shifts.items():
            local = day + timedelta(minutes=shift.end_min)
            ends[code].append(int(local.replace(tzinfo=zone).timestamp()))
    return {number: ends[person.shift] for number, person in roster.people.items()}


def _planned(row: StationRow, settings: LineSettings, roster: Roster) -> list[Presence]:
    zone = ZoneInfo(roster.zone)
    return [
        Presence(
            roster.current(plan.person),
            int(plan.since.replace(tzinfo=zone).timestamp()),
            int(plan.until.replace(tzinfo=zone).timestamp()),
            Evidence.ROSTER,
        )
        for plan in settings.roster
        if plan.station == row.code
    ]
