"""What all pages share: who may ask, one read transaction a page, refusals in words."""

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
from starlette.responses import Response

from hr_core.api.app import Clock
from hr_core.store.errors import StorageError
from hr_core.web.errors import NoPageError
from hr_core.web.overview import site_zone
from hr_core.web.rendering import HEADERS, Renderer
from hr_core.web.selection import BadQueryError, Links
from hr_core.web.this_machine import asks_from_here
from hr_core.web.words import Language, Words

LONGEST_PATH_SHOWN = 100

_log = logging.getLogger(__name__)


class Visit(NamedTuple):
    """One request, its language and one read transaction: all numbers of a page agree."""

    request: Request
    words: Words
    conn: sa.Connection
    zone: ZoneInfo
    now: datetime


Build = Callable[[Visit], Response]


class PageDesk:
    """Answers requests with pages over one database."""

    def __init__(self, engine: sa.Engine, clock: Clock) -> None:
        self.engine = engine
        self.clock = clock
        self.renderer = Renderer()

    def answering(self, language: Language, build: Build) -> Callable[[Request], object]:
        async def answer(request: Request) -> Response:
            if not asks_from_here(request):
                return self.refusal(request, Words(language), "not_this_machine", 403)
            return await to_thread.run_sync(self._answer, request, Words(language), build)

        return answer

    def page(
        self,
        visit: Visit,
        template: str,
        *,
        headers: dict[str, str] = HEADERS,
        **content: object,
    ) -> Response:
        context = frame(visit.request, visit.words) | foot(visit.now, visit.zone) | content
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

    def _answer(self, request: Request, words: Words, build: Build) -> Response:
        try:
            with self.engine.connect() as conn:
                visit = Visit(request, words, conn, site_zone(conn), self.clock.now())
                return build(visit)
        except BadQueryError as exc:
            facts = {"name": exc.name, "value": exc.value, "example": exc.example}
            return self.refusal(request, words, "bad_query", 400, **facts)
        except NoPageError as exc:
            return self.refusal(request, words, "not_found", 404, about=exc.what, **exc.values)
        except (StorageError, sa.exc.DatabaseError):
            _log.exception("page %s: the database cannot be read", request.url.path)
            return self.refusal(request, words, "storage", 503)


def frame(request: Request, words: Words) -> dict[str, object]:
    """What every page needs; the language switch leads to the same place."""
    place = quote(request.scope["path"].removeprefix(f"/{words.language}/"), safe="/")
    query = f"?{request.url.query}" if request.url.query else ""
    return {
        "t": words,
        "links": Links(words.language),
        "other_language_link": f"/{words.other}/{place}{query}",
        "product_version": version("clockline"),
    }


def foot(now: datetime, zone: ZoneInfo) -> dict[str, object]:
    here = now.astimezone(zone)
    return {
        "zone": zone.key,
        "utc_offset": here.isoformat()[-6:],
        "made_at": here.replace(tzinfo=None),
    }
