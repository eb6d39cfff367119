"""The floating part of the wage: the locked result's coefficient, inside the range of the post."""

from fractions import Fraction

from msgspec.structs import replace

from hr_core.money import decimal_text, parse_exact
from hr_core.pay.agreement import DatedAgreement
from hr_core.pay.cn.lines import Line, PayRefusedError
from hr_core.pay.made_line import slip_line
from hr_core.pay.person_month import LockedScore, PersonMonth
from hr_core.pay.scheme import FloatingTerms, PostTerms
from hr_core.pay.slip import SlipLine
from hr_core.pay.wage_spans import floating_parts, share_of, signed, wage_of_parts
from hr_core.trace.calculation import Step

_AGAIN = "HR enters the agreement anew: hr-core pay agreements import FILE"


def floating_lines(month: PersonMonth) -> tuple[SlipLine, ...]:
    """None where nothing floats. Raises PayRefusedError for a share or coefficient out of its range."""
    if not any(share_of(one) for one in month.agreements if not one.terms.by_piece):
        return ()
    terms = month.terms.scheme.floating
    if terms is None:
        raise PayRefusedError(
            f"a part of the agreed wage floats and scheme {month.terms.scheme.version} does not say "
            "by what",
            remedy="whoever keeps the scheme adds [edition.floating] to it and imports it again",
        )
    coefficient, told = _coefficient(month.score, terms)
    for agreement in month.agreements:
        if share_of(agreement) and not agreement.terms.by_piece:
            _check(agreement, coefficient, terms)
    parts = tuple(
        replace(part, fen=0, share=None) if part.agreement.terms.by_piece else part
        for part in floating_parts(month)
    )
    made = wage_of_parts(month, parts)
    last = made.trace.steps[-1]
    of = (last.name, coefficient.numerator, coefficient.denominator)
    amount = (2 * last.result * coefficient.numerator + coefficient.denominator) // (
        2 * coefficient.denominator
    )
    trace = replace(
        made.trace,
        rule="floating",
        version=month.terms.scheme.version,
        source=f"{terms.source}; days: {made.trace.source}",
        formula=f"floating part of the wage ({made.trace.formula}) x coefficient",
        steps=(*made.trace.steps, Step("amount", "multiply_half_up", of, amount)),
        facts=made.trace.facts
        | {"coefficient": decimal_text(coefficient)}
        | _told(month.score)
        | signed(month.agreements),
    )
    note = f"coefficient {decimal_text(coefficient)}: {told}"
    return (slip_line(Line("floating", trace), note),)


def _coefficient(score: LockedScore | None, terms: FloatingTerms) -> tuple[Fraction, str]:
    """With the reason, for the slip. Raises PayRefusedError."""
    if score is None:
        if terms.without_result is None:
            raise PayRefusedError(
                "no result of performance is locked for the month",
                remedy="the manager locks the result (hr-core performance), or the scheme says what "
                "counts without one: without_result in [edition.floating]",
            )
        return terms.without_result, "no result is locked, the scheme's own"
    result = f"result {score.number}, score {decimal_text(score.score)}"
    if score.coefficient is not None:
        return score.coefficient, result
    if score.grade is not None and score.grade in terms.by_grade:
        return terms.by_grade[score.grade], f"{result}, grade {score.grade}"
    reached = [step for step in terms.by_score if step.at_least <= score.score]
    if reached:
        step = max(reached, key=lambda one: one.at_least)
        return step.coefficient, f"{result}, at least {decimal_text(step.at_least)}"
    raise PayRefusedError(
        f"{result}, grade {score.grade or 'none'}: the scheme has no coefficient for it",
        remedy="whoever keeps the scheme adds it to by_grade or by_score in [edition.floating]",
    )


def _check(agreement: DatedAgreement, coefficient: Fraction, terms: FloatingTerms) -> None:
    agreed = agreement.terms
    post = terms.of_post(agreed.post_type)
    if post is None:
        raise PayRefusedError(
            f"agreement {agreement.number} names post type {agreed.post_type!r}; the scheme has "
            f"{', '.join(one.type for one in terms.post)}",
            remedy=f"{_AGAIN}; or whoever keeps the scheme adds the type to [[edition.floating.post]]",
        )
    percent = share_of(agreement) * 100
    low, high = post.floating_percent
    if not low <= percent <= high:
        raise PayRefusedError(
            f"agreement {agreement.number}: {decimal_text(percent)} % of the wage float, for "
            f"{post.type} {decimal_text(low)} to {decimal_text(high)} % are allowed",
            remedy=f"{_AGAIN} with a share inside the range",
        )
    least, most = _range(agreement, post)
    if not least <= coefficient <= most:
        raise PayRefusedError(
            f"coefficient {decimal_text(coefficient)} is outside {decimal_text(least)} to "
            f"{decimal_text(most)} of post type {post.type}, agreement {agreement.number}",
            remedy="the manager who locked the result corrects it by a new version, or HR changes the "
            "range: in the agreement, or of the post type in the scheme",
        )


def _range(agreement: DatedAgreement, post: PostTerms) -> tuple[Fraction, Fraction]:
    """The agreement may be narrower than the type of post, never wider."""
    least, most = post.coefficient
    own = (agreement.terms.coefficient_min, agreement.terms.coefficient_max)
    try:
        low, high = (
            parse_exact(text) if text else bound
            for text, bound in zip(own, (least, most), strict=True)
        )
    except ValueError as exc:
        raise PayRefusedError(f"agreement {agreement.number}: {exc}", remedy=_AGAIN) from exc
    return max(least, low), min(most, high)


def _told(score: LockedScore | None) -> dict[str, str]:
    if score is None:
        return {"result": "none is locked"}
    told = {
        "result": str(score.number),
        "result_version": str(score.version),
        "score": decimal_text(score.score),
    }
    return told | ({"grade": score.grade} if score.grade else {})
