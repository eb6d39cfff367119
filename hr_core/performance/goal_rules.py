"""How goals become points and when a person is reminded: dated data, built in or a plant's own."""

from datetime import date
from fractions import Fraction
from functools import cache
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from hr_core.data_files import read_text
from hr_core.errors import NoLawError
from hr_core.performance.house_rules import Tier, load_house_rules
from hr_core.performance.toml_file import parse_toml


class Scoring(Struct, frozen=True, forbid_unknown_fields=True):
    points: Literal["achievement", "tier"]
    cap_percent: Fraction
    below_first_tier: Literal["achieved", "zero"]


class Reminder(Struct, frozen=True, forbid_unknown_fields=True):
    time_percent: Fraction
    done_percent: Fraction

    def due(self, elapsed: Fraction, achieved: Fraction) -> bool:
        """`elapsed` is a share of 1, `achieved` percent."""
        return 100 * elapsed >= self.time_percent and achieved < self.done_percent


class GoalRules(Struct, frozen=True, forbid_unknown_fields=True, rename={"since": "from"}):
    """`tier`: a file may leave them out where the tiers of the house rules (performance.toml) hold."""

    version: str
    since: date
    source: str
    scoring: Scoring
    reminder: Reminder
    tier: tuple[Tier, ...] = ()

    def reached(self, achieved: Fraction) -> Tier | None:
        """The highest tier whose edge is reached: 59.99 none, 60 base, 80, 100."""
        found = [one for one in self.tier if achieved >= one.from_percent]
        return max(found, key=lambda one: one.from_percent) if found else None

    def points(self, achieved: Fraction) -> Fraction:
        tier = self.reached(achieved)
        if self.scoring.points == "tier":
            return min(tier.from_percent, self.scoring.cap_percent) if tier else Fraction(0)
        if tier is None and self.scoring.below_first_tier == "zero":
            return Fraction(0)
        return min(achieved, self.scoring.cap_percent)


class GoalRuleBook(Struct, frozen=True, forbid_unknown_fields=True):
    edition: tuple[GoalRules, ...]

    def on(self, day: date) -> GoalRules:
        """The newest edition in force, with its tiers; of two from one day the later one.

        Raises NoLawError.
        """
        in_force = [one for one in self.edition if one.since <= day]
        if not in_force:
            raise NoLawError("edition of the rules of goals", day)
        newest = max(one.since for one in in_force)
        found = next(one for one in reversed(in_force) if one.since == newest)
        return found if found.tier else replace(found, tier=load_house_rules().on(day).tier)

    def and_of(self, other: "GoalRuleBook") -> "GoalRuleBook":
        return GoalRuleBook((*self.edition, *other.edition))


@cache
def built_in_goal_rules() -> GoalRuleBook:
    return parse_goal_rules(read_text("goal_rules.toml"), file="goal_rules.toml")


def parse_goal_rules(text: str, *, file: str) -> GoalRuleBook:
    """Raises InputFileError naming the key."""
    remedy = "compare with hr_core/data/goal_rules.toml"
    return parse_toml(text, GoalRuleBook, file=file, remedy=remedy)
