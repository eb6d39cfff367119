"""The house rules of performance as dated data: tiers, shares by post, consequences of grades."""

from collections.abc import Iterable
from datetime import date
from fractions import Fraction
from functools import cache

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from hr_core.data_files import read_text
from hr_core.errors import InputFileError, NoLawError
from hr_core.money import multiply_fen, parse_exact
from hr_core.performance.toml_file import parse_toml

MOST_PERCENT = 100  # of a month: more is a wrong unit


class Tier(Struct, frozen=True, forbid_unknown_fields=True):
    code: str
    from_percent: Fraction


class ShareRange(Struct, frozen=True, forbid_unknown_fields=True):
    """How much of a post's pay may hang on performance; both ends are allowed."""

    post: str
    from_percent: Fraction
    to_percent: Fraction


class Consequence(Struct, frozen=True, forbid_unknown_fields=True):
    """What a grade leads to; each is proposed or paid, nobody leaves by it alone."""

    raise_percent: Fraction | None = None
    bonus_percent_of_month: Fraction | None = None
    training: str | None = None
    team_lead_candidate: bool = False
    bonus_to_decide: bool = False
    improvement_plan: bool = False
    transfer_to: str | None = None
    leave_if_not_better_after_months: int | None = None
    tell_hr: bool = False

    def raised(self, month_fen: int) -> int:
        """The monthly pay from the next period on."""
        return month_fen + _percent_of(month_fen, self.raise_percent)

    def bonus(self, month_fen: int) -> int:
        """Paid once."""
        return _percent_of(month_fen, self.bonus_percent_of_month)


class GradeScheme(Struct, frozen=True, forbid_unknown_fields=True):
    code: str
    grade: dict[str, Consequence]


class HouseEdition(Struct, frozen=True, forbid_unknown_fields=True, rename={"since": "from"}):
    version: str
    since: date
    source: str
    tier: tuple[Tier, ...]
    share: tuple[ShareRange, ...]
    scheme: tuple[GradeScheme, ...]

    def tier_of(self, done: Fraction, goal: Fraction) -> str | None:
        """The highest tier that is reached, compared without dividing; None below the first.

        Raises ValueError for a goal that is not above zero: there is no degree of completion.
        """
        if goal <= 0:
            raise ValueError(f"a goal of {goal}")
        reached = [one for one in self.tier if done * 100 >= goal * one.from_percent]
        return max(reached, key=lambda one: one.from_percent).code if reached else None

    def share_range(self, post: str) -> ShareRange | None:
        return next((one for one in self.share if one.post == post), None)

    def consequence(self, scheme: str, grade: str) -> Consequence | None:
        for one in self.scheme:
            if one.code == scheme:
                return one.grade.get(grade)
        return None


class SchemeEdition(Struct, frozen=True, forbid_unknown_fields=True, rename={"since": "from"}):
    """A house's own consequences of grades, from a day on; a scheme that it names replaces the one of
    the same code.
    """

    version: str
    since: date
    source: str
    scheme: tuple[GradeScheme, ...]


class GradeRules(Struct, frozen=True, forbid_unknown_fields=True):
    edition: tuple[SchemeEdition, ...]


class HouseRules(Struct, frozen=True):
    edition: tuple[HouseEdition, ...]

    def and_of(self, more: Iterable[GradeRules]) -> "HouseRules":
        """With these brought later: what of an edition they do not name goes on."""
        found = self
        for rules in more:
            for own in sorted(rules.edition, key=lambda one: one.since):
                found = found.with_edition(own)
        return found

    def with_edition(self, own: SchemeEdition) -> "HouseRules":
        """From its day on, also in the editions that begin later."""
        named = {one.code for one in own.scheme}

        def changed(edition: HouseEdition) -> HouseEdition:
            kept = (one for one in edition.scheme if one.code not in named)
            return replace(edition, scheme=(*own.scheme, *kept))

        begun = replace(
            changed(self.on(own.since)), version=own.version, since=own.since, source=own.source
        )
        before = [one for one in self.edition if one.since < own.since]
        later = [changed(one) for one in self.edition if one.since > own.since]
        return HouseRules((*before, begun, *later))

    def on(self, day: date) -> HouseEdition:
        """The newest edition in force on `day`. Raises NoLawError before the first."""
        in_force = [edition for edition in self.edition if edition.since <= day]
        if not in_force:
            raise NoLawError("edition of the house rules of performance", day)
        return max(in_force, key=lambda edition: edition.since)


@cache
def load_house_rules() -> HouseRules:
    text = read_text("performance.toml")
    return msgspec.toml.decode(text, type=HouseRules, dec_hook=_exact)


def parse_grade_rules(text: str, *, file: str) -> GradeRules:
    """Raises InputFileError naming the key."""
    rules = parse_toml(
        text, GradeRules, file=file, remedy="docs/performance-scores.md shows a good one"
    )
    for at, edition in enumerate(rules.edition):
        for wrong in _faults(edition):
            raise InputFileError(
                wrong, file=file, key=f"edition[{at}]", remedy="mend it, import it again"
            )
    return rules


def _faults(edition: SchemeEdition) -> list[str]:
    codes = [one.code for one in edition.scheme]
    percents = [
        percent
        for scheme in edition.scheme
        for rule in scheme.grade.values()
        for percent in (rule.raise_percent, rule.bonus_percent_of_month)
        if percent is not None
    ]
    months = [
        rule.leave_if_not_better_after_months
        for scheme in edition.scheme
        for rule in scheme.grade.values()
        if rule.leave_if_not_better_after_months is not None
    ]
    checks = [
        (bool(edition.version.strip()) and bool(edition.source.strip()), "no version or no source"),
        (bool(codes) and all(codes), "names no scheme"),
        (len(set(codes)) == len(codes), "names a scheme twice"),
        (all(one.grade for one in edition.scheme), "a scheme without a grade"),
        (all(0 < one <= MOST_PERCENT for one in percents), f"a percentage is 0 to {MOST_PERCENT}"),
        (all(one >= 1 for one in months), "months are 1 or more"),
    ]
    return [wrong for holds, wrong in checks if not holds]


def reason_required(own: Fraction, manager: Fraction, tolerance: Fraction) -> bool:
    """Whether two scores lie so far apart that somebody must say why before they are locked."""
    return abs(own - manager) > tolerance


def _percent_of(fen: int, percent: Fraction | None) -> int:
    if percent is None:
        return 0
    return multiply_fen(fen, percent.numerator, 100 * percent.denominator)


def _exact(target: type, value: object) -> Fraction:
    if target is not Fraction or not isinstance(value, str):
        raise ValueError(f'{value!r} is not a percentage as text, like "15"')
    return parse_exact(value)
