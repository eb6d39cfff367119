"""Law files that a site imported, as their text; what was imported is never changed, and none comes
in without the approval of exactly this text.
"""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from hr_core.store.approvals import APPROVED_TEXT
from hr_core.store.database import UtcInstant, metadata
from hr_core.store.guards import Guard, guard
from hr_core.store.unchanging import keep_unchanged

law_files = sa.Table(
    "law_files",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("file", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("added_at", UtcInstant, nullable=False),
    sa.Column("added_by", sa.Text, nullable=False),
)

guard(
    law_files,
    Guard(
        "INSERT",
        "approved",
        {
            name: f"NOT EXISTS ({query} AND a.kind = 'law' AND a.subject = 'law file ' || NEW.digest)"
            for name, query in APPROVED_TEXT.items()
        },
        "four eyes: this law file was not approved",
    ),
)
keep_unchanged(law_files, "imported law is kept, as amounts rest on it: import a newer file")


class LawFileRow(Struct, frozen=True, kw_only=True):
    """`digest` is the SHA-256 of the text."""

    digest: str
    file: str
    text: str
    added_at: datetime
    added_by: str


def add_law_file(conn: sa.Connection, row: LawFileRow) -> None:
    conn.execute(
        law_files.insert().values(**{name: getattr(row, name) for name in row.__struct_fields__})
    )


def read_law_files(conn: sa.Connection) -> list[LawFileRow]:
    rows = conn.execute(sa.select(law_files).order_by(law_files.c.added_at, law_files.c.digest))
    return [LawFileRow(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name for it
