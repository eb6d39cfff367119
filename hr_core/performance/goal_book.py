"""Stored sets of goals as a tree: what holds now, who serves which goal, who serves none."""

from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import NamedTuple, Self

import sqlalchemy as sa
from msgspec import Struct

from hr_core.errors import NotFoundError, RefusedError
from hr_core.performance.goals import Goal, Level
from hr_core.performance.periods import Period
from hr_core.performance.sign_off import State
from hr_core.store.goals import StoredSet, all_sets, last_states, sets_of
from hr_core.store.work_plan import keys_of

_DROPPED = frozenset({State.REPLACED, State.SENT_BACK})


class Held(NamedTuple):
    """The version of an owner's goals that counts. `state` is None for a unit's: nobody signs them."""

    stored: StoredSet
    state: State | None


class Unaligned(Struct, frozen=True, kw_only=True):
    """A goal that reaches no company goal; `path` as far as it goes, from the goal up."""

    goal: str
    owner: str
    period: str
    path: tuple[str, ...]
    why: str


class GoalBook:
    """What counts of each owner and period: of people the newest signed version, before the first
    signature the newest that is being agreed.
    """

    def __init__(self, held: Iterable[Held]) -> None:
        self.held = {_key(one.stored): one for one in held}
        found = [goal for one in self.held.values() for goal in one.stored.goals.goals]
        self._goals = sorted(found, key=lambda goal: goal.level.depth)
        self._units: dict[str, list[Goal]] = {}
        for goal in self._goals:
            if goal.level is not Level.PERSON:
                self._units.setdefault(goal.code, []).append(goal)

    @classmethod
    def load(cls, conn: sa.Connection, people: Collection[str] | None = None) -> Self:
        """Of all units, and of everybody or of these people."""
        states = last_states(conn, people)
        best: dict[tuple[Level, str, str], Held] = {}
        for stored in all_sets(conn, people):
            state = State(states[stored.number]) if stored.number in states else None
            before = best.get(_key(stored))
            if state in _DROPPED:
                continue
            if before is None or before.state is not State.SIGNED or state is State.SIGNED:
                best[_key(stored)] = Held(stored, state)
        return cls(best.values())

    def goals(self) -> list[Goal]:
        """From the company down, in the order of the sets."""
        return list(self._goals)

    def set_of(self, level: Level, owner: str, period: str) -> Held | None:
        return self.held.get((level, owner, period))

    def unit_goal(self, code: str, period: str) -> Goal | None:
        """Of a unit, whose period holds `period`; the shortest of several."""
        found = [goal for goal in self._units.get(code, ()) if _holds(goal.period, period)]
        if len(found) == 1:
            return found[0]
        return min(found, key=lambda goal: Period.parse(goal.period).length, default=None)

    def require_unit_goal(self, code: str, period: str) -> Goal:
        """Raises NotFoundError."""
        found = self.unit_goal(code, period)
        if found is None:
            raise NotFoundError(
                f"no unit has a goal {code!r} for {period}",
                remedy="hr-core performance goals tree shows them",
            )
        return found

    def parent(self, goal: Goal) -> Goal | None:
        return None if goal.parent is None else self.unit_goal(goal.parent, goal.period)

    def children(self, goal: Goal) -> list[Goal]:
        return [one for one in self._goals if one.parent == goal.code and self.parent(one) == goal]

    def check(self, goals: Iterable[Goal]) -> None:
        """Raises RefusedError for an orphan: below the company each goal serves one above."""
        for goal in goals:
            fault = self._fault(goal)
            if fault:
                raise RefusedError(
                    f"goal {goal.code} of {goal.owner} {fault}",
                    remedy="name the goal above that it serves (parent = CODE): hr-core performance "
                    "goals tree shows them",
                )

    def _fault(self, goal: Goal) -> str:
        if goal.level is Level.COMPANY:
            return "is the company's and lies under another one" if goal.parent else ""
        if goal.parent is None:
            return "has no parent"
        above = self.parent(goal)
        if above is None:
            return f"lies under {goal.parent!r}, which no unit has for {goal.period}"
        if above.level.depth >= goal.level.depth:
            return f"is a {goal.level}'s and lies under {above.code!r} of a {above.level}"
        return ""

    def unaligned(self) -> list[Unaligned]:
        """Goals of people that do not reach a company goal, with where their way up ends."""
        found = []
        for goal in self._goals:
            if goal.level is not Level.PERSON:
                continue
            path, top = [goal.code], goal
            while (above := self.parent(top)) is not None:
                path.append(above.code)
                top = above
            if top.level is not Level.COMPANY:
                found.append(
                    Unaligned(
                        goal=goal.code,
                        owner=goal.owner,
                        period=goal.period,
                        path=tuple(path),
                        why=f"goal {top.code} {self._fault(top)}",
                    )
                )
        return found


def signed_sets(conn: sa.Connection, person: str) -> list[StoredSet]:
    """Of a person's keys, in the order in which they were made."""
    keys = keys_of(conn, person)
    states = last_states(conn, keys)
    return [
        one for one in sets_of(conn, Level.PERSON, keys) if states.get(one.number) == State.SIGNED
    ]


@lru_cache(maxsize=1024)  # a plant has some dozen periods, and a tree asks for each goal
def _holds(outer: str, inner: str) -> bool:
    return Period.parse(outer).holds(Period.parse(inner))


def _key(stored: StoredSet) -> tuple[Level, str, str]:
    return stored.goals.level, stored.goals.owner, stored.goals.period
