"""Tables of what people enter about lines: the line file, replaced boxes, corrections.

Append-only: an entry is never changed, a later one speaks beside it.
"""

from collections import defaultdict
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from hr_core.quality.corrections import Correction
from hr_core.quality.counters import Replacement
from hr_core.quality.line_settings import (
    NO_SETTINGS,
    CounterPlace,
    LineSettings,
    parse_settings,
)
from hr_core.store.database import UtcInstant, metadata

line_files = sa.Table(
    "line_files",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("imported_at", UtcInstant, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
)

counter_replacements = sa.Table(
    "counter_replacements",
    metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("tag", sa.Text, primary_key=True),
    sa.Column("at", UtcInstant, primary_key=True),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("recorded_at", UtcInstant, nullable=False),
)

quality_corrections = sa.Table(
    "quality_corrections",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("line", sa.Text, nullable=False),
    sa.Column("concerns", sa.Text, nullable=False),  # the month of the work, "2026-10"
    sa.Column("counts_in", sa.Text, nullable=False),  # where it lands: another one after the lock
    sa.Column("pieces", sa.BigInteger, nullable=False),
    sa.Column("rejects", sa.BigInteger, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("approver", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("recorded_at", UtcInstant, nullable=False),
)


class CorrectionRow(NamedTuple):
    correction: Correction
    counts_in: str


def add_line_file(conn: sa.Connection, name: str, text: str, at: datetime) -> None:
    """The same text again changes nothing."""
    newest = _newest_file(conn)
    if newest is None or newest.text != text:
        number = 1 if newest is None else newest.number + 1
        conn.execute(
            sa.insert(line_files).values(number=number, name=name, imported_at=at, text=text)
        )


def line_settings(conn: sa.Connection) -> LineSettings:
    newest = _newest_file(conn)
    return NO_SETTINGS if newest is None else parse_settings(newest.text, file=newest.name)


def add_replacement(
    conn: sa.Connection, place: CounterPlace, entry: Replacement, recorded_at: datetime
) -> bool:
    """False when there is one of this second already."""
    source, tag = place
    key = counter_replacements.c
    at = datetime.fromtimestamp(entry.at, recorded_at.tzinfo)
    known = sa.select(key.at).where(key.source == source, key.tag == tag, key.at == at)
    if conn.execute(known).one_or_none() is not None:
        return False
    conn.execute(
        sa.insert(counter_replacements).values(
            source=source,
            tag=tag,
            at=at,
            author=entry.author,
            reason=entry.reason,
            recorded_at=recorded_at,
        )
    )
    return True


def replacements(conn: sa.Connection) -> dict[CounterPlace, tuple[Replacement, ...]]:
    found: defaultdict[CounterPlace, tuple[Replacement, ...]] = defaultdict(tuple)
    ordered = sa.select(counter_replacements).order_by(*counter_replacements.primary_key)
    for row in conn.execute(ordered):
        entry = Replacement(at=int(row.at.timestamp()), author=row.author, reason=row.reason)
        found[row.source, row.tag] += (entry,)
    return dict(found)


def add_correction(conn: sa.Connection, row: CorrectionRow, recorded_at: datetime) -> int:
    last = conn.execute(sa.select(sa.func.max(quality_corrections.c.number))).scalar()
    number = (last or 0) + 1
    one = row.correction
    conn.execute(
        sa.insert(quality_corrections).values(
            number=number,
            subject=one.subject,
            line=one.line,
            concerns=one.concerns,
            counts_in=row.counts_in,
            pieces=one.pieces,
            rejects=one.rejects,
            author=one.author,
            approver=one.approver,
            reason=one.reason,
            recorded_at=recorded_at,
        )
    )
    return number


def corrections_in(conn: sa.Connection, window: str) -> list[CorrectionRow]:
    """Those that count in the window, in the order of their entry."""
    columns = quality_corrections.c
    ordered = (
        sa.select(quality_corrections).where(columns.counts_in == window).order_by(columns.number)
    )
    return [
        CorrectionRow(
            Correction(
                identity=str(row.number),
                subject=row.subject,
                line=row.line,
                concerns=row.concerns,
                pieces=row.pieces,
                rejects=row.rejects,
                author=row.author,
                approver=row.approver,
                reason=row.reason,
                recorded_at=int(row.recorded_at.timestamp()),
            ),
            row.counts_in,
        )
        for row in conn.execute(ordered)
    ]


def _newest_file(conn: sa.Connection) -> sa.Row[*tuple[Any, ...]] | None:
    newest = (
        sa.select(line_files.c.number, line_files.c.name, line_files.c.text)
        .order_by(line_files.c.number.desc())
        .limit(1)
    )
    return conn.execute(newest).one_or_none()
