"""Until when what a device recorded is read, stored and answered by a sink. Standard library only:
`edge-agent status` asks it too.

A mark is one whole read of a log: the instant at which it began, and by lane the last arrival of the
device when it was stored. Logs only grow, so all that the device had recorded at that instant lies
within these arrivals. Complete for a sink is the newest mark whose arrivals it has answered, unless
something holds it earlier:

    waiting, kept       rows that the sink has not answered, or asked to keep
    dead_letter         rows that it refused
    quarantined         bytes that could not be decoded, whose time nobody knows
    clock_behind        the device's clock is behind: what comes may show a time before the mark
    clock_suspect       rows that fit no clock that the device was seen to have
    log_cleared, log_rewritten  rows may have gone before they were read
    spool_salvaged, expired     rows may have gone from this spool
    count_mismatch, clock_unknown, gateway_clock_suspect  the last whole read proved nothing

A watermark is a promise in two ways of telling the time, so it is the earlier of both: by the
gateway's clock, and by what the core makes of the device's own (its wall clock in the site's zone).
"""

import json
import sqlite3
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import NamedTuple

CLOCK_BEHIND_MS = -120_000  # less is drift or a time server's correction (row_offsets.TOLERANCE)
LOGS_OF_PUNCHES = "serial NOT LIKE '%/operations'"

_MARKS = """
    SELECT until, ends, lowest, offset_ms FROM read_marks WHERE device = ? ORDER BY mark DESC"""

_DEVICES = f"""
    SELECT device, ends, lowest, unproven, on_device FROM devices
    WHERE {LOGS_OF_PUNCHES}"""  # noqa: S608 - our own words

# SQLite's min() passes over NULL, which here means the earliest of all.
_HELD = """
    SELECT device, 'kept', count(*) > count(until), min(until) FROM unsettled
        WHERE sink = :sink AND device IS NOT NULL GROUP BY device
    UNION ALL SELECT device, 'dead_letter', count(*) > count(until), min(until) FROM dead_letters
        WHERE sink = :sink AND device IS NOT NULL GROUP BY device
    UNION ALL SELECT device, 'quarantined', count(*) > count(until), min(until) FROM quarantine
        WHERE settled_by IS NULL GROUP BY device
    UNION ALL SELECT device, code, count(*) > count(until), min(until) FROM holds
        WHERE released_by IS NULL GROUP BY device, code"""


class Completeness(NamedTuple):
    """`until` in microseconds since 1970 UTC; None: nothing can be said. `held_by`: why not later."""

    until: int | None
    held_by: str | None


class _Bound(NamedTuple):
    until: int | None
    word: str | None

    @property
    def rank(self) -> tuple[bool, int]:
        return self.until is not None, self.until or 0


def completeness(connection: sqlite3.Connection, sink: str) -> dict[int, Completeness]:
    """By device number, of every device with punches or counts. Within the caller's transaction."""
    positions = dict(
        connection.execute("SELECT lane, position FROM sinks WHERE sink = ?", (sink,)).fetchall()
    )
    held: dict[int, list[_Bound]] = {}
    for device, word, unknown, until in connection.execute(_HELD, {"sink": sink}):
        held.setdefault(device, []).append(_Bound(None if unknown else until, word))
    found = {}
    for device, ends, lowest, unproven, on_device in connection.execute(_DEVICES).fetchall():
        rows = _Rows(_decoded(ends), lowest)
        proven = (
            _proven(connection, device, positions, rows) if positions else _Bound(None, "waiting")
        )
        if proven.word == "uncounted":
            proven = _Bound(None, unproven or _never_counted(on_device))
        elif unproven is not None and proven.word is None:
            proven = proven._replace(word=unproven)
        lowest_bound = min([proven, *held.get(device, ())], key=lambda bound: bound.rank)
        found[device] = Completeness(lowest_bound.until, lowest_bound.word)
    return found


class _Rows(NamedTuple):
    """Of a device: its last arrivals by lane, and its earliest row since the newest mark."""

    ends: Mapping[int, int]
    lowest: int | None


def _proven(
    connection: sqlite3.Connection, device: int, positions: Mapping[int, int], rows: _Rows
) -> _Bound:
    """By its marks alone."""
    found = connection.execute(_MARKS, (device,))  # the newest first
    newest = found.fetchone()
    if newest is None:
        return _Bound(None, "uncounted")
    marks = [newest]
    if not _settled(_decoded(newest[1]), positions):
        marks += found.fetchall()
    # Ends only grow: behind the newest settled mark all are.
    place = bisect_left(marks, True, key=lambda mark: _settled(_decoded(mark[1]), positions))
    if place == len(marks):
        return _Bound(None, "waiting")
    waits = not _settled(rows.ends, positions)
    newest_until, _, _, offset_ms = marks[0]
    bounds = [
        _Bound(newest_until, "clock_behind" if offset_ms < CLOCK_BEHIND_MS else None),
        _Bound(marks[place][0], "waiting" if waits else None),
    ]
    if waits:
        lowest = [rows.lowest, *(mark[2] for mark in marks[:place])]
        bounds += [_Bound(one - 1, "waiting") for one in lowest if one is not None]
    return min(bounds, key=lambda bound: bound.rank)


def _never_counted(on_device: int | None) -> str:
    """A device that keeps no log never says how many rows it holds."""
    return "uncounted" if on_device is None else "not_read"


def _settled(ends: Mapping[int, int], positions: Mapping[int, int]) -> bool:
    return all(end <= positions.get(lane, 0) for lane, end in ends.items())


def _decoded(ends: str | None) -> dict[int, int]:
    return {int(lane): end for lane, end in json.loads(ends or "{}").items()}


def standing_holds(connection: sqlite3.Connection) -> Iterator[tuple[str, str, int | None, str]]:
    """(serial, code, until, what) of what waits for a person beside dead letters and quarantine."""
    yield from connection.execute(
        """SELECT serial, code, until, what FROM holds JOIN devices USING (device)
        WHERE released_by IS NULL ORDER BY serial, id"""
    )
