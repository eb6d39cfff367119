"""The line board's addresses: the page, what moves on it, and what people do about an alert."""

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from hr_core.quality.live_line import LiveLine
from hr_core.store.errors import StorageError
from hr_core.web.admission import Visitor
from hr_core.web.answering import PageDesk, Visit, acts_on_lines, over_lines
from hr_core.web.board_alerts import AlertActError, AlertDesk
from hr_core.web.board_choice import BoardChoice, BoardLinks, read_board_choice, read_work_choice
from hr_core.web.board_page import WallClock, board_context, fragments
from hr_core.web.board_stream import BoardStreams, LookEndedError, Moment
from hr_core.web.errors import NoPageError
from hr_core.web.forms import FormError, own_form
from hr_core.web.line_board import LineBoard
from hr_core.web.overview import site_zone
from hr_core.web.rendering import HEADERS_WITH_SCRIPT
from hr_core.web.selection import BadQueryError
from hr_core.web.words import LANGUAGES, Language, Words
from hr_core.web.work_page import work_page

MAX_NOTE_CHARS = 1000
MAX_WORD_CHARS = 64  # as in the people file
MAX_IDENTITY_CHARS = 300  # an alert's: a subject's code, a shift and a day

# How a form's fields are called on the page.
_FIELDS = {
    "alert": "alerts",
    "by": "who_acts",
    "cause": "cause",
    "note": "board_note",
    "to": "to_whom",
}

BoardSource = Callable[[sa.Connection, BoardChoice, datetime], LineBoard]


_UNTOLD = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


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
            Route(
                f"/{language}/board",
                desk.answering(language, pages.board, over_lines, on_wall=True),
            ),
            Route(f"/{language}/board/wall", pages.opening_wall(language)),
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
        self._streams = BoardStreams()

    def board(self, visit: Visit) -> Response:
        choice = _choice(visit.request, visit.visitor)
        board = self._source(visit.conn, choice, visit.now)
        context = board_context(board, choice, visit.words, visit.zone, visit.visitor.form_token)
        return self._desk.page(visit, "board.html", headers=HEADERS_WITH_SCRIPT, **context)

    def work(self, visit: Visit) -> Response:
        choice = read_work_choice(visit.request.query_params)
        page = work_page(visit.conn, self._live, choice, visit.now, visit.zone)
        return self._desk.page(visit, "work.html", page=page)

    def streaming(self, language: Language) -> Callable[[Request], object]:
        async def stream(request: Request) -> Response:
            words = Words(language)
            visitor = await to_thread.run_sync(self._visitor, request, words)
            if isinstance(visitor, Response):
                return visitor
            if self._streams.full:
                return Response(status_code=503, headers={"Retry-After": "5"})
            try:
                choice = _choice(request, visitor)
            except BadQueryError:
                return Response(status_code=400)

            token = visitor.form_token

            def look_as_visitor() -> Moment:
                if isinstance(self._visitor(request, words), Response):
                    raise LookEndedError  # logged out meanwhile: the page asks again and is told
                return self._look(choice, words, token)

            async def look() -> Moment:
                return await to_thread.run_sync(look_as_visitor)

            # the token stands in the forms: what one session is shown is not another's
            key = (language, choice, token)
            return self._streams.response(key, look, request.app.state.stopping)

        return stream

    def opening_wall(self, language: Language) -> Callable[[Request], object]:
        """A screen's first address: the token moves from it into a cookie and is shown no more."""

        def open_wall(request: Request) -> Response:
            token = request.query_params.get("token", "")
            words = Words(language)
            try:
                if self._desk.admission.wall_visitor(request, token) is None:
                    return self._desk.refusal(request, words, "wall_refused", 403)
            except (StorageError, sa.exc.DatabaseError):
                return self._desk.sick(request, words)
            there = BoardLinks(language).board(BoardChoice(wall=True))
            response = RedirectResponse(there, 303, _UNTOLD)
            self._desk.admission.keep_wall(response, request, token)
            return response

        async def opening(request: Request) -> Response:
            return await to_thread.run_sync(open_wall, request)

        return opening

    def acting(self, language: Language) -> Callable[[Request], object]:
        async def act(request: Request) -> Response:
            words = Words(language)
            visitor = await to_thread.run_sync(self._desk.visitor_of, request, words, acts_on_lines)
            if isinstance(visitor, Response):
                return visitor
            try:
                choice = read_board_choice(request.query_params)
                given = await own_form(request, visitor.form_token)
                form = {name: value.strip() for name, value in given.items()}
                await to_thread.run_sync(self._act, request, form, visitor)
            except BadQueryError as exc:
                facts = {"name": exc.name, "value": exc.value, "example": exc.example}
                return self._desk.refusal(request, words, "bad_query", 400, **facts)
            except FormError as exc:
                return self._desk.refusal(request, words, exc.code, exc.status, **exc.facts)
            except _FieldError as exc:
                facts = {"field": words(_FIELDS[exc.field]), "value": exc.value}
                return self._desk.refusal(request, words, "bad_form", 422, **facts)
            # 303: a reload of what follows asks for the board and acts no second time
            return RedirectResponse(BoardLinks(language).board(choice, "alerts"), 303)

        return act

    def _visitor(self, request: Request, words: Words) -> Visitor | Response:
        return self._desk.visitor_of(request, words, over_lines, on_wall=True)

    def _look(self, choice: BoardChoice, words: Words, token: str) -> Moment:
        now = self._desk.clock.now()
        with self._desk.engine.connect() as conn:
            zone = site_zone(conn)
            try:
                board = self._source(conn, choice, now)
            except NoPageError:  # a line that was taken out meanwhile: the page asks for a reload
                return Moment(WallClock(zone, now).second(now), ())
        context = board_context(board, choice, words, zone, token) | {"live": True}
        return Moment(WallClock(zone, now).second(now), fragments(self._desk.renderer, context))

    def _act(self, request: Request, form: dict[str, str], visitor: Visitor) -> None:
        identity = _said(form, "alert", MAX_IDENTITY_CHARS)
        at = self._desk.clock.now()
        # whoever logged in as a person acts as nobody else
        own = visitor.account and visitor.account.person
        by = own or _said(form, "by")
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
                    raise FormError("not_found", 404, about="no_page", path=request.url.path[:100])
        except AlertActError as exc:
            if exc.field is None:
                raise _no_alert(identity) from exc
            raise _FieldError(exc.field, form.get(exc.field, "")) from exc


def _choice(request: Request, visitor: Visitor) -> BoardChoice:
    """Whoever does not see all people gets the board of the wall: no name, number or form of one.
    Raises BadQueryError.
    """
    choice = read_board_choice(request.query_params)
    return choice if visitor.sees_everything else choice.but(wall=True)


def _no_alert(identity: str) -> FormError:
    return FormError("not_found", 404, about="no_alert", alert=identity)


def _said(form: dict[str, str], field: str, most: int = MAX_WORD_CHARS) -> str:
    value = form.get(field, "")
    if not 0 < len(value) <= most:
        raise _FieldError(field, value)
    return value
