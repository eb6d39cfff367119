"""Goals of units: stored in versions, shared out, moved when the organisation changes."""

from collections.abc import Iterable, Mapping
from datetime import date
from fractions import Fraction

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from hr_core.audit.log import append
from hr_core.clock import Month
from hr_core.errors import NotFoundError, RefusedError
from hr_core.money import decimal_text
from hr_core.people.records import UnitKind
from hr_core.people.today import today_at
from hr_core.performance.acting import Deed
from hr_core.performance.agreeing import Draft, check_codes, propose
from hr_core.performance.goal_book import GoalBook
from hr_core.performance.goal_file import GoalFile
from hr_core.performance.goals import (
    WHOLE,
    Goal,
    GoalKind,
    GoalSet,
    Level,
    check_goal,
    check_weights,
)
from hr_core.performance.periods import Period
from hr_core.performance.splitting import split
from hr_core.performance.units import Units
from hr_core.store.goals import StoredSet, add_set
from hr_core.store.organisation import Organisation

_PERSON = "person:"
_LEVELS = {
    UnitKind.SITE: Level.DEPARTMENT,
    UnitKind.DEPARTMENT: Level.DEPARTMENT,
    UnitKind.TEAM: Level.TEAM,
    UnitKind.POST: Level.TEAM,
}


class Planned(Struct, frozen=True, kw_only=True):
    """What a file did. `left_behind`: goals whose parent it took away, as hr-core aligns them."""

    stored: tuple[StoredSet, ...]
    unchanged: int
    left_behind: tuple[str, ...]


def import_goals(conn: sa.Connection, file: GoalFile, deed: Deed) -> Planned:
    """Units' goals hold at once, in the audit log; people's are proposed and wait for signatures.

    The same file twice changes nothing. Raises RefusedError; the caller's transaction rolls back.
    """
    stored: list[StoredSet] = []
    unchanged = 0
    for level, owner, period in sorted(file.groups, key=lambda key: key[0].depth):
        goals = file.groups[level, owner, period]
        own = (owner,) if level is Level.PERSON else ()
        there = GoalBook.load(conn, own).set_of(level, owner, period)
        if there is not None and there.stored.goals.goals == goals:
            unchanged += 1
        elif level is Level.PERSON:
            draft = Draft(person=owner, period=period, goals=goals, since=file.since)
            stored.append(propose(conn, draft, deed))
        else:
            stored.append(store_unit_goals(conn, goals, deed, since=file.since))
    book = GoalBook.load(conn)
    left = tuple(one.code for one in book.goals() if one.parent and book.parent(one) is None)
    return Planned(stored=tuple(stored), unchanged=unchanged, left_behind=left)


def store_unit_goals(
    conn: sa.Connection, goals: tuple[Goal, ...], deed: Deed, *, since: date | None = None
) -> StoredSet:
    """All goals of one unit for one period, in a new version. Raises RefusedError."""
    first = goals[0]
    units, book = Units.load(conn), GoalBook.load(conn, people=())
    _check_unit_goals(units, book, goals)
    before = book.set_of(first.level, first.owner, first.period)
    begins = (
        _later(before.stored.goals, today_at(conn, deed.at))
        if before
        else Period.parse(first.period).first
    )
    new = GoalSet(
        level=first.level,
        owner=first.owner,
        period=first.period,
        version=before.stored.goals.version + 1 if before else 1,
        since=since or begins,
        goals=goals,
    )
    return _stored(conn, new, deed, "goals.plan")


def _stored(conn: sa.Connection, goals: GoalSet, deed: Deed, action: str) -> StoredSet:
    stored = add_set(conn, goals, deed.at, deed.by, deed.note)
    told = {"goals": stored.number, "version": goals.version, "digest": stored.digest}
    append(conn, deed.at, deed.by, action, f"unit {goals.owner}", None, told, deed.note)
    return stored


def _later(before: GoalSet, today: date) -> date:
    """A change holds from the next month on."""
    return max(Month(today.year, today.month).after, Period.parse(before.period).first)


def _check_unit_goals(units: Units, book: GoalBook, goals: tuple[Goal, ...]) -> None:
    first = goals[0]
    if first.owner not in units.codes:
        raise NotFoundError(
            f"there is no unit {first.owner!r}", remedy="name a [[unit]] of the people file"
        )
    check_codes(first.owner, goals)
    for one in goals:
        check_goal(one)
        other = book.unit_goal(one.code, one.period)
        if other is not None and other.period == one.period and other.owner != one.owner:
            raise RefusedError(
                f"goal {one.code} is one of {other.owner} already",
                remedy=f"give it another code, or move it: hr-core performance goals move {one.code}",
            )
    book.check(goals)
    if any(one.weight for one in goals):
        check_weights(
            goals,
            whose=f"the goals of {first.owner} for {first.period}",
            mended_by="whoever keeps the goal file",
        )


def split_goal(
    conn: sa.Connection,
    goal: Goal,
    weights: Mapping[str, Fraction],
    deed: Deed,
    *,
    step: Fraction = Fraction(1),
) -> list[Goal]:
    """Gives each unit, or person ("person:KEY"), its part of a count as a goal below this one; the
    parts are the whole. Who has its part already gets a new version of it; a person's is proposed.

    Raises RefusedError, NotFoundError.
    """
    if goal.kind is not GoalKind.COUNT:
        raise RefusedError(
            f"goal {goal.code} is {goal.kind}: only a count is shared out",
            remedy="give each unit a rate of its own, with this goal as its parent",
        )
    units = Units.load(conn)
    shares = []
    for named, part in split(goal.target, weights, step).items():
        owner = named.removeprefix(_PERSON)
        own = replace(
            goal,
            code=f"{goal.code}.{owner}",
            level=Level.PERSON if named.startswith(_PERSON) else _level_of(units, owner),
            owner=owner,
            parent=goal.code,
            target=part,
            weight=Fraction(0),
        )
        put = _propose_part if own.level is Level.PERSON else _put
        shares.append(put(conn, own, deed))
    return shares


def _level_of(units: Units, owner: str) -> Level:
    kind = units.kind(owner)
    if kind is None:
        raise NotFoundError(
            f"there is no unit {owner!r}", remedy="name a [[unit]] of the people file"
        )
    return _LEVELS[kind]


def _propose_part(conn: sa.Connection, goal: Goal, deed: Deed) -> Goal:
    """Alone it has the whole weight; among others it has the weight that was given to it."""
    there = GoalBook.load(conn, [goal.owner]).set_of(goal.level, goal.owner, goal.period)
    others = there.stored.goals.goals if there else ()
    weights = {one.code: one.weight for one in others}
    if others and goal.code not in weights:
        raise RefusedError(
            f"{goal.owner} has other goals for {goal.period}: nobody said what weight this one has",
            remedy=f"propose them together, with code = {goal.code!r}, target = "
            f"{decimal_text(goal.target)!r} and the weights: hr-core performance goals import FILE",
        )
    own = replace(goal, weight=weights.get(goal.code, WHOLE))
    if own not in others:
        goals = tuple(own if one.code == own.code else one for one in others) or (own,)
        propose(conn, Draft(person=goal.owner, period=goal.period, goals=goals), deed)
    return own


def _put(conn: sa.Connection, goal: Goal, deed: Deed) -> Goal:
    """Into the unit's goals, in the place of one with its code, whose weight it keeps."""
    before = GoalBook.load(conn, people=()).set_of(goal.level, goal.owner, goal.period)
    others = before.stored.goals.goals if before else ()
    weights = {one.code: one.weight for one in others}
    own = replace(goal, weight=weights.get(goal.code, Fraction(0)))
    if own not in others:
        kept = tuple(one for one in others if one.code != own.code)
        store_unit_goals(conn, (*kept, own), deed)
    return own


def move_goal(conn: sa.Connection, goal: Goal, owner: str, deed: Deed) -> Goal:
    """From its unit to another; the goals below it stay below it. Its weight among the new unit's
    goals is for that unit to say, those of the goals that stay behind are left as they are.

    Raises RefusedError, NotFoundError.
    """
    level = _level_of(Units.load(conn), owner)
    if goal.level is Level.COMPANY:
        level = goal.level
    moved = replace(goal, owner=owner, level=level, weight=Fraction(0))
    there = GoalBook.load(conn).set_of(goal.level, goal.owner, goal.period)
    if there is None or goal.level is Level.PERSON or owner == goal.owner:
        raise RefusedError(
            f"goal {goal.code} of {goal.level} {goal.owner} cannot move to {owner}",
            remedy="name another unit; a person's goals are proposed anew to another person",
        )
    before = there.stored.goals
    kept = tuple(one for one in before.goals if one.code != goal.code)
    after = replace(
        before,
        version=before.version + 1,
        since=_later(before, today_at(conn, deed.at)),
        goals=kept,
    )
    _stored(conn, after, deed, "goals.move")
    moved = _put(conn, moved, deed)
    book = GoalBook.load(conn)
    book.check(book.children(moved))
    return moved


def open_goals(conn: sa.Connection, unit: str, on: date) -> list[Goal]:
    """Those of a unit whose period is not over on the day."""
    return [
        goal
        for goal in GoalBook.load(conn, people=()).goals()
        if goal.owner == unit and Period.parse(goal.period).after > on
    ]


def refuse_closing(conn: sa.Connection, before: Organisation, after: Organisation) -> None:
    """A unit ends when its places and parents do; its open goals go to another one first.

    Raises RefusedError.
    """
    for unit in after.units:
        ends = _end(after, unit)
        if ends is None or ends == _end(before, unit):
            continue
        left = open_goals(conn, unit, ends)
        if left:
            codes = ", ".join(one.code for one in left)
            raise RefusedError(
                f"unit {unit} cannot close on {ends}: its goals {codes} go on after that",
                remedy=f"move them first: hr-core performance goals move {left[0].code} --period "
                f"{left[0].period} --to UNIT",
            )


def _end(organisation: Organisation, unit: str) -> date | None:
    """The first day on which it has neither a parent nor people; None for one that goes on."""
    rows: Iterable[date | None] = [
        *(one.valid_until for one in organisation.parents if one.unit == unit),
        *(one.valid_until for one in organisation.memberships if one.unit == unit),
    ]
    ends = list(rows)
    if not ends or None in ends:
        return None
    return max(one for one in ends if one is not None)
