"""What a delivery says about the completeness of its device: marks of whole reads, and holds.

Written in the transaction that stores the delivery; `completeness.py` reads them.
"""

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import astuple

from drivers.contract import Delivery
from edge_agent.spool.codec import Envelope, PastReading, microseconds
from edge_agent.spool.read_ends import decode_ends, encode_ends
from protocols.records import Count, DeviceEvent, Flag, Record

# Clocks show whole seconds, an answer takes its time, and a terminal writes a row a moment after the
# finger; as supervisor.row_offsets has it.
_MARGIN = timedelta(seconds=5)
_MEASURED_TO_US = 120_000_000  # as supervisor.row_offsets.TOLERANCE
_SPACING_US = 600_000_000
_DAY_US = 86_400_000_000
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - naive wall clock
_MICROSECOND = timedelta(microseconds=1)

# A driver says these of a log that it had read (drivers.zk_pull.log_place): what came after the last
# read may have gone with the rest. Not `log_wrapped`: that is said only where the last known rows
# still stand in the log, so what follows them is all that came.
_LOSING = frozenset({"log_cleared", "log_rewritten"})
# A log that was empty when it was last read tells nothing of rows that came and went since; only the
# terminal's own operation log does.
_CLEARING = frozenset({"log_cleared", "data_cleared", "factory_reset"})

# A clearing that we ordered: every row was proven to be here before (drivers.zk_pull.log_clearing).
_OURS = """
    UPDATE acts SET waiting = 0 WHERE id = (
        SELECT min(id) FROM acts WHERE waiting AND what = 'log_cleared' AND subject = ?)"""

_MARKS = """
    SELECT mark, until, ends, lowest, offset_ms FROM read_marks WHERE device = ? ORDER BY mark DESC"""

_HOLD = """
    INSERT INTO holds (device, code, until, found_at, what)
    SELECT :device, :code, :until, :now, :what WHERE NOT EXISTS (
        SELECT 1 FROM holds WHERE device = :device AND code = :code AND released_by IS NULL
            AND (until IS NULL OR until <= :until))"""


def own_time(moment_ms: int, zone: str, offset_ms: int | None) -> int:
    """When a row was recorded, by the core's reckoning or the corrected clock: the earlier of both.

    `moment_ms`: its own time as pages hold it. Microseconds since 1970 UTC.
    """
    # No datetime of the instant is made: that took most of the time of this function.
    at = moment_ms * 1_000 - _zone_shift(zone, moment_ms // 1_000)
    return at - max(offset_ms or 0, 0) * 1_000


# Rows that are stored together were mostly made within some seconds.
@lru_cache(maxsize=256)
def _zone_shift(zone: str, second: int) -> int:
    """Microseconds that `zone` was ahead of UTC when its clocks showed that second since 1970."""
    try:
        shift = ZoneInfo(zone).utcoffset(_EPOCH + timedelta(seconds=second))
    except OverflowError:  # years that only a fill pattern has
        shift = None
    return 0 if shift is None else shift // _MICROSECOND


def held_until(  # noqa: PLR0913 - what is known of one row
    connection: sqlite3.Connection,
    device: int | None,
    lane: int,
    arrival: int,
    *,
    moment_ms: int,
    zone: str,
    offset_ms: int | None,
) -> int | None:
    """Nothing later is complete while a sink does not have this row. None: nothing at all.

    Where its offset was measured, that tells when it was recorded, as exactly as two readings agree.
    Otherwise it was recorded after the newest read that did not bring it.
    """
    shown = own_time(moment_ms, zone, offset_ms)
    if offset_ms is not None:
        return shown - _MEASURED_TO_US
    marks = connection.execute(_MARKS, (device,))
    for _, until, ends, *_ in marks:
        if decode_ends(ends).get(lane, 0) < arrival:
            return min(int(until), shown - 1)
    return None


def note_rows(ends: str | None, lane: int, last: int) -> str:
    """`ends` of a device once a row of `lane` has arrived as `last`."""
    by_lane = decode_ends(ends) if ends else {}
    by_lane[lane] = last
    return encode_ends(by_lane)


def note_read(
    connection: sqlite3.Connection, device: int, delivery: Delivery, envelope: Envelope
) -> None:
    """The last page of a whole read makes a mark, or says why it proves nothing."""
    if not delivery.last or delivery.on_device is None:
        return
    unproven = _unproven(delivery, envelope)
    connection.execute("UPDATE devices SET unproven = ? WHERE device = ?", (unproven, device))
    if unproven is None:
        assert envelope.reading is not None  # noqa: S101 - `_unproven` said so
        _add_mark(connection, device, envelope.reading, envelope.zone)


def note_holds(
    connection: sqlite3.Connection,
    device: int,
    records: Iterable[Record],
    envelope: Envelope,
) -> None:
    """What new records say: rows of no believable time, a log that was cleared or rewritten."""
    suspect_part = Flag.CLOCK_SUSPECT in envelope.flags
    for record in records:
        if isinstance(record, DeviceEvent):
            _hold_log(connection, record, envelope)
        elif not isinstance(record, Count) and (
            suspect_part or (_is_misplaced(record.flags) and envelope.clock_offset_ms is None)
        ):
            what = f"user {record.user_id}, {record.device_time.isoformat()} by the device"
            hold(connection, device, "clock_suspect", envelope.received_at, what)


def hold(
    connection: sqlite3.Connection, device: int, code: str, found_at: datetime, what: str
) -> None:
    """From now on nothing is complete later than the device's newest mark."""
    about = {
        "device": device,
        "code": code,
        "until": newest_until(connection, device),
        "now": microseconds(found_at),
        "what": what,
    }
    connection.execute(_HOLD, about)


def newest_until(connection: sqlite3.Connection, device: int) -> int | None:
    """Up to then every row of the device had been read when its newest mark was made."""
    row = connection.execute(
        "SELECT until FROM read_marks WHERE device = ? ORDER BY mark DESC LIMIT 1", (device,)
    ).fetchone()
    return None if row is None else int(row[0])


def _unproven(delivery: Delivery, envelope: Envelope) -> str | None:
    if delivery.on_device is not None and delivery.log_rows < delivery.on_device:
        return "count_mismatch"
    if Flag.GATEWAY_CLOCK_SUSPECT in envelope.flags:
        return "gateway_clock_suspect"
    return "clock_unknown" if envelope.reading is None else None


def _is_misplaced(flags: tuple[Flag, ...]) -> bool:
    return Flag.CLOCK_SUSPECT in flags or Flag.FUTURE in flags


def _hold_log(connection: sqlite3.Connection, record: DeviceEvent, envelope: Envelope) -> None:
    """The event stands in the ledger of the operation log; it is about the log of punches."""
    row = connection.execute(
        "SELECT device, log_rows FROM devices WHERE serial = ?", (record.serial,)
    ).fetchone()
    if row is None:
        return
    device, log_rows = row
    if "epoch" in record.detail and record.code in _LOSING:
        before, now = record.detail.get("rows_before"), record.detail.get("rows_now")
        what = f"{before} rows before, {now} rows now"
        ours = record.code == "log_cleared" and connection.execute(_OURS, (record.serial,)).rowcount
        if not ours:
            hold(connection, device, record.code, envelope.received_at, what)
    elif record.code in _CLEARING and log_rows == 0:
        what = f"{record.code} in its operation log, {record.device_time.isoformat()}"
        hold(connection, device, "log_cleared", envelope.received_at, what)


class _Mark(Struct):
    mark: int
    until: int
    ends: str
    lowest: int | None
    offset_ms: int

    def absorb(self, earlier: "_Mark") -> None:
        """The mark before goes: its rows count as those of this one."""
        found = [one for one in (self.lowest, earlier.lowest) if one is not None]
        self.lowest = min(found, default=None)


def _add_mark(connection: sqlite3.Connection, device: int, reading: PastReading, zone: str) -> None:
    ends, lowest = connection.execute(
        "SELECT coalesce(ends, '{}'), lowest FROM devices WHERE device = ?", (device,)
    ).fetchone()
    rows = connection.execute(_MARKS, (device,)).fetchall()
    marks = [_Mark(*row) for row in reversed(rows)]  # the oldest first
    number = marks[-1].mark + 1 if marks else 1
    mark = _Mark(number, _read_until(reading, zone), ends, lowest, reading.offset_ms)
    if marks and marks[-1].ends == ends:  # nothing came since
        mark.mark = marks[-1].mark
        mark.absorb(marks.pop())
    kept = _thinned([*marks, mark], _newest_settled(connection, marks))
    connection.executemany(
        "DELETE FROM read_marks WHERE device = ? AND mark = ?",
        [(device, number) for number in {one[0] for one in rows} - {one.mark for one in kept}],
    )
    # The last one is new; the others change only by what they absorbed.
    before = {row[0]: row for row in rows}
    connection.executemany(
        """INSERT OR REPLACE INTO read_marks (device, mark, until, ends, lowest, offset_ms)
        VALUES (?, ?, ?, ?, ?, ?)""",
        [(device, *astuple(one)) for one in kept if astuple(one) != before.get(one.mark)],
    )
    connection.execute("UPDATE devices SET lowest = NULL WHERE device = ?", (device,))


def _thinned(marks: list[_Mark], settled: int) -> list[_Mark]:
    """The two newest, the newest `settled` one, and of the others one in ten minutes, of those older
    than a day one a day: a core is restored from a backup of some day.
    """
    day_ago = marks[-1].until - _DAY_US
    kept: list[_Mark] = []
    lost: _Mark | None = None
    for place, mark in enumerate(marks):
        if lost is not None:
            mark.absorb(lost)
            lost = None
        last = kept[-1] if kept else None
        protected = place >= len(marks) - 2 or mark.mark == settled or last is None
        spacing = _DAY_US if mark.until < day_ago else _SPACING_US
        if protected or last is None or abs(mark.until - last.until) >= spacing:
            kept.append(mark)
        else:
            lost = mark
    return kept


def _newest_settled(connection: sqlite3.Connection, marks: list[_Mark]) -> int:
    """The number of the newest mark that the core has answered, 0 for none."""
    positions = dict(
        connection.execute("SELECT lane, position FROM sinks WHERE sink = 'core'").fetchall()
    )
    for mark in reversed(marks):
        ends = decode_ends(mark.ends)
        if all(end <= positions.get(lane, 0) for lane, end in ends.items()):
            return mark.mark
    return 0


def _read_until(reading: PastReading, zone: str) -> int:
    """Rows that come after this read are later by the gateway's clock, and show a later time."""
    place = ZoneInfo(zone)
    here = reading.read_from.astimezone(place).replace(tzinfo=None)
    try:
        shown = here + timedelta(milliseconds=reading.offset_ms)
        first, second = shown.replace(tzinfo=place), shown.replace(tzinfo=place, fold=1)
        by_device = first.astimezone(UTC)
    except OverflowError:  # a clock in the year 1 or 9999 proves nothing of its own
        return microseconds(min(reading.read_from, datetime(1970, 1, 1, tzinfo=UTC)))
    # A wall clock that a DST change repeats is taken as the first of its two instants: what comes
    # in the second pass will show times of the first.
    repeated = max(second.astimezone(UTC) - by_device, timedelta(0))
    return microseconds(min(reading.read_from, by_device - repeated) - _MARGIN)
