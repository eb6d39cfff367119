"""Appeals: somebody other than the rater and the appellant looks again, and answers once."""

from collections.abc import Mapping
from fractions import Fraction

import sqlalchemy as sa
from msgspec.structs import replace

from hr_core.audit import log
from hr_core.errors import NotFoundError, RefusedError
from hr_core.people.today import today_at
from hr_core.performance.acting import Deed, names_of_human, period_of
from hr_core.performance.content import content_of
from hr_core.performance.locking import existing_result, new_version
from hr_core.performance.results import LockedResult
from hr_core.store.appeals import (
    About,
    Appeal,
    Outcome,
    add_appeal,
    appeal_by_number,
    appeals,
    appeals_where,
    barred_from,
    settle_appeal,
)
from hr_core.store.score_results import newest_result
from hr_core.store.work_plan import keys_of


def appeal_score(conn: sa.Connection, person: str, period: str, reason: str, deed: Deed) -> int:
    """Against the newest version of a locked score, by the rated person. One is open at a time."""
    when = str(period_of(period))
    result = newest_result(conn, keys_of(conn, person), when)
    if result is None:
        raise RefusedError(
            f"no score of {person} for {when} is locked",
            remedy="wait for the lock; before it, marks are talked over with the rater",
        )
    raters = content_of(result.content).raters
    if result.version > 1:
        raters |= _reviewers(conn, result.person, when)
    return _ask(conn, _new(About.SCORE, person, when, reason, deed, result.number), raters, deed)


def ask_review(  # noqa: PLR0913 - the parts of a request
    conn: sa.Connection,
    about: About,
    person: str,
    period: str,
    reason: str,
    deed: Deed,
    *,
    manager: str,
) -> int:
    """Against goals before they are signed, or to look at a period that is over once more: the same
    way, without a score. `manager`: who set the goals, so that somebody else answers.
    """
    if about is About.SCORE:
        return appeal_score(conn, person, period, reason, deed)
    today = today_at(conn, deed.at, person) if about is About.PERIOD else None
    when = str(period_of(period, today))
    return _ask(conn, _new(about, person, when, reason, deed, None), frozenset({manager}), deed)


def review(
    conn: sa.Connection,
    number: int,
    outcome: Outcome,
    marks: Mapping[str, Fraction],
    answer: str,
    deed: Deed,
) -> LockedResult | None:
    """The answer. A changed score is its next version; the old one stays as it was.

    Raises RefusedError: a reviewer who rated or appealed (under any name), an answered appeal, a
    changed score without marks, marks without a change.
    """
    appeal = existing_appeal(conn, number)
    if appeal.outcome is not None:
        raise RefusedError(
            f"appeal {number} was answered by {appeal.reviewed_by}",
            remedy="the person may appeal against the new version",
        )
    if deed.is_one_of(barred_from(conn, number)):
        raise RefusedError(
            f"{deed.by} rated or appealed and cannot review appeal {number}",
            remedy="let another person review it",
        )
    if not answer.strip():
        raise RefusedError("the answer is empty", remedy="tell the person why: --reason")
    changes = outcome is Outcome.CHANGED and appeal.about is About.SCORE
    if changes != bool(marks):
        raise RefusedError(
            f"appeal {number}: marks belong to a score that changes, and to nothing else",
            remedy="give --mark INDICATOR=SCORE with --changed, none with --upheld",
        )
    made = None
    if changes and appeal.result is not None:
        before = existing_result(conn, appeal.result)
        made = new_version(conn, before, marks, number, deed, answer)
    settled = replace(
        appeal,
        reviewed_by=deed.by,
        reviewed_at=deed.at,
        outcome=outcome,
        answer=answer,
        new_result=None if made is None else made.number,
    )
    settle_appeal(conn, settled)
    log.append(
        conn, deed.at, deed.by, "appeal.review", f"person {appeal.person}",
        {"appeal": number, "result": appeal.result},
        {"outcome": outcome.value, "new_result": settled.new_result}, answer,
    )  # fmt: skip
    return made


def existing_appeal(conn: sa.Connection, number: int) -> Appeal:
    found = appeal_by_number(conn, number)
    if found is None:
        raise NotFoundError(
            f"there is no appeal {number}",
            remedy="hr-core performance appeal (without a person) lists the open ones",
        )
    return found


def open_appeals(conn: sa.Connection) -> list[Appeal]:
    return appeals_where(conn, appeals.c.outcome.is_(None))


def _new(
    about: About, person: str, period: str, reason: str, deed: Deed, result: int | None
) -> Appeal:
    return Appeal(
        number=0,
        about=about,
        person=person,
        period=period,
        result=result,
        reason=reason,
        asked_by=deed.by,
        asked_at=deed.at,
    )


def _ask(conn: sa.Connection, new: Appeal, raters: frozenset[str], deed: Deed) -> int:
    own = keys_of(conn, new.person)
    if not deed.is_one_of(own):
        raise RefusedError(
            f"{deed.by} cannot appeal for {new.person}",
            remedy="the person appeals itself: --by with the own number or account",
        )
    if not new.reason.strip():
        raise RefusedError("an appeal needs its reason", remedy="give --reason")
    same = (appeals.c.person.in_(own), appeals.c.period == new.period)
    waiting = appeals_where(conn, *same, appeals.c.about == new.about, appeals.c.outcome.is_(None))
    if waiting:
        raise RefusedError(
            f"appeal {waiting[0].number} about the same is open",
            remedy="wait for its answer",
        )
    humans = (names_of_human(conn, one) for one in sorted({deed.by, new.person, *raters}))
    barred = deed.actor.names.union(*humans)
    number = add_appeal(conn, new, barred)
    log.append(
        conn, deed.at, deed.by, "appeal.ask", f"person {new.person}", None,
        {"appeal": number, "about": new.about.value, "period": new.period, "result": new.result},
        new.reason,
    )  # fmt: skip
    return number


def _reviewers(conn: sa.Connection, person: str, period: str) -> frozenset[str]:
    """Who answered earlier appeals about the same score: the next one is for others."""
    before = appeals_where(conn, appeals.c.person == person, appeals.c.period == period)
    return frozenset(one.reviewed_by for one in before if one.reviewed_by is not None)
