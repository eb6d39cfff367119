"""Sessions of pages: a digest each, never the secret that the browser holds."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct

from hr_core.accounts.model import Account
from hr_core.store.accounts import account_columns, account_of, accounts
from hr_core.store.database import UtcInstant, metadata

# NIST SP 800-63B 4.2.3 (AAL2): again after 12 hours, or after 30 minutes without a request. A shift
# is no longer, and a screen that was left alone in an office is not an open door.
LONGEST = timedelta(hours=12)
IDLE = timedelta(minutes=30)
SEEN_EVERY = timedelta(minutes=1)  # of a page's requests, how many write to the database

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("digest", sa.LargeBinary(32), primary_key=True),
    sa.Column("account", sa.Text, nullable=False, index=True),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("created_at", UtcInstant, nullable=False),
    sa.Column("seen_at", UtcInstant, nullable=False),
    sa.Column("expires_at", UtcInstant, nullable=False, index=True),
)


class OpenSession(Struct, frozen=True, kw_only=True):
    account: Account
    seen_at: datetime

    def stale(self, now: datetime) -> bool:
        """The database should hear that it was used."""
        return now - self.seen_at >= SEEN_EVERY


def add_session(
    conn: sa.Connection, digest: bytes, account: str, *, address: str, now: datetime
) -> None:
    """Ended ones go on the way."""
    conn.execute(sa.delete(sessions).where(sessions.c.expires_at <= now))
    conn.execute(
        sa.insert(sessions).values(
            digest=digest,
            account=account,
            address=address,
            created_at=now,
            seen_at=now,
            expires_at=now + LONGEST,
        )
    )


def find_session(conn: sa.Connection, digest: bytes, now: datetime) -> OpenSession | None:
    """None when it ended, was idle too long, or its account is disabled."""
    query = (
        sa.select(*account_columns, sessions.c.seen_at)
        .join_from(sessions, accounts, accounts.c.name == sessions.c.account)
        .where(
            sessions.c.digest == digest,
            sessions.c.expires_at > now,
            sessions.c.seen_at > now - IDLE,
            accounts.c.disabled.is_(False),
        )
    )
    row = conn.execute(query).one_or_none()
    return None if row is None else OpenSession(account=account_of(row), seen_at=row.seen_at)


def session_seen(conn: sa.Connection, digest: bytes, now: datetime) -> None:
    conn.execute(sa.update(sessions).where(sessions.c.digest == digest).values(seen_at=now))


def end_session(conn: sa.Connection, digest: bytes) -> None:
    conn.execute(sa.delete(sessions).where(sessions.c.digest == digest))


def end_sessions_of(conn: sa.Connection, account: str) -> None:
    conn.execute(sa.delete(sessions).where(sessions.c.account == account))
