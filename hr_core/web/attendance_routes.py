"""The attendance pages' addresses: month grid, a person's month and day, the waiting list."""

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from hr_core.clock import Month
from hr_core.web.answering import LONGEST_PATH_SHOWN, PageDesk, Visit
from hr_core.web.attendance_choice import read_day_of_path, read_grid_choice
from hr_core.web.day_page import day_page
from hr_core.web.errors import NoPageError
from hr_core.web.month_page import month_page, person_month
from hr_core.web.waiting_page import waiting_page
from hr_core.web.words import LANGUAGES


def attendance_routes(desk: PageDesk) -> list[BaseRoute]:
    pages = _Pages(desk)
    routes: list[BaseRoute] = []
    for language in LANGUAGES:
        routes += [
            Route(f"/{language}/month", desk.answering(language, pages.grid)),
            # path: an employee number may hold a slash
            Route(
                f"/{language}/month/{{month}}/{{number:path}}",
                desk.answering(language, pages.person),
            ),
            Route(f"/{language}/day/{{day}}/{{number:path}}", desk.answering(language, pages.day)),
            Route(f"/{language}/waiting", desk.answering(language, pages.waiting)),
        ]
    return routes


class _Pages:
    def __init__(self, desk: PageDesk) -> None:
        self._desk = desk

    def grid(self, visit: Visit) -> Response:
        choice = read_grid_choice(visit.request.query_params)
        page = month_page(visit.conn, choice, visit.words, visit.now, visit.zone)
        return self._desk.page(visit, "month.html", page=page)

    def person(self, visit: Visit) -> Response:
        try:
            month = Month.parse(visit.request.path_params["month"])
        except ValueError as exc:
            raise NoPageError("no_page", path=_path(visit)) from exc
        page = person_month(visit.conn, _number(visit), month, visit.words)
        return self._desk.page(visit, "person_month.html", page=page)

    def day(self, visit: Visit) -> Response:
        on = read_day_of_path(visit.request.path_params["day"])
        if on is None:
            raise NoPageError("no_page", path=_path(visit))
        page = day_page(visit.conn, (_number(visit), on), visit.words, visit.zone)
        return self._desk.page(visit, "day.html", page=page)

    def waiting(self, visit: Visit) -> Response:
        choice = read_grid_choice(visit.request.query_params)
        page = waiting_page(visit.conn, choice.page, visit.now, visit.zone)
        return self._desk.page(visit, "waiting.html", page=page)


def _number(visit: Visit) -> str:
    number: str = visit.request.path_params["number"]
    return number[:LONGEST_PATH_SHOWN]


def _path(visit: Visit) -> str:
    return visit.request.url.path[:LONGEST_PATH_SHOWN]
