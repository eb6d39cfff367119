"""How many raw events are here, per kind and device: kept with each batch, because counting them
takes either a walk over all of them or an index that each of them must be written to.
"""

from collections.abc import Mapping
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from hr_core.store.database import metadata

Kind = Literal["punch", "count", "device_event"]

event_totals = sa.Table(
    "event_totals",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),
    # as in raw_events
    sa.Column("device", sa.Text, primary_key=True),
    sa.Column("events", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)


def add_to_totals(conn: sa.Connection, new: Mapping[tuple[str, str], int]) -> None:
    """`new`: how many more events (fewer: below 0) of each kind and device are here now, in the
    caller's write transaction.
    """
    if not new:
        return
    insert = (postgresql if conn.dialect.name == "postgresql" else sqlite).insert(event_totals)
    there = event_totals.c
    upsert = insert.on_conflict_do_update(
        index_elements=[there.kind, there.device],
        set_={"events": there.events + insert.excluded.events},
    )
    conn.execute(
        upsert,
        [
            {"kind": kind, "device": device, "events": events}
            for (kind, device), events in new.items()
        ],
    )


def count_events(conn: sa.Connection) -> dict[Kind, int]:
    """Events per kind; a kind without events has 0."""
    totals: dict[Kind, int] = {"punch": 0, "count": 0, "device_event": 0}
    for kind, _device, events in count_events_per_device(conn):
        totals[kind] += events
    return totals


def count_events_per_device(conn: sa.Connection) -> list[tuple[Kind, str, int]]:
    """(kind, device, events), sorted."""
    there = event_totals.c
    query = (
        sa.select(there.kind, there.device, there.events)
        .where(there.events > 0)
        .order_by(there.kind, there.device)
    )
    return [(kind, device, events) for kind, device, events in conn.execute(query)]
