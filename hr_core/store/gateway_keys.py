"""Which keys a gateway may sign with, and from when on each is refused."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

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


class GatewayKey(Struct, frozen=True, kw_only=True):
    gateway: str
    public_key: bytes
    valid_from: datetime
    refused_from: datetime | None = None
    reason: str | None = None

    def in_force(self, at: datetime) -> bool:
        return self.valid_from <= at and (self.refused_from is None or at < self.refused_from)


def register_key(conn: sa.Connection, gateway: str, public: bytes, valid_from: datetime) -> None:
    conn.execute(
        gateway_keys.insert().values(gateway=gateway, public_key=public, valid_from=valid_from)
    )


def keys_of(conn: sa.Connection, gateway: str | None = None) -> list[GatewayKey]:
    """Every key of one gateway or of all, refused ones included, in the order of their dates."""
    keys = gateway_keys.c
    query = sa.select(gateway_keys).order_by(keys.gateway, keys.valid_from)
    if gateway is not None:
        query = query.where(keys.gateway == gateway)
    return [_key(row) for row in conn.execute(query)]


def owners_of_key(conn: sa.Connection, public: bytes) -> list[GatewayKey]:
    query = sa.select(gateway_keys).where(gateway_keys.c.public_key == public)
    return [_key(row) for row in conn.execute(query)]


def refuse_keys(
    conn: sa.Connection,
    gateway: str,
    *,
    refused_from: datetime,
    reason: str,
    only: bytes | None = None,
) -> int:
    """Keys of `gateway` (or `only` this one) are refused from then on; how many that changed.

    A date that was set before stays when it is earlier.
    """
    keys = gateway_keys.c
    update = gateway_keys.update().where(
        keys.gateway == gateway,
        sa.or_(keys.refused_from.is_(None), keys.refused_from > refused_from),
    )
    if only is not None:
        update = update.where(keys.public_key == only)
    return conn.execute(update.values(refused_from=refused_from, reason=reason)).rowcount


def _key(row: sa.Row[tuple[object, ...]]) -> GatewayKey:
    return GatewayKey(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
