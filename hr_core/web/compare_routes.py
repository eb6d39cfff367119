"""The comparison's addresses: for roles that see everybody's pay, and for nobody else."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from hr_core.approvals.actors import actor_of_account
from hr_core.errors import RefusedError
from hr_core.pay.diff.notes import EVERYBODY
from hr_core.pay.stored_table_diff import LONGEST_REASON, keep_note, new_note
from hr_core.store.database import writing
from hr_core.web.acting import acting
from hr_core.web.admission import Visitor
from hr_core.web.answering import LONGEST_PATH_SHOWN, PageDesk, Visit
from hr_core.web.approvals_page import submits_runs
from hr_core.web.compare_choice import read_compare_choice
from hr_core.web.compare_page import compare_page, two_traces
from hr_core.web.errors import NoPageError
from hr_core.web.selection import MAX_RUN, Links, read_month, read_number
from hr_core.web.words import LANGUAGES, Words, preferred_language


def compare_routes(desk: PageDesk) -> list[BaseRoute]:
    pages = _Pages(desk)
    routes: list[BaseRoute] = [Route("/pay/compare", _to_language)]
    for language in LANGUAGES:
        place = f"/{language}/pay/compare"
        routes += [
            Route(place, desk.answering(language, pages.comparison)),
            Route(
                f"{place}/note", acting(desk, language, pages.note, submits_runs), methods=["POST"]
            ),
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
        page = compare_page(visit.conn, choice, visit.words, self._desk.diffs)
        return self._desk.page(visit, "compare.html", page=page)

    def line(self, visit: Visit) -> Response:
        given = visit.request.path_params
        pair = (_number(given["a"]), _number(given["b"]))
        place = (given["person"][:LONGEST_PATH_SHOWN], given["line"][:LONGEST_PATH_SHOWN])
        page = two_traces(visit.conn, pair, place, visit.words, self._desk.diffs)
        return self._desk.page(
            visit,
            "compare_line.html",
            page=page,
            notes=submits_runs(visit.visitor),
            form_token=visit.visitor.form_token,
            longest_reason=LONGEST_REASON,
        )

    def note(self, visitor: Visitor, words: Words, form: Mapping[str, str]) -> Response:
        """Beside one difference of two runs; the same words again where a month before has them."""
        assert visitor.account is not None  # noqa: S101 - `submits_runs` asks for one
        pair = (_number(form.get("a", "")), _number(form.get("b", "")))
        person, line = form.get("person", ""), form.get("line", "")
        until = _until(form.get("until", ""))
        with self._desk.engine.connect() as conn:
            there = two_traces(conn, pair, (person, line), words, self._desk.diffs)
        if there.shown is None:
            raise NoPageError("no_compared_line", a=pair[0], b=pair[1], person=person, line=line)
        with writing(self._desk.engine) as conn:
            about = (EVERYBODY if form.get("everybody") == "1" else f"key:{person}", line)
            reason = form.get("reason", "")
            made = new_note(conn, (pair[0], str(pair[1])), about, reason=reason, until=until)
            actor = actor_of_account(conn, visitor.account)
            keep_note(conn, made, by=actor.name, at=self._desk.clock.now())
        return RedirectResponse(Links(words.language).compared_line(pair, person, line), 303)


def _until(text: str) -> str:
    """Raises RefusedError."""
    try:
        return str(read_month(text)) if text else ""
    except ValueError as exc:
        raise RefusedError(f"{text[:20]!r} is no month", remedy="write it like 2026-12") from exc


def _number(text: str) -> int:
    """Raises NoPageError."""
    try:
        return read_number(text, MAX_RUN)
    except ValueError as exc:
        raise NoPageError("no_run", number=text[:LONGEST_PATH_SHOWN]) from exc
