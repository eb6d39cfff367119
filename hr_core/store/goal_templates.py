"""Tables of goal templates in versions, and of the plant's own rules of goals. Rows are only added."""

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from hr_core.store.approvals import approved_rules
from hr_core.store.database import UtcInstant, metadata
from hr_core.store.guards import guard
from hr_core.store.unchanging import keep_unchanged

goal_templates = sa.Table(
    "goal_templates",
    metadata,
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("content", sa.Text, nullable=False),  # canonical JSON of Template
    sa.Column("made_at", UtcInstant, nullable=False),
    sa.Column("made_by", sa.Text, nullable=False),
)
keep_unchanged(goal_templates)

goal_rule_files = sa.Table(
    "goal_rule_files",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("added_at", UtcInstant, nullable=False),
    sa.Column("added_by", sa.Text, nullable=False),
)
keep_unchanged(goal_rule_files)
guard(goal_rule_files, *approved_rules("goals"))

goal_reminders = sa.Table(
    "goal_reminders",
    metadata,
    sa.Column("owner", sa.Text, primary_key=True),
    sa.Column("goal", sa.Text, primary_key=True),
    sa.Column("period", sa.Text, primary_key=True),
    sa.Column("week", sa.Text, primary_key=True),  # ISO, 2026-W46: at most one in each
    sa.Column("told_at", UtcInstant, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
)


class TemplateRow(NamedTuple):
    """The order of the columns."""

    code: str
    version: int
    content: str
    made_at: datetime
    made_by: str


class ReminderRow(NamedTuple):
    """The order of the columns."""

    owner: str
    goal: str
    period: str
    week: str
    told_at: datetime
    text: str


def add_template(conn: sa.Connection, row: TemplateRow) -> None:
    conn.execute(sa.insert(goal_templates).values(row._asdict()))


def template_rows(conn: sa.Connection, code: str | None = None) -> list[TemplateRow]:
    query = sa.select(goal_templates).order_by(*goal_templates.primary_key)
    if code is not None:
        query = query.where(goal_templates.c.code == code)
    return [TemplateRow(*row) for row in conn.execute(query)]


def add_rule_file(conn: sa.Connection, name: str, text: str, *, at: datetime, by: str) -> int:
    last = conn.execute(sa.select(sa.func.max(goal_rule_files.c.number))).scalar()
    number = (last or 0) + 1
    values = {"number": number, "name": name, "text": text, "added_at": at, "added_by": by}
    conn.execute(sa.insert(goal_rule_files).values(values))
    return number


def rule_texts(conn: sa.Connection) -> list[tuple[str, str]]:
    """(name, text) in the order of import."""
    there = goal_rule_files.c
    query = sa.select(there.name, there.text).order_by(there.number)
    return [(row.name, row.text) for row in conn.execute(query)]


def add_reminder(conn: sa.Connection, row: ReminderRow) -> None:
    conn.execute(sa.insert(goal_reminders).values(row._asdict()))


def reminded_in(conn: sa.Connection, week: str) -> set[tuple[str, str, str]]:
    """(owner, goal, period)."""
    there = goal_reminders.c
    query = sa.select(there.owner, there.goal, there.period).where(there.week == week)
    return {(row.owner, row.goal, row.period) for row in conn.execute(query)}
