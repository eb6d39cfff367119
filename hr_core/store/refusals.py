"""What the core refused, counted: whole batches by code, and records by the code of their verdict.

Bounded: a stranger's inventions of names all count under STRANGER.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.dialects import postgresql, sqlite

from hr_core.store.database import UtcInstant, metadata
from hr_core.store.gateway_keys import gateway_keys

STRANGER = ""
MAX_WHAT_CHARS = 300

refusals = sa.Table(
    "refusals",
    metadata,
    # who it said it was, when that is the name of a gateway; its own only if the signature held
    sa.Column("gateway", sa.Text, primary_key=True),
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("total", sa.BigInteger, nullable=False),
    sa.Column("first_at", UtcInstant, nullable=False),
    sa.Column("last_at", UtcInstant, nullable=False),
    # the last one in words
    sa.Column("what", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)


class Refusals(Struct, frozen=True, kw_only=True):
    """`total` refusals of `gateway` (STRANGER: of no gateway) with `code`, the last in words."""

    gateway: str
    code: str
    total: int
    first_at: datetime
    last_at: datetime
    what: str


def add_refusals(
    conn: sa.Connection, gateway: str, code: str, *, times: int, what: str, at: datetime
) -> None:
    """In the caller's write transaction."""
    insert = (postgresql if conn.dialect.name == "postgresql" else sqlite).insert(refusals)
    row = insert.values(
        gateway=gateway, code=code, total=times, first_at=at, last_at=at, what=what[:MAX_WHAT_CHARS]
    )
    there, sent = refusals.c, row.excluded
    conn.execute(
        row.on_conflict_do_update(
            index_elements=[there.gateway, there.code],
            set_={
                "total": there.total + sent.total,
                "last_at": sent.last_at,
                "what": sent.what,
            },
        )
    )


def refusals_of(conn: sa.Connection, gateway: str | None = None) -> list[Refusals]:
    """Of one gateway or of all, sorted."""
    query = sa.select(refusals).order_by(refusals.c.gateway, refusals.c.code)
    if gateway is not None:
        query = query.where(refusals.c.gateway == gateway)
    return [
        Refusals(
            gateway=row.gateway,
            code=row.code,
            total=row.total,
            first_at=row.first_at,
            last_at=row.last_at,
            what=row.what,
        )
        for row in conn.execute(query)
    ]


def known_names(conn: sa.Connection, names: Iterable[str]) -> Mapping[str, str]:
    """Each name to itself when a gateway has it, else to STRANGER."""
    names = set(names)
    query = sa.select(gateway_keys.c.gateway).where(gateway_keys.c.gateway.in_(names)).distinct()
    known = set(conn.execute(query).scalars())
    return {name: name if name in known else STRANGER for name in names}
