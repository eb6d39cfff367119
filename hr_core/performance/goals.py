"""Goals as values: who is to reach what until when, and how much of a score hangs on it."""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from fractions import Fraction

from msgspec import Struct

from hr_core.errors import RefusedError
from hr_core.money import decimal_text
from hr_core.performance.exact_json import digest_of, encode
from hr_core.performance.periods import Period

WHOLE = Fraction(100)


class Level(StrEnum):
    """From the top down: a goal lies under one of a level above its own."""

    COMPANY = "company"
    DEPARTMENT = "department"
    TEAM = "team"
    PERSON = "person"

    @property
    def depth(self) -> int:
        return list(Level).index(self)


class GoalKind(StrEnum):
    COUNT = "count"  # adds up over the months: products, contract value
    AT_LEAST = "at_least"  # a rate that holds at any time: 30 % of sales
    AT_MOST = "at_most"  # a rate that must not be passed: 5 % defects
    CHANGE = "change"  # percent against the base: complaints -10 %


class Group(StrEnum):
    KPI = "KPI"
    KCI = "KCI"


class Goal(Struct, frozen=True, kw_only=True):
    """`code` is the goal's name everywhere.

    owner       person's key at level person, else a unit's code
    target      percent for rates and changes (a wanted change of -10 % is -10)
    base        what a change is measured against
    weight      percent of the owner's score; a trial goal's weight counts nowhere
    trial       an experiment: failing costs nothing, it is shown apart
    scored_by   the unit whose people say the figure (cross-department indicator)
    figure      where actuals come from: attendance_rate, late_minutes, defect_rate, or the name of
                an imported figure; empty: the goal's code
    figure_of   whose figure, "person:KEY" or "unit:CODE"; empty: the owner's
    template    "code/version" that it was made from
    """

    code: str
    level: Level
    owner: str
    period: str
    parent: str | None = None
    title: str
    title_zh: str = ""
    kind: GoalKind
    target: Fraction
    base: Fraction | None = None
    measure: str = ""
    weight: Fraction = Fraction(0)
    group: Group = Group.KPI
    trial: bool = False
    scored_by: str | None = None
    figure: str = ""
    figure_of: str = ""
    resources: str = ""
    template: str = ""

    @property
    def figure_name(self) -> str:
        return self.figure or self.code

    @property
    def subject(self) -> str:
        """Whose figure it is measured by."""
        if self.figure_of:
            return self.figure_of
        return subject_of(self.level, self.owner)


class GoalSet(Struct, frozen=True, kw_only=True):
    """The goals of one owner for one period, in one version.

    since: the first day from which this version holds; months before keep the version before.
    """

    level: Level
    owner: str
    period: str
    version: int
    since: date
    goals: tuple[Goal, ...]

    @property
    def text(self) -> str:
        return encode(self)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical text: what is signed."""
        return digest_of(self.text)

    @property
    def scored(self) -> tuple[Goal, ...]:
        return tuple(one for one in self.goals if not one.trial)


def subject_of(level: Level, owner: str) -> str:
    return f"{'person' if level is Level.PERSON else 'unit'}:{owner}"


def check_goal(goal: Goal) -> None:
    """Raises RefusedError for what cannot be measured."""
    Period.parse(goal.period)
    if goal.kind is GoalKind.COUNT or goal.kind is GoalKind.AT_LEAST:
        if goal.target <= 0:
            raise _refused(goal, f"a target of {goal.target}", "give a target above 0")
    elif goal.kind is GoalKind.AT_MOST:
        if goal.target < 0:
            raise _refused(goal, f"a target of {goal.target}", "give a target of 0 or more")
    elif goal.target == 0 or not goal.base:
        raise _refused(
            goal,
            "a change without what it is measured against",
            "give base (not 0) and the wanted change in percent (not 0), like base = 40, target = -10",
        )
    if not 0 <= goal.weight <= WHOLE:
        raise _refused(goal, f"a weight of {decimal_text(goal.weight)} %", "give 0 to 100")


def check_weights(goals: Iterable[Goal], *, whose: str, mended_by: str) -> None:
    """The weights of all goals that count are 100 % together, whatever their groups.

    Raises RefusedError that tells who can mend it.
    """
    counted = [one for one in goals if not one.trial]
    total = sum((one.weight for one in counted), Fraction(0))
    if total == WHOLE:
        return
    groups = {one.group for one in counted}
    parts = ", ".join(
        f"{group} {decimal_text(sum((g.weight for g in counted if g.group is group), Fraction(0)))}"
        for group in Group
        if group in groups
    )
    raise RefusedError(
        f"the weights of {whose} are {decimal_text(total)} % together ({parts or 'no goal'}), "
        "not 100 %",
        remedy=f"{mended_by} can mend it: change the weights so that they are 100 % together "
        "(trial goals do not count)",
    )


def _refused(goal: Goal, what: str, remedy: str) -> RefusedError:
    return RefusedError(f"goal {goal.code} ({goal.kind}) has {what}", remedy=remedy)
