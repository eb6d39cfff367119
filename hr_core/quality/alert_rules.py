"""The rules of defect-rate alerts: limits, gate and times, from dated data."""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from functools import cache
from typing import Literal

from msgspec import Struct

from hr_core.data_files import load
from hr_core.errors import NoLawError
from hr_core.money import parse_exact
from hr_core.quality.intervals import Z_ONE_SIDED, Confidence, exceeds, surely_exceeds

SubjectKind = Literal["person", "line"]
Policy = Literal["wilson", "plain"]


@cache
def share(percent: str) -> Fraction:
    """Exact; asked for at every batch, of a handful of limits."""
    return parse_exact(percent) / 100


class SubjectRules(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Level 1 is the first of `limits_percent`; each further one alerts again."""

    kind: SubjectKind
    role: str
    limits_percent: tuple[str, ...]
    clear_percent: str

    @property
    def limits(self) -> tuple[Fraction, ...]:
        return tuple(map(share, self.limits_percent))

    @property
    def clear_below(self) -> Fraction:
        return share(self.clear_percent)


class EscalationStep(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    after_min: int
    role: str


class Cause(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    code: str
    label: str
    label_zh: str


class AlertEdition(
    Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename={"since": "from"}
):
    version: str
    since: date
    source: str
    policy: Policy
    confidence: Confidence
    min_pieces: int
    recent_pieces: int
    cool_down_min: int
    subject: tuple[SubjectRules, ...]
    escalation: tuple[EscalationStep, ...]
    cause: tuple[Cause, ...]

    def of(self, kind: SubjectKind) -> SubjectRules:
        return next(rules for rules in self.subject if rules.kind == kind)

    def level(self, kind: SubjectKind, pieces: int, rejects: int) -> int:
        """The highest level whose limit is broken by this edition's policy; 0 for none."""
        return highest_level(self.of(kind).limits, pieces, rejects, self)

    def over(self, kind: SubjectKind, pieces: int, rejects: int) -> bool:
        """The plain rule: the point rate is over the first limit, however few the pieces."""
        return exceeds(pieces, rejects, self.of(kind).limits[0])


class AlertTable(Struct, frozen=True, forbid_unknown_fields=True):
    edition: tuple[AlertEdition, ...]

    def on(self, day: date) -> AlertEdition:
        """The newest edition in force on `day`. Raises NoLawError before the first."""
        in_force = [edition for edition in self.edition if edition.since <= day]
        if not in_force:
            raise NoLawError("table of alert limits", day)
        return max(in_force, key=lambda edition: edition.since)


def load_alert_rules() -> AlertTable:
    return load("alerts.toml", AlertTable)


def highest_level(
    limits: Sequence[Fraction], pieces: int, rejects: int, edition: AlertEdition
) -> int:
    broken = [
        level for level, limit in enumerate(limits, 1) if _broken(limit, pieces, rejects, edition)
    ]
    return max(broken, default=0)


def _broken(limit: Fraction, pieces: int, rejects: int, edition: AlertEdition) -> bool:
    if edition.policy == "plain":
        return exceeds(pieces, rejects, limit)
    z = Z_ONE_SIDED[edition.confidence]
    return pieces >= edition.min_pieces and surely_exceeds(pieces, rejects, limit, z)
