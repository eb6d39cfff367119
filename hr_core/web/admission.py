"""Who may see a page.

Until the first account exists, a browser on this machine, as this_machine.py tells; beyond the
loopback nobody. From the first account on, whoever has a session: also on this machine, because
other people log in to it too.
"""

import logging
from collections.abc import Callable
from datetime import date, datetime
from typing import Protocol

import sqlalchemy as sa
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from hr_core.accounts import secret_text
from hr_core.accounts.field_policy import Field, roles_seeing
from hr_core.accounts.login import csrf_token
from hr_core.accounts.management import LONGEST_TOKEN
from hr_core.accounts.model import Account, Right
from hr_core.accounts.visible import pay_seen_by, seen_by, sees_trials, site_today
from hr_core.store.accounts import any_account
from hr_core.store.database import writing
from hr_core.store.errors import StorageError
from hr_core.store.pay_run_steps import is_issued
from hr_core.store.sessions import LONGEST, OpenSession, find_session, session_seen
from hr_core.store.tokens import token_used, use_of_token
from hr_core.web.form_token import FormToken
from hr_core.web.this_machine import asks_from_here

_log = logging.getLogger(__name__)


class Clock(Protocol):
    def now(self) -> datetime: ...


class Visitor(Struct, frozen=True, kw_only=True):
    """`account` None: nobody can log in yet, and the request comes from this machine.

    `form_token` proves that a form is from a page of this visitor; `secret` is the session's. `wall`:
    a screen that shows the line board's wall form by its token, and may nothing else.
    """

    account: Account | None
    form_token: str
    secret: str = ""
    wall: bool = False

    def may(self, right: Right) -> bool:
        return self.account is None or right in self.account.rights

    @property
    def sees_everything(self) -> bool:
        """Pages over all people and their pay; a scope that says less keeps them shut."""
        one = self.account
        if one is None:
            return True
        limited = one.scope.departments or one.scope.sites
        return one.has_role(*roles_seeing(Field.AMOUNTS)) and not limited


class NotAdmittedError(Exception):
    """`code` names the phrases of the refusal."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class LoginNeededError(Exception):
    """There is no session, or it ended."""


class Admission:
    """`behind_proxy`: other machines reach this server through a proxy that ends TLS, and to it
    every browser may look like this machine.
    """

    def __init__(
        self,
        engine: sa.Engine,
        clock: Clock,
        *,
        behind_proxy: bool = False,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._behind_proxy = behind_proxy
        self._token = FormToken()

    def visitor(self, request: Request) -> Visitor:
        """Raises NotAdmittedError, LoginNeededError."""
        if not (self._behind_proxy or asks_from_here(request)):
            raise NotAdmittedError("not_this_machine")
        secret = self.session_secret(request)
        digest = secret_text.digest_of(secret_text.SESSION, secret)
        now = self._clock.now()
        with self._engine.connect() as conn:
            session = None if digest is None else find_session(conn, digest, now)
            if session is None:
                self._without_session(conn)
                return Visitor(account=None, form_token=self._token.value)
        self._seen(session, digest, now)
        return Visitor(account=session.account, form_token=csrf_token(secret), secret=secret)

    def wall_visitor(self, request: Request, token: str | None = None) -> Visitor | None:
        """A screen whose token is for the wall alone; None: it is none. Only the board's wall form
        asks this: for every other page such a screen is nobody. `token` None: the cookie's.
        """
        text = request.cookies.get(self._wall_cookie(request), "") if token is None else token
        digest = secret_text.digest_of(secret_text.API_TOKEN, text)
        now = self._clock.now()
        if digest is None or not (self._behind_proxy or asks_from_here(request)):
            return None
        with self._engine.connect() as conn:
            use = use_of_token(conn, digest, now)
        if use is None or use.scopes & use.account.rights != {Right.BOARD_WALL}:
            return None
        if use.stale(now):
            self._write(lambda conn: token_used(conn, use.id, now))
        nobody = Account(name=use.account.name, roles=(), created_at=use.account.created_at)
        return Visitor(account=nobody, form_token="", wall=True)

    def keep_wall(self, response: Response, request: Request, token: str) -> None:
        """The cookie outlives the browser: a screen starts again by itself after a power cut."""
        response.set_cookie(
            self._wall_cookie(request),
            token,
            max_age=int(LONGEST_TOKEN.total_seconds()),
            path="/",
            secure=self.over_tls(request),
            httponly=True,
            samesite="lax",
        )

    def session_secret(self, request: Request) -> str:
        """As the browser says; empty when it says nothing."""
        return request.cookies.get(self._cookie(request), "")

    def keep_session(self, response: Response, request: Request, secret: str) -> None:
        response.set_cookie(
            self._cookie(request),
            secret,
            max_age=int(LONGEST.total_seconds()),
            path="/",
            secure=self.over_tls(request),
            httponly=True,
            samesite="lax",
        )

    def drop_session(self, response: Response, request: Request) -> None:
        response.delete_cookie(
            self._cookie(request),
            path="/",
            secure=self.over_tls(request),
            httponly=True,
            samesite="lax",
        )

    def over_tls(self, request: Request) -> bool:
        return self._behind_proxy or request.url.scheme == "https"

    def may_see_slip(self, conn: sa.Connection, visitor: Visitor, run: int, person: str) -> bool:
        """Trials too by who computes runs, else only what was approved."""
        if visitor.account is None or visitor.sees_everything:
            return True
        if not (sees_trials(visitor.account) or is_issued(conn, run)):
            return False
        seen = pay_seen_by(visitor.account, site_today(conn, self._clock.now()))
        one = sa.select(sa.literal(1)).where(seen.covers(sa.literal(person)))
        return conn.execute(one).one_or_none() is not None

    def may_see(self, visitor: Visitor, conn: sa.Connection, person: str, on: date) -> bool:
        """A person's hours and punches, by the organisation of the day."""
        if visitor.account is None:
            return True
        seen = seen_by(visitor.account, on)
        one = sa.select(sa.literal(1)).where(seen.covers(sa.literal(person)))
        return conn.execute(one).one_or_none() is not None

    def _without_session(self, conn: sa.Connection) -> None:
        """Raises unless this is the time before the first account."""
        if any_account(conn):
            raise LoginNeededError
        if self._behind_proxy:
            raise NotAdmittedError("no_account")

    def _seen(self, session: OpenSession, digest: bytes | None, now: datetime) -> None:
        if digest is not None and session.stale(now):
            self._write(lambda conn: session_seen(conn, digest, now))

    def _write(self, note: Callable[[sa.Connection], None]) -> None:
        try:
            with writing(self._engine) as conn:
                note(conn)
        except StorageError as exc:  # the page can be read; the next request notes it
            _log.warning("use not noted: %s", exc)

    def _wall_cookie(self, request: Request) -> str:
        return "__Host-clockline-wall" if self.over_tls(request) else "clockline_wall"

    def _cookie(self, request: Request) -> str:
        """Browsers take a __Host- cookie over TLS only, from this host only, for the whole host."""
        return "__Host-clockline" if self.over_tls(request) else "clockline_session"
