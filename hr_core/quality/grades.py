"""Defect rate to grade: integers and cross-multiplication, edges from dated data."""

import math
from collections.abc import Iterable
from datetime import date
from fractions import Fraction
from typing import Literal, NamedTuple

from msgspec import Struct

from hr_core.data_files import load
from hr_core.errors import NoLawError
from hr_core.money import parse_exact
from hr_core.quality.intervals import Z_TWO_SIDED, spans


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
    if rejects < 0 or pieces < 0:
        return Grading(None, f"not rated: corrections leave {rejects} rejects of {pieces} pieces")
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


def separable(pieces: int, rejects: int, edition: GradeEdition) -> bool:
    """Whether Wilson's 95 % interval lies within one grade; below the minimum it does not count."""
    if not 0 <= rejects <= pieces or pieces == 0:
        return False
    edges = (parse_exact(row.upper_percent) / 100 for row in edition.grade if row.upper_percent)
    return not any(spans(pieces, rejects, edge, Z_TWO_SIDED["95"]) for edge in edges)


class Shared(NamedTuple):
    """A person's part of one station, and what is nobody's there; `known` is what is somebody's."""

    own_pieces: int
    known_pieces: int
    lost_pieces: int
    lost_rejects: int


def contested(pieces: int, rejects: int, stations: Iterable[Shared], edition: GradeEdition) -> bool:
    """Whether the grade would change if the unattributed work of each station were its people's,
    to each in proportion to the pieces that are known to be his.
    """
    more_pieces = more_rejects = Fraction(0)
    for one in stations:
        if one.known_pieces:
            share = Fraction(one.own_pieces, one.known_pieces)
            more_pieces += share * one.lost_pieces
            more_rejects += share * one.lost_rejects
    scale = math.lcm(more_pieces.denominator, more_rejects.denominator)
    spread = int((pieces + more_pieces) * scale), int((rejects + more_rejects) * scale)
    return grade_by_rate(*spread, edition) != grade_by_rate(pieces, rejects, edition)


def grade_by_rate(pieces: int, rejects: int, edition: GradeEdition) -> str | None:
    """The grade of a rate, whatever the minimum of pieces; None where there is no rate."""
    if not 0 <= rejects <= pieces or pieces == 0:
        return None
    enough = max(edition.min_pieces, 1)
    return grade_of(pieces * enough, rejects * enough, edition).grade


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
