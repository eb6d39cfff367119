"""The line board's addresses: the page, what moves on it, and what people do about an alert."""

from collections.abc import Callable
from datetime import datetime
from urllib.parse import parse_qs

import sqlalchemy as sa
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from hr_core.quality.live_line import LiveLine
from hr_core.web.answering import PageDesk, Visit
from hr_core.web.board_alerts import AlertActError, AlertDesk
from hr_core.web.board_choice import BoardChoice, BoardLinks, read_board_choice, read_work_choice
from hr_core.web.board_page import WallClock, board_context, fragments
from hr_core.web.board_stream import BoardStreams, Moment
from hr_core.web.errors import NoPageError
from hr_core.web.form_token import FIELD, FormToken
from hr_core.web.line_board import LineBoard
from hr_core.web.overview import site_zone
from hr_core.web.rendering import HEADERS_WITH_SCRIPT
from hr_core.web.selection import BadQueryError
from hr_core.web.this_machine import asks_from_here
from hr_core.web.words import LANGUAGES, Language, Words
from hr_core.web.work_page import work_page

# Of a note a thousand characters count; twelve bytes each when a browser spells them %XX.
MAX_FORM_BYTES = 16 * 1024
MAX_NOTE_CHARS = 1000
MAX_WORD_CHARS = 64  # as in the people file
MAX_IDENTITY_CHARS = 300  # an alert's: a subject's code, a shift and a day

MOST_FIELDS = 10

# How a form's fields are called on the page.
_FIELDS = {
    "alert": "alerts",
    "by": "who_acts",
    "cause": "cause",
    "note": "board_note",
    "to": "to_whom",
}

BoardSource = Callable[[sa.Connection, BoardChoice, datetime], LineBoard]


class _FormError(Exception):
    def __init__(self, code: str, status: int, **facts: object) -> None:
        super().__init__(code)
        self.code = code
        self.status = status
        self.facts = facts


class _FieldError(Exception):
    def __init__(self, field: str, value: str) -> None:
        super().__init__(field)
        self.field = field
        self.value = value[:MAX_WORD_CHARS]


def board_routes(
    desk: PageDesk, live: LiveLine, source: BoardSource, alerts: AlertDesk
) -> list[BaseRoute]:
    pages = _BoardPages(desk, live, source, alerts)
    routes: list[BaseRoute] = []
    for language in LANGUAGES:
        routes += [
            Route(f"/{language}/board", desk.answering(language, pages.board)),
            Route(f"/{language}/board/work", desk.answering(language, pages.work)),
            Route(f"/{language}/board/stream", pages.streaming(language)),
            Route(
                f"/{language}/board/alert/{{verb}}",
                pages.acting(language),
                methods=["POST"],
            ),
        ]
    return routes


class _BoardPages:
    def __init__(
        self, desk: PageDesk, live: LiveLine, source: BoardSource, alerts: AlertDesk
    ) -> None:
        self._desk = desk
        self._live = live
        self._source = source
        self._alerts = alerts
        self._token = FormToken()
        self._streams = BoardStreams()

    def board(self, visit: Visit) -> Response:
        choice = read_board_choice(visit.request.query_params)
        board = self._source(visit.conn, choice, visit.now)
        context = board_context(board, choice, visit.words, visit.zone, self._token.value)
        return self._desk.page(visit, "board.html", headers=HEADERS_WITH_SCRIPT, **context)

    def work(self, visit: Visit) -> Response:
        choice = read_work_choice(visit.request.query_params)
        page = work_page(visit.conn, self._live, choice, visit.now, visit.zone)
        return self._desk.page(visit, "work.html", page=page)

    def streaming(self, language: Language) -> Callable[[Request], object]:
        async def stream(request: Request) -> Response:
            words = Words(language)
            if not asks_from_here(request):
                return self._desk.refusal(request, words, "not_this_machine", 403)
            if self._streams.full:
                return Response(status_code=503, headers={"Retry-After": "5"})
            try:
                choice = read_board_choice(request.query_params)
            except BadQueryError:
                return Response(status_code=400)

            async def look() -> Moment:
                return await to_thread.run_sync(self._look, choice, words)

            return self._streams.response((language, choice), look, request.app.state.stopping)

        return stream

    def acting(self, language: Language) -> Callable[[Request], object]:
        async def act(request: Request) -> Response:
            words = Words(language)
            if not asks_from_here(request):
                return self._desk.refusal(request, words, "not_this_machine", 403)
            try:
                choice = read_board_choice(request.query_params)
                form = await self._form(request)
                await to_thread.run_sync(self._act, request, form)
            except BadQueryError as exc:
                facts = {"name": exc.name, "value": exc.value, "example": exc.example}
                return self._desk.refusal(request, words, "bad_query", 400, **facts)
            except _FormError as exc:
                return self._desk.refusal(request, words, exc.code, exc.status, **exc.facts)
            except _FieldError as exc:
                facts = {"field": words(_FIELDS[exc.field]), "value": exc.value}
                return self._desk.refusal(request, words, "bad_form", 422, **facts)
            # 303: a reload of what follows asks for the board and acts no second time
            return RedirectResponse(BoardLinks(language).board(choice, "alerts"), 303)

        return act

    def _look(self, choice: BoardChoice, words: Words) -> Moment:
        now = self._desk.clock.now()
        with self._desk.engine.connect() as conn:
            zone = site_zone(conn)
            try:
                board = self._source(conn, choice, now)
            except NoPageError:  # a line that was taken out meanwhile: the page asks for a reload
                return Moment(WallClock(zone, now).second(now), ())
        context = board_context(board, choice, words, zone, self._token.value) | {"live": True}
        return Moment(WallClock(zone, now).second(now), fragments(self._desk.renderer, context))

    async def _form(self, request: Request) -> dict[str, str]:
        """Raises _FormError for a form that is not from our page, or too large."""
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_FORM_BYTES:
                raise _FormError("stale_form", 413)
        try:
            pairs = parse_qs(body.decode(errors="replace"), max_num_fields=MOST_FIELDS)
        except ValueError as exc:
            raise _FormError("stale_form", 403) from exc
        form = {name: values[0].strip() for name, values in pairs.items()}
        same_site = request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"
        if not (same_site and self._token.fits(form.get(FIELD, ""))):
            raise _FormError("stale_form", 403)
        return form

    def _act(self, request: Request, form: dict[str, str]) -> None:
        identity = _said(form, "alert", MAX_IDENTITY_CHARS)
        by, at = _said(form, "by"), self._desk.clock.now()
        try:
            match request.path_params["verb"]:
                case "acknowledge":
                    self._alerts.acknowledge(identity, by=by, at=at)
                case "close":
                    cause, note = _said(form, "cause"), _said(form, "note", MAX_NOTE_CHARS)
                    self._alerts.close(identity, by=by, at=at, cause=cause, note=note)
                case "hand-over":
                    self._alerts.hand_over(identity, by=by, at=at, to=_said(form, "to"))
                case _:
                    raise _FormError("not_found", 404, about="no_page", path=request.url.path[:100])
        except AlertActError as exc:
            if exc.field is None:
                raise _no_alert(identity) from exc
            raise _FieldError(exc.field, form.get(exc.field, "")) from exc


def _no_alert(identity: str) -> _FormError:
    return _FormError("not_found", 404, about="no_alert", alert=identity)


def _said(form: dict[str, str], field: str, most: int = MAX_WORD_CHARS) -> str:
    value = form.get(field, "")
    if not 0 < len(value) <= most:
        raise _FieldError(field, value)
    return value
