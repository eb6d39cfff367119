"""Which computed days and payslip lines name an event, as far as stored runs tell."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from hr_core.attendance.day import DayResult
from hr_core.store.event_rows import StoredEvent
from hr_core.store.results import pay_lines, pay_runs, run_days

# A night shift's day, or a hand-over's reading, may lie in the month beside.
_REACH = timedelta(days=2)
_decode_day = msgspec.json.Decoder(DayResult).decode


class UsedDay(Struct, frozen=True, kw_only=True):
    """`role`: arrived, left, or why the punch did not bound the day."""

    run: int
    number: str
    day: str
    role: str


class UsedLine(Struct, frozen=True, kw_only=True):
    """`role`: `day` or `work`, what the line has of the event."""

    run: int
    number: str
    line: str
    amount_fen: int
    role: str


class Uses(Struct, frozen=True, kw_only=True):
    days: tuple[UsedDay, ...]
    lines: tuple[UsedLine, ...]


def uses_of(conn: sa.Connection, event: StoredEvent) -> Uses:
    """Readings of a counter between the first and the last of a stretch are named by no line."""
    months = {
        f"{at.year:04d}-{at.month:02d}" for at in (event.at - _REACH, event.at, event.at + _REACH)
    }
    query = sa.select(pay_runs.c.number).where(pay_runs.c.month.in_(sorted(months)))
    runs = list(conn.execute(query.order_by(pay_runs.c.number)).scalars())
    event_id = event.event_id.hex()
    return Uses(days=tuple(_days(conn, runs, event_id)), lines=tuple(_lines(conn, runs, event_id)))


def _days(conn: sa.Connection, runs: Iterable[int], event_id: str) -> Iterator[UsedDay]:
    for run in runs:
        rows = sa.select(run_days).where(run_days.c.run == run).order_by(run_days.c.day)
        for row in conn.execute(rows):
            if event_id.encode() in row.result:
                day = _decode_day(row.result)
                yield UsedDay(
                    run=run, number=row.number, day=day.day.isoformat(), role=_role(day, event_id)
                )


def _role(day: DayResult, event_id: str) -> str:
    ignored = {one.event_id: f"ignored: {one.reason}" for one in day.ignored}
    return ignored.get(event_id, "bounds the day")


def _lines(conn: sa.Connection, runs: Iterable[int], event_id: str) -> Iterator[UsedLine]:
    for run in runs:
        rows = sa.select(pay_lines).where(pay_lines.c.run == run)
        for row in conn.execute(rows.order_by(pay_lines.c.number, pay_lines.c.position)):
            if event_id.encode() in row.trace:
                yield UsedLine(
                    run=run,
                    number=row.number,
                    line=row.code,
                    amount_fen=row.amount_fen,
                    role="work" if f'_event":"{event_id}"'.encode() in row.trace else "day",
                )
