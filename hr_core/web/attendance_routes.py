"""The attendance pages' addresses: month grid, a person's month and day, the waiting list."""

from datetime import date

from msgspec.structs import replace
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from hr_core.clock import Month
from hr_core.web.adoption_pages import AdoptionPages
from hr_core.web.answering import LONGEST_PATH_SHOWN, PageDesk, Visit, anybody
from hr_core.web.attendance_choice import read_day_of_path, read_grid_choice
from hr_core.web.day_page import day_page
from hr_core.web.errors import NoPageError
from hr_core.web.month_page import month_page, person_month
from hr_core.web.waiting_page import waiting_page
from hr_core.web.words import LANGUAGES


def attendance_routes(desk: PageDesk) -> list[BaseRoute]:
    pages = _Pages(desk)
    routes = AdoptionPages(desk).routes()
    for language in LANGUAGES:
        routes += [
            Route(f"/{language}/month", desk.answering(language, pages.grid, anybody)),
            # path: the key of a person may hold a slash
            Route(
                f"/{language}/month/{{month}}/{{person:path}}",
                desk.answering(language, pages.person, anybody),
            ),
            Route(
                f"/{language}/day/{{day}}/{{person:path}}",
                desk.answering(language, pages.day, anybody),
            ),
            Route(f"/{language}/waiting", desk.answering(language, pages.waiting)),
        ]
    return routes


class _Pages:
    def __init__(self, desk: PageDesk) -> None:
        self._desk = desk

    def grid(self, visit: Visit) -> Response:
        choice = read_grid_choice(visit.request.query_params)
        page = month_page(visit.conn, visit.visitor.account, choice, visit.words, _today(visit))
        return self._desk.page(visit, "month.html", page=page)

    def person(self, visit: Visit) -> Response:
        try:
            month = Month.parse(visit.request.path_params["month"])
        except ValueError as exc:
            raise NoPageError("no_page", path=_path(visit)) from exc
        place = (_person(visit), month)
        page = person_month(visit.conn, visit.visitor.account, place, visit.words, _today(visit))
        return self._desk.page(visit, "person_month.html", page=page)

    def day(self, visit: Visit) -> Response:
        on = read_day_of_path(visit.request.path_params["day"])
        if on is None:
            raise NoPageError("no_page", path=_path(visit))
        place = (_person(visit), on)
        page = day_page(visit.conn, visit.visitor.account, place, visit.words, visit.zone)
        may_see = self._desk.admission.may_see_slip
        slips = tuple(
            run for run in page.slips if may_see(visit.conn, visit.visitor, run, place[0])
        )
        page = replace(page, slips=slips)
        return self._desk.page(visit, "day.html", page=page)

    def waiting(self, visit: Visit) -> Response:
        choice = read_grid_choice(visit.request.query_params)
        page = waiting_page(visit.conn, visit.visitor, choice.page, visit.now, visit.zone)
        token = visit.visitor.form_token
        return self._desk.page(visit, "waiting.html", page=page, form_token=token)


def _today(visit: Visit) -> date:
    return visit.now.astimezone(visit.zone).date()


def _person(visit: Visit) -> str:
    person: str = visit.request.path_params["person"]
    return person[:LONGEST_PATH_SHOWN]


def _path(visit: Visit) -> str:
    return visit.request.url.path[:LONGEST_PATH_SHOWN]
