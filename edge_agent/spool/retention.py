"""What goes by age: rows that every sink has settled long enough ago, in small transactions.

A row stays `keep` days after its answer, because a core may be restored from a backup of that time
and asks for it again. What some sink has not settled, what a core refused (dead letters), and what
was sent twice because a core asked to keep it, holds its whole page.
"""

import sqlite3
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping

import msgspec
from msgspec import Struct

from edge_agent.spool.chain import BatchTally
from edge_agent.spool.lanes import Lane
from edge_agent.spool.lifetime import answered_by, forget_days, quarantined_by

# Of one transaction: a live punch that comes meanwhile waits a few milliseconds.
PAGES_AT_A_TIME = 100
# For room no more goes than has to; a page of a backlog may be a megabyte.
PAGES_FOR_ROOM = 4
_LINKS_AT_A_TIME = 1_000

_tally = msgspec.msgpack.Decoder(BatchTally)

_PUNCH_LANES = (Lane.PUNCH_LIVE, Lane.PUNCH_BACKLOG)
_COUNT_LANES = (Lane.COUNT_LIVE, Lane.COUNT_BACKLOG)

# A page with punches in a lane of other rows stays as long as punches do. One whose receipt time
# waits for the gateway's clock stays until that is told.
_CANDIDATES = """
    SELECT first_arrival, last_arrival, device FROM pages
    WHERE lane = :lane AND first_arrival > :after AND last_arrival <= :until
        AND (NOT punches OR last_arrival <= :punches_until) AND suspect <> 1
    ORDER BY first_arrival LIMIT :room"""

_HELD = """
    SELECT arrival FROM unsettled UNION SELECT arrival FROM dead_letters"""


class Keep(Struct, frozen=True, kw_only=True):
    """Days after the answer of every sink; `quarantine_days` after a row was first seen."""

    punch_days: int = 30
    event_days: int = 30
    count_days: int = 7
    quarantine_days: int = 365

    @property
    def longest(self) -> int:
        return max(self.punch_days, self.event_days, self.count_days)


class Cutoff(Struct, frozen=True, kw_only=True):
    """What may go: `until` by lane number, but for `held` arrivals (sorted)."""

    until: Mapping[int, int]
    punches_until: Mapping[int, int]
    held: tuple[int, ...]


class Deleted(Struct, frozen=True, kw_only=True):
    """Of one step. `after`: where the next step goes on, None when there is nothing more."""

    rows: int
    after: int | None


def cutoff_by_age(connection: sqlite3.Connection, keep: Keep, today: int) -> Cutoff:
    """`today` is the day of the spool's life (lifetime.py)."""
    punches = _settled_until(connection, today - keep.punch_days - 1)
    events = _settled_until(connection, today - keep.event_days - 1)
    counts = _settled_until(connection, today - keep.count_days - 1)
    until = {
        lane.number: (
            punches if lane in _PUNCH_LANES else counts if lane in _COUNT_LANES else events
        ).get(lane.number, 0)
        for lane in Lane
    }
    return Cutoff(until=until, punches_until=punches, held=_held(connection))


def cutoff_of_settled(connection: sqlite3.Connection) -> Cutoff:
    """Everything that every sink has settled, however young: for room."""
    until = _positions(connection)
    return Cutoff(until=until, punches_until=until, held=_held(connection))


def delete_pages(
    connection: sqlite3.Connection, cutoff: Cutoff, lane: int, after: int, *, step: int
) -> Deleted:
    """One small step through `lane`, of `step` pages. The caller repeats it with `after` of the step
    before.
    """
    until = min(cutoff.until.get(lane, 0), _positions(connection).get(lane, 0))
    pages = connection.execute(
        _CANDIDATES,
        {
            "lane": lane,
            "after": after,
            "until": until,
            "punches_until": cutoff.punches_until.get(lane, 0),
            "room": step,
        },
    ).fetchall()
    going = [page for page in pages if not _holds(cutoff.held, page[0], page[1])]
    connection.executemany(
        "DELETE FROM pages WHERE first_arrival = ?", [(first,) for first, _, _ in going]
    )
    by_device: Counter[int | None] = Counter()
    for first, last, device in going:
        by_device[device] += last - first + 1
    connection.executemany(
        "UPDATE devices SET deleted = deleted + ? WHERE device = ?",
        [(rows, device) for device, rows in by_device.items() if device is not None],
    )
    return Deleted(rows=by_device.total(), after=pages[-1][0] if len(pages) == step else None)


def delete_old_links(connection: sqlite3.Connection, keep: Keep, today: int) -> bool:
    """Answered batches before the one that a rewind may still go back to, and marks of days.

    Returns whether there is more to do.
    """
    more = False
    for sink in _sinks(connection):
        number = answered_by(connection, sink, today - keep.longest - 1)
        if number is not None:
            done = connection.execute(
                """DELETE FROM sent_batches WHERE sink = :sink AND number IN (
                    SELECT number FROM sent_batches WHERE sink = :sink AND number < :number
                    ORDER BY number LIMIT :room)""",
                {"sink": sink, "number": number, "room": _LINKS_AT_A_TIME},
            ).rowcount
            more |= done == _LINKS_AT_A_TIME
    forget_days(connection, today - max(keep.longest, keep.quarantine_days) - 1)
    return more


def delete_old_quarantine(connection: sqlite3.Connection, keep: Keep, today: int) -> int:
    """Rows in quarantine that nobody asked for in all that time. Returns how many went."""
    last = quarantined_by(connection, today - keep.quarantine_days - 1)
    # Bytes that go by age are still no proof of completeness.
    connection.execute(
        """INSERT INTO holds (device, code, until, found_at, what)
        SELECT device, 'expired', CASE WHEN count(*) = count(until) THEN min(until) END,
            max(last_seen), count(*) || ' rows that were never decoded went from quarantine by age'
        FROM quarantine WHERE id <= ? AND settled_by IS NULL GROUP BY device""",
        (last,),
    )
    return connection.execute("DELETE FROM quarantine WHERE id <= ?", (last,)).rowcount


def _settled_until(connection: sqlite3.Connection, day: int) -> dict[int, int]:
    """By lane, what every sink had settled when `day` began; {} unless every sink had something."""
    ends: list[dict[int, int]] = []
    for sink in _sinks(connection):
        number = answered_by(connection, sink, day)
        row = connection.execute(
            "SELECT tally FROM sent_batches WHERE sink = ? AND number <= ? "
            "ORDER BY number DESC LIMIT 1",
            (sink, -1 if number is None else number),
        ).fetchone()
        if row is None:
            return {}
        ends.append(_tally.decode(row[0]).positions)
    return _lowest(ends)


def _positions(connection: sqlite3.Connection) -> dict[int, int]:
    """By lane, what every sink has settled by now."""
    rows = connection.execute("SELECT lane, min(position) FROM sinks GROUP BY lane")
    return dict(rows.fetchall())


def _lowest(ends: list[dict[int, int]]) -> dict[int, int]:
    if not ends:
        return {}
    lanes = set.intersection(*(set(end) for end in ends))
    return {lane: min(end[lane] for end in ends) for lane in lanes}


def _sinks(connection: sqlite3.Connection) -> list[str]:
    return [sink for (sink,) in connection.execute("SELECT DISTINCT sink FROM sinks ORDER BY sink")]


def _held(connection: sqlite3.Connection) -> tuple[int, ...]:
    """Arrivals that keep their page: a rewind to an answered batch asks for `kept` ones again."""
    held = {arrival for (arrival,) in connection.execute(_HELD)}
    tallies = connection.execute("SELECT tally FROM sent_batches WHERE kept")
    for (tally,) in tallies:
        held.update(_tally.decode(tally).kept)
    return tuple(sorted(held))


def _holds(held: tuple[int, ...], first: int, last: int) -> bool:
    place = bisect_left(held, first)
    return place < len(held) and held[place] <= last
