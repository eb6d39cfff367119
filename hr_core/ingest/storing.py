"""Rows into raw_events: which of them are new, and what is here of the others."""

from collections import Counter
from collections.abc import Sequence

import sqlalchemy as sa

from hr_core.store.event_rows import EventRow
from hr_core.store.event_totals import add_to_totals
from hr_core.store.events import add_new_events, events_before
from protocols.records import Record


def store_new(conn: sa.Connection, rows: Sequence[EventRow]) -> dict[bytes, Record]:
    """Stores the rows whose id is not here; of the others the record that is, by event id.

    In the caller's write transaction. No id stands twice in `rows`.
    """
    here = events_before(conn, rows) if add_new_events(conn, rows) < len(rows) else {}
    add_to_totals(conn, Counter([(row[1], row[2]) for row in rows if row[0] not in here]))
    return here
