"""The pages' addresses: `create_app(engine, clock=clock, extra_routes=page_routes(engine, clock))`."""

import logging
from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version
from typing import NamedTuple
from urllib.parse import quote
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from hr_core.api.app import Clock
from hr_core.web.errors import NoPageError
from hr_core.web.event_page import event_page
from hr_core.web.overview import overview, site_zone
from hr_core.web.rendering import STATIC, Renderer
from hr_core.web.selection import (
    MAX_RUN,
    BadQueryError,
    Links,
    read_number,
    read_selection,
)
from hr_core.web.slip_page import slip_page
from hr_core.web.this_machine import asks_from_here
from hr_core.web.words import LANGUAGES, Language, Words, preferred_language

_LONGEST_PATH_SHOWN = 100

_log = logging.getLogger(__name__)


class _Visit(NamedTuple):
    """One request, its language and one read transaction: all numbers of a page agree."""

    request: Request
    words: Words
    conn: sa.Connection
    zone: ZoneInfo
    now: datetime


_Build = Callable[[_Visit], Response]


def page_routes(engine: sa.Engine, clock: Clock) -> list[BaseRoute]:
    pages = _Pages(engine, clock)
    routes: list[BaseRoute] = [
        Route("/", _to_language),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    for language in LANGUAGES:
        routes += [
            Route(f"/{language}/", pages.answering(language, pages.overview)),
            Route(f"/{language}/event/{{event_id}}", pages.answering(language, pages.event)),
            # path: an employee number may hold a slash
            Route(
                f"/{language}/run/{{run}}/{{number:path}}", pages.answering(language, pages.slip)
            ),
            Route(f"/{language}/{{rest:path}}", pages.answering(language, pages.nothing)),
        ]
    return routes


async def _to_language(request: Request) -> Response:
    language = preferred_language(request.headers.get("Accept-Language", ""))
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(
        f"/{language}/{query}", 302, {"Vary": "Accept-Language", "Cache-Control": "no-store"}
    )


class _Pages:
    def __init__(self, engine: sa.Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._renderer = Renderer()

    def answering(self, language: Language, build: _Build) -> Callable[[Request], object]:
        async def answer(request: Request) -> Response:
            if not asks_from_here(request):
                return self._refusal(request, Words(language), "not_this_machine", 403)
            return await to_thread.run_sync(self._answer, request, Words(language), build)

        return answer

    def overview(self, visit: _Visit) -> Response:
        selection = read_selection(visit.request.query_params)
        page = overview(visit.conn, selection, visit.now, visit.zone)
        return self._page(visit, "overview.html", page=page, selection=selection)

    def slip(self, visit: _Visit) -> Response:
        asked = visit.request.path_params["run"]
        try:
            run = read_number(asked, MAX_RUN)
        except ValueError as exc:
            raise NoPageError("no_run", number=asked[:_LONGEST_PATH_SHOWN]) from exc
        number = visit.request.path_params["number"][:_LONGEST_PATH_SHOWN]
        page = slip_page(visit.conn, (run, number), visit.words, visit.zone)
        return self._page(visit, "slip.html", page=page)

    def event(self, visit: _Visit) -> Response:
        event_id = visit.request.path_params["event_id"]
        page = event_page(visit.conn, event_id, visit.words, visit.zone)
        return self._page(visit, "event.html", page=page)

    def nothing(self, visit: _Visit) -> Response:
        raise NoPageError("no_page", path=visit.request.url.path[:_LONGEST_PATH_SHOWN])

    def _answer(self, request: Request, words: Words, build: _Build) -> Response:
        try:
            with self._engine.connect() as conn:
                visit = _Visit(request, words, conn, site_zone(conn), self._clock.now())
                return build(visit)
        except BadQueryError as exc:
            facts = {"name": exc.name, "value": exc.value, "example": exc.example}
            return self._refusal(request, words, "bad_query", 400, **facts)
        except NoPageError as exc:
            return self._refusal(request, words, "not_found", 404, about=exc.what, **exc.values)
        except sa.exc.DatabaseError:
            _log.exception("page %s: the database cannot be read", request.url.path)
            return self._refusal(request, words, "storage", 503)

    def _page(self, visit: _Visit, template: str, **content: object) -> Response:
        here = visit.now.astimezone(visit.zone)
        foot = {
            "zone": visit.zone.key,
            "utc_offset": here.isoformat()[-6:],
            "made_at": here.replace(tzinfo=None),
        }
        return self._renderer.page(template, _frame(visit.request, visit.words) | foot | content)

    def _refusal(
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
        return self._renderer.page("refusal.html", _frame(request, words) | content, status)


def _frame(request: Request, words: Words) -> dict[str, object]:
    """What every page needs; the language switch leads to the same place."""
    place = quote(request.scope["path"].removeprefix(f"/{words.language}/"), safe="/")
    query = f"?{request.url.query}" if request.url.query else ""
    return {
        "t": words,
        "links": Links(words.language),
        "other_language_link": f"/{words.other}/{place}{query}",
        "product_version": version("clockline"),
    }
