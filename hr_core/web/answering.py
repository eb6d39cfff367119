"""What all pages share: who may ask, one read transaction a page, refusals in words."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import NamedTuple
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hr_core.accounts.model import Right, Role
from hr_core.api.app import Clock
from hr_core.store.errors import StorageError
from hr_core.web.admission import Admission, LoginNeededError, NotAdmittedError, Visitor
from hr_core.web.errors import NoPageError
from hr_core.web.kept_diffs import KeptDiffs
from hr_core.web.overview import site_zone
from hr_core.web.rendering import HEADERS, HEADERS_WITH_SCRIPT, Renderer
from hr_core.web.selection import BadQueryError, Links
from hr_core.web.words import Language, Words

LONGEST_PATH_SHOWN = 100
# A worker reads at a terminal in the hall: the next in the queue shall not find the payslip open.
IDLE_CLOSES_AFTER = timedelta(minutes=5)

_log = logging.getLogger(__name__)


class Visit(NamedTuple):
    """One request, its language and one read transaction: all numbers of a page agree."""

    request: Request
    words: Words
    conn: sa.Connection
    zone: ZoneInfo
    now: datetime
    visitor: Visitor


Build = Callable[[Visit], Response]
Need = Callable[[Visitor], bool]


def anybody(_visitor: Visitor) -> bool:
    """Who is admitted at all: the page itself looks at whom it is about."""
    return True


def over_everybody(visitor: Visitor) -> bool:
    return visitor.sees_everything


def acts_on_lines(visitor: Visitor) -> bool:
    """People's names stand in the forms; an auditor changes nothing."""
    account = visitor.account
    return account is None or (visitor.sees_everything and account.has_role(Role.ADMIN, Role.HR))


def over_lines(visitor: Visitor) -> bool:
    return visitor.wall or visitor.may(Right.QUALITY_READ)


def only_a_worker(visitor: Visitor) -> bool:
    """Nobody with a desk of their own."""
    account = visitor.account
    return account is not None and not visitor.wall and set(account.roles) == {Role.WORKER}


class PageDesk:
    """Answers requests with pages over one database."""

    def __init__(self, engine: sa.Engine, clock: Clock, admission: Admission | None = None) -> None:
        self.engine = engine
        self.clock = clock
        self.admission = admission or Admission(engine, clock)
        self.renderer = Renderer()
        self.diffs = KeptDiffs()

    def answering(
        self,
        language: Language,
        build: Build,
        need: Need = over_everybody,
        *,
        on_wall: bool = False,
    ) -> Callable[[Request], object]:
        """`need`: who may ask for this page at all; `on_wall`: a screen by its token too."""

        def answer_in_thread(request: Request, visitor: Visitor) -> Response:
            return self.answer(request, Words(language), build, visitor)

        async def answer(request: Request) -> Response:
            return await self.admitted(
                request, Words(language), need, answer_in_thread, on_wall=on_wall
            )

        return answer

    async def admitted(
        self,
        request: Request,
        words: Words,
        need: Need,
        answer: Callable[[Request, Visitor], Response],
        *,
        on_wall: bool = False,
    ) -> Response:
        """What `answer` gives, in a thread, to a visitor who may ask; else the login or a refusal."""

        def work() -> Response:
            visitor = self.visitor_of(request, words, need, on_wall=on_wall)
            return visitor if isinstance(visitor, Response) else answer(request, visitor)

        return await to_thread.run_sync(work)

    def visitor_of(
        self, request: Request, words: Words, need: Need, *, on_wall: bool = False
    ) -> Visitor | Response:
        """Who asks, or what to answer instead. Blocking."""
        try:
            visitor = self._visitor(request, on_wall=on_wall)
        except NotAdmittedError as exc:
            return self.refusal(request, words, exc.code, 403)
        except LoginNeededError:
            return RedirectResponse(
                login_address(request, words), 303, {"Cache-Control": "no-store"}
            )
        except (StorageError, sa.exc.DatabaseError):
            return self.sick(request, words)
        request.state.visitor = visitor
        account = visitor.account
        links = Links(words.language)
        still_open = request.url.path.startswith((links.account, links.logout))
        if account is not None and account.must_change and not still_open:
            return RedirectResponse(links.account, 303, {"Cache-Control": "no-store"})
        if not need(visitor):
            return self.refusal(request, words, "not_for_you", 403)
        return visitor

    def _visitor(self, request: Request, *, on_wall: bool) -> Visitor:
        """Raises NotAdmittedError, LoginNeededError."""
        try:
            return self.admission.visitor(request)
        except LoginNeededError:
            screen = self.admission.wall_visitor(request) if on_wall else None
            if screen is None:
                raise
            return screen

    def sick(self, request: Request, words: Words) -> Response:
        _log.exception("page %s: the database cannot be read", request.url.path)
        return self.refusal(request, words, "storage", 503)

    def page(
        self,
        visit: Visit,
        template: str,
        *,
        headers: dict[str, str] = HEADERS,
        **content: object,
    ) -> Response:
        context = frame(visit.request, visit.words) | foot(visit.now, visit.zone) | content
        if only_a_worker(visit.visitor):
            context["idle_seconds"] = int(IDLE_CLOSES_AFTER.total_seconds())
            headers = HEADERS_WITH_SCRIPT
        return self.renderer.page(template, context, headers=headers)

    def refusal(
        self, request: Request, words: Words, code: str, status: int, **facts: object
    ) -> Response:
        """`about` of the facts names other phrases for what and do than those of `code`."""
        about = facts.pop("about", code)
        content: dict[str, object] = {
            "code": code,
            "heading": words(code),
            "what": words(f"{about}_what", **facts),
            "remedy": words(f"{about}_do", **facts),
        }
        return self.renderer.page("refusal.html", frame(request, words) | content, status)

    def answer(self, request: Request, words: Words, build: Build, visitor: Visitor) -> Response:
        try:
            with self.engine.connect() as conn:
                visit = Visit(request, words, conn, site_zone(conn), self.clock.now(), visitor)
                return build(visit)
        except BadQueryError as exc:
            facts = {"name": exc.name, "value": exc.value, "example": exc.example}
            return self.refusal(request, words, "bad_query", 400, **facts)
        except NoPageError as exc:
            return self.refusal(request, words, "not_found", 404, about=exc.what, **exc.values)
        except (StorageError, sa.exc.DatabaseError):
            return self.sick(request, words)


def login_address(request: Request, words: Words) -> str:
    """Of the login page, which leads back to what was asked for."""
    place = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    following = f"?{urlencode({'next': place})}" if request.method == "GET" else ""
    return f"{Links(words.language).login}{following}"


def frame(request: Request, words: Words) -> dict[str, object]:
    """What every page needs; the language switch leads to the same place."""
    place = quote(request.scope["path"].removeprefix(f"/{words.language}/"), safe="/")
    query = f"?{request.url.query}" if request.url.query else ""
    return {
        "t": words,
        "visitor": getattr(request.state, "visitor", None),
        "links": Links(words.language),
        "other_language_link": f"/{words.other}/{place}{query}",
        "product_version": version("clockline"),
        "idle_seconds": None,
    }


def foot(now: datetime, zone: ZoneInfo) -> dict[str, object]:
    here = now.astimezone(zone)
    return {
        "zone": zone.key,
        "utc_offset": here.isoformat()[-6:],
        "made_at": here.replace(tzinfo=None),
    }
