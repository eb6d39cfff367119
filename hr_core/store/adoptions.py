"""Table of device users that shall become people: asked for by one account, decided by another."""

from enum import StrEnum

import sqlalchemy as sa

from hr_core.store.database import UtcInstant, metadata

adoptions = sa.Table(
    "adoptions",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("serial", sa.Text, nullable=False),
    sa.Column("user_id", sa.Text, nullable=False),
    sa.Column("facts", sa.Text, nullable=False),  # JSON of hr_core.people.adoption.Facts
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("asked_by", sa.Text, nullable=False),
    sa.Column("asked_at", UtcInstant, nullable=False),
    sa.Column("decided_by", sa.Text),
    sa.Column("decided_at", UtcInstant),
    sa.Column("person", sa.Text),  # who it became
)


class State(StrEnum):
    ASKED = "asked"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
