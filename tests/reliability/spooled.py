"""What an agent has stored, straight from its spool file: for claims that need no core."""

import sqlite3
from collections import Counter
from contextlib import closing

from edge_agent.spool.lanes import LANE_BY_NUMBER
from edge_agent.spool.stored_rows import LAST_ARRIVAL, StoredRow, rows_of_lane
from protocols.records import Punch
from tests.reliability.oracle import Key
from tests.reliability.site import Agent


def stored_rows(agent: Agent) -> list[StoredRow]:
    """In order of arrival."""
    with closing(sqlite3.connect(f"{agent.spool.as_uri()}?mode=ro", uri=True)) as file:
        rows = [
            row
            for lane in LANE_BY_NUMBER
            for row in rows_of_lane(file, lane, after=0, until=LAST_ARRIVAL)
        ]
    return sorted(rows, key=lambda row: row.arrival)


def stored_punches(agent: Agent) -> list[Key]:
    return [
        Key(
            row.record.serial,
            row.record.user_id,
            row.record.device_time.isoformat(),
            row.record.state,
        )
        for row in stored_rows(agent)
        if isinstance(row.record, Punch)
    ]


def lost_and_doubled(made: list[Key], held: list[Key]) -> tuple[int, int]:
    wanted, found = Counter(made), Counter(held)
    return (wanted - found).total(), (found - wanted).total()
