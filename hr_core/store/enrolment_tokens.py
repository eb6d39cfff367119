"""One-time tokens that were issued to gateways: a digest each, never the token."""

from datetime import datetime
from hmac import compare_digest

import sqlalchemy as sa
from msgspec import Struct

from hr_core.store.database import UtcInstant, metadata

enrolment_tokens = sa.Table(
    "enrolment_tokens",
    metadata,
    sa.Column("digest", sa.LargeBinary(32), primary_key=True),
    sa.Column("gateway", sa.Text, nullable=False, index=True),
    sa.Column("site", sa.Text, nullable=False),
    sa.Column("issued_at", UtcInstant, nullable=False),
    sa.Column("expires_at", UtcInstant, nullable=False),
    # an operator allowed a gateway that is enrolled already to come with a new key
    sa.Column("again", sa.Boolean, nullable=False),
    # a later token for the same gateway, or a revocation, took its place
    sa.Column("void_from", UtcInstant),
    sa.Column("used_at", UtcInstant),
    sa.Column("used_by", sa.LargeBinary(32)),
)


class IssuedToken(Struct, frozen=True, kw_only=True):
    digest: bytes
    gateway: str
    site: str
    issued_at: datetime
    expires_at: datetime
    again: bool
    void_from: datetime | None = None
    used_at: datetime | None = None
    used_by: bytes | None = None


def add_token(conn: sa.Connection, token: IssuedToken) -> None:
    """The one token of its gateway that counts: earlier ones that were not used become void."""
    void_tokens(conn, token.gateway, token.issued_at)
    conn.execute(
        enrolment_tokens.insert().values(
            **{name: getattr(token, name) for name in token.__struct_fields__}
        )
    )


def void_tokens(conn: sa.Connection, gateway: str, at: datetime) -> None:
    tokens = enrolment_tokens.c
    conn.execute(
        enrolment_tokens.update()
        .where(tokens.gateway == gateway, tokens.used_at.is_(None), tokens.void_from.is_(None))
        .values(void_from=at)
    )


def find_token(conn: sa.Connection, digest: bytes) -> IssuedToken | None:
    row = conn.execute(
        sa.select(enrolment_tokens).where(enrolment_tokens.c.digest == digest)
    ).one_or_none()
    # The index search compares digests, whose bytes a guesser cannot steer; the decision itself
    # takes the same time whatever the bytes.
    if row is None or not compare_digest(row.digest, digest):
        return None
    return IssuedToken(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it


def use_token(conn: sa.Connection, digest: bytes, public_key: bytes, at: datetime) -> None:
    conn.execute(
        enrolment_tokens.update()
        .where(enrolment_tokens.c.digest == digest)
        .values(used_at=at, used_by=public_key)
    )
