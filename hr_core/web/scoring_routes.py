"""Addresses where scores are opened and locked for a team, and of 360 degrees."""

from collections.abc import Mapping

from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from hr_core.errors import CoreError
from hr_core.performance.acting import Deed
from hr_core.store.database import writing
from hr_core.web import rate360_page as round360
from hr_core.web import team_scores_page as team
from hr_core.web.acting import LargeForm, acting_on_large_form
from hr_core.web.admission import Visitor
from hr_core.web.answering import Build, PageDesk, Visit
from hr_core.web.forms import MAX_FORM_BYTES, MOST_FIELDS, FormError
from hr_core.web.goals_page import exact_text
from hr_core.web.performance_sight import actor_of_visitor, may_act, runs_scores, sight
from hr_core.web.selection import BadQueryError, Links
from hr_core.web.words import LANGUAGES, Words

_ROUND_DEEDS = {
    "invite": round360.do_invite,
    "rate": round360.do_rate,
    "close": round360.do_close,
}
_DEEDS = frozenset({"open_ticked", "open_all", "lock_ticked", "lock_all"})


def scoring_routes(desk: PageDesk) -> list[BaseRoute]:
    one = _Pages(desk)
    found: list[BaseRoute] = []
    for language in LANGUAGES:
        place = f"/{language}/team-scores"
        large = LargeForm(team.FORM_FIELDS, team.FORM_BYTES, one.again)
        act = acting_on_large_form(desk, language, one.do, large, runs_scores)
        found += [
            Route(place, desk.answering(language, one.show, runs_scores), methods=["GET"]),
            Route(place, act, methods=["POST"]),
        ]
        place = f"/{language}/rate360"
        large = LargeForm(MOST_FIELDS, MAX_FORM_BYTES, one.rate360_again)
        act = acting_on_large_form(desk, language, one.do_rate360, large, may_act)
        found += [
            Route(place, desk.answering(language, one.rate360, may_act), methods=["GET"]),
            Route(place, act, methods=["POST"]),
        ]
    return found


class _Pages:
    def __init__(self, desk: PageDesk) -> None:
        self._desk = desk

    def show(self, visit: Visit) -> Response:
        return self._page(visit, team.team_scores_page(visit))

    def again(self, visit: Visit, form: Mapping[str, str], refused: CoreError | None) -> Response:
        return self._page(visit, team.team_scores_page(visit, form, refused=refused))

    def do(self, visitor: Visitor, _words: Words, form: Mapping[str, str]) -> Build:
        if form.get("act") not in _DEEDS:
            raise FormError("stale_form", 400)
        with writing(self._desk.engine) as conn:
            now = self._desk.clock.now()
            deed = Deed(actor=actor_of_visitor(conn, visitor), at=now)
            try:
                told = team.do_team_scores(conn, sight(conn, visitor.account, now), form, deed)
            except BadQueryError as exc:
                raise FormError("stale_form", 400) from exc
        after = {name: form.get(name, "") for name in ("period", "unit", "scheme", "rater")}
        return lambda visit: self._page(visit, team.team_scores_page(visit, after, told=told))

    def rate360(self, visit: Visit) -> Response:
        return self._rate360(visit, round360.rate360_page(visit))

    def rate360_again(
        self, visit: Visit, form: Mapping[str, str], refused: CoreError | None
    ) -> Response:
        return self._rate360(visit, round360.rate360_page(visit, form, refused))

    def do_rate360(self, visitor: Visitor, words: Words, form: Mapping[str, str]) -> Response:
        do = _ROUND_DEEDS.get(form.get("act", ""))
        if do is None:
            raise FormError("stale_form", 400)
        if do is not round360.do_rate and not runs_scores(visitor):
            raise FormError("not_for_you", 403)
        with writing(self._desk.engine) as conn:
            now = self._desk.clock.now()
            deed = Deed(actor=actor_of_visitor(conn, visitor), at=now)
            try:
                do(conn, sight(conn, visitor.account, now), form, deed)
            except BadQueryError as exc:
                raise FormError("stale_form", 400) from exc
        return RedirectResponse(Links(words.language).rate360(form.get("period", "")), 303)

    def _rate360(self, visit: Visit, page: round360.Rate360Page) -> Response:
        return self._desk.page(
            visit,
            "rate360.html",
            page=page,
            relations=round360.RELATIONS,
            runs=runs_scores(visit.visitor),
            exact=exact_text,
            form_token=visit.visitor.form_token,
        )

    def _page(self, visit: Visit, page: team.TeamScoresPage) -> Response:
        token = visit.visitor.form_token
        return self._desk.page(
            visit, "team_scores.html", page=page, exact=exact_text, form_token=token
        )
