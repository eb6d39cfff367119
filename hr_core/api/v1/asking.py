"""Who asks, what the request may do, and whom it sees: every route begins here.

A program sends `Authorization: Bearer clk_…`, a page of ours its session cookie. A request that
changes something and comes with a cookie must carry the session's form token as well, because
browsers send cookies also for pages of others.
"""

import logging
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from fastapi import Depends, Request
from msgspec import Struct

from hr_core.accounts import secret_text
from hr_core.accounts.login import csrf_token
from hr_core.accounts.model import Account, Right
from hr_core.accounts.visible import Seen, devices_seen_by, pay_seen_by, seen_by, site_today
from hr_core.api.attempts import Attempts
from hr_core.api.v1.problem import ProblemError
from hr_core.store.database import writing
from hr_core.store.errors import StorageError
from hr_core.store.sessions import find_session, session_seen
from hr_core.store.tokens import token_used, use_of_token
from hr_core.web.admission import Admission
from hr_core.web.form_token import fits

CSRF_HEADER = "X-CSRF-Token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_log = logging.getLogger(__name__)


class Ask(Struct, frozen=True, kw_only=True):
    """One request: one connection, so that all its numbers agree. `session`: secret of a page's."""

    conn: sa.Connection
    account: Account
    rights: frozenset[Right]
    now: datetime
    today: date
    session: str = ""

    @property
    def seen(self) -> Seen:
        return self.seen_on(self.today)

    @property
    def pay_seen(self) -> Seen:
        return pay_seen_by(self.account, self.today)

    def devices_on(self, day: date) -> frozenset[str] | None:
        """Serials of the devices seen by the organisation of that day; None: all."""
        return devices_seen_by(self.account, day).serials(self.conn)

    def seen_on(self, day: date) -> Seen:
        """By the organisation of that day: who left the team is not seen on later days."""
        return seen_by(self.account, day)


class AskDesk:
    """`attempts`: how many wrong tokens an address may send."""

    def __init__(
        self,
        engine: sa.Engine,
        now: Callable[[], datetime],
        *,
        admission: Admission,
        attempts: Attempts,
    ) -> None:
        self.engine = engine
        self.now = now
        self._admission = admission
        self._attempts = attempts

    def ask(self, conn: sa.Connection, request: Request, right: Right | None) -> Ask:
        """Raises ProblemError 401, 403, 429."""
        header = request.headers.get("Authorization", "")
        if header:
            account, rights = self._by_token(conn, request, header)
            secret = ""
        else:
            account, secret = self._by_session(conn, request)
            rights = account.rights
        if right is not None and right not in rights:
            raise ProblemError(
                403,
                "right_missing",
                f"this needs {right.value}",
                where="Authorization",
                remedy="use a token with that scope, or an account with a role that has it",
            )
        now = self.now()
        return Ask(
            conn=conn,
            account=account,
            rights=rights,
            now=now,
            today=site_today(conn, now),
            session=secret,
        )

    def _by_token(
        self, conn: sa.Connection, request: Request, header: str
    ) -> tuple[Account, frozenset[Right]]:
        scheme, _, text = header.partition(" ")
        digest = secret_text.digest_of(secret_text.API_TOKEN, text.strip())
        now = self.now()
        use = None
        if scheme.lower() == "bearer" and digest is not None:
            use = use_of_token(conn, digest, now)
        if use is None:
            self._charge(request)
            raise _unauthorised(
                "token_refused", "this token is unknown, over, revoked, or of a disabled account"
            )
        if use.stale(now):
            self._note(lambda writer: token_used(writer, use.id, now))
        return use.account, use.scopes & use.account.rights

    def _by_session(self, conn: sa.Connection, request: Request) -> tuple[Account, str]:
        secret = self._admission.session_secret(request)
        digest = secret_text.digest_of(secret_text.SESSION, secret)
        now = self.now()
        session = None if digest is None else find_session(conn, digest, now)
        if session is None or digest is None:
            raise _unauthorised("not_logged_in", "the request has neither a token nor a session")
        if session.account.must_change:
            raise ProblemError(
                403,
                "password_must_change",
                "this account must choose a password of its own first",
                where="session",
                remedy="open /en/account in the browser",
            )
        if request.method not in _SAFE and not fits(
            csrf_token(secret), request.headers.get(CSRF_HEADER, "")
        ):
            raise ProblemError(
                403,
                "csrf",
                f"a change by a session needs its token in the header {CSRF_HEADER}",
                where=CSRF_HEADER,
                remedy="take csrf_token from GET /api/v1/me",
            )
        if session.stale(now):
            self._note(lambda writer: session_seen(writer, digest, now))
        return session.account, secret

    def _charge(self, request: Request) -> None:
        address = request.client.host if request.client else "unknown"
        if wait := self._attempts.wait_s(address):
            raise ProblemError(
                429,
                "too_many_attempts",
                "too many refused tokens from this address",
                where="Authorization",
                remedy=f"come back in {wait} s with a good one",
                retry_after_s=wait,
            )

    def _note(self, write: Callable[[sa.Connection], None]) -> None:
        try:
            with writing(self.engine) as conn:
                write(conn)
        except StorageError as exc:  # the answer needs it not; the next request notes it
            _log.warning("use not noted: %s", exc)


def needs(right: Right | None) -> Any:
    """A dependency that gives the Ask of a request that has the right."""

    def asked(request: Request) -> Iterator[Ask]:
        desk: AskDesk = request.app.state.desk
        with desk.engine.connect() as conn:
            yield desk.ask(conn, request, right)

    return Depends(asked)


def _unauthorised(code: str, detail: str) -> ProblemError:
    return ProblemError(
        401,
        code,
        detail,
        where="Authorization",
        remedy="send Authorization: Bearer with a token of hr-core token create, or log in",
    )
