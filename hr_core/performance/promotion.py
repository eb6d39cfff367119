"""Who has earned to be looked at for a promotion: years in a row with a grade. People decide."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

import sqlalchemy as sa

from hr_core.performance.content import content_of
from hr_core.performance.periods import Period
from hr_core.performance.score_rules import PromotionRule, ScoreEdition
from hr_core.people.records import Role
from hr_core.store.organisation import memberships_of, memberships_where_unit
from hr_core.store.score_results import ResultRow, newest_results, results_of, score_results


def eligible(
    rule: PromotionRule,
    grades: Mapping[int, str | None],
    year: int,
    rules: ScoreEdition,
    team_grade: str | None,
) -> bool:
    """`grades` by year. A year without a grade breaks the row; so does a worse one."""
    in_row = all(
        (grade := grades.get(year - back)) is not None and rules.at_least(grade, rule.grade)
        for back in range(rule.years)
    )
    if rule.team_grade is None:
        return in_row
    return in_row and team_grade is not None and rules.at_least(team_grade, rule.team_grade)


def rules_for(posts: Sequence[str], rules: ScoreEdition) -> Iterator[PromotionRule]:
    """Those of the person's posts, and the general ones to where no rule of a post leads."""
    own = [one for one in rules.promotion if one.post in posts]
    led_to = {one.to for one in own}
    yield from own
    yield from (one for one in rules.promotion if one.post is None and one.to not in led_to)
