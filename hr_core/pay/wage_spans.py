"""The agreed wage of a month by its agreements, and its fixed and floating parts."""

from fractions import Fraction

from msgspec import Struct
from msgspec.structs import replace

from hr_core.money import decimal_text, multiply_fen
from hr_core.pay.agreement import DatedAgreement
from hr_core.pay.cn.lines import Line, PayRefusedError
from hr_core.pay.cn.month_wage import Employment, WageSpan, month_wage
from hr_core.pay.person_month import PersonMonth
from hr_core.trace.calculation import Step


class Part(Struct, frozen=True):
    """One agreement's fen of the month's wage. `share`: of it that floats; None: it is not divided."""

    agreement: DatedAgreement
    fen: int
    share: Fraction | None = None
    floats: bool = False


def fixed_parts(month: PersonMonth) -> tuple[Part, ...]:
    return tuple(
        Part(one, one.terms.base_fen - _floating(one), share_of(one)) for one in month.agreements
    )


def floating_parts(month: PersonMonth) -> tuple[Part, ...]:
    return tuple(Part(one, _floating(one), share_of(one), floats=True) for one in month.agreements)


def share_of(agreement: DatedAgreement) -> Fraction:
    """Raises PayRefusedError."""
    try:
        share = agreement.terms.floating_share
    except ValueError:
        share = Fraction(-1)
    if not 0 <= share <= 1:
        raise PayRefusedError(
            f"agreement {agreement.number}: floating_percent {agreement.terms.floating_percent!r} is "
            "no percent from 0 to 100",
            remedy="HR enters the agreement anew: hr-core pay agreements import",
        )
    return share


def wage_of_parts(
    month: PersonMonth, parts: tuple[Part, ...], *, less_unpaid_leave: bool = True
) -> Line:
    """By the days of each agreement, of employment and of unpaid leave. Raises PayRefusedError."""
    by_law = month.require_law()
    work = Employment(
        hired=by_law.person.work.hired,
        left=by_law.person.work.left,
        wages=_spans([(one.agreement, one.fen) for one in parts]),
    )
    unpaid = by_law.facts.unpaid_leave if less_unpaid_leave else ()
    national = by_law.law.national.overtime_on(month.month.first)
    made = month_wage(work, month.month, by_law.facts.days, unpaid, national)
    return _with_division(made, [one for one in parts if one.share])


def whole_wages(agreements: tuple[DatedAgreement, ...]) -> tuple[WageSpan, ...]:
    return _spans([(one, one.terms.base_fen) for one in agreements])


def signed(agreements: tuple[DatedAgreement, ...]) -> dict[str, str]:
    """For the facts of a trace: which agreements, and whose four eyes."""
    return {
        f"agreement_{one.number}": f"from {one.valid_from}, entered by {one.entered_by}, "
        f"approved by {one.approved_by}"
        for one in agreements
    }


def _floating(agreement: DatedAgreement) -> int:
    share = share_of(agreement)
    return multiply_fen(agreement.terms.base_fen, share.numerator, share.denominator)


def _spans(amounts: list[tuple[DatedAgreement, int]]) -> tuple[WageSpan, ...]:
    ends = [one.valid_from for one, _ in amounts[1:]]
    return tuple(
        WageSpan(fen, agreement.valid_from, until)
        for (agreement, fen), until in zip(amounts, [*ends, None], strict=True)
    )


def _with_division(line: Line, parts: list[Part]) -> Line:
    """Says in steps how the agreed wage was divided, where it was."""
    names: dict[int, str] = {}
    steps: list[Step] = []
    for at, part in enumerate(parts, 1):
        base, share = part.agreement.terms.base_fen, part.share or Fraction(0)
        floating = f"floating_of_wage_{at}"
        of = (base, share.numerator, share.denominator)
        steps.append(Step(floating, "multiply_half_up", of, _floating(part.agreement)))
        names[part.fen] = floating
        if not part.floats:
            names[part.fen] = f"fixed_of_wage_{at}"
            steps.append(Step(names[part.fen], "difference", (base, floating), part.fen))
    steps += [_named(one, names) for one in line.trace.steps]
    facts = {
        f"floating_percent_{at}": decimal_text((part.share or Fraction(0)) * 100)
        for at, part in enumerate(parts, 1)
    }
    trace = replace(line.trace, steps=tuple(steps), facts=line.trace.facts | facts)
    return Line(line.kind, trace)


def _named(step: Step, names: dict[int, str]) -> Step:
    """Where the step takes a wage as a number, it takes the step that gave it."""
    at = {"product": 0, "smallest": 1}.get(step.operation)
    wage = step.of[at] if at is not None and at < len(step.of) else None
    if not isinstance(wage, int) or wage not in names:
        return step
    of = tuple(names[wage] if place == at else one for place, one in enumerate(step.of))
    return replace(step, of=of)
