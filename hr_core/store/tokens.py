"""Tokens of programs: scopes, expiry and a digest each, never the token."""

from datetime import datetime, timedelta

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from hr_core.accounts.model import Account, Right
from hr_core.store.accounts import account_columns, account_of, accounts
from hr_core.store.database import UtcInstant, metadata

USED_EVERY = timedelta(minutes=1)  # how fine `last_used` is; not one write for each request

api_tokens = sa.Table(
    "api_tokens",
    metadata,
    # what people call it by: 8 hex digits, no secret
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("digest", sa.LargeBinary(32), nullable=False, unique=True),
    sa.Column("account", sa.Text, nullable=False, index=True),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("scopes", sa.Text, nullable=False),  # JSON list
    sa.Column("created_at", UtcInstant, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("expires_at", UtcInstant, nullable=False),
    sa.Column("revoked_at", UtcInstant),
    sa.Column("last_used", UtcInstant),
)

_decode_scopes = msgspec.json.Decoder(tuple[Right, ...]).decode


class ApiToken(Struct, frozen=True, kw_only=True):
    id: str
    account: str
    label: str
    scopes: tuple[Right, ...]
    created_at: datetime
    created_by: str
    expires_at: datetime
    revoked_at: datetime | None = None
    last_used: datetime | None = None

    def in_force(self, now: datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at


class TokenUse(Struct, frozen=True, kw_only=True):
    """A token that is in force, and the account in whose name it asks."""

    id: str
    account: Account
    scopes: frozenset[Right]
    last_used: datetime | None

    def stale(self, now: datetime) -> bool:
        return self.last_used is None or now - self.last_used >= USED_EVERY


_COLUMNS = [api_tokens.c[name] for name in ApiToken.__struct_fields__]


def add_api_token(conn: sa.Connection, token: ApiToken, digest: bytes) -> None:
    values = {name: getattr(token, name) for name in token.__struct_fields__}
    values["scopes"] = msgspec.json.encode(token.scopes).decode()
    conn.execute(sa.insert(api_tokens).values(digest=digest, **values))


def api_tokens_of(conn: sa.Connection, account: str | None = None) -> list[ApiToken]:
    """Oldest first; of all accounts when none is named."""
    query = sa.select(*_COLUMNS).order_by(api_tokens.c.created_at, api_tokens.c.id)
    if account is not None:
        query = query.where(api_tokens.c.account == account)
    return [_token(row) for row in conn.execute(query).mappings()]


def find_api_token(conn: sa.Connection, identity: str) -> ApiToken | None:
    query = sa.select(*_COLUMNS).where(api_tokens.c.id == identity)
    row = conn.execute(query).mappings().one_or_none()
    return None if row is None else _token(row)


def revoke_api_token(conn: sa.Connection, identity: str, at: datetime) -> None:
    conn.execute(sa.update(api_tokens).where(api_tokens.c.id == identity).values(revoked_at=at))


def use_of_token(conn: sa.Connection, digest: bytes, now: datetime) -> TokenUse | None:
    """None when it is unknown, over or revoked, or its account is disabled."""
    query = (
        sa.select(*account_columns, api_tokens.c.id, api_tokens.c.scopes, api_tokens.c.last_used)
        .join_from(api_tokens, accounts, accounts.c.name == api_tokens.c.account)
        .where(
            api_tokens.c.digest == digest,
            api_tokens.c.expires_at > now,
            api_tokens.c.revoked_at.is_(None),
            accounts.c.disabled.is_(False),
        )
    )
    row = conn.execute(query).one_or_none()
    if row is None:
        return None
    return TokenUse(
        id=row.id,
        account=account_of(row),
        scopes=frozenset(_decode_scopes(row.scopes)),
        last_used=row.last_used,
    )


def token_used(conn: sa.Connection, identity: str, now: datetime) -> None:
    conn.execute(sa.update(api_tokens).where(api_tokens.c.id == identity).values(last_used=now))


def _token(row: sa.RowMapping) -> ApiToken:
    return ApiToken(**{**row, "scopes": _decode_scopes(row["scopes"])})
