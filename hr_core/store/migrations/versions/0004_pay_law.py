"""Schema 4: pay law that a site imported, devices that are gone."""

import sqlalchemy as sa
from alembic import op

from hr_core.store.postgres import TEXT

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "law_files",
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("file", TEXT, nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("added_by", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_law_files")),
    )
    op.create_table(
        "retired_devices",
        sa.Column("serial", TEXT, nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_retired_devices")),
        sqlite_with_rowid=False,
    )
