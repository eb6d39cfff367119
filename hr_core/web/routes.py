"""The pages' addresses: `create_app(engine, clock=clock, extra_routes=page_routes(engine, clock))`."""

import secrets
import time
from functools import partial

import sqlalchemy as sa
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from hr_core.accounts.field_policy import sight_of
from hr_core.accounts.login import LoginDesk
from hr_core.accounts.passwords import Passwords
from hr_core.accounts.visible import sees_trials
from hr_core.api.app import Clock
from hr_core.quality.live_line import LiveLine
from hr_core.web.admission import Admission
from hr_core.web.answering import LONGEST_PATH_SHOWN, PageDesk, Visit, anybody, over_lines
from hr_core.web.approval_routes import approval_routes
from hr_core.web.approvals_page import decides, submits_runs
from hr_core.web.attendance_routes import attendance_routes
from hr_core.web.board_alerts import AlertDesk, StoredAlerts
from hr_core.web.board_routes import BoardSource, board_routes
from hr_core.web.board_source import StoredBoard
from hr_core.web.compare_routes import compare_routes
from hr_core.web.errors import NoPageError
from hr_core.web.event_page import LONGEST_ID_SHOWN, event_page, owner_of_punch
from hr_core.web.login_pages import LoginPages
from hr_core.web.overview import overview
from hr_core.web.performance_routes import performance_routes
from hr_core.web.rendering import STATIC
from hr_core.web.selection import MAX_RUN, Links, read_number, read_selection
from hr_core.web.slip_answer_pages import SlipAnswerPages, is_own
from hr_core.web.slip_page import Viewing, names_event, no_slip, slip_page
from hr_core.web.words import LANGUAGES, preferred_language


def page_routes(
    engine: sa.Engine,
    clock: Clock,
    *,
    board: BoardSource | None = None,
    alerts: AlertDesk | None = None,
    admission: Admission | None = None,
    login: LoginDesk | None = None,
) -> list[BaseRoute]:
    """`board` makes the line board and `alerts` does what people ask for there; None: from and to
    what is stored. `admission`: who may see pages; None: as on this machine.
    """
    desk = PageDesk(engine, clock, admission)
    login = login or LoginDesk(engine, Passwords(), now=clock.now, entropy=secrets.token_bytes)
    live = LiveLine()
    pages = _Pages(desk)
    routes: list[BaseRoute] = [
        Route("/", _to_language),
        Mount("/static", StaticFiles(directory=STATIC)),
        *attendance_routes(desk),
        *board_routes(desk, live, board or StoredBoard(live), alerts or StoredAlerts(engine)),
        *LoginPages(desk, login, time.monotonic).routes(),
        *SlipAnswerPages(desk).routes(),
        *approval_routes(desk),
        *compare_routes(desk),
        *performance_routes(desk),
    ]
    for language in LANGUAGES:
        routes += [
            Route(f"/{language}/", desk.answering(language, pages.overview, anybody)),
            Route(
                f"/{language}/event/{{event_id}}", desk.answering(language, pages.event, anybody)
            ),
            # path: an employee number may hold a slash
            Route(
                f"/{language}/run/{{run}}/{{number:path}}",
                desk.answering(language, pages.slip, anybody),
            ),
            Route(f"/{language}/{{rest:path}}", desk.answering(language, pages.nothing, anybody)),
        ]
    return routes


async def _to_language(request: Request) -> Response:
    language = preferred_language(request.headers.get("Accept-Language", ""))
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(
        f"/{language}/{query}", 302, {"Vary": "Accept-Language", "Cache-Control": "no-store"}
    )


class _Pages:
    def __init__(self, desk: PageDesk) -> None:
        self._desk = desk

    def overview(self, visit: Visit) -> Response:
        if not visit.visitor.sees_everything:
            links = Links(visit.words.language)
            return RedirectResponse(
                links.board if over_lines(visit.visitor) else links.account, 303
            )
        selection = read_selection(visit.request.query_params)
        page = overview(visit.conn, selection, visit.now, visit.zone)
        return self._desk.page(
            visit,
            "overview.html",
            page=page,
            selection=selection,
            decides=decides(visit.visitor),
            submits_runs=submits_runs(visit.visitor),
            form_token=visit.visitor.form_token,
        )

    def slip(self, visit: Visit) -> Response:
        asked = visit.request.path_params["run"]
        try:
            run = read_number(asked, MAX_RUN)
        except ValueError as exc:
            raise NoPageError("no_run", number=asked[:LONGEST_PATH_SHOWN]) from exc
        number = visit.request.path_params["number"][:LONGEST_PATH_SHOWN]
        if not self._desk.admission.may_see_slip(visit.conn, visit.visitor, run, number):
            raise no_slip(visit.conn, run, number)
        own = is_own(visit.conn, visit.visitor, number)
        account = visit.visitor.account
        viewing = Viewing(
            words=visit.words,
            zone=visit.zone,
            trials=account is None or sees_trials(account),
            sight=sight_of(account, own=own or account is None),
            now=visit.now,
        )
        page = slip_page(visit.conn, (run, number), viewing)
        return self._desk.page(
            visit,
            "slip.html",
            page=page,
            own=own and page.issued,
            form_token=visit.visitor.form_token,
            through=None if visit.visitor.sees_everything else (run, number),
        )

    def event(self, visit: Visit) -> Response:
        event_id = visit.request.path_params["event_id"]
        if not visit.visitor.sees_everything and not self._sees_event(visit, event_id):
            raise NoPageError("no_event", event=event_id[:LONGEST_ID_SHOWN])
        sees = None
        if not visit.visitor.sees_everything:
            sees = partial(self._desk.admission.may_see, visit.visitor, visit.conn)
        page = event_page(visit.conn, event_id, visit.words, visit.zone, sees=sees)
        return self._desk.page(visit, "event.html", page=page)

    def _sees_event(self, visit: Visit, event_id: str) -> bool:
        """A punch of a person who is seen on its day, or what a payslip rests on that may be seen."""
        query = visit.request.query_params
        run, person = query.get("run", ""), query.get("person", "")[:LONGEST_PATH_SHOWN]
        if run.isascii() and run.isdigit() and int(run[:10]) <= MAX_RUN:
            place = (int(run[:10]), person)
            seen = self._desk.admission.may_see_slip(visit.conn, visit.visitor, *place)
            if seen and names_event(visit.conn, place, event_id):
                return True
        owned = owner_of_punch(visit.conn, event_id)
        return owned is not None and self._desk.admission.may_see(visit.visitor, visit.conn, *owned)

    def nothing(self, visit: Visit) -> Response:
        path = visit.request.url.path[:LONGEST_PATH_SHOWN]
        raise NoPageError("no_page", path=path)
