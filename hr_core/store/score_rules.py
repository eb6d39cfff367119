"""Table of rule files of scores that the house imported: a result never depends on an edited file."""

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from hr_core.store.approvals import approved_rules
from hr_core.store.database import UtcInstant, metadata
from hr_core.store.guards import guard
from hr_core.store.unchanging import keep_unchanged

score_rule_files = sa.Table(
    "score_rule_files",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("imported_at", UtcInstant, nullable=False),
)
keep_unchanged(score_rule_files)
guard(score_rule_files, *approved_rules("scores"))


class RuleText(NamedTuple):
    name: str
    text: str


def all_score_rules(conn: sa.Connection) -> list[RuleText]:
    """Newest first."""
    columns = score_rule_files.c
    query = sa.select(columns.name, columns.text).order_by(columns.number.desc())
    return [RuleText(row.name, row.text) for row in conn.execute(query)]


def add_score_rules(conn: sa.Connection, file: RuleText, author: str, at: datetime) -> int:
    last = conn.execute(sa.select(sa.func.max(score_rule_files.c.number))).scalar() or 0
    conn.execute(
        score_rule_files.insert().values(
            number=last + 1, name=file.name, text=file.text, author=author, imported_at=at
        )
    )
    number: int = last + 1
    return number
