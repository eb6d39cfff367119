"""What a locked result leads to, as values: nothing is stored or decided here."""

from collections.abc import Iterator, Sequence
from datetime import date
from fractions import Fraction
from typing import Any

from msgspec import Struct

from hr_core.money import decimal_text
from hr_core.pay.agreement import DatedAgreement
from hr_core.performance.content import content_of
from hr_core.performance.house_rules import Consequence
from hr_core.performance.periods import Period
from hr_core.performance.score_rules import Combination, PromotionRule, ScoreEdition
from hr_core.quality.grades import GradeEdition
from hr_core.store.consequences import ConsequenceKind, PlanGoal
from hr_core.store.score_results import ResultRow

_MONTHS = 12


class Planned(Struct, frozen=True, kw_only=True):
    """One consequence. `once`: what makes it one and the same over every version and re-run."""

    once: str
    kind: ConsequenceKind
    detail: dict[str, Any]
    goals: tuple[PlanGoal, ...] = ()


class PayTerms(Struct, frozen=True, kw_only=True):
    """The agreement of the period's last day, whose pay a bonus is a part of, and the one of the
    first day after, which a raise follows.
    """

    then: DatedAgreement | None
    next: DatedAgreement | None


class MissingPayError(Exception):
    """`kind` is a part of a pay that nobody has entered."""

    def __init__(self, kind: ConsequenceKind, day: date) -> None:
        super().__init__(f"{kind} needs a pay agreement that holds on {day}")
        self.kind = kind
        self.day = day


def planned(
    result: ResultRow,
    rule: Consequence,
    row_of_worst: Sequence[str],
    rules: ScoreEdition,
    grades: GradeEdition,
    promoted: Sequence[PromotionRule],
) -> Iterator[Planned]:
    """Everything but pay. `row_of_worst`: the periods in a row, this one last, with this grade."""
    kinds = ConsequenceKind
    if rule.training is not None:
        yield _one(result, kinds.TRAINING, {"course": rule.training})
    if rule.team_lead_candidate:
        yield _one(result, kinds.TEAM_LEAD_CANDIDATE, {})
    if rule.bonus_to_decide:
        yield _one(result, kinds.BONUS_TO_DECIDE, {"grade": result.grade, "decided_by": "people"})
    if rule.improvement_plan:
        yield _plan(result, rules, grades)
    if rule.transfer_to is not None:
        yield _one(result, kinds.TRANSFER_PROPOSAL, {"to": rule.transfer_to})
    if rule.tell_hr:
        yield _one(result, kinds.HR_NOTICE, {"grade": result.grade})
    wait = rule.leave_if_not_better_after_months
    if wait is not None and len(row_of_worst) > 1 and _months(row_of_worst) >= wait:
        told = {"grade": result.grade, "periods": list(row_of_worst), "decided_by": "people"}
        yield _one(result, kinds.LEAVING_PROPOSAL, told)
    for one in promoted:
        detail = {"rule": one.code, "to": one.to, "years": one.years, "grade": one.grade}
        yield _one(result, kinds.PROMOTION_CANDIDATE, detail, one.code)


def planned_pay(result: ResultRow, rule: Consequence, pay: PayTerms) -> Iterator[Planned]:
    """Raises MissingPayError."""
    if rule.raise_percent is not None:
        if pay.next is None:
            raise MissingPayError(ConsequenceKind.RAISE, result.period_until)
        before = pay.next.terms.base_fen
        detail = {
            "percent": decimal_text(rule.raise_percent),
            "before_fen": before,
            "after_fen": rule.raised(before),
            "valid_from": result.period_until.isoformat(),
            "agreement": pay.next.number,
        }
        year = Period.parse(result.period).months()[-1].year
        once = f"raise:{result.person}:{year}"
        yield Planned(once=once, kind=ConsequenceKind.RAISE, detail=detail)
    if rule.bonus_percent_of_month is not None:
        if pay.then is None:
            raise MissingPayError(ConsequenceKind.BONUS, result.period_until)
        base = pay.then.terms.base_fen
        detail = {
            "percent": decimal_text(rule.bonus_percent_of_month),
            "month_fen": base,
            "amount_fen": rule.bonus(base),
            "agreement": pay.then.number,
        }
        yield _one(result, ConsequenceKind.BONUS, detail)


def in_a_row(results: Sequence[ResultRow], last: ResultRow) -> tuple[str, ...]:
    """The periods without a gap up to `last` that have its grade, oldest first."""
    row = [last.period]
    begin = last.period_from
    for one in sorted(results, key=lambda row: row.period_until, reverse=True):
        if one.period_until == begin and _months([one.period]) == _months([last.period]):
            if one.grade != last.grade:
                break
            row.append(one.period)
            begin = one.period_from
    return tuple(reversed(row))


def _one(
    result: ResultRow, kind: ConsequenceKind, detail: dict[str, Any], which: str = ""
) -> Planned:
    once = ":".join((kind.value, result.person, result.period, *filter(None, (which,))))
    return Planned(once=once, kind=kind, detail=detail)


def _plan(result: ResultRow, rules: ScoreEdition, grades: GradeEdition) -> Planned:
    """Its goals: each weak indicator up to the mark that the rules name; by rate, the rate of B."""
    begins = result.period_until
    due = _after(begins, rules.plan_months)
    content = content_of(result.content)
    first, own, manager = map(Fraction, content.combination)
    rule = Combination(first, own, manager)
    wanted = decimal_text(rules.plan_below)
    goals = [
        PlanGoal(
            text=f"{one.code}: {decimal_text(one.final(rule))} → {wanted}",
            due=due,
        )
        for part in content.posts
        for one in part.indicators
        if one.final(rule) < rules.plan_below
    ]
    if content.grading.basis == "defect_rate":
        rates = [row for row in grades.grade if row.upper_percent is not None]
        good = next((row for row in rates if row.code == "B"), rates[0])
        rate = f"{content.grading.rejects}/{content.grading.pieces}"
        goals.insert(
            0, PlanGoal(text=f"次品率 defect rate: {rate} → {good.upper_percent} %", due=due)
        )
    if not goals:
        goals.append(PlanGoal(text=f"score: {decimal_text(result.score)} → {wanted}", due=due))
    detail = {
        "begins": begins.isoformat(),
        "due": due.isoformat(),
        "with": sorted(content.raters),
    }
    kind = ConsequenceKind.IMPROVEMENT_PLAN
    return Planned(
        once=f"{kind.value}:{result.person}:{result.period}",
        kind=kind,
        detail=detail,
        goals=tuple(goals),
    )


def _months(periods: Sequence[str]) -> int:
    return sum(len(Period.parse(one).months()) for one in periods)


def _after(day: date, months: int) -> date:
    """`day` is the first of a month, as every period ends."""
    whole = day.year * _MONTHS + day.month - 1 + months
    return date(whole // _MONTHS, whole % _MONTHS + 1, 1)
