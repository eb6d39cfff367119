"""360-degree rating: superiors, peers and juniors rate; the rated person never learns who said what.

Notes are for HR alone: their words would tell who wrote them.
"""

from fractions import Fraction

import sqlalchemy as sa
from msgspec import Struct

from hr_core.audit import log
from hr_core.errors import RefusedError
from hr_core.money import decimal_text
from hr_core.performance.acting import Deed, period_of
from hr_core.performance.relations import Relation
from hr_core.performance.score_rules import rules_on
from hr_core.performance.two_way import Shown360, result_360
from hr_core.store.ratings_360 import (
    Invitation,
    add_invitation,
    close,
    invitations,
    is_closed,
    put_rating,
    ratings_360,
)
from hr_core.store.work_plan import keys_of


class Round(Struct, frozen=True, kw_only=True):
    """For who runs it: whom one waits for. Not for the rated person."""

    person: str
    period: str
    closed: bool
    answered: int
    waiting_for: tuple[str, ...]


def invite(
    conn: sa.Connection, person: str, period: str, rater: str, relation: Relation, deed: Deed
) -> None:
    """Raises RefusedError: the person itself, twice, a closed round, or the rated one inviting."""
    when = str(period_of(period))
    own = keys_of(conn, person)
    if rater in own or deed.is_one_of(own):
        raise RefusedError(
            f"{person} neither rates itself nor chooses its raters",
            remedy="HR or the superior invites others",
        )
    _refuse_closed(conn, person, when)
    if any(one.rater == rater for one in _of(conn, person, when)):
        raise RefusedError(f"{rater} is invited already", remedy="invite each once")
    new = Invitation(person=person, period=when, rater=rater, relation=relation, score=None)
    add_invitation(conn, new, deed.by, deed.at)
    log.append(
        conn, deed.at, deed.by, "rate360.invite", f"person {person}", None,
        {"period": when, "relation": relation}, "",
    )  # fmt: skip


def rate(
    conn: sa.Connection, person: str, period: str, score: Fraction, note: str, deed: Deed
) -> None:
    """By an invited rater, once or again until the round is closed."""
    when = period_of(period)
    _refuse_closed(conn, person, str(when))
    invited = next(
        (one for one in _of(conn, person, str(when)) if deed.is_one_of([one.rater])), None
    )
    if invited is None:
        raise RefusedError(
            f"{deed.by} is not invited to rate {person} for {when}",
            remedy="who runs the round invites raters: hr-core performance rate360 invite",
        )
    highest = rules_on(conn, when.first).highest_mark
    if not 0 <= score <= highest:
        raise RefusedError(
            f"a rating of {decimal_text(score)}",
            remedy=f"ratings are 0 to {decimal_text(highest)}",
        )
    put_rating(conn, invited, score, note, deed.at)
    # Without score and person: the log is read by people who may be rated.
    log.append(conn, deed.at, deed.by, "rate360.rate", f"person {deed.by}", None, None, "")


def close_round(conn: sa.Connection, person: str, period: str, deed: Deed) -> Shown360:
    """From then on the rated person sees the result. Nothing changes any more, so that nobody can
    see a mark by looking before and after it came.
    """
    when = str(period_of(period))
    if deed.is_one_of(keys_of(conn, person)):
        raise RefusedError(
            f"{deed.by} is rated in this round and cannot close it", remedy="let HR close it"
        )
    _refuse_closed(conn, person, when)
    close(conn, person, when, deed.by, deed.at)
    log.append(
        conn, deed.at, deed.by, "rate360.close", f"person {person}", None, {"period": when}, ""
    )
    return shown_to_rated(conn, person, when)


def shown_to_rated(conn: sa.Connection, person: str, period: str) -> Shown360:
    """All that the rated person's pages may read. Raises RefusedError while the round is open."""
    when = period_of(period)
    if not is_closed(conn, person, str(when)):
        raise RefusedError(
            f"the 360-degree round of {person} for {when} is not closed",
            remedy="its result is shown when it is: hr-core performance rate360 close",
        )
    given = [
        (one.relation, one.score) for one in _of(conn, person, str(when)) if one.score is not None
    ]
    return result_360(given, rules_on(conn, when.first).rate360)


def round_of(conn: sa.Connection, person: str, period: str, deed: Deed) -> Round:
    """Raises RefusedError for the rated person."""
    when = str(period_of(period))
    if deed.is_one_of(keys_of(conn, person)):
        raise RefusedError(
            "who rates stays hidden from the rated person",
            remedy="the result is shown when the round is closed",
        )
    rows = _of(conn, person, when)
    return Round(
        person=person,
        period=when,
        closed=is_closed(conn, person, when),
        answered=sum(one.score is not None for one in rows),
        waiting_for=tuple(one.rater for one in rows if one.score is None),
    )


def _of(conn: sa.Connection, person: str, period: str) -> list[Invitation]:
    columns = ratings_360.c
    return invitations(conn, columns.person == person, columns.period == period)


def _refuse_closed(conn: sa.Connection, person: str, period: str) -> None:
    if is_closed(conn, person, period):
        raise RefusedError(
            f"the 360-degree round of {person} for {period} is closed",
            remedy="a new rating belongs to the next period",
        )
