"""Defect rate to grade and alert: integers and cross-multiplication, edges from dated data."""

import math
from datetime import date
from fractions import Fraction
from typing import Literal, NamedTuple

from msgspec import Struct

from hr_core.data_files import load
from hr_core.errors import NoLawError
from hr_core.money import parse_exact

_Z_95 = 1.959963984540054  # two-sided 95 %


class GradeRow(Struct, frozen=True, forbid_unknown_fields=True):
    """A grade reaches up to `upper_percent`; the last one has no upper edge."""

    code: str
    upper_percent: str | None = None
    upper_included: bool = False


class GradeEdition(Struct, frozen=True, forbid_unknown_fields=True, rename={"since": "from"}):
    version: str
    since: date
    source: str
    min_pieces: int
    alert_person_percent: str
    alert_line_percent: str
    grade: tuple[GradeRow, ...]


class GradeTable(Struct, frozen=True, forbid_unknown_fields=True):
    edition: tuple[GradeEdition, ...]

    def on(self, day: date) -> GradeEdition:
        """The newest edition in force on `day`. Raises NoLawError before the first."""
        in_force = [edition for edition in self.edition if edition.since <= day]
        if not in_force:
            raise NoLawError("grade table", day)
        return max(in_force, key=lambda edition: edition.since)


class Comparison(NamedTuple):
    """One step of the grading in integers: rejects x denominator against pieces x numerator."""

    grade: str
    left: int
    relation: Literal["<", "<="]
    right: int
    holds: bool


class Grading(NamedTuple):
    """`grade` is None when not rated; `reason` says why, in words for the payslip."""

    grade: str | None
    reason: str
    comparisons: tuple[Comparison, ...] = ()


def load_grades() -> GradeTable:
    return load("grades.toml", GradeTable)


def grade_of(pieces: int, rejects: int, edition: GradeEdition) -> Grading:
    """Compares without rounding: 29/967 is B, 29/966 is C."""
    if rejects > pieces:
        return Grading(None, f"not rated: {rejects} rejects exceed {pieces} pieces")
    if pieces < max(edition.min_pieces, 1):
        return Grading(None, f"not rated: {pieces} pieces, at least {edition.min_pieces} needed")
    made: list[Comparison] = []
    for row in edition.grade:
        if row.upper_percent is None:
            return Grading(row.code, f"defect rate {rejects}/{pieces}", tuple(made))
        comparison = _compare(pieces, rejects, row.code, parse_exact(row.upper_percent), row)
        made.append(comparison)
        if comparison.holds:
            return Grading(row.code, f"defect rate {rejects}/{pieces}", tuple(made))
    raise ValueError(f"grade table {edition.version}: the last grade must have no upper edge")


def alerts(pieces: int, rejects: int, percent: str) -> bool:
    """The plain flag: the rate is above the limit, however few the pieces."""
    return _exceeds(pieces, rejects, parse_exact(percent))


def wilson_95(pieces: int, rejects: int) -> tuple[float, float] | None:
    """The 95 % interval of the true rate, for display only; None where it has no meaning."""
    if not 0 <= rejects <= pieces or pieces == 0:
        return None
    rate, z2 = rejects / pieces, _Z_95 * _Z_95
    centre = rate + z2 / (2 * pieces)
    half = _Z_95 * math.sqrt(rate * (1 - rate) / pieces + z2 / (4 * pieces * pieces))
    scale = 1 + z2 / pieces
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


def percent_text(pieces: int, rejects: int) -> str:
    """The rate for people, two decimals, never used to compare: "3.00 %"."""
    if pieces == 0:
        return "-"
    hundredths = (2 * rejects * 10_000 + pieces) // (2 * pieces)
    return f"{hundredths // 100}.{hundredths % 100:02d} %"


def _compare(pieces: int, rejects: int, grade: str, percent: Fraction, row: GradeRow) -> Comparison:
    left, right = rejects * 100 * percent.denominator, percent.numerator * pieces
    if row.upper_included:
        return Comparison(grade, left, "<=", right, left <= right)
    return Comparison(grade, left, "<", right, left < right)


def _exceeds(pieces: int, rejects: int, percent: Fraction) -> bool:
    return rejects * 100 * percent.denominator > percent.numerator * pieces
