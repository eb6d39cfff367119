"""Which keys a gateway may sign with, and from when on each is refused."""

from datetime import datetime

import sqlalchemy as sa

from hr_core.store.database import UtcInstant, metadata

gateway_keys = sa.Table(
    "gateway_keys",
    metadata,
    sa.Column("gateway", sa.Text, primary_key=True),
    sa.Column("public_key", sa.LargeBinary(32), primary_key=True),
    sa.Column("valid_from", UtcInstant, nullable=False),
    # None: in force. Set by rotation or revocation; batches that arrive later are refused
    sa.Column("refused_from", UtcInstant),
    sa.Column("reason", sa.Text),
    sqlite_with_rowid=False,
)


def keys_in_force(conn: sa.Connection, gateway: str, at: datetime) -> tuple[bytes, ...]:
    """The public keys that `gateway` may sign with at `at`; () for one that is unknown here."""
    keys = gateway_keys.c
    query = sa.select(keys.public_key).where(
        keys.gateway == gateway,
        keys.valid_from <= at,
        sa.or_(keys.refused_from.is_(None), keys.refused_from > at),
    )
    return tuple(conn.execute(query).scalars())
