"""Table of tally sheet rows. A row is added, never changed: a corrected one is a later version."""

from collections.abc import Collection
from datetime import date, datetime

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from hr_core.store.database import UtcInstant, metadata
from hr_core.store.unchanging import keep_unchanged

piece_tallies = sa.Table(
    "piece_tallies",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("day", sa.Date, nullable=False, index=True),
    # a person's key or, with "group:" before it, a group's code
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("product", sa.Text, nullable=False),
    sa.Column("process", sa.Text, nullable=False),
    sa.Column("grade", sa.Text, nullable=False),
    sa.Column("overtime", sa.Boolean, nullable=False),
    sa.Column("slip", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("pieces", sa.BigInteger, nullable=False),
    sa.Column("rework", sa.BigInteger, nullable=False),
    sa.Column("own_rework", sa.BigInteger, nullable=False),
    sa.Column("scrap", sa.BigInteger, nullable=False),
    sa.Column("entered_by", sa.Text, nullable=False),
    sa.Column("file", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),  # SHA-256 of the file
    sa.Column("sheet_row", sa.Integer, nullable=False),
    sa.Column("imported_by", sa.Text, nullable=False),
    sa.Column("imported_at", UtcInstant, nullable=False),
    sa.UniqueConstraint(
        "day", "subject", "product", "process", "grade", "overtime", "slip", "version",
        name="uq_piece_tallies_version",
    ),
)  # fmt: skip
keep_unchanged(piece_tallies)

GROUP_PREFIX = "group:"
TallyKey = tuple[date, str, str, str, str, bool, str]


class Tally(Struct, frozen=True, kw_only=True):
    """`slip`: the number of the paper behind it, if it has one; part of what makes a row the same."""

    day: date
    subject: str
    product: str
    process: str
    grade: str = ""
    overtime: bool = False
    slip: str = ""
    pieces: int = 0
    rework: int = 0
    own_rework: int = 0
    scrap: int = 0
    entered_by: str
    sheet_row: int

    @property
    def key(self) -> TallyKey:
        return (
            self.day, self.subject, self.product, self.process, self.grade, self.overtime, self.slip,
        )  # fmt: skip

    @property
    def figures(self) -> tuple[int, int, int, int]:
        return self.pieces, self.rework, self.own_rework, self.scrap


class StoredTally(Tally, frozen=True, kw_only=True):
    number: int
    version: int
    file: str
    digest: str
    imported_by: str
    imported_at: datetime


def add_tally(conn: sa.Connection, row: Tally, version: int, **origin: object) -> int:
    """`origin`: file, digest, imported_by, imported_at."""
    last = conn.execute(sa.select(sa.func.max(piece_tallies.c.number))).scalar()
    number = int(last or 0) + 1
    values = {**msgspec.structs.asdict(row), "number": number, "version": version, **origin}
    conn.execute(sa.insert(piece_tallies).values(values))
    return number


def tallies_of_days(conn: sa.Connection, days: Collection[date]) -> dict[TallyKey, StoredTally]:
    """What counts on the span of the days: of each row its last version."""
    if not days:
        return {}
    return _current(conn, min(days), max(days))


def tallies_between(conn: sa.Connection, first: date, until: date) -> list[StoredTally]:
    """What counts on the half-open days, in the order of entry."""
    last = date.fromordinal(until.toordinal() - 1)
    return sorted(_current(conn, first, last).values(), key=lambda one: one.number)


def any_scrap(conn: sa.Connection) -> bool:
    told = sa.select(piece_tallies.c.number).where(piece_tallies.c.scrap > 0).limit(1)
    return conn.execute(told).first() is not None


def subjects_since(
    conn: sa.Connection, first: date, until: date, since: datetime
) -> frozenset[str]:
    """Of rows of the half-open days that came at the moment or later."""
    there = piece_tallies.c
    query = (
        sa.select(there.subject)
        .where(there.day >= first, there.day < until, there.imported_at >= since)
        .distinct()
    )
    return frozenset(conn.execute(query).scalars())


def _current(conn: sa.Connection, first: date, last: date) -> dict[TallyKey, StoredTally]:
    columns = piece_tallies.c
    query = (
        sa.select(*(columns[name] for name in StoredTally.__struct_fields__))
        .where(columns.day >= first, columns.day <= last)
        .order_by(columns.version)
    )
    found = {}
    for row in conn.execute(query).mappings():
        tally = StoredTally(**row)
        found[tally.key] = tally
    return found
