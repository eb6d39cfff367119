"""How scores are made and graded, as dated data: shipped, or imported by the house."""

from datetime import date
from fractions import Fraction
from functools import cache, lru_cache
from typing import Literal

import sqlalchemy as sa
from msgspec import Struct

from hr_core.data_files import read_text
from hr_core.errors import InputFileError, NoLawError
from hr_core.performance.relations import Relation
from hr_core.performance.toml_file import parse_toml
from hr_core.store.score_rules import all_score_rules

Every = Literal["week", "month"]

_SHIPPED = "performance_scores.toml"
_KEPT_FILES = 16  # every person of a period asks for the same few


class Combination(Struct, frozen=True, forbid_unknown_fields=True, rename={"own": "self"}):
    """Percent that each part has in an indicator's final score."""

    first: Fraction
    own: Fraction
    manager: Fraction


class ScoreGrade(Struct, frozen=True, forbid_unknown_fields=True):
    code: str
    coefficient: Fraction
    from_score: Fraction | None = None


class Rules360(Struct, frozen=True, forbid_unknown_fields=True):
    superior: Fraction
    peer: Fraction
    junior: Fraction
    least_raters: int

    def weight(self, relation: Relation) -> Fraction:
        weight: Fraction = getattr(self, relation)
        return weight


class PromotionRule(Struct, frozen=True, forbid_unknown_fields=True):
    """`post`: whose post at the end of the last year is this; None: everybody's.
    `team_grade`: the team must have this grade or a better one too.
    """

    code: str
    years: int
    grade: str
    to: str
    post: str | None = None
    team_grade: str | None = None


class ScoreEdition(Struct, frozen=True, forbid_unknown_fields=True, rename={"since": "from"}):
    version: str
    since: date
    source: str
    tolerance: Fraction
    highest_mark: Fraction
    talks: dict[str, Every]
    plan_months: int
    plan_below: Fraction
    combination: Combination
    basis: dict[str, Literal["score", "defect_rate"]]
    grade: tuple[ScoreGrade, ...]
    rate360: Rules360
    spread: dict[str, Fraction]
    promotion: tuple[PromotionRule, ...]
    review_below: Fraction | None = None  # first score of a goal below which it is talked over

    def grade_of(self, score: Fraction) -> ScoreGrade:
        """The first grade, best first, whose edge the score reaches."""
        reached = (one for one in self.grade if one.from_score is None or score >= one.from_score)
        return next(reached)  # the last has no edge: _check

    def coefficient(self, grade: str) -> Fraction | None:
        return next((one.coefficient for one in self.grade if one.code == grade), None)

    def at_least(self, grade: str, wanted: str) -> bool:
        """Whether a grade is the wanted one or better."""
        order = [one.code for one in self.grade]
        return grade in order and wanted in order and order.index(grade) <= order.index(wanted)


class ScoreRules(Struct, frozen=True, forbid_unknown_fields=True):
    edition: tuple[ScoreEdition, ...]

    def on(self, day: date) -> ScoreEdition:
        """The newest edition in force on `day`. Raises NoLawError before the first."""
        in_force = [edition for edition in self.edition if edition.since <= day]
        if not in_force:
            raise NoLawError("edition of the rules of scores", day)
        return max(in_force, key=lambda edition: edition.since)


def rules_on(conn: sa.Connection, day: date) -> ScoreEdition:
    """Of the house's own file where it imported one."""
    own = all_score_rules(conn)
    rules = parse_score_rules(own[0].text, file=own[0].name) if own else shipped_rules()
    return rules.on(day)


def rules_of_version(conn: sa.Connection, version: str) -> ScoreEdition:
    """What a locked score rests on, also when the house imported other rules since."""
    found = _stored_edition(conn, version)
    if found is not None:
        return found
    raise InputFileError(
        f"no stored rules have the version {version!r}",
        file=_SHIPPED,
        key="version",
        remedy="import the rules with which it was locked: hr-core performance score-rules FILE",
    )


def checked_score_rules(conn: sa.Connection, text: str, *, file: str) -> tuple[str, ...]:
    """The versions of a file that shall replace what was imported before. What is locked keeps the
    rules of its lock, so a version never comes back with another text.

    Raises InputFileError.
    """
    rules = parse_score_rules(text, file=file)
    for edition in rules.edition:
        known = _stored_edition(conn, edition.version)
        if known is not None and known != edition:
            raise InputFileError(
                "this version is there with another text",
                file=file,
                key=edition.version,
                remedy="give the changed edition a version of its own",
            )
    return tuple(edition.version for edition in rules.edition)


@cache
def shipped_rules() -> ScoreRules:
    return parse_score_rules(read_text(_SHIPPED), file=_SHIPPED)


@lru_cache(maxsize=_KEPT_FILES)
def parse_score_rules(text: str, *, file: str) -> ScoreRules:
    """Raises InputFileError for what does not have the shape or does not add up."""
    rules = parse_toml(
        text, ScoreRules, file=file, remedy=f"write it as {_SHIPPED} of hr_core/data is"
    )
    for edition in rules.edition:
        for wrong, key in _faults(edition):
            raise InputFileError(
                wrong, file=file, key=f"{edition.version}: {key}", remedy="mend it, import it again"
            )
    return rules


def _stored_edition(conn: sa.Connection, version: str) -> ScoreEdition | None:
    own = [parse_score_rules(one.text, file=one.name) for one in all_score_rules(conn)]
    every = (edition for rules in (*own, shipped_rules()) for edition in rules.edition)
    return next((edition for edition in every if edition.version == version), None)


def _faults(edition: ScoreEdition) -> list[tuple[str, str]]:
    mix, of_360 = edition.combination, edition.rate360
    edges = [one.from_score for one in edition.grade]
    falling = [edge for edge in edges[:-1] if edge is not None]
    checks = [
        (mix.first + mix.own + mix.manager == 100, "its parts are not 100 %", "combination"),
        (min(mix.first, mix.own, mix.manager) >= 0, "a part is below 0", "combination"),
        (mix.own + mix.manager > 0, "neither side counts", "combination"),
        (of_360.superior + of_360.peer + of_360.junior == 100, "not 100 %", "rate360"),
        (min(of_360.superior, of_360.peer, of_360.junior) >= 0, "below 0", "rate360"),
        (of_360.least_raters >= 2, "fewer than 2 raters are not anonymous", "rate360"),
        (edition.tolerance >= 0, "a tolerance is not below 0", "tolerance"),
        (edition.highest_mark > 0, "the highest mark is above 0", "highest_mark"),
        (bool(edges) and edges[-1] is None, "the last grade must have no edge", "grade"),
        (None not in edges[:-1], "only the last grade has no edge", "grade"),
        (falling == sorted(set(falling), reverse=True), "best grade first", "grade"),
        (all(one.years >= 1 for one in edition.promotion), "years are 1 or more", "promotion"),
    ]
    return [(wrong, key) for holds, wrong, key in checks if not holds]
