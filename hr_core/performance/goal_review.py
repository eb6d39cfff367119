"""A missed goal is talked over: a task with what was wanted, what was reached and from where."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import sqlalchemy as sa

from hr_core.errors import NothingToComputeError
from hr_core.money import decimal_text
from hr_core.performance.consequences import Planned
from hr_core.performance.content import MarkedIndicator, content_of
from hr_core.performance.first_score import IndicatorScore, first_score
from hr_core.performance.periods import Period
from hr_core.performance.score_rules import ScoreEdition
from hr_core.store.consequences import ConsequenceKind
from hr_core.store.score_results import ResultRow


def planned_review(conn: sa.Connection, result: ResultRow, rules: ScoreEdition) -> Planned | None:
    """One task for all goals whose first score, the one by data, lies below the edge of the rules."""
    edge = rules.review_below
    indicators = [one for part in content_of(result.content).posts for one in part.indicators]
    missed = [
        one
        for one in indicators
        if edge is not None and one.first is not None and Fraction(one.first) < edge
    ]
    if not missed:
        return None
    figures = _figures(conn, result)
    kind = ConsequenceKind.GOAL_REVIEW
    return Planned(
        once=f"{kind.value}:{result.person}:{result.period}",
        kind=kind,
        detail={"goals": [_told(one, figures.get(one.code)) for one in missed]},
    )


def _figures(conn: sa.Connection, result: ResultRow) -> Mapping[str, IndicatorScore]:
    """As they are today; none where the first scores were typed in with the assessment."""
    try:
        found = first_score(conn, result.person, Period.parse(result.period))
    except NothingToComputeError:
        return {}
    return {one.goal: one for one in found.indicators}


def _told(one: MarkedIndicator, figure: IndicatorScore | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "goal": one.code,
        "weight_percent": decimal_text(Fraction(one.weight_percent)),
        "first": decimal_text(Fraction(one.first or 0)),
    }
    if figure is not None:
        told |= {
            "target": f"{decimal_text(figure.target)} {figure.measure}".strip(),
            "actual": decimal_text(figure.actual),
            "sources": list(figure.sources),
        }
    return told
