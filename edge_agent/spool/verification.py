"""Whether a spool is what its ledger says: every page unfolds, and the counters agree."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from msgspec import Struct

from edge_agent.spool.codec import is_sound_envelope
from edge_agent.spool.errors import SpoolCorruptError, storage_error
from edge_agent.spool.page_body import rows_of_body
from edge_agent.spool.reading import open_ledger
from protocols.identity import event_moment
from protocols.records import Punch

# Read in short transactions: a long one would hold up the log of a running agent.
PAGES_AT_A_TIME = 100

_PAGES = f"""
    SELECT first_arrival, last_arrival, lane, punches, first_time, last_time, zone, flags, body
    FROM pages WHERE first_arrival > ? ORDER BY first_arrival LIMIT {PAGES_AT_A_TIME}"""  # noqa: S608 - our own number

_COUNTERS = """
    SELECT serial, received, stored, known, quarantined, quarantined_again, deleted, thinned,
        (SELECT coalesce(sum(last_arrival - first_arrival + 1), 0) FROM pages
            WHERE pages.device = devices.device)
    FROM devices ORDER BY serial"""

_WITHOUT_PAGE = """
    SELECT sink, arrival FROM {table} WHERE NOT EXISTS (
        SELECT 1 FROM pages WHERE last_arrival >= arrival AND first_arrival = (
            SELECT max(first_arrival) FROM pages WHERE first_arrival <= arrival))"""


class Fault(Struct, frozen=True):
    """`where`: a page by its first arrival, a device by its serial, a sink by its name."""

    where: str
    what: str


class Verified(Struct, frozen=True, kw_only=True):
    pages: int
    rows: int
    faults: tuple[Fault, ...]


def verify(path: Path, progress: Callable[[int, int], None]) -> Verified:
    """Reads beside a running agent, changes nothing. `progress` gets pages done and pages in all.
    Raises SpoolError when the file cannot be read at all.
    """
    try:
        with closing(open_ledger(path)) as connection:
            answer = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            faults = [] if answer == "ok" else [Fault("file", str(answer))]
            total = connection.execute("SELECT count(*) FROM pages").fetchone()[0]
            pages = rows = 0
            end = 0
            for page in _each_page(connection):
                faults += [Fault(f"page {page[0]}", what) for what in _faults_of(page, end)]
                end = page[1]
                pages += 1
                rows += page[1] - page[0] + 1
                progress(pages, total)
            connection.execute("BEGIN")
            faults += _ledger_faults(connection)
    except sqlite3.Error as exc:
        raise storage_error(exc, path) from exc
    return Verified(pages=pages, rows=rows, faults=tuple(faults))


def _each_page(connection: sqlite3.Connection) -> Iterator[tuple[int, ...]]:
    after = 0
    while pages := connection.execute(_PAGES, (after,)).fetchall():
        yield from pages
        after = pages[-1][0]


def _faults_of(page: tuple[int, ...], end: int) -> Iterator[str]:
    """`end`: the last arrival of the page before."""
    first, last, lane, punches, first_time, last_time, zone, flags, body = page
    if first <= end:
        yield f"begins before arrival {end}, where the page before it ends"
    if not is_sound_envelope(lane, str(zone), str(flags)):
        yield "lane, zone or flags are none that we write"
    try:
        rows = rows_of_body(body, where=f"page {first}")  # type: ignore[arg-type]
    except SpoolCorruptError as error:
        yield error.what
        return
    if len(rows) != last - first + 1:
        yield f"holds {len(rows)} rows, not {last - first + 1}"
    if sum(isinstance(record, Punch) for _, record in rows) != punches:
        yield f"does not hold {punches} punches"
    moments = [event_moment(identity) for identity, _ in rows]
    if (min(moments), max(moments)) != (first_time, last_time):
        yield "its rows are not of the time that it states"


def _ledger_faults(connection: sqlite3.Connection) -> Iterator[Fault]:
    for (
        serial,
        received,
        stored,
        known,
        bad,
        bad_again,
        deleted,
        thinned,
        here,
    ) in connection.execute(_COUNTERS):
        if received != stored + known + bad + bad_again:
            yield Fault(serial, f"{received} rows received, but {stored} stored, {known} known and "
                        f"{bad + bad_again} in quarantine")  # fmt: skip
        if stored != here + deleted + thinned:
            yield Fault(serial, f"{stored} rows stored, but {here} here, {deleted} deleted and "
                        f"{thinned} thinned")  # fmt: skip
    for table in ("unsettled", "dead_letters"):
        for sink, arrival in connection.execute(_WITHOUT_PAGE.format(table=table)):
            yield Fault(sink, f"row {arrival} of {table} is in no page")
