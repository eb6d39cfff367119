"""Rows into raw_events: which of them are new, and what is here of the others."""

from collections import Counter
from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from msgspec import Struct

from hr_core.ingest.device_events import take_up_events
from hr_core.store.attendance_queue import note_arrivals
from hr_core.store.database import from_microseconds
from hr_core.store.event_inserts import add_new_events
from hr_core.store.event_rows import EventRow
from hr_core.store.event_totals import add_to_totals
from hr_core.store.events import events_before
from protocols.records import Record


class Stored(Struct, frozen=True):
    """`here`: of each id that was here already, the record; `new`: rows stored, by kind and device."""

    here: Mapping[bytes, Record]
    new: Counter[tuple[str, str]]

    def new_of_devices(self) -> Counter[str]:
        devices: Counter[str] = Counter()
        for (_kind, device), events in self.new.items():
            devices[device] += events
        return devices


def store_new(conn: sa.Connection, rows: Sequence[EventRow]) -> Stored:
    """Stores the rows whose id is not here, in the caller's write transaction.

    No id stands twice in `rows`.
    """
    here = events_before(conn, rows) if add_new_events(conn, rows) < len(rows) else {}
    stored = [row for row in rows if row[0] not in here] if here else rows
    new = Counter([(row[1], row[2]) for row in stored])
    add_to_totals(conn, new)
    note_arrivals(conn, stored)
    if any(kind == "device_event" for kind, _device in new):
        taken_at = from_microseconds(rows[0].ingested_at)
        take_up_events(conn, stored, taken_at)
    return Stored(here, new)
