"""Which overtime counts: as approved, as punched, or the smaller of both; per kind of day.

Wall seconds in, whole minutes out. Everything that was punched or approved and does not count is
named with its reason.
"""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import Literal

from msgspec import Struct

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.calendar_overtime import Span, cut, length
from hr_core.clock import DAY_MIN
from hr_core.data_files import read_text
from hr_core.errors import InputFileError, NoLawError
from hr_core.toml_text import parse_toml

MINUTE = 60
BUILT_IN = "overtime_counting.toml"


class Mode(StrEnum):
    APPROVED = "approved"
    SMALLER = "smaller"
    PUNCHED = "punched"


class CountingRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`match` (only of SMALLER): approved 18-20 and punched 20-22 are 0 by `intervals`, 2 h by
    `totals`. A day's sum is rounded to units first, then held against the minimum.
    """

    kind: DayKind
    mode: Mode
    unit_min: int = 1
    minimum_min: int = 0
    rounding: Literal["down", "nearest", "up"] = "down"
    match: Literal["intervals", "totals"] = "intervals"


class CountingEdition(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"since": "from"}
):
    version: str
    since: date
    source: str
    rule: tuple[CountingRule, ...]

    def of(self, kind: DayKind) -> CountingRule:
        return next(rule for rule in self.rule if rule.kind == kind)


class CountingRules(Struct, frozen=True, forbid_unknown_fields=True):
    edition: tuple[CountingEdition, ...]

    def on(self, day: date) -> CountingEdition:
        """The newest edition in force on `day`. Raises NoLawError before the first."""
        in_force = [edition for edition in self.edition if edition.since <= day]
        if not in_force:
            raise NoLawError("rule of counted overtime", day)
        return max(in_force, key=lambda edition: edition.since)


class Reason(StrEnum):
    NOT_APPROVED = "not_approved"  # punched, and outside what was approved
    NOT_PUNCHED = "not_punched"  # approved, and nobody was there
    COUNTED_UNPUNCHED = "counted_unpunched"  # approved and paid although nobody was there
    ROUNDED = "rounded"
    BELOW_MINIMUM = "below_minimum"


class Difference(Struct, frozen=True):
    """`minutes` is what the reason added (above zero) or took from what was measured."""

    reason: Reason
    minutes: int
    text: str


class CountedOvertime(Struct, frozen=True, kw_only=True):
    """`intervals`: the time that `minutes` were measured on, before rounding; of `totals` that is
    what was punched.
    """

    minutes: int
    mode: Mode
    punched_min: int
    approved_min: int
    both_min: int
    intervals: tuple[Span, ...]
    differences: tuple[Difference, ...]


def counted_overtime(
    punched: Iterable[Span], approved: Iterable[Span], rule: CountingRule
) -> CountedOvertime:
    """Of one day. Half-open intervals in wall seconds, in any order; overlaps count once.

    Of one rule but its mode, smaller <= approved and smaller <= punched always hold.
    """
    was_there, was_approved = merged(punched), merged(approved)
    both = cut(was_there, was_approved)
    seconds = {
        Mode.PUNCHED: length(was_there),
        Mode.APPROVED: length(was_approved),
        Mode.SMALLER: length(both)
        if rule.match == "intervals"
        else min(length(was_there), length(was_approved)),
    }[rule.mode]
    exact = seconds // MINUTE
    rounded = _rounded(exact, rule)
    counted = rounded if rounded >= rule.minimum_min else 0
    measured = {
        Mode.PUNCHED: was_there,
        Mode.APPROVED: was_approved,
        Mode.SMALLER: both if rule.match == "intervals" else was_there,
    }[rule.mode]
    differences = [
        *_against_approval(rule, length(was_there), length(was_approved), length(both)),
        *_rounding(rule, exact, rounded, counted),
    ]
    return CountedOvertime(
        minutes=counted,
        mode=rule.mode,
        punched_min=length(was_there) // MINUTE,
        approved_min=length(was_approved) // MINUTE,
        both_min=length(both) // MINUTE,
        intervals=tuple(measured),
        differences=tuple(differences),
    )


def merged(spans: Iterable[Span]) -> list[Span]:
    """In order, without overlaps, empty ones left out. Raises ValueError for one that ends first."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if end < start:
            raise ValueError(f"interval {start}-{end} ends before it begins")
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        elif start < end:
            found.append((start, end))
    return found


def _rounded(minutes: int, rule: CountingRule) -> int:
    unit = rule.unit_min
    extra = {"down": 0, "nearest": unit // 2, "up": unit - 1}[rule.rounding]
    return (minutes + extra) // unit * unit


def _against_approval(
    rule: CountingRule, punched: int, approved: int, both: int
) -> list[Difference]:
    if rule.mode is Mode.PUNCHED:
        return []
    if rule.mode is Mode.SMALLER and rule.match == "totals":
        both = min(punched, approved)
    outside, missing = (punched - both) // MINUTE, (approved - both) // MINUTE
    found = []
    if outside:
        text = f"{outside} min punched outside the approved time"
        found.append(Difference(Reason.NOT_APPROVED, -outside, text))
    if missing and rule.mode is Mode.SMALLER:
        text = f"{missing} min approved, not punched"
        found.append(Difference(Reason.NOT_PUNCHED, -missing, text))
    if missing and rule.mode is Mode.APPROVED:
        text = f"{missing} min counted as approved, not punched"
        found.append(Difference(Reason.COUNTED_UNPUNCHED, missing, text))
    return found


def _rounding(rule: CountingRule, exact: int, rounded: int, counted: int) -> list[Difference]:
    found = []
    if rounded != exact:
        text = f"{exact} min rounded {rule.rounding} to units of {rule.unit_min} min: {rounded}"
        found.append(Difference(Reason.ROUNDED, rounded - exact, text))
    if counted != rounded:
        text = f"{rounded} min are below the minimum of {rule.minimum_min}"
        found.append(Difference(Reason.BELOW_MINIMUM, counted - rounded, text))
    return found


def load_counting_rules() -> CountingRules:
    return parse_counting_rules(read_text(BUILT_IN), file=BUILT_IN)


def parse_counting_rules(text: str, *, file: str) -> CountingRules:
    """Raises InputFileError naming the edition and the rule."""
    rules = parse_toml(
        text,
        CountingRules,
        file=file,
        remedy="compare with hr_core/data/overtime_counting.toml (docs/hours-cn.md)",
    )
    _check(rules, file)
    return rules


def _check(rules: CountingRules, file: str) -> None:
    starts = [edition.since for edition in rules.edition]
    faults = [] if starts else [("edition", "there is no edition")]
    faults += [
        (f"edition {edition.version}", "another edition begins on the same day")
        for edition in rules.edition
        if starts.count(edition.since) > 1
    ]
    faults += [
        (f"edition {edition.version}: {where}", what)
        for edition in rules.edition
        for where, what in _faults(edition)
    ]
    if faults:
        key, message = faults[0]
        more = "".join(f"; {where}: {what}" for where, what in faults[1:10])
        raise InputFileError(
            message + more,
            file=file,
            key=key,
            remedy="correct these rules and import again (docs/hours-cn.md); nothing was stored",
        )


def _faults(edition: CountingEdition) -> Iterable[tuple[str, str]]:
    kinds = [rule.kind for rule in edition.rule]
    for kind in DayKind:
        if kinds.count(kind) != 1:
            yield kind, f"stands {kinds.count(kind)} times: each kind of day needs one rule"
    for rule in edition.rule:
        if not 1 <= rule.unit_min <= DAY_MIN:
            yield rule.kind, f"unit_min {rule.unit_min} is not within 1 to {DAY_MIN}"
        if not 0 <= rule.minimum_min <= DAY_MIN:
            yield rule.kind, f"minimum_min {rule.minimum_min} is not within 0 to {DAY_MIN}"
        if rule.match == "totals" and rule.mode is not Mode.SMALLER:
            yield rule.kind, f"match means nothing in mode {rule.mode}"
