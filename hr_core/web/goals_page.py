"""The goals of a period as a tree, from the company down, and one owner's set with its signatures."""

from fractions import Fraction

import sqlalchemy as sa
from msgspec import Struct

from hr_core.clock import Month
from hr_core.money import decimal_text
from hr_core.people.today import today_at
from hr_core.performance.agreeing import state_of
from hr_core.performance.exact_json import decode
from hr_core.performance.goal_book import GoalBook, Held
from hr_core.performance.goals import Goal, GoalKind, Level
from hr_core.performance.periods import Period
from hr_core.performance.sign_off import ENDED, Act, Role, State, next_moves
from hr_core.performance.signers import chain_of, is_hr
from hr_core.performance.units import Units
from hr_core.store.goals import StepRow, StoredSet, set_by_number, steps_of
from hr_core.web.answering import Visit
from hr_core.web.errors import NoPageError
from hr_core.web.performance_sight import PerformanceSight, account_of_visitor, sight_of_visit
from hr_core.web.selection import MAX_RUN, read_number, read_value

_MOST_LEVELS = 20  # deeper than any organisation; a circle cannot be stored, a broken row could


class ShownGoal(Struct, frozen=True, kw_only=True):
    """`number`: of the set that it stands in; `state` None: a unit's, which nobody signs."""

    goal: Goal
    number: int
    owner: str
    state: State | None
    below: tuple["ShownGoal", ...]


class GoalsPage(Struct, frozen=True, kw_only=True):
    """`lost`: goals that reach no company goal; `waiting`: sets that wait for the visitor."""

    period: Period
    earlier: str
    later: str
    tree: tuple[ShownGoal, ...]
    lost: tuple[ShownGoal, ...]
    waiting: tuple[ShownGoal, ...]


class ShownStep(Struct, frozen=True, kw_only=True):
    step: StepRow
    name: str
    wanted: tuple[Goal, ...]


class GoalSetPage(Struct, frozen=True, kw_only=True):
    """`acts`: what the visitor may do now. `proposes`: a new version, as nothing is being agreed."""

    stored: StoredSet
    owner: str
    state: State
    signed_levels: bool
    steps: tuple[ShownStep, ...]
    acts: tuple[Act, ...]
    proposes: bool


def exact_text(value: Fraction) -> str:
    return decimal_text(value).replace("-", "−")


def goals_page(visit: Visit) -> GoalsPage:
    """Raises BadQueryError."""
    asked = read_value(visit.request.query_params, "period", Period.parse, "2026-10")
    here = today_at(visit.conn, visit.now)
    period = asked or Period.of(Month(here.year, here.month))
    book, seen = GoalBook.load(visit.conn), sight_of_visit(visit)
    held = [one for one in book.held.values() if _touches(one, period) and _is_seen(one, seen)]
    goals = [(goal, one) for one in held for goal in one.stored.goals.goals]
    below: dict[str, list[tuple[Goal, Held]]] = {}
    tops = []
    for goal, one in goals:
        parent = book.parent(goal)
        if parent is None:
            tops.append((goal, one))
        else:
            below.setdefault(_key(parent), []).append((goal, one))

    def shown(goal: Goal, one: Held, level: int = 0) -> ShownGoal:
        under = below.get(_key(goal), []) if level < _MOST_LEVELS else []
        return ShownGoal(
            goal=goal,
            number=one.stored.number,
            owner=seen.name(goal.owner),
            state=one.state,
            below=tuple(shown(child, held_by, level + 1) for child, held_by in under),
        )

    whole = [shown(goal, one) for goal, one in tops]
    return GoalsPage(
        period=period,
        earlier=str(period.moved(-1)),
        later=str(period.moved(1)),
        tree=tuple(one for one in whole if one.goal.level is Level.COMPANY),
        lost=tuple(one for one in whole if one.goal.level is not Level.COMPANY),
        waiting=tuple(
            shown(one.stored.goals.goals[0], one)
            for one in held
            if one.stored.goals.goals and acts_on(visit.conn, one.stored, seen, visit)
        ),
    )


def goal_set_page(visit: Visit, number_text: str) -> GoalSetPage:
    """Raises NoPageError, also for a set of a person who is not seen."""
    seen = sight_of_visit(visit)
    stored = goal_set_seen(visit.conn, number_text, seen)
    steps, state = steps_of(visit.conn, stored.number), state_of(visit.conn, stored.number)
    return GoalSetPage(
        stored=stored,
        owner=seen.name(stored.goals.owner),
        state=state,
        signed_levels=stored.goals.level is Level.PERSON,
        steps=tuple(
            ShownStep(
                step=one,
                name=seen.name(one.person),
                wanted=() if one.wanted is None else decode(one.wanted, tuple[Goal, ...]),
            )
            for one in steps
        ),
        acts=acts_on(visit.conn, stored, seen, visit),
        proposes=state in ENDED
        and stored.goals.level is Level.PERSON
        and stored.goals.owner in proposes_for(visit, seen),
    )


def goal_set_seen(conn: sa.Connection, number_text: str, seen: PerformanceSight) -> StoredSet:
    try:
        number = read_number(number_text, MAX_RUN)
    except ValueError as exc:
        raise NoPageError("no_goals", number=number_text[:20]) from exc
    stored = set_by_number(conn, number)
    if stored is None or not (
        stored.goals.level is not Level.PERSON or seen.sees(stored.goals.owner)
    ):
        raise NoPageError("no_goals", number=number)
    return stored


def acts_on(
    conn: sa.Connection, stored: StoredSet, seen: PerformanceSight, visit: Visit
) -> tuple[Act, ...]:
    """What the visitor may do now with a person's goals."""
    if stored.goals.level is not Level.PERSON or not seen.own:
        return ()
    on = today_at(conn, visit.now, stored.goals.owner)
    moves = next_moves(state_of(conn, stored.number))
    if not moves:
        return ()
    chain = chain_of(Units.load(conn), stored.goals.owner, on)
    roles = {role for role in Role if not chain.people(role).isdisjoint(seen.own)}
    return tuple(act for act, move in moves.items() if move.role in roles)


def proposes_for(visit: Visit, seen: PerformanceSight) -> list[str]:
    """Whose goals the visitor may propose, as the rules of agreeing say it: HR, and who signs above;
    of the people that it sees.
    """
    if visit.visitor.account is None:
        return []
    people = [key for key in sorted(seen.names) if seen.sees(key) and key not in seen.own]
    if is_hr(visit.conn, account_of_visitor(visit.conn, visit.visitor)):
        return people
    units, on = Units.load(visit.conn), today_at(visit.conn, visit.now)
    chains = ((key, chain_of(units, key, on)) for key in people)
    return [
        key for key, chain in chains if not seen.own.isdisjoint(chain.managers | chain.next_levels)
    ]


def target_text(goal: Goal) -> str:
    """As "≥ 30", "≤ 5", "1200", "−10 % / 40"."""
    match goal.kind:
        case GoalKind.COUNT:
            return exact_text(goal.target)
        case GoalKind.AT_LEAST:
            return f"≥ {exact_text(goal.target)}"
        case GoalKind.AT_MOST:
            return f"≤ {exact_text(goal.target)}"
        case GoalKind.CHANGE:
            base = Fraction(0) if goal.base is None else goal.base
            sign = "+" if goal.target > 0 else ""
            return f"{sign}{exact_text(goal.target)} % / {exact_text(base)}"


def _touches(one: Held, period: Period) -> bool:
    of_set = Period.parse(one.stored.goals.period)
    return of_set.holds(period) or period.holds(of_set)


def _is_seen(one: Held, seen: PerformanceSight) -> bool:
    return one.stored.goals.level is not Level.PERSON or seen.sees(one.stored.goals.owner)


def _key(goal: Goal) -> str:
    return f"{goal.level}/{goal.owner}/{goal.period}/{goal.code}"
