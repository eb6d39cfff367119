"""From a score or a defect rate to a grade and its coefficient, and how grades spread in a group."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from msgspec import Struct

from hr_core.errors import RefusedError
from hr_core.money import decimal_text
from hr_core.performance.content import GradeEvidence
from hr_core.performance.score_rules import ScoreEdition
from hr_core.quality.grades import GradeTable, grade_of, load_grades
from hr_core.quality.month import Tally


class Graded(NamedTuple):
    grade: str | None
    coefficient: Fraction | None
    evidence: GradeEvidence


def graded(
    score: Fraction,
    tally: Tally | None,
    scheme: str,
    rules: ScoreEdition,
    on: date,
    table: GradeTable | None = None,
) -> Graded:
    """`tally`: the person's pieces of the period. Without enough of them nobody is graded by rate:
    no grade, no coefficient and no consequence, never a guess. Raises RefusedError for a scheme
    without a basis.
    """
    basis = rules.basis.get(scheme)
    if basis is None:
        raise RefusedError(
            f"the rules {rules.version} do not say what grades the scheme {scheme!r}",
            remedy=f"choose one of {', '.join(sorted(rules.basis))}, or import rules that name it",
        )
    if basis == "score":
        row = rules.grade_of(score)
        edge = "no lower edge" if row.from_score is None else f"from {decimal_text(row.from_score)}"
        evidence = GradeEvidence(
            basis=basis,
            reason=f"score {decimal_text(score)}: {row.code} {edge}",
            version=rules.version,
        )
        return Graded(row.code, row.coefficient, evidence)
    edition = (table or load_grades()).on(on)
    pieces, rejects = tally or Tally()
    found = grade_of(pieces, rejects, edition)
    evidence = GradeEvidence(
        basis=basis, reason=found.reason, pieces=pieces, rejects=rejects, version=edition.version
    )
    if found.grade is None:
        return Graded(None, None, evidence)
    coefficient = rules.coefficient(found.grade)
    if coefficient is None:
        raise RefusedError(
            f"the rules {rules.version} have no coefficient for grade {found.grade}",
            remedy="import rules with a row for it",
        )
    return Graded(found.grade, coefficient, evidence)


class SpreadRow(Struct, frozen=True, kw_only=True):
    """`percent`: of the graded, exact; `even_percent`: what an even team has, None: nothing is said."""

    grade: str
    count: int
    percent: Fraction
    even_percent: Fraction | None


class Spread(Struct, frozen=True, kw_only=True):
    graded: int
    not_rated: int
    rows: tuple[SpreadRow, ...]


def spread(grades: Iterable[str | None], rules: ScoreEdition) -> Spread:
    """Counts, beside what an even team looks like. It shows; it forces no grade on anybody."""
    counts = Counter(grades)
    total = sum(number for grade, number in counts.items() if grade is not None)
    return Spread(
        graded=total,
        not_rated=counts[None],
        rows=tuple(
            SpreadRow(
                grade=one.code,
                count=counts[one.code],
                percent=Fraction(100 * counts[one.code], total) if total else Fraction(0),
                even_percent=rules.spread.get(one.code),
            )
            for one in rules.grade
        ),
    )
