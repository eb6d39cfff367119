"""A unit's goal shared out on a page: to the units below it, or to its people, by percent."""

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction

import sqlalchemy as sa
from msgspec import Struct

from hr_core.approvals.desk import Actor
from hr_core.errors import CoreError, RefusedError
from hr_core.money import parse_exact
from hr_core.people.today import today_at
from hr_core.performance.acting import Deed
from hr_core.performance.goal_book import GoalBook
from hr_core.performance.goals import Goal, GoalKind, Level
from hr_core.performance.periods import Period
from hr_core.performance.planning import split_goal
from hr_core.performance.signers import is_hr, is_person
from hr_core.performance.units import Units
from hr_core.store.goals import StoredSet
from hr_core.web.answering import Visit
from hr_core.web.errors import NoPageError
from hr_core.web.goals_page import goal_set_seen
from hr_core.web.performance_sight import PerformanceSight, account_of_visitor, sight_of_visit

MOST_PARTS = 60  # a longer list is a command: hr-core performance goals split
_PART = "part_"


class SplitPart(Struct, frozen=True, kw_only=True):
    """`owner`: a unit's code, or "person:KEY" as the command has it. `percent`: as typed."""

    owner: str
    name: str
    percent: str


class SplitPage(Struct, frozen=True, kw_only=True):
    number: int
    goal: Goal
    parts: tuple[SplitPart, ...]
    step: str
    refused: CoreError | None


def shares_out(conn: sa.Connection, stored: StoredSet, by: Actor, now: datetime) -> bool:
    """HR, and who manages the unit or one above it."""
    if stored.goals.level is Level.PERSON:
        return False
    if is_hr(conn, by):
        return True
    units, on = Units.load(conn), today_at(conn, now)
    above = units.above(stored.goals.owner, on)
    managers = {one for level in above for code in level for one in units.managers(code, on)}
    return any(is_person(conn, one, by) for one in managers)


def split_page(
    visit: Visit,
    number: str,
    code: str,
    form: Mapping[str, str] | None = None,
    refused: CoreError | None = None,
) -> SplitPage:
    """Raises NoPageError: another's goal, one that is no count, or of an older version."""
    seen = sight_of_visit(visit)
    who = account_of_visitor(visit.conn, visit.visitor), visit.now
    goal = goal_to_split(visit.conn, number, code, seen, who)
    typed = form or {}
    return SplitPage(
        number=int(number),
        goal=goal,
        parts=tuple(
            SplitPart(owner=owner, name=name, percent=typed.get(_PART + owner, ""))
            for owner, name in _owners(visit.conn, goal, seen)
        ),
        step=typed.get("step", "1"),
        refused=refused,
    )


def goal_to_split(
    conn: sa.Connection,
    number: str,
    code: str,
    seen: PerformanceSight,
    who: tuple[Actor, datetime],
) -> Goal:
    """Raises NoPageError."""
    stored = goal_set_seen(conn, number, seen)
    goal = next((one for one in countable(stored) if one.code == code), None)
    if goal is None or not shares_out(conn, stored, *who):
        raise NoPageError("no_goals", number=stored.number)
    held = GoalBook.load(conn, people=()).set_of(goal.level, goal.owner, goal.period)
    if held is None or held.stored.number != stored.number:
        raise NoPageError("no_goals", number=stored.number)
    return goal


def countable(stored: StoredSet) -> tuple[Goal, ...]:
    """Rates are not shared out."""
    return tuple(one for one in stored.goals.goals if one.kind is GoalKind.COUNT)


def split_of_form(
    conn: sa.Connection, goal: Goal, form: Mapping[str, str], seen: PerformanceSight, deed: Deed
) -> list[Goal]:
    """Raises RefusedError."""
    allowed = {owner for owner, _ in _owners(conn, goal, seen)}
    weights = {
        name.removeprefix(_PART): _number(text)
        for name, text in form.items()
        if name.startswith(_PART) and text.strip()
    }
    if not weights.keys() <= allowed:
        raise NoPageError("no_goals", number=form.get("number", "")[:20])
    return split_goal(conn, goal, weights, deed, step=_number(form.get("step", "1")))


def _number(text: str) -> Fraction:
    try:
        return parse_exact(text.strip())
    except ValueError as exc:
        raise RefusedError(str(exc), remedy="write it like 40 or 12.5") from exc


def _owners(conn: sa.Connection, goal: Goal, seen: PerformanceSight) -> list[tuple[str, str]]:
    """Units right below the goal's, then the unit's own people whom the visitor sees."""
    units, period = Units.load(conn), Period.parse(goal.period)
    below = [one for one in sorted(units.codes) if goal.owner in units.parents(one, period.first)]
    people = [
        one
        for one in units.people_below(goal.owner, period.first, period.after)
        if units.is_member(one, goal.owner, period.first) and seen.sees(one)
    ]
    found = [(one, one) for one in below]
    found += [(f"person:{one}", seen.name(one)) for one in people if one not in seen.own]
    return found[:MOST_PARTS]
