"""The lock: all posts of a person become one score and one grade, which then never change."""

from collections.abc import Mapping
from fractions import Fraction
from hashlib import sha256

import sqlalchemy as sa
from msgspec.structs import replace

from hr_core.audit import log
from hr_core.errors import NotFoundError, RefusedError
from hr_core.people.today import today_at
from hr_core.performance.acting import Deed, period_of
from hr_core.performance.assessing import marks_of, refuse_marks_out_of_range, view_of
from hr_core.performance.content import (
    Content,
    GradeEvidence,
    MarkedIndicator,
    PostPart,
    content_of,
    content_text,
)
from hr_core.performance.grading import Graded, graded
from hr_core.performance.periods import Period
from hr_core.performance.results import LockedResult, as_locked
from hr_core.performance.score_rules import rules_of_version, rules_on
from hr_core.quality.month import Tally
from hr_core.store.assessments import Assessment, assessments_of, reasons_of, sides_of
from hr_core.store.score_results import (
    ResultRow,
    add_result,
    newest_result,
    result_by_number,
    score_feedback,
)
from hr_core.store.work_plan import keys_of

_NOT_GRADED = GradeEvidence(basis="", reason="")


def lock_score(
    conn: sa.Connection, person: str, period: str, scheme: str, tally: Tally | None, deed: Deed
) -> LockedResult:
    """By somebody who is neither the person nor a rater. Version 1; only an appeal makes another.

    Raises RefusedError: nothing opened, a side that is missing, a deviation without a reason,
    shares that do not sum, a period that is not over, a score that is locked.
    """
    when = period_of(period, today_at(conn, deed.at, person))
    keys = keys_of(conn, person)
    opened = [one for key in keys for one in assessments_of(conn, key, str(when))]
    if not opened:
        raise RefusedError(
            f"no assessment of {person} for {when} was opened",
            remedy="open one: hr-core performance assess open",
        )
    if newest_result(conn, keys, str(when)) is not None:
        raise RefusedError(
            f"the score of {person} for {when} is locked already",
            remedy="the person may appeal; a review by another person makes the next version",
        )
    if deed.is_one_of({*keys, *(one.rater for one in opened)}):
        raise RefusedError(
            f"{deed.by} is rated or rates in this score and cannot lock it",
            remedy="let another person lock it",
        )
    posts = tuple(_post_part(conn, one, deed) for one in opened)
    rules = rules_on(conn, when.first)
    mix = rules.combination
    content = Content(
        rules=rules.version,
        combination=(str(mix.first), str(mix.own), str(mix.manager)),
        posts=posts,
        grading=_NOT_GRADED,
    )
    score = content.score()
    found = graded(score, tally, scheme, rules, when.first)
    row = _row(person, when, content, found, scheme, deed)
    return _store(conn, row, deed, "score.lock")


def new_version(
    conn: sa.Connection,
    before: ResultRow,
    reviewed: Mapping[str, Fraction],
    appeal: int,
    deed: Deed,
    reason: str,
) -> LockedResult:
    """The next version, with a review's marks instead of both sides'. `reviewed` is by indicator,
    or by "post/indicator" where posts share a name. The evidence of a grade by rate stays.

    Raises RefusedError for an indicator that the score does not have, and a mark that is none.
    """
    old = content_of(before.content)
    unused = set(reviewed)
    posts = []
    for part in old.posts:
        rows = []
        for one in part.indicators:
            names = {one.code, f"{part.post}/{one.code}"} & reviewed.keys()
            unused -= names
            mark = next((str(reviewed[name]) for name in sorted(names)), one.reviewed)
            rows.append(replace(one, reviewed=mark))
        posts.append(replace(part, indicators=tuple(rows)))
    if unused:
        known = sorted({one.code for part in old.posts for one in part.indicators})
        raise RefusedError(
            f"the score has no indicator {', '.join(sorted(unused))}",
            remedy=f"its indicators are {', '.join(known)}",
        )
    when = period_of(before.period)
    rules = rules_of_version(conn, old.rules)
    refuse_marks_out_of_range(reviewed, rules)
    content = replace(old, posts=tuple(posts), appeal=appeal)
    tally = None
    if old.grading.pieces is not None and old.grading.rejects is not None:
        tally = Tally(old.grading.pieces, old.grading.rejects)
    found = graded(content.score(), tally, before.scheme, rules, when.first)
    row = _row(before.person, when, content, found, before.scheme, deed, before.version + 1, reason)
    return _store(conn, row, deed, "score.review")


def give_feedback(conn: sa.Connection, number: int, text: str, deed: Deed) -> None:
    """What the rated person says about the rating: kept beside the score, which it cannot change."""
    row = existing_result(conn, number)
    if not deed.is_one_of(keys_of(conn, row.person)):
        raise RefusedError(
            f"{deed.by} was not rated by result {number}",
            remedy="only the rated person gives feedback on it",
        )
    if not text.strip():
        raise RefusedError("the feedback is empty", remedy="write what you want to say")
    conn.execute(
        score_feedback.insert().values(
            result=number, text=text, entered_by=deed.by, entered_at=deed.at
        )
    )
    log.append(
        conn, deed.at, deed.by, "score.feedback", f"person {row.person}", None,
        {"result": number}, "",
    )  # fmt: skip


def existing_result(conn: sa.Connection, number: int) -> ResultRow:
    row = result_by_number(conn, number)
    if row is None:
        raise NotFoundError(
            f"there is no locked result {number}", remedy="hr-core performance grades lists them"
        )
    return row


def _post_part(conn: sa.Connection, one: Assessment, deed: Deed) -> PostPart:
    view = view_of(conn, one.number, deed)
    if not view.both_in:
        missing = [
            name for name, side in (("self", view.own), ("manager", view.manager)) if not side.given
        ]
        raise RefusedError(
            f"assessment {one.number} of {one.person} lacks the {' and the '.join(missing)} side",
            remedy="let them enter their marks, or let HR excuse a side with its reason",
        )
    if view.to_explain:
        raise RefusedError(
            f"assessment {one.number} of {one.person}: self and manager lie apart on "
            f"{', '.join(view.to_explain)} and nobody says why",
            remedy=f"one of them enters it: hr-core performance assess reason {one.number}",
        )
    marks, reasons = marks_of(one, sides_of(conn, one.number)), reasons_of(conn, one.number)
    return PostPart(
        assessment=one.number,
        post=one.post,
        share_percent=one.share_percent,
        rater=one.rater,
        goals_version=one.goals_version,
        indicators=tuple(
            MarkedIndicator(
                code=indicator.code,
                weight_percent=indicator.weight_percent,
                first=_text(marks[indicator.code].first),
                own=_text(marks[indicator.code].own),
                manager=_text(marks[indicator.code].manager),
                reason=reasons.get(indicator.code),
            )
            for indicator in one.indicators
        ),
    )


def _row(  # noqa: PLR0913 - the columns of a row
    person: str,
    when: Period,
    content: Content,
    found: Graded,
    scheme: str,
    deed: Deed,
    version: int = 1,
    reason: str = "",
) -> ResultRow:
    whole = replace(content, grading=found.evidence)
    return ResultRow(
        number=0,
        person=person,
        period=str(when),
        period_from=when.first,
        period_until=when.after,
        version=version,
        score=whole.score(),
        scheme=scheme,
        grade=found.grade,
        coefficient=found.coefficient,
        content=content_text(whole),
        locked_by=deed.by,
        locked_at=deed.at,
        reason=reason,
    )


def _store(conn: sa.Connection, row: ResultRow, deed: Deed, action: str) -> LockedResult:
    number = add_result(conn, row)
    after = {
        "result": number,
        "period": row.period,
        "version": row.version,
        "score": str(row.score),
        "grade": row.grade,
        "content_sha256": sha256(row.content.encode()).hexdigest(),
    }
    log.append(conn, deed.at, deed.by, action, f"person {row.person}", None, after, row.reason)
    return as_locked(replace(row, number=number))


def _text(value: Fraction | None) -> str | None:
    return None if value is None else str(value)
