"""Two-way scoring on pages: each side gives its marks alone, and sees the other's when both are in."""

from collections.abc import Mapping
from fractions import Fraction

import sqlalchemy as sa
from msgspec import Struct

from hr_core.errors import NotFoundError
from hr_core.money import decimal_text, parse_exact
from hr_core.performance import assessing
from hr_core.performance.assessing import AssessmentView, SideView
from hr_core.performance.locking import existing_result
from hr_core.store.assessments import Assessment, Side, assessments, sides_of
from hr_core.store.score_results import newest_result
from hr_core.store.work_plan import keys_of
from hr_core.web.answering import Visit
from hr_core.web.errors import NoPageError
from hr_core.web.performance_sight import PerformanceSight, deed_of_visitor, sight_of_visit
from hr_core.web.selection import MAX_RUN, read_number

MARK_FIELD = "mark_"


class ListedAssessment(Struct, frozen=True, kw_only=True):
    """`side`: which of the two the visitor is; None: neither."""

    assessment: Assessment
    name: str
    rater: str
    side: Side | None
    own_given: bool
    manager_given: bool
    locked: bool


class AssessmentPage(Struct, frozen=True, kw_only=True):
    """`side` None: the visitor is neither. `may_mark`: its marks can still be given or changed."""

    view: AssessmentView
    name: str
    rater: str
    side: Side | None
    may_mark: bool
    locked: bool

    def shown(self, side: SideView, code: str) -> str | None:
        """A mark; None where it is hidden or not given."""
        return None if side.marks is None else decimal_text(Fraction(side.marks[code]))


def may_look(seen: PerformanceSight, one: Assessment) -> bool:
    """The two sides and who looks after all; a manager elsewhere is none of them."""
    return seen.people is None or not seen.own.isdisjoint({one.person, one.rater})


def assessments_page(visit: Visit) -> tuple[ListedAssessment, ...]:
    """Newest first; those that wait for the visitor before the others."""
    seen = sight_of_visit(visit)
    query = sa.select(assessments.c.number).order_by(assessments.c.number.desc()).limit(500)
    found = []
    for number in visit.conn.execute(query).scalars():
        one = assessing.existing_assessment(visit.conn, number)
        if may_look(seen, one):
            found.append(_listed(visit.conn, one, seen))
    return tuple(sorted(found, key=lambda one: not _waits(one)))


def assessment_page(visit: Visit, number_text: str) -> AssessmentPage:
    """Raises NoPageError, also for one that is not the visitor's business."""
    seen = sight_of_visit(visit)
    one = assessment_seen(visit.conn, number_text, seen)
    if visit.visitor.account is None:
        raise NoPageError("no_assessment", number=one.number)
    view = assessing.view_of(visit.conn, one.number, deed_of_visitor(visit))
    side = _side(one, seen)
    locked = newest_result(visit.conn, keys_of(visit.conn, one.person), one.period) is not None
    return AssessmentPage(
        view=view,
        name=seen.name(one.person),
        rater=seen.name(one.rater),
        side=side,
        may_mark=side is not None and not view.both_in and not locked,
        locked=locked,
    )


def assessment_seen(conn: sa.Connection, number_text: str, seen: PerformanceSight) -> Assessment:
    try:
        number = read_number(number_text, MAX_RUN)
        one = assessing.existing_assessment(conn, number)
    except (ValueError, NotFoundError) as exc:
        raise NoPageError("no_assessment", number=number_text[:20]) from exc
    if not may_look(seen, one):
        raise NoPageError("no_assessment", number=number)
    return one


def marks_of_form(form: Mapping[str, str]) -> dict[str, Fraction]:
    """Raises ValueError for what is no number."""
    return {
        name.removeprefix(MARK_FIELD): parse_exact(text.strip())
        for name, text in form.items()
        if name.startswith(MARK_FIELD)
    }


def result_seen(conn: sa.Connection, number: int, seen: PerformanceSight) -> str:
    """The person whose result it is. Raises NoPageError."""
    try:
        row = existing_result(conn, number)
    except NotFoundError as exc:
        raise NoPageError("no_result", number=number) from exc
    if not seen.sees(row.person):
        raise NoPageError("no_result", number=number)
    return row.person


def _side(one: Assessment, seen: PerformanceSight) -> Side | None:
    if one.person in seen.own:
        return "self"
    return "manager" if one.rater in seen.own else None


def _listed(conn: sa.Connection, one: Assessment, seen: PerformanceSight) -> ListedAssessment:
    given = sides_of(conn, one.number)
    return ListedAssessment(
        assessment=one,
        name=seen.name(one.person),
        rater=seen.name(one.rater),
        side=_side(one, seen),
        own_given="self" in given,
        manager_given="manager" in given,
        locked=newest_result(conn, keys_of(conn, one.person), one.period) is not None,
    )


def _waits(one: ListedAssessment) -> bool:
    given = {"self": one.own_given, "manager": one.manager_given}
    return one.side is not None and not given[one.side] and not one.locked
