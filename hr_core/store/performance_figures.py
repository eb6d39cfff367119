"""Table of business figures: what was reached, each value with its source and the load it came by.

A figure that is loaded again with another value is a new revision; the old one stays.
"""

from collections.abc import Collection
from datetime import datetime
from fractions import Fraction

import sqlalchemy as sa
from msgspec import Struct

from hr_core.store.database import UtcInstant, metadata
from hr_core.store.unchanging import keep_unchanged

performance_figures = sa.Table(
    "performance_figures",
    metadata,
    sa.Column("subject", sa.Text, primary_key=True),  # "person:KEY", "unit:CODE"
    sa.Column("figure", sa.Text, primary_key=True),
    sa.Column("period", sa.Text, primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("value", sa.Text, nullable=False),  # an exact fraction
    sa.Column("of", sa.Text),  # what it is a part of, where it is a rate
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("load", sa.Text, nullable=False),
    sa.Column("place", sa.Text, nullable=False),  # where in the source: a row, a key
    sa.Column("loaded_at", UtcInstant, nullable=False),
    sa.Column("loaded_by", sa.Text, nullable=False),
)
keep_unchanged(performance_figures)


class Figure(Struct, frozen=True, kw_only=True):
    """`of`: the whole that `value` is a part of (45 of 50 deliveries); None for a plain number."""

    subject: str
    figure: str
    period: str
    revision: int = 1
    value: Fraction
    of: Fraction | None = None
    source: str
    load: str
    place: str
    loaded_at: datetime
    loaded_by: str


def add_figures(conn: sa.Connection, rows: Collection[Figure]) -> None:
    """In the caller's write transaction."""
    if rows:
        conn.execute(sa.insert(performance_figures), [_row(one) for one in rows])


def figures_of(
    conn: sa.Connection, subjects: Collection[str], figure: str | None = None
) -> list[Figure]:
    """The newest revision of each, by period."""
    there = performance_figures.c
    query = sa.select(performance_figures).where(there.subject.in_(sorted(subjects)))
    if figure is not None:
        query = query.where(there.figure == figure)
    newest: dict[tuple[str, str, str], Figure] = {}
    for row in conn.execute(query.order_by(*performance_figures.primary_key)):
        newest[row.subject, row.figure, row.period] = _figure(row)
    return list(newest.values())


def _row(one: Figure) -> dict[str, object]:
    names = one.__struct_fields__
    row = {name: getattr(one, name) for name in names}
    return row | {"value": str(one.value), "of": None if one.of is None else str(one.of)}


def _figure(row: sa.Row[tuple[object, ...]]) -> Figure:
    columns = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    columns["value"] = Fraction(row.value)
    columns["of"] = None if row.of is None else Fraction(row.of)
    return Figure(**columns)
