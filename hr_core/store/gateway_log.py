"""What happened to gateways' tokens and keys: each order of a person and each attempt, once.

What a stranger can write is bounded: of refused attempts the newest MAX_REFUSALS stay.
"""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from hr_core.store.database import UtcInstant, metadata

MAX_REFUSALS = 1_000  # months of typing errors; a guesser pushes out only other guesses

gateway_log = sa.Table(
    "gateway_log",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", UtcInstant, nullable=False),
    # token_issued, enrolled, rotated, revoked, core_key_renewed, refused
    sa.Column("act", sa.Text, nullable=False),
    sa.Column("gateway", sa.Text, nullable=False),
    # an operator's account, or the address that the request came from
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("public_key", sa.LargeBinary(32)),
    # why a request was refused, or the operator's reason
    sa.Column("detail", sa.Text, nullable=False),
    sa.Index(None, "act", "id"),
)


class GatewayAct(Struct, frozen=True, kw_only=True):
    at: datetime
    act: str
    gateway: str
    source: str
    public_key: bytes | None = None
    detail: str = ""


def note_act(conn: sa.Connection, act: GatewayAct) -> None:
    conn.execute(
        gateway_log.insert().values(**{name: getattr(act, name) for name in act.__struct_fields__})
    )
    if act.act == "refused":
        _forget_old_refusals(conn)


def acts(conn: sa.Connection, gateway: str | None = None) -> list[GatewayAct]:
    """Of one gateway or all, oldest first."""
    query = sa.select(gateway_log).order_by(gateway_log.c.id)
    if gateway is not None:
        query = query.where(gateway_log.c.gateway == gateway)
    return [
        GatewayAct(**{name: getattr(row, name) for name in GatewayAct.__struct_fields__})
        for row in conn.execute(query)
    ]


def _forget_old_refusals(conn: sa.Connection) -> None:
    log = gateway_log.c
    oldest_kept = (
        sa.select(log.id)
        .where(log.act == "refused")
        .order_by(log.id.desc())
        .offset(MAX_REFUSALS - 1)
        .limit(1)
        .scalar_subquery()
    )
    conn.execute(gateway_log.delete().where(log.act == "refused", log.id < oldest_kept))
