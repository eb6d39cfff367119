"""Two sides' marks to one score, exact: no rounding before money is made of it."""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from msgspec import Struct

from hr_core.errors import RefusedError
from hr_core.money import decimal_text
from hr_core.performance.house_rules import reason_required
from hr_core.performance.relations import Relation
from hr_core.performance.score_rules import Combination, Rules360


class Marks(NamedTuple):
    """Of one indicator; None where a part is missing: no data, or an excused side."""

    first: Fraction | None
    own: Fraction | None
    manager: Fraction | None

    def differ(self, tolerance: Fraction) -> bool:
        """So far that a reason is needed before the lock."""
        if self.own is None or self.manager is None:
            return False
        return reason_required(self.own, self.manager, tolerance)


class Weighted(Struct, frozen=True):
    percent: Fraction
    score: Fraction


def combined(marks: Marks, rule: Combination) -> Fraction:
    """Of one indicator. What a missing part would have counted goes to the others in proportion.

    Raises RefusedError where no part that counts is there.
    """
    parts = [
        Weighted(percent, score)
        for percent, score in zip((rule.first, rule.own, rule.manager), marks, strict=True)
        if score is not None and percent > 0
    ]
    if not parts:
        raise RefusedError(
            "no side that counts has given marks: there is nothing to make a score of",
            remedy="let a side enter its marks: hr-core performance assess enter",
        )
    return mean(parts)


def mean(parts: Sequence[Weighted]) -> Fraction:
    """Weighted, whatever the weights sum to."""
    return Fraction(
        sum(one.percent * one.score for one in parts), sum(one.percent for one in parts)
    )


def whole(parts: Sequence[Weighted], of: str) -> Fraction:
    """Weighted; refused unless the weights are 100 %: indicators of a post, posts of a person."""
    total = sum((one.percent for one in parts), Fraction(0))
    if total != 100 or any(one.percent <= 0 for one in parts):
        shown = " + ".join(decimal_text(one.percent) for one in parts) or "nothing"
        raise RefusedError(
            f"the weights of {of} are {shown} = {decimal_text(total)} %, not 100 %",
            remedy="give each its weight above 0 so that they sum to 100",
        )
    return mean(parts)


class Shown360(Struct, frozen=True, kw_only=True):
    """What the rated person may see; never who rated. `score` None: too few raters to be anonymous.

    `by_relation` has only relations with enough raters of their own: the mean of one person's mark
    is that person's mark. It is empty where what it leaves out could be subtracted.
    """

    raters: int
    least_raters: int
    score: Fraction | None
    by_relation: dict[str, Fraction]


def result_360(given: Iterable[tuple[Relation, Fraction]], rules: Rules360) -> Shown360:
    """Mean of each relation, weighted; a relation that nobody has leaves its weight to the others."""
    scores: dict[Relation, list[Fraction]] = {}
    for relation, score in given:
        scores.setdefault(relation, []).append(score)
    raters = sum(map(len, scores.values()))
    if raters < rules.least_raters:
        return Shown360(raters=raters, least_raters=rules.least_raters, score=None, by_relation={})
    means = {one: Fraction(sum(all_of), len(all_of)) for one, all_of in scores.items()}
    parts = [Weighted(rules.weight(one), value) for one, value in means.items()]
    if not any(one.percent for one in parts):
        return Shown360(raters=raters, least_raters=rules.least_raters, score=None, by_relation={})
    enough = {one for one, all_of in scores.items() if len(all_of) >= rules.least_raters}
    hidden = sum(len(all_of) for one, all_of in scores.items() if one not in enough)
    shown = means if hidden == 0 or hidden >= rules.least_raters else {}
    return Shown360(
        raters=raters,
        least_raters=rules.least_raters,
        score=mean(parts),
        by_relation={one: value for one, value in shown.items() if one in enough},
    )


def post_score(shares: Mapping[str, Weighted]) -> Fraction:
    """Of a person with several posts: 60/40 of 90 and 70 are 82."""
    return whole(tuple(shares.values()), "the person's posts (" + ", ".join(map(str, shares)) + ")")
