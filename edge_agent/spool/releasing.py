"""A person has looked at what holds a watermark, and answers for it."""

from pathlib import Path
from typing import NamedTuple

from edge_agent.spool.acts import Person, What, deciding, looking, note
from edge_agent.spool.codec import instant, microseconds
from edge_agent.spool.completeness import standing_holds


class Hold(NamedTuple):
    """`until` in ISO 8601 UTC, None: nothing is complete. `what` was found."""

    serial: str
    code: str
    until: str | None
    what: str


def read_holds(path: Path) -> tuple[Hold, ...]:
    """Those that stand. Raises SpoolError."""
    with looking(path) as connection:
        return tuple(
            Hold(serial, code, None if until is None else instant(until).isoformat(), what)
            for serial, code, until, what in standing_holds(connection)
        )


def release(path: Path, serial: str, reason: str, person: Person) -> int:
    """Every hold of the device; returns how many. Raises SpoolError."""
    with deciding(path) as connection:
        rows = connection.execute(
            """SELECT id, code FROM holds JOIN devices USING (device)
            WHERE serial = ? AND released_by IS NULL""",
            (serial,),
        ).fetchall()
        if rows:
            codes = ", ".join(sorted({code for _, code in rows}))
            act = note(
                connection,
                person,
                What.WATERMARK_RELEASED,
                subject=serial,
                serial=serial,
                reason=f"{codes}: {reason}",
            )
            connection.executemany(
                "UPDATE holds SET released_by = ? WHERE id = ?",
                [(act, number) for number, _ in rows],
            )
    return len(rows)


def note_clearing(path: Path, serial: str, rows: int, person: Person) -> None:
    """The log of `serial` was deleted by our order, which `person` gave then, every row proven to be
    here: that the driver finds it gone is no loss. Raises SpoolError.
    """
    with deciding(path) as connection:
        act = note(
            connection,
            person,
            What.LOG_CLEARED,
            subject=serial,
            serial=serial,
            reason=f"edge-agent device clear: {rows} rows",
        )
        # The agent may have read the empty log before this line.
        seen = connection.execute(
            """UPDATE holds SET released_by = ? WHERE code = 'log_cleared' AND released_by IS NULL
            AND found_at >= ? AND device = (SELECT device FROM devices WHERE serial = ?)""",
            (act, microseconds(person.at), serial),
        ).rowcount
        if seen:
            connection.execute("UPDATE acts SET waiting = 0 WHERE id = ?", (act,))
