"""Table of the time-off ledger, and the plant's own rule files. Rows are added, never changed.

A row is one entry of one person's ledger. Numbers lead through all ledgers, so that two records that turn
out to be one person have one ledger, and two again when that is undone.
"""

from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import Literal, NamedTuple

import msgspec
import sqlalchemy as sa

from hr_core.attendance.lots.drawing import Draft
from hr_core.attendance.lots.ledger import Entry, EntryKind, Origin
from hr_core.store.database import UtcInstant, metadata

RuleFileKind = Literal["time_off", "overtime_counting"]

time_off_entries = sa.Table(
    "time_off_entries",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("person", sa.Text, nullable=False, index=True),
    sa.Column("lot", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("minutes", sa.BigInteger, nullable=False),
    sa.Column("booked", sa.Date, nullable=False),  # of the person's site
    sa.Column("day", sa.Date),
    sa.Column("leave", sa.Text, nullable=False),
    sa.Column("rate_percent", sa.Integer),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("origin", sa.Text),  # JSON of ledger.Origin
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("recorded_at", UtcInstant, nullable=False),
)

# The text as imported, as with schemes: a ledger never depends on a file that somebody may edit.
rule_files = sa.Table(
    "hour_rule_files",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("imported_at", UtcInstant, nullable=False),
)

_encode = msgspec.json.Encoder().encode
_decode_origin = msgspec.json.Decoder(Origin).decode


class RuleFile(NamedTuple):
    name: str
    text: str


def entries_of(conn: sa.Connection, keys: Collection[str]) -> list[Entry]:
    """The whole ledger of a person (every key that means the same), in the order of writing."""
    columns = time_off_entries.c
    query = sa.select(time_off_entries).where(columns.person.in_(keys)).order_by(columns.number)
    return [
        Entry(
            number=row.number,
            lot=row.lot,
            kind=EntryKind(row.kind),
            minutes=row.minutes,
            booked=row.booked,
            day=row.day,
            leave=row.leave,
            rate_percent=row.rate_percent,
            note=row.note,
            origin=None if row.origin is None else _decode_origin(row.origin),
        )
        for row in conn.execute(query)
    ]


def keys_with_lots(conn: sa.Connection) -> list[str]:
    query = sa.select(time_off_entries.c.person).distinct().order_by(time_off_entries.c.person)
    return list(conn.execute(query).scalars())


def owners_of_lots(conn: sa.Connection, keys: Collection[str]) -> dict[str, str]:
    """Under which key each lot was earned. Its later entries follow it there, so that a ledger stays
    whole when a merge of two records is undone.
    """
    columns = time_off_entries.c
    query = (
        sa.select(columns.lot, columns.person)
        .where(columns.person.in_(keys), columns.kind == EntryKind.EARNED)
        .order_by(columns.number.desc())
    )
    return {row.lot: row.person for row in conn.execute(query)}


def add_entries(
    conn: sa.Connection,
    person: str,
    drafts: Iterable[Draft],
    booked: date,
    author: str,
    at: datetime,
) -> list[Entry]:
    """Adds to the end of the key's ledger, in the transaction that holds the audit log's head."""
    last = conn.execute(sa.select(sa.func.max(time_off_entries.c.number))).scalar()
    added = []
    for number, draft in enumerate(drafts, (last or 0) + 1):
        entry = Entry(number=number, booked=booked, **msgspec.structs.asdict(draft))
        row = msgspec.structs.asdict(entry)
        row["origin"] = None if entry.origin is None else _encode(entry.origin).decode()
        values = {"person": person, "author": author, "recorded_at": at, **row}
        conn.execute(sa.insert(time_off_entries).values(values))
        added.append(entry)
    return added


def add_rule_file(
    conn: sa.Connection, kind: RuleFileKind, file: RuleFile, author: str, at: datetime
) -> None:
    conn.execute(
        sa.insert(rule_files).values(
            kind=kind,
            number=newest_number(conn, kind) + 1,
            name=file.name,
            text=file.text,
            author=author,
            imported_at=at,
        )
    )


def newest_number(conn: sa.Connection, kind: RuleFileKind) -> int:
    """0 without any."""
    columns = rule_files.c
    last = conn.execute(sa.select(sa.func.max(columns.number)).where(columns.kind == kind)).scalar()
    return last or 0


def newest_rule_file(conn: sa.Connection, kind: RuleFileKind) -> RuleFile | None:
    columns = rule_files.c
    query = (
        sa.select(columns.name, columns.text)
        .where(columns.kind == kind)
        .order_by(columns.number.desc())
        .limit(1)
    )
    row = conn.execute(query).one_or_none()
    return None if row is None else RuleFile(row.name, row.text)
