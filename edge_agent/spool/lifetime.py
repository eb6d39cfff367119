"""How old what was settled is, by a count that no jump of the gateway's clock moves.

The wall clock of a small box shows 1970 after a flat battery and any year after a bad time server;
rows must not be deleted by it. So the spool counts the seconds of its own life: what the wall clock
says between two looks while that is plausible, else what the process itself has run.
"""

import sqlite3
from datetime import datetime, timedelta

from edge_agent.spool.codec import microseconds

# Switched off over a long weekend it still counts; whatever is longer is a jump or a move, and rows
# stay that much longer.
LONGEST_ABSENCE = timedelta(days=4)

_DAY_S = 86_400
_QUARANTINE = ""  # where a sink's name would stand

_LOOK = """
    INSERT INTO lifetime (id, lived_s, looked_at) VALUES (1, 0, :now)
    ON CONFLICT (id) DO UPDATE SET lived_s = lived_s + :passed_s, looked_at = :now"""

_MARK = """
    INSERT OR IGNORE INTO days (sink, day, number)
    SELECT sink, :day, max(number) FROM sent_batches GROUP BY sink
    UNION ALL SELECT '', :day, coalesce(max(id), 0) FROM quarantine"""


def look(connection: sqlite3.Connection, now: datetime, ran: timedelta) -> int:
    """Counts the time since the last look; returns the day of this spool's life.

    `ran`: of it, what this process has run (monotonic). Call with a trusted clock only.
    """
    row = connection.execute("SELECT lived_s, looked_at FROM lifetime").fetchone()
    lived_s, looked_at = row or (0, microseconds(now))
    by_wall = timedelta(microseconds=microseconds(now) - looked_at)
    passed = by_wall if timedelta(0) <= by_wall <= max(LONGEST_ABSENCE, ran) else ran
    passed_s = passed // timedelta(seconds=1)
    connection.execute(_LOOK, {"now": microseconds(now), "passed_s": passed_s})
    day: int = (lived_s + passed_s) // _DAY_S
    connection.execute(_MARK, {"day": day})
    return day


def answered_by(connection: sqlite3.Connection, sink: str, day: int) -> int | None:
    """The last batch that `sink` had answered when `day` of this spool's life began."""
    row = connection.execute(
        "SELECT number FROM days WHERE sink = ? AND day <= ? ORDER BY day DESC LIMIT 1", (sink, day)
    ).fetchone()
    return None if row is None else int(row[0])


def quarantined_by(connection: sqlite3.Connection, day: int) -> int:
    """The last row that was in quarantine when `day` began, 0 for none."""
    return answered_by(connection, _QUARANTINE, day) or 0


def forget_days(connection: sqlite3.Connection, before: int) -> None:
    """All but the newest mark of each sink that is older than `before`: it stands for them."""
    connection.execute(
        """DELETE FROM days WHERE day < (
            SELECT max(day) FROM days AS newer WHERE newer.sink = days.sink AND newer.day < ?)""",
        (before,),
    )
