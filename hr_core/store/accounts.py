"""Tables of accounts and of failed logins. Passwords as argon2id text, set-up codes as digests."""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import msgspec
import sqlalchemy as sa

from hr_core.accounts.lockout import FORGOTTEN_AFTER, Failures
from hr_core.accounts.model import Account, AccountScope, Role
from hr_core.store.database import UtcInstant, metadata

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("roles", sa.Text, nullable=False),  # JSON list
    sa.Column("person", sa.Text, index=True),
    sa.Column("scope", sa.Text, nullable=False),  # JSON of AccountScope
    sa.Column("disabled", sa.Boolean, nullable=False),
    sa.Column("must_change", sa.Boolean, nullable=False),
    sa.Column("created_at", UtcInstant, nullable=False),
    # argon2id with its salt and costs; NULL until a set-up code was used
    sa.Column("password", sa.Text),
    sa.Column("setup_digest", sa.LargeBinary(32), unique=True),
    sa.Column("setup_expires", UtcInstant),
)

# By a digest of the name that was typed: nobody's names wait like everybody's, and a password typed
# into the wrong field is not kept as text.
login_failures = sa.Table(
    "login_failures",
    metadata,
    sa.Column("name_digest", sa.LargeBinary(32), primary_key=True),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("wait_until", UtcInstant),
    sa.Column("last_at", UtcInstant, nullable=False, index=True),
)

_ACCOUNT_COLUMNS = (
    accounts.c.name,
    accounts.c.roles,
    accounts.c.person,
    accounts.c.scope,
    accounts.c.disabled,
    accounts.c.must_change,
    accounts.c.created_at,
    accounts.c.password.is_not(None).label("has_password"),
)
account_columns = _ACCOUNT_COLUMNS
_decode_roles = msgspec.json.Decoder(tuple[Role, ...]).decode
_decode_scope = msgspec.json.Decoder(AccountScope).decode


def any_account(conn: sa.Connection) -> bool:
    """Disabled ones count too: shutting the last one out must not open the pages."""
    return conn.execute(sa.select(accounts.c.name).limit(1)).one_or_none() is not None


def all_accounts(conn: sa.Connection) -> list[Account]:
    return [
        account_of(row)
        for row in conn.execute(sa.select(*_ACCOUNT_COLUMNS).order_by(accounts.c.name))
    ]


def find_account(conn: sa.Connection, name: str) -> Account | None:
    query = sa.select(*_ACCOUNT_COLUMNS).where(accounts.c.name == name)
    row = conn.execute(query).one_or_none()
    return None if row is None else account_of(row)


def add_account(conn: sa.Connection, account: Account) -> None:
    conn.execute(
        sa.insert(accounts).values(
            name=account.name,
            roles=_text(account.roles),
            person=account.person,
            scope=_text(account.scope),
            disabled=account.disabled,
            must_change=account.must_change,
            created_at=account.created_at,
        )
    )


def set_rights(conn: sa.Connection, account: Account) -> None:
    """Its roles, its person and its scope."""
    conn.execute(
        sa.update(accounts)
        .where(accounts.c.name == account.name)
        .values(roles=_text(account.roles), person=account.person, scope=_text(account.scope))
    )


def set_disabled(conn: sa.Connection, name: str, *, disabled: bool) -> None:
    conn.execute(sa.update(accounts).where(accounts.c.name == name).values(disabled=disabled))


def password_of(conn: sa.Connection, name: str) -> str | None:
    return conn.execute(sa.select(accounts.c.password).where(accounts.c.name == name)).scalar()


def set_password(conn: sa.Connection, name: str, kept: str, *, must_change: bool) -> None:
    """Any set-up code of the account becomes void."""
    conn.execute(
        sa.update(accounts)
        .where(accounts.c.name == name)
        .values(password=kept, must_change=must_change, setup_digest=None, setup_expires=None)
    )


def set_setup_code(conn: sa.Connection, name: str, digest: bytes, expires: datetime) -> None:
    """The one code of the account that counts."""
    conn.execute(
        sa.update(accounts)
        .where(accounts.c.name == name)
        .values(setup_digest=digest, setup_expires=expires)
    )


def account_of_setup_code(conn: sa.Connection, digest: bytes, now: datetime) -> Account | None:
    query = sa.select(*_ACCOUNT_COLUMNS).where(
        accounts.c.setup_digest == digest,
        accounts.c.setup_expires > now,
        accounts.c.disabled.is_(False),
    )
    row = conn.execute(query).one_or_none()
    return None if row is None else account_of(row)


def failures_of(conn: sa.Connection, name: str, now: datetime) -> Failures:
    query = sa.select(login_failures).where(
        login_failures.c.name_digest == _name_digest(name),
        login_failures.c.last_at > now - FORGOTTEN_AFTER,
    )
    row = conn.execute(query).one_or_none()
    return Failures() if row is None else Failures(row.failures, row.wait_until)


def note_failures(conn: sa.Connection, name: str, failures: Failures, now: datetime) -> None:
    """Forgets what is old on the way, so that the table stays small."""
    old = login_failures.c.last_at <= now - FORGOTTEN_AFTER - timedelta(hours=1)
    conn.execute(sa.delete(login_failures).where(old))
    forget_failures(conn, name)
    conn.execute(
        sa.insert(login_failures).values(
            name_digest=_name_digest(name),
            failures=failures.count,
            wait_until=failures.wait_until,
            last_at=now,
        )
    )


def forget_failures(conn: sa.Connection, name: str) -> None:
    one = login_failures.c.name_digest == _name_digest(name)
    conn.execute(sa.delete(login_failures).where(one))


def account_of(row: sa.Row[*tuple[Any, ...]]) -> Account:
    """From a row that begins with `account_columns`."""
    name, roles, person, scope, disabled, must_change, created_at, has_password, *_ = row
    return Account(
        name=name,
        roles=_decode_roles(roles),
        person=person,
        scope=_decode_scope(scope),
        disabled=disabled,
        must_change=must_change,
        created_at=created_at,
        has_password=bool(has_password),
    )


def _name_digest(name: str) -> bytes:
    return sha256(b"clockline login name\0" + name.encode()).digest()


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
