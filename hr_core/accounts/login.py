"""Logging in and out, and a person's own password. Blocking: pages call it in a thread.

Everything that is told or takes time is the same for a name of nobody and for a wrong password: one
lock-out by the name as typed, one argon2 comparison, one transaction before and one after it.
"""

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256

import sqlalchemy as sa
from msgspec import Struct

from hr_core.accounts import secret_text
from hr_core.accounts.errors import AccountError, LoginRefusedError, LoginWaitError
from hr_core.accounts.lockout import FREE_FAILURES
from hr_core.accounts.management import Act, Entropy, set_password
from hr_core.accounts.model import Account, plain_name
from hr_core.accounts.passwords import Passwords
from hr_core.audit import log
from hr_core.store import accounts, sessions
from hr_core.store.database import writing

_NOBODY = "an unknown name"


class NewSession(Struct, frozen=True, kw_only=True):
    """`secret` goes into the browser's cookie and nowhere else."""

    secret: str
    account: Account


class LoginDesk:
    def __init__(
        self,
        engine: sa.Engine,
        passwords: Passwords,
        *,
        now: Callable[[], datetime],
        entropy: Entropy,
    ) -> None:
        self._engine = engine
        self._passwords = passwords
        self._now = now
        self._entropy = entropy

    def prepare(self) -> None:
        """Slow once, so that the first name of nobody is refused as fast as the others."""
        self._passwords.prepare()

    def log_in(self, name: str, password: str, *, address: str, old: str = "") -> NewSession:
        """`old`: the session that the browser had; it ends, whoever set it there.

        Raises LoginRefusedError, LoginWaitError, StorageError.
        """
        account = self._proven(name, password)
        with writing(self._engine) as conn:
            self._renew_hash(conn, account, password)
            return self._open(conn, account, address=address, old=old)

    def set_up(self, code: str, password: str, *, address: str, old: str = "") -> NewSession:
        """The owner's first password, by a one-time code. Raises LoginRefusedError,
        WeakPasswordError (the code stays good).
        """
        digest = secret_text.digest_of(secret_text.SETUP_CODE, code.strip())
        now = self._now()
        with self._engine.connect() as conn:
            account = digest and accounts.account_of_setup_code(conn, digest, now)
        if not digest or not account:
            raise LoginRefusedError
        kept = self._passwords.keep(password, name=account.name)
        with writing(self._engine) as conn:
            # Once more, in the transaction that uses it up: two may come with one code.
            if accounts.account_of_setup_code(conn, digest, now) is None:
                raise LoginRefusedError
            act = Act(actor=account.name, at=now, reason="set-up code")
            set_password(conn, account.name, kept, act)
            return self._open(conn, account, address=address, old=old)

    def change_password(
        self, account: Account, passwords: tuple[str, str], *, address: str, old: str
    ) -> NewSession:
        """`passwords`: the present one and the next. All other sessions of the account end.

        Raises LoginRefusedError, LoginWaitError, WeakPasswordError.
        """
        present, following = passwords
        self._proven(account.name, present)
        kept = self._passwords.keep(following, name=account.name)
        with writing(self._engine) as conn:
            set_password(conn, account.name, kept, Act(actor=account.name, at=self._now()))
            return self._open(conn, account, address=address, old=old)

    def log_out(self, secret: str, account: Account) -> None:
        digest = secret_text.digest_of(secret_text.SESSION, secret)
        if digest is None:
            return
        with writing(self._engine) as conn:
            sessions.end_session(conn, digest)
            _note(conn, self._now(), account.name, "logout", account.name, None)

    def _proven(self, typed: str, password: str) -> Account:
        """Raises LoginRefusedError, LoginWaitError."""
        try:
            name = plain_name(typed)
        except AccountError:
            name = ""
        now = self._now()
        with writing(self._engine) as conn:
            # Counted before the comparison: many attempts at once must not all be the first.
            failures = accounts.failures_of(conn, name, now)
            if wait := failures.wait_s(now):
                raise LoginWaitError(wait)
            accounts.note_failures(conn, name, failures.one_more(now), now)
            account = accounts.find_account(conn, name)
            kept = accounts.password_of(conn, name)
        fits = self._passwords.fits(kept, password)
        if not fits or account is None or account.disabled:
            self._refused(name, account, failures.count + 1)
            raise LoginRefusedError
        with writing(self._engine) as conn:
            accounts.forget_failures(conn, name)
        return account

    def _refused(self, name: str, account: Account | None, failures: int) -> None:
        """Into the audit log when a wait begins, not for each typo: its rows stay for ever."""
        if failures <= FREE_FAILURES:
            return
        subject = _NOBODY if account is None else name
        with writing(self._engine) as conn:
            _note(conn, self._now(), subject, "login_locked", subject, {"failures": failures})

    def _open(self, conn: sa.Connection, account: Account, *, address: str, old: str) -> NewSession:
        now = self._now()
        before = secret_text.digest_of(secret_text.SESSION, old)
        if before is not None:
            sessions.end_session(conn, before)
        secret = self._entropy(secret_text.SECRET_BYTES)
        digest = secret_text.digest(secret)
        sessions.add_session(conn, digest, account.name, address=address, now=now)
        _note(conn, now, account.name, "login", account.name, {"address": address})
        return NewSession(secret=secret_text.spell(secret_text.SESSION, secret), account=account)

    def _renew_hash(self, conn: sa.Connection, account: Account, password: str) -> None:
        """After an update that asks more of a hash."""
        kept = accounts.password_of(conn, account.name)
        if kept is not None and self._passwords.outdated(kept):
            accounts.set_password(
                conn,
                account.name,
                self._passwords.rehash(password),
                must_change=account.must_change,
            )


def csrf_token(session_secret: str) -> str:
    """Of one session, made from its secret: only who holds the cookie's value can make it, and a
    page elsewhere cannot read it.
    """
    return sha256(b"clockline csrf\0" + session_secret.encode()).hexdigest()


def _note(
    conn: sa.Connection, at: datetime, actor: str, action: str, name: str, after: object
) -> None:
    subject = name if name == _NOBODY else f"account {name}"
    log.append(conn, at, actor, action, subject, None, after, "")
