"""Schema 3: attendance."""

import sqlalchemy as sa
from alembic import op

from hr_core.store.postgres import TEXT

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "attendance_rule_sets",
        sa.Column("version", TEXT, nullable=False),
        sa.Column("file", TEXT, nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("added_by", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_attendance_rule_sets")),
    )
