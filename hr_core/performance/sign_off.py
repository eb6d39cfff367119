"""How goals are agreed: a table of what may follow what. No step can be left out.

proposed → (the employee asks for a change → the manager takes it over into a new version, or
explains) → signed by the employee → by the manager → by the level above: signed. An appeal against
the goals, before their period begins, is decided by the level above in the same way.
"""

from enum import StrEnum
from typing import NamedTuple

from hr_core.errors import RefusedError


class State(StrEnum):
    NEW = "new"  # before its first step
    PROPOSED = "proposed"
    CHANGE_ASKED = "change_asked"
    APPEALED = "appealed"
    SIGNED_BY_EMPLOYEE = "signed_by_employee"
    SIGNED_BY_MANAGER = "signed_by_manager"
    SIGNED = "signed"
    REPLACED = "replaced"  # its change was accepted: the next version goes on
    SENT_BACK = "sent_back"


class Act(StrEnum):
    PROPOSE = "propose"
    ASK_CHANGE = "ask_change"
    APPEAL = "appeal"
    ACCEPT = "accept"
    EXPLAIN = "explain"
    SIGN = "sign"
    SEND_BACK = "send_back"


class Role(StrEnum):
    EMPLOYEE = "employee"
    MANAGER = "manager"
    NEXT_LEVEL = "next_level"


class Move(NamedTuple):
    role: Role
    after: State


_MOVES: dict[tuple[State, Act], Move] = {
    (State.NEW, Act.PROPOSE): Move(Role.MANAGER, State.PROPOSED),
    (State.PROPOSED, Act.ASK_CHANGE): Move(Role.EMPLOYEE, State.CHANGE_ASKED),
    (State.CHANGE_ASKED, Act.ACCEPT): Move(Role.MANAGER, State.REPLACED),
    (State.CHANGE_ASKED, Act.EXPLAIN): Move(Role.MANAGER, State.PROPOSED),
    (State.PROPOSED, Act.APPEAL): Move(Role.EMPLOYEE, State.APPEALED),
    (State.APPEALED, Act.ACCEPT): Move(Role.NEXT_LEVEL, State.REPLACED),
    (State.APPEALED, Act.EXPLAIN): Move(Role.NEXT_LEVEL, State.PROPOSED),
    (State.PROPOSED, Act.SIGN): Move(Role.EMPLOYEE, State.SIGNED_BY_EMPLOYEE),
    (State.SIGNED_BY_EMPLOYEE, Act.SIGN): Move(Role.MANAGER, State.SIGNED_BY_MANAGER),
    (State.SIGNED_BY_EMPLOYEE, Act.SEND_BACK): Move(Role.MANAGER, State.SENT_BACK),
    (State.SIGNED_BY_MANAGER, Act.SIGN): Move(Role.NEXT_LEVEL, State.SIGNED),
    (State.SIGNED_BY_MANAGER, Act.SEND_BACK): Move(Role.NEXT_LEVEL, State.SENT_BACK),
}

# Of these no version may be signed or asked about any more, and a new one may be proposed.
ENDED = frozenset({State.SIGNED, State.REPLACED, State.SENT_BACK})
# What has to be said in words.
NEEDS_NOTE = frozenset({Act.ASK_CHANGE, Act.APPEAL, Act.EXPLAIN, Act.SEND_BACK})

_DOES = {
    Act.PROPOSE: "proposes",
    Act.ASK_CHANGE: "may ask for a change",
    Act.APPEAL: "may appeal",
    Act.ACCEPT: "accepts",
    Act.EXPLAIN: "explains",
    Act.SIGN: "signs",
    Act.SEND_BACK: "may send back",
}


def move(state: State, act: Act) -> Move:
    """Raises RefusedError for what cannot follow; the remedy says what can."""
    found = _MOVES.get((state, act))
    if found is None:
        raise RefusedError(
            f"goals that are {state} cannot be followed by {act}", remedy=_remedy(state)
        )
    return found


def next_moves(state: State) -> dict[Act, Move]:
    return {act: found for (before, act), found in _MOVES.items() if before is state}


def _remedy(state: State) -> str:
    following = [f"the {found.role} {_DOES[act]}" for act, found in next_moves(state).items()]
    if not following:
        return "propose a new version: it needs all signatures again"
    return f"now {', or '.join(following)}"
