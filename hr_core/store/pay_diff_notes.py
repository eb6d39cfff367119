"""Table of what people wrote beside differences of pay: kept with the pair, offered the next month."""

from datetime import datetime

import sqlalchemy as sa

from hr_core.pay.diff.notes import DiffNote, NewNote
from hr_core.store.database import UtcInstant, metadata

pay_diff_notes = sa.Table(
    "pay_diff_notes",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("pair", sa.Text, nullable=False, index=True),  # "runs", or the name of a map
    sa.Column("made_for", sa.Text, nullable=False),  # "1:3" of runs; the month of a table
    sa.Column("month", sa.Text, nullable=False),
    sa.Column("person", sa.Text, nullable=False),  # the key, or "*"
    sa.Column("line", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("until", sa.Text, nullable=False),  # the last month that it explains; "": its own
    sa.Column("noted_by", sa.Text, nullable=False),
    sa.Column("noted_at", UtcInstant, nullable=False),
)


def add_note(conn: sa.Connection, note: NewNote, *, by: str, at: datetime) -> int:
    """In the caller's write transaction."""
    last = conn.execute(sa.select(sa.func.max(pay_diff_notes.c.number))).scalar()
    number = (last or 0) + 1
    values = {name: getattr(note, name) for name in NewNote.__struct_fields__}
    conn.execute(
        sa.insert(pay_diff_notes).values(number=number, noted_by=by, noted_at=at, **values)
    )
    return number


def notes_of_pair(conn: sa.Connection, pair: str) -> tuple[DiffNote, ...]:
    """Oldest first."""
    there = pay_diff_notes.c
    query = sa.select(pay_diff_notes).where(there.pair == pair).order_by(there.number)
    return tuple(DiffNote(**row) for row in conn.execute(query).mappings())
