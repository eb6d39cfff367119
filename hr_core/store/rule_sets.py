"""Rule sets that a site imported, as the text of their files; a version is never changed."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from hr_core.store.database import UtcInstant, metadata

attendance_rule_sets = sa.Table(
    "attendance_rule_sets",
    metadata,
    sa.Column("version", sa.Text, primary_key=True),
    sa.Column("file", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("added_at", UtcInstant, nullable=False),
    sa.Column("added_by", sa.Text, nullable=False),
)


class RuleFileRow(Struct, frozen=True, kw_only=True):
    version: str
    file: str
    text: str
    added_at: datetime
    added_by: str


def add_rule_file(conn: sa.Connection, row: RuleFileRow) -> None:
    conn.execute(
        attendance_rule_sets.insert().values(
            **{name: getattr(row, name) for name in row.__struct_fields__}
        )
    )


def rule_files(conn: sa.Connection) -> list[RuleFileRow]:
    rows = conn.execute(sa.select(attendance_rule_sets).order_by(attendance_rule_sets.c.version))
    return [RuleFileRow(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name for it
