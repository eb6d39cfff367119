"""Which key the core signs with: its public half only. The private one is a file (hr_core.core_key)."""

from datetime import datetime

import sqlalchemy as sa

from hr_core.store.database import UtcInstant, metadata

core_identity = sa.Table(
    "core_identity",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("public_key", sa.LargeBinary(32), nullable=False),
    sa.Column("since", UtcInstant, nullable=False),
    sa.CheckConstraint("id = 1", name="one_row"),
)


def core_public_key(conn: sa.Connection) -> bytes | None:
    """What gateways pin; None before the first `init` or `serve`."""
    return conn.execute(sa.select(core_identity.c.public_key)).scalar_one_or_none()


def set_core_public_key(conn: sa.Connection, public_key: bytes, at: datetime) -> None:
    conn.execute(core_identity.delete())
    conn.execute(core_identity.insert().values(id=1, public_key=public_key, since=at))
