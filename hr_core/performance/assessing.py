"""Two-way assessment: the person and the rater mark each indicator, and neither sees the other's
marks before both are in. What a reader may see is decided here, for every page and command.
"""

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

import sqlalchemy as sa
from msgspec import Struct

from hr_core.audit import log
from hr_core.errors import NotFoundError, RefusedError
from hr_core.money import decimal_text, parse_exact
from hr_core.performance.acting import Deed, period_of
from hr_core.performance.score_rules import ScoreEdition, rules_on
from hr_core.performance.two_way import Marks, Weighted, whole
from hr_core.store.assessments import (
    Assessment,
    Indicator,
    Side,
    SideRow,
    add_assessment,
    assessment_by_number,
    assessment_reasons,
    assessments_of,
    put_side,
    reasons_of,
    sides_of,
    withdraw,
)
from hr_core.store.score_results import newest_result
from hr_core.store.work_plan import keys_of

_SHARE = re.compile(r"\d{1,9}/[1-9]\d{0,8}")
_MOST_INDICATORS = 100  # a scorecard of more is a data file


class MarksFrozenError(RefusedError):
    """Marks that came too late: both sides are in, or the score is locked."""


class NewAssessment(Struct, frozen=True, kw_only=True):
    """`share_percent`: what this post counts in the person's score."""

    person: str
    period: str
    rater: str
    indicators: Sequence[Indicator]
    goals_version: int | None = None
    post: str = ""
    share_percent: str = "100"


class SideView(Struct, frozen=True, kw_only=True):
    """`marks` None: not in, hidden, or excused (then `note` says why)."""

    given: bool
    visible: bool
    marks: dict[str, str] | None = None
    note: str = ""


class AssessmentView(Struct, frozen=True, kw_only=True):
    """As one reader may see it. `to_explain`: lie too far apart, without a reason yet."""

    assessment: Assessment
    own: SideView
    manager: SideView
    both_in: bool
    reasons: dict[str, str]
    to_explain: tuple[str, ...]


def open_assessment(conn: sa.Connection, new: NewAssessment, deed: Deed) -> int:
    """Raises RefusedError: weights that do not sum, a rater who is the person, a locked period."""
    period = str(period_of(new.period))
    if new.rater in keys_of(conn, new.person):
        raise RefusedError(
            f"{new.person} cannot be the rater of the own work",
            remedy="name another person as the rater",
        )
    if len(new.indicators) > _MOST_INDICATORS:
        raise RefusedError(
            f"{len(new.indicators)} indicators, {_MOST_INDICATORS} are the most",
            remedy="put some together",
        )
    if len({one.code for one in new.indicators}) < len(new.indicators):
        raise RefusedError("an indicator is named twice", remedy="name each once")
    weights = [Weighted(exact(one.weight_percent), Fraction(0)) for one in new.indicators]
    whole(weights, f"the indicators of {new.person}")
    if not 0 < exact(new.share_percent) <= 100:
        raise RefusedError(
            f"a post's share of {new.share_percent} %", remedy="give more than 0, at most 100"
        )
    _refuse_locked(conn, new.person, period)
    if any(one.post == new.post for one in assessments_of(conn, new.person, period)):
        raise RefusedError(
            f"{new.person} has an assessment of {period} for {new.post or 'the only post'} already",
            remedy="see hr-core performance assess list; another post needs --post",
        )
    made = Assessment(
        number=0,
        person=new.person,
        period=period,
        post=new.post,
        share_percent=new.share_percent,
        rater=new.rater,
        goals_version=new.goals_version,
        indicators=tuple(new.indicators),
    )
    number = add_assessment(conn, made, deed.by, deed.at)
    log.append(
        conn, deed.at, deed.by, "assessment.open", f"person {new.person}", None,
        {"assessment": number, "period": period, "rater": new.rater, "post": new.post}, "",
    )  # fmt: skip
    return number


def enter_marks(
    conn: sa.Connection,
    number: int,
    side: Side,
    marks: Mapping[str, Fraction],
    deed: Deed,
    note: str,
) -> None:
    """Every indicator at once; again as long as the other side has given nothing."""
    assessment = existing_assessment(conn, number)
    _refuse_other_side(conn, assessment, side, deed)
    wanted = {one.code for one in assessment.indicators}
    if wanted != marks.keys():
        missing, unknown = sorted(wanted - marks.keys()), sorted(marks.keys() - wanted)
        raise RefusedError(
            f"assessment {number}: without a mark {missing}, unknown {unknown}",
            remedy=f"give one mark to each of {', '.join(sorted(wanted))}",
        )
    refuse_marks_out_of_range(marks, _rules(conn, assessment))
    row = {code: str(mark) for code, mark in sorted(marks.items())}
    _put(conn, assessment, side, row, note, deed)


def refuse_marks_out_of_range(marks: Mapping[str, Fraction], rules: ScoreEdition) -> None:
    """Raises RefusedError."""
    highest = rules.highest_mark
    for code, mark in marks.items():
        if not 0 <= mark <= highest:
            raise RefusedError(
                f"{code}: a mark of {decimal_text(mark)}",
                remedy=f"marks are 0 to {decimal_text(highest)}",
            )


def excuse_side(conn: sa.Connection, number: int, side: Side, deed: Deed, why: str) -> None:
    """A side that cannot mark (long leave, left, refuses): the other one counts alone. Somebody
    who is neither of the two enters it, with the reason.
    """
    assessment = existing_assessment(conn, number)
    if not why.strip():
        raise RefusedError("an excused side needs a reason", remedy="give --reason")
    if deed.is_one_of((assessment.rater, *keys_of(conn, assessment.person))):
        raise RefusedError(
            f"{deed.by} is a side of assessment {number} and cannot excuse one",
            remedy="let HR enter it",
        )
    _put(conn, assessment, side, None, why, deed)


def withdraw_assessment(conn: sa.Connection, number: int, deed: Deed, why: str) -> None:
    """Opened by mistake, or its rater left. By somebody who is neither of the two, so that nobody
    begins anew after a look at the other's marks; another one may then be opened.
    """
    assessment = existing_assessment(conn, number)
    _refuse_locked(conn, assessment.person, assessment.period)
    if not why.strip():
        raise RefusedError("it is not withdrawn without a reason", remedy="give --reason")
    if deed.is_one_of((assessment.rater, *keys_of(conn, assessment.person))):
        raise RefusedError(
            f"{deed.by} is a side of assessment {number} and cannot withdraw it",
            remedy="let HR withdraw it",
        )
    withdraw(conn, number, why, deed.by, deed.at)
    log.append(
        conn, deed.at, deed.by, "assessment.withdraw", f"person {assessment.person}",
        {"assessment": number, "rater": assessment.rater}, None, why,
    )  # fmt: skip


def explain_deviation(
    conn: sa.Connection, number: int, indicator: str, reason: str, deed: Deed
) -> None:
    """Why two sides lie apart: entered by one of them, kept for good."""
    assessment = existing_assessment(conn, number)
    if not deed.is_one_of((assessment.rater, *keys_of(conn, assessment.person))):
        raise RefusedError(
            f"{deed.by} is not a side of assessment {number}",
            remedy=f"the person or the rater {assessment.rater} says why",
        )
    if indicator not in view_of(conn, number, deed).to_explain:
        raise RefusedError(
            f"assessment {number} waits for no reason for {indicator!r}",
            remedy=f"hr-core performance assess show {number} lists what is to be explained",
        )
    if not reason.strip():
        raise RefusedError("the reason is empty", remedy="give --reason")
    conn.execute(
        assessment_reasons.insert().values(
            assessment=number, indicator=indicator, reason=reason,
            entered_by=deed.by, entered_at=deed.at,
        )
    )  # fmt: skip
    log.append(
        conn, deed.at, deed.by, "assessment.reason", f"person {assessment.person}", None,
        {"assessment": number, "indicator": indicator}, reason,
    )  # fmt: skip


def view_of(conn: sa.Connection, number: int, reader: Deed) -> AssessmentView:
    """Before both are in, each side's marks are for that side alone, HR included in nobody else.

    Raises NotFoundError.
    """
    assessment = existing_assessment(conn, number)
    sides, reasons = sides_of(conn, number), reasons_of(conn, number)
    both_in = len(sides) == 2
    own_names = keys_of(conn, assessment.person)
    return AssessmentView(
        assessment=assessment,
        own=_side_view(sides.get("self"), both_in or reader.is_one_of(own_names)),
        manager=_side_view(sides.get("manager"), both_in or reader.is_one_of([assessment.rater])),
        both_in=both_in,
        reasons=reasons,
        to_explain=tuple(
            code
            for code, marks in marks_of(assessment, sides).items()
            if both_in and marks.differ(_rules(conn, assessment).tolerance) and code not in reasons
        ),
    )


def marks_of(assessment: Assessment, sides: Mapping[Side, SideRow]) -> dict[str, Marks]:
    """For the lock alone: nobody's view."""
    own, manager = (_given(sides.get(side)) for side in ("self", "manager"))
    return {
        one.code: Marks(
            None if one.first is None else Fraction(one.first),
            own.get(one.code),
            manager.get(one.code),
        )
        for one in assessment.indicators
    }


def existing_assessment(conn: sa.Connection, number: int) -> Assessment:
    found = assessment_by_number(conn, number)
    if found is None:
        raise NotFoundError(
            f"no assessment {number} is open", remedy="hr-core performance assess list shows them"
        )
    return found


def exact(text: str) -> Fraction:
    """Of decimal text, or of a share like "100/3". Raises RefusedError for other text."""
    if _SHARE.fullmatch(text):
        return Fraction(text)
    try:
        return parse_exact(text)
    except ValueError as exc:
        raise RefusedError(str(exc), remedy="write it like 40 or 12.5") from exc


def _rules(conn: sa.Connection, assessment: Assessment) -> ScoreEdition:
    return rules_on(conn, period_of(assessment.period).first)


def _put(
    conn: sa.Connection,
    assessment: Assessment,
    side: Side,
    marks: dict[str, str] | None,
    note: str,
    deed: Deed,
) -> None:
    _refuse_locked(conn, assessment.person, assessment.period)
    if len(sides_of(conn, assessment.number)) == 2:
        raise MarksFrozenError(
            f"both sides of assessment {assessment.number} are in: its marks are frozen",
            remedy="say why they differ, or appeal after the lock",
        )
    row = SideRow(side=side, marks=marks, note=note, entered_by=deed.by, entered_at=deed.at)
    put_side(conn, assessment.number, row)
    # Without the marks: whoever reads the log could be the other side.
    entered = {"assessment": assessment.number, "side": side, "excused": marks is None}
    log.append(
        conn, deed.at, deed.by, "assessment.side", f"person {assessment.person}", None, entered,
        note if marks is None else "",
    )  # fmt: skip


def _given(side: SideRow | None) -> dict[str, Fraction]:
    if side is None or side.marks is None:
        return {}
    return {code: Fraction(mark) for code, mark in side.marks.items()}


def _side_view(side: SideRow | None, visible: bool) -> SideView:  # noqa: FBT001 - one flag of two
    if side is None or not visible:
        return SideView(given=side is not None, visible=visible)
    return SideView(given=True, visible=True, marks=side.marks, note=side.note)


def _refuse_other_side(conn: sa.Connection, assessment: Assessment, side: Side, deed: Deed) -> None:
    own = keys_of(conn, assessment.person)
    wanted = own if side == "self" else (assessment.rater,)
    # The rater's record may have been merged into the person's since: then nobody rates.
    if not deed.is_one_of(wanted) or (side == "manager" and deed.is_one_of(own)):
        raise RefusedError(
            f"{deed.by} is not the {side} side of assessment {assessment.number}",
            remedy=f"{wanted[0]} enters these marks, nobody else; of a rater who turned out to be the "
            "same person HR withdraws the assessment",
        )


def _refuse_locked(conn: sa.Connection, person: str, period: str) -> None:
    if newest_result(conn, keys_of(conn, person), period) is not None:
        raise MarksFrozenError(
            f"the score of {person} for {period} is locked",
            remedy="the person may appeal: hr-core performance appeal",
        )
