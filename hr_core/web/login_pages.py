"""Login, set-up by a code, the own account, logout."""

import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlencode

import anyio
from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from hr_core import views
from hr_core.accounts.errors import LoginRefusedError, LoginWaitError, WeakPasswordError
from hr_core.accounts.login import LoginDesk, NewSession
from hr_core.accounts.passwords import MAX_CHARS, MIN_CHARS
from hr_core.accounts.visible import sees_trials
from hr_core.api.attempts import Attempts
from hr_core.store.errors import StorageError
from hr_core.web.admission import LoginNeededError, NotAdmittedError, Visitor
from hr_core.web.answering import PageDesk, Visit, anybody, frame
from hr_core.web.form_token import FIELD, fits
from hr_core.web.forms import FormError, from_our_page, own_form, read_form
from hr_core.web.selection import Links
from hr_core.web.words import LANGUAGES, Language, Words

# An office of twenty comes to work behind one address, and a good login costs nothing. A guesser
# gets six passwords a minute, over all names together.
LOGIN_BURST = 20
LOGINS_PER_SECOND = 0.1
# Each comparison takes 64 MiB and a processor for a tenth of a second; the rest waits its turn, and
# past this many it is told to come back.
_COMPARISONS_AT_ONCE = 2
_MOST_WAITING = 20

_BEFORE_LOGIN = "clockline_before_login"
_NEXT = re.compile(r"/(?:zh|en)/[^\\\s\x00-\x1f]{0,300}", re.ASCII)
_WEAK = {
    "short": "password_short",
    "long": "password_long",
    "name": "password_name",
    "common": "password_common",
}
_PASSWORD_FACTS = {"least": MIN_CHARS, "most": MAX_CHARS}

Act = Callable[[Mapping[str, str], str], NewSession]


class _TroubleError(Exception):
    """What is told above the form, with its status. `wait_s`: when to come back."""

    def __init__(
        self, phrase: str, status: int, wait_s: int | None = None, **facts: object
    ) -> None:
        super().__init__(phrase)
        self.phrase = phrase
        self.status = status
        self.wait_s = wait_s
        self.facts = facts


class LoginPages:
    """`monotonic`: seconds that only grow."""

    def __init__(self, desk: PageDesk, login: LoginDesk, monotonic: Callable[[], float]) -> None:
        self._desk = desk
        self._login = login
        self._attempts = Attempts(monotonic, burst=LOGIN_BURST, per_second=LOGINS_PER_SECOND)
        self._limiter: CapacityLimiter | None = None

    def routes(self) -> list[BaseRoute]:
        found: list[BaseRoute] = []
        for language in LANGUAGES:
            start, answering = f"/{language}", self._desk.answering
            found += [
                Route(f"{start}/login", self._entrance(language, "login.html")),
                Route(f"{start}/login", self._logging_in(language), methods=["POST"]),
                Route(f"{start}/setup", self._entrance(language, "setup.html")),
                Route(f"{start}/setup", self._setting_up(language), methods=["POST"]),
                Route(f"{start}/account", answering(language, self._account, anybody)),
                Route(f"{start}/account/password", self._changing(language), methods=["POST"]),
                Route(f"{start}/logout", self._logging_out(language), methods=["POST"]),
            ]
        return found

    def _entrance(self, language: Language, template: str) -> Callable[[Request], object]:
        """The pages before a login. Shut for whom no login would help."""

        async def show(request: Request) -> Response:
            words = Words(language)
            shut = await to_thread.run_sync(self._shut, request, words)
            return shut or self._form_page(request, words, template, None)

        return show

    def _logging_in(self, language: Language) -> Callable[[Request], object]:
        def act(form: Mapping[str, str], address: str, old: str) -> NewSession:
            return self._login.log_in(
                form.get("name", ""), form.get("password", ""), address=address, old=old
            )

        return self._entering(language, "login.html", act)

    def _setting_up(self, language: Language) -> Callable[[Request], object]:
        def act(form: Mapping[str, str], address: str, old: str) -> NewSession:
            chosen = _chosen(form)
            return self._login.set_up(form.get("code", ""), chosen, address=address, old=old)

        return self._entering(language, "setup.html", act)

    def _entering(
        self,
        language: Language,
        template: str,
        act: Callable[[Mapping[str, str], str, str], NewSession],
    ) -> Callable[[Request], object]:
        async def enter(request: Request) -> Response:
            words = Words(language)
            shut = await to_thread.run_sync(self._shut, request, words)
            if shut is not None:
                return shut
            try:
                form = await read_form(request)
                _check_before_login(request, form)
                session = await self._tried(request, form, act)
            except FormError as exc:
                return self._desk.refusal(request, words, exc.code, exc.status, **exc.facts)
            except _TroubleError as trouble:
                return self._form_page(request, words, template, trouble)
            return self._entered(request, words, session)

        return enter

    def _changing(self, language: Language) -> Callable[[Request], object]:
        async def change(request: Request, visitor: Visitor, words: Words) -> Response:
            account = visitor.account
            if account is None:
                raise FormError("stale_form", 403)

            def act(form: Mapping[str, str], address: str, old: str) -> NewSession:
                both = form.get("password", ""), _chosen(form)
                return self._login.change_password(account, both, address=address, old=old)

            try:
                session = await self._tried(
                    request, await own_form(request, visitor.form_token), act
                )
            except _TroubleError as trouble:
                return await to_thread.run_sync(self._account_again, request, words, trouble)
            return self._entered(request, words, session)

        return self._acting(language, change)

    def _logging_out(self, language: Language) -> Callable[[Request], object]:
        async def leave(request: Request, visitor: Visitor, words: Words) -> Response:
            await own_form(request, visitor.form_token)
            if visitor.account is not None:
                await to_thread.run_sync(self._login.log_out, visitor.secret, visitor.account)
            response = RedirectResponse(Links(words.language).login, 303)
            self._desk.admission.drop_session(response, request)
            return response

        return self._acting(language, leave)

    def _acting(
        self,
        language: Language,
        act: Callable[[Request, Visitor, Words], Awaitable[Response]],
    ) -> Callable[[Request], object]:
        async def answer(request: Request) -> Response:
            words = Words(language)
            visitor = await to_thread.run_sync(self._desk.visitor_of, request, words, anybody)
            if isinstance(visitor, Response):
                return visitor
            try:
                return await act(request, visitor, words)
            except FormError as exc:
                return self._desk.refusal(request, words, exc.code, exc.status, **exc.facts)
            except StorageError:
                return self._desk.sick(request, words)

        return answer

    async def _tried(
        self,
        request: Request,
        form: Mapping[str, str],
        act: Callable[[Mapping[str, str], str, str], NewSession],
    ) -> NewSession:
        """One attempt of an address, in a thread that few may have. Raises _TroubleError."""
        address = request.client.host if request.client else "unknown"
        if wait := self._attempts.wait_s(address):
            raise _TroubleError("login_wait", 429, wait, seconds=wait)
        limiter = self._queue()
        old = self._desk.admission.session_secret(request)
        try:
            session = await to_thread.run_sync(act, form, address, old, limiter=limiter)
        except LoginRefusedError as exc:
            phrase = "code_refused" if "code" in form else "login_refused"
            raise _TroubleError(phrase, 403) from exc
        except LoginWaitError as exc:
            raise _TroubleError("login_wait", 429, exc.wait_s, seconds=exc.wait_s) from exc
        except WeakPasswordError as exc:
            raise _TroubleError(_WEAK[exc.rule], 422, **_PASSWORD_FACTS) from exc
        except StorageError as exc:
            raise _TroubleError("storage_what", 503) from exc
        self._attempts.give_back(address)
        return session

    def _queue(self) -> CapacityLimiter:
        if self._limiter is None:  # it belongs to the event loop that serves
            self._limiter = anyio.CapacityLimiter(_COMPARISONS_AT_ONCE)
        if self._limiter.statistics().tasks_waiting >= _MOST_WAITING:
            raise _TroubleError("login_wait", 503, 5, seconds=5)
        return self._limiter

    def _shut(self, request: Request, words: Words) -> Response | None:
        """What to answer where a login would not help; None: show the form."""
        try:
            self._desk.admission.visitor(request)
        except NotAdmittedError as exc:
            return self._desk.refusal(request, words, exc.code, 403)
        except LoginNeededError:
            pass
        return None

    def _entered(self, request: Request, words: Words, session: NewSession) -> Response:
        place = request.query_params.get("next", "")
        links = Links(words.language)
        if session.account.must_change or _NEXT.fullmatch(place) is None:
            place = links.account if session.account.must_change else links.start
        response = RedirectResponse(place, 303, {"Cache-Control": "no-store"})
        self._desk.admission.keep_session(response, request, session.secret)
        response.delete_cookie(_BEFORE_LOGIN, path="/")
        return response

    def _form_page(
        self, request: Request, words: Words, template: str, trouble: _TroubleError | None
    ) -> Response:
        """The form's token is this browser's own: what a page elsewhere asked for does not fit."""
        token = request.cookies.get(_BEFORE_LOGIN, "") or secrets.token_urlsafe(24)
        place = request.query_params.get("next", "")
        query = f"?{urlencode({'next': place})}" if _NEXT.fullmatch(place) else ""
        context = frame(request, words) | {
            "trouble": _told(words, trouble),
            "password_rules": words("password_rules", **_PASSWORD_FACTS),
            "form_token": token,
            "query": query,
        }
        response = self._desk.renderer.page(
            template, context, 200 if trouble is None else trouble.status
        )
        _tell_wait(response, trouble)
        response.set_cookie(
            _BEFORE_LOGIN,
            token,
            max_age=3600,
            path="/",
            secure=self._desk.admission.over_tls(request),
            httponly=True,
            samesite="lax",
        )
        return response

    def _account(self, visit: Visit, trouble: _TroubleError | None = None) -> Response:
        account = visit.visitor.account
        if account is None:
            return RedirectResponse(Links(visit.words.language).start, 303)
        slips = (
            []
            if account.person is None
            else views.slips_of_person(
                visit.conn, account.person, limit=24, trials=sees_trials(account)
            )
        )
        response = self._desk.page(
            visit,
            "account.html",
            account=account,
            slips=slips,
            form_token=visit.visitor.form_token,
            trouble=_told(visit.words, trouble),
            password_rules=visit.words("password_rules", **_PASSWORD_FACTS),
        )
        if trouble is not None:
            response.status_code = trouble.status
        _tell_wait(response, trouble)
        return response

    def _account_again(self, request: Request, words: Words, trouble: _TroubleError) -> Response:
        visitor = self._desk.visitor_of(request, words, anybody)
        if isinstance(visitor, Response):
            return visitor
        return self._desk.answer(
            request, words, lambda visit: self._account(visit, trouble), visitor
        )


def _check_before_login(request: Request, form: Mapping[str, str]) -> None:
    """Raises FormError for a form that this browser was not given."""
    expected = request.cookies.get(_BEFORE_LOGIN, "")
    if not (expected and from_our_page(request) and fits(expected, form.get(FIELD, ""))):
        raise FormError("stale_form", 403)


def _chosen(form: Mapping[str, str]) -> str:
    chosen = form.get("new", "")
    if chosen != form.get("again", ""):
        raise _TroubleError("password_differs", 422)
    return chosen


def _told(words: Words, trouble: _TroubleError | None) -> str | None:
    return None if trouble is None else words(trouble.phrase, **trouble.facts)


def _tell_wait(response: Response, trouble: _TroubleError | None) -> None:
    if trouble is not None and trouble.wait_s is not None:
        response.headers["Retry-After"] = str(trouble.wait_s)
