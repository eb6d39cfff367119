"""The comparison's addresses: for roles that see everybody's pay, and for nobody else."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from hr_core.web.answering import LONGEST_PATH_SHOWN, PageDesk, Visit
from hr_core.web.compare_choice import read_compare_choice
from hr_core.web.compare_page import compare_page, two_traces
from hr_core.web.errors import NoPageError
from hr_core.web.selection import MAX_RUN, read_number
from hr_core.web.words import LANGUAGES, preferred_language


def compare_routes(desk: PageDesk) -> list[BaseRoute]:
    pages = _Pages(desk)
    routes: list[BaseRoute] = [Route("/pay/compare", _to_language)]
    for language in LANGUAGES:
        place = f"/{language}/pay/compare"
        routes += [
            Route(place, desk.answering(language, pages.comparison)),
            # path: the key of a person may hold a slash
            Route(
                f"{place}/{{a}}/{{b}}/{{line}}/{{person:path}}",
                desk.answering(language, pages.line),
            ),
        ]
    return routes


async def _to_language(request: Request) -> Response:
    language = preferred_language(request.headers.get("Accept-Language", ""))
    query = f"?{request.url.query}" if request.url.query else ""
    headers = {"Vary": "Accept-Language", "Cache-Control": "no-store"}
    return RedirectResponse(f"/{language}/pay/compare{query}", 302, headers)


class _Pages:
    def __init__(self, desk: PageDesk) -> None:
        self._desk = desk

    def comparison(self, visit: Visit) -> Response:
        choice = read_compare_choice(visit.request.query_params)
        page = compare_page(visit.conn, choice, visit.words)
        return self._desk.page(visit, "compare.html", page=page)

    def line(self, visit: Visit) -> Response:
        given = visit.request.path_params
        pair = (_number(given["a"]), _number(given["b"]))
        place = (given["person"][:LONGEST_PATH_SHOWN], given["line"][:LONGEST_PATH_SHOWN])
        page = two_traces(visit.conn, pair, place, visit.words)
        return self._desk.page(visit, "compare_line.html", page=page)


def _number(text: str) -> int:
    """Raises NoPageError."""
    try:
        return read_number(text, MAX_RUN)
    except ValueError as exc:
        raise NoPageError("no_run", number=text[:LONGEST_PATH_SHOWN]) from exc
