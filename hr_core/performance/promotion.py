"""Who has earned to be looked at for a promotion: years in a row with a grade. People decide."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from fractions import Fraction

import sqlalchemy as sa

from hr_core.people.visibility import Scope, only_visible, visible_people
from hr_core.performance.content import content_of
from hr_core.performance.periods import Period
from hr_core.performance.score_rules import PromotionRule, ScoreEdition
from hr_core.store.score_results import ResultRow, newest_results, score_results

_YEAR_MONTHS = 12


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


def promotions(
    conn: sa.Connection, result: ResultRow, history: Sequence[ResultRow], rules: ScoreEdition
) -> Iterator[PromotionRule]:
    """Which rules the result of a year completes; none for a shorter period. `history`: all results
    of the person.
    """
    period = Period.parse(result.period)
    if len(period.months()) != _YEAR_MONTHS:
        return
    years = {
        Period.parse(row.period).first.year: row.grade
        for row in history
        if len(Period.parse(row.period).months()) == _YEAR_MONTHS
    }
    posts = [one.post for one in content_of(result.content).posts]
    for rule in rules_for(posts, rules):
        team = None if rule.team_grade is None else team_grade(conn, result, rules)
        if eligible(rule, years, period.first.year, rules, team):
            yield rule


def team_grade(conn: sa.Connection, result: ResultRow, rules: ScoreEdition) -> str | None:
    """The grade of the mean score of the people whom the person led on the last day of the period,
    in the same period. None where none of them has a score.
    """
    last = result.period_until - timedelta(days=1)
    led = visible_people(Scope(person=result.person, manages=True), last)
    columns = score_results.c
    rows = newest_results(
        conn,
        columns.period == result.period,
        columns.person != result.person,
        only_visible(columns.person, led),
    )
    if not rows:
        return None
    return rules.grade_of(sum((row.score for row in rows), Fraction(0)) / len(rows)).code
