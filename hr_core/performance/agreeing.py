"""Goals of people: proposed, negotiated, signed. Each step is stored with who, when, before, after.

What was stored is never changed: a change is a new version, and it needs all signatures again.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from hr_core.approvals.desk import Actor
from hr_core.audit.log import append
from hr_core.clock import Month
from hr_core.errors import NotFoundError, RefusedError
from hr_core.people.today import today_at
from hr_core.performance.acting import Deed
from hr_core.performance.exact_json import decode, encode
from hr_core.performance.goal_book import GoalBook
from hr_core.performance.goals import Goal, GoalSet, Level, check_goal, check_weights
from hr_core.performance.periods import Period
from hr_core.performance.sign_off import ENDED, NEEDS_NOTE, Act, Role, State, move, next_moves
from hr_core.performance.signers import Chain, acting_person, chain_of, is_hr, is_person
from hr_core.performance.units import Units
from hr_core.store.goals import (
    StepRow,
    StoredSet,
    add_set,
    add_step,
    last_states,
    set_by_number,
    sets_of,
    steps_of,
)
from hr_core.store.work_plan import keys_of


class Draft(Struct, frozen=True, kw_only=True):
    """`since`: from when on a new version holds; None: from the period on, or else next month."""

    person: str
    period: str
    goals: tuple[Goal, ...]
    since: date | None = None


class Waiting(Struct, frozen=True, kw_only=True):
    """A set of goals that waits for one of `people`, who may do `acts`."""

    number: int
    person: str
    period: str
    version: int
    state: State
    role: Role
    people: tuple[str, ...]
    acts: tuple[Act, ...]
    step: int
    since: datetime


class _Signer(NamedTuple):
    role: str
    person: str


def propose(conn: sa.Connection, draft: Draft, deed: Deed) -> StoredSet:
    """A new version, by the manager, somebody above or HR. In the caller's write transaction.

    Raises RefusedError: an orphan, weights that are not 100 %, another version still open, a month
    that is past.
    """
    chain = _chain(conn, draft.person, deed)
    signer = _proposer(conn, chain, deed.actor)
    versions = _versions(conn, draft.person, draft.period)
    _refuse_open(conn, versions)
    since = _since(conn, draft, versions, deed.at)
    return _store_version(conn, draft, since, (deed, signer), versions)


def ask_change(
    conn: sa.Connection,
    number: int,
    deed: Deed,
    wanted: Sequence[Goal] = (),
    *,
    appeal: bool = False,
) -> State:
    """The employee wants other goals, weights or resources: in words, and as goals where it can.

    An appeal goes to the level above the manager, and only before the period begins.
    """
    stored = _stored(conn, number)
    if appeal and today_at(conn, deed.at, stored.goals.owner) >= stored.goals.since:
        raise RefusedError(
            f"these goals hold since {stored.goals.since}: an appeal against goals comes before",
            remedy="ask the manager for a change (goals ask-change); it holds from the next month",
        )
    act = Act.APPEAL if appeal else Act.ASK_CHANGE
    return _step(conn, stored, act, deed, wanted=tuple(wanted))


def explain(conn: sa.Connection, number: int, deed: Deed) -> State:
    """The goals stay as proposed, and the note says why."""
    return _step(conn, _stored(conn, number), Act.EXPLAIN, deed)


def accept(conn: sa.Connection, number: int, deed: Deed, goals: Sequence[Goal] = ()) -> StoredSet:
    """Takes the wanted change over into a new version, which then needs every signature.

    goals: the whole new set, where the employee asked in words only or another way is agreed.
    """
    stored = _stored(conn, number)
    signer = _signer(conn, stored, Act.ACCEPT, deed)
    asked = steps_of(conn, number)[-1]
    wanted = tuple(goals) or wanted_goals(conn, stored)
    if not wanted:
        raise RefusedError(
            f"the change of goals {number} was asked for in words: {asked.note!r}",
            remedy="give the new goals: hr-core performance goals answer NUMBER --accept --goals FILE",
        )
    _step(conn, stored, Act.ACCEPT, deed)
    versions = _versions(conn, stored.goals.owner, stored.goals.period)
    draft = Draft(person=stored.goals.owner, period=stored.goals.period, goals=wanted)
    return _store_version(conn, draft, stored.goals.since, (deed, signer), versions)


def wanted_goals(conn: sa.Connection, stored: StoredSet) -> tuple[Goal, ...]:
    """The whole set as it would be after the change that was asked for last; none where that was in
    words, or nothing was asked for.
    """
    return _merged(stored.goals.goals, steps_of(conn, stored.number)[-1].wanted)


def sign_goals(conn: sa.Connection, number: int, deed: Deed) -> State:
    """The next signature; no other order, and nobody signs twice."""
    return _step(conn, _stored(conn, number), Act.SIGN, deed)


def send_back(conn: sa.Connection, number: int, deed: Deed) -> State:
    """Instead of signing; the note says why."""
    return _step(conn, _stored(conn, number), Act.SEND_BACK, deed)


def state_of(conn: sa.Connection, number: int) -> State:
    steps = steps_of(conn, number)
    return State(steps[-1].after) if steps else State.NEW


def waiting(conn: sa.Connection, on: date) -> list[Waiting]:
    """Everything that is not agreed yet, and whose turn it is: what a manager is told."""
    units = Units.load(conn)
    found = []
    for number, after in last_states(conn).items():
        state = State(after)
        if state in ENDED:
            continue
        stored, moves = _stored(conn, number), next_moves(state)
        role = next(iter(moves.values())).role
        last = steps_of(conn, number)[-1]
        people = chain_of(units, stored.goals.owner, on).people(role)
        found.append(
            Waiting(
                number=number,
                person=stored.goals.owner,
                period=stored.goals.period,
                version=stored.goals.version,
                state=state,
                role=role,
                people=tuple(sorted(people)),
                acts=tuple(moves),
                step=last.step,
                since=last.at,
            )
        )
    return found


def _store_version(
    conn: sa.Connection,
    draft: Draft,
    since: date,
    signed: tuple[Deed, _Signer],
    versions: Sequence[StoredSet],
) -> StoredSet:
    deed, signer = signed
    goals = GoalSet(
        level=Level.PERSON,
        owner=draft.person,
        period=draft.period,
        version=max((one.goals.version for one in versions), default=0) + 1,
        since=since,
        goals=draft.goals,
    )
    check_set(conn, goals, mended_by=signer.person)
    stored = add_set(conn, goals, deed.at, signer.person, deed.note)
    _store_step(conn, stored, Act.PROPOSE, (State.NEW, State.PROPOSED), (deed, signer))
    return stored


def check_set(conn: sa.Connection, goals: GoalSet, *, mended_by: str) -> None:
    """Raises RefusedError."""
    check_codes(goals.owner, goals.goals)
    for one in goals.goals:
        if (one.level, one.owner, one.period) != (goals.level, goals.owner, goals.period):
            raise RefusedError(
                f"goal {one.code} is of {one.level} {one.owner} for {one.period}, not of "
                f"{goals.level} {goals.owner} for {goals.period}",
                remedy="correct level, owner and period, or move it to its own owner's goals",
            )
        check_goal(one)
    GoalBook.load(conn, people=()).check(goals.goals)
    check_weights(
        goals.goals, whose=f"the goals of {goals.owner} for {goals.period}", mended_by=mended_by
    )


def check_codes(owner: str, goals: Sequence[Goal]) -> None:
    """Raises RefusedError: no goal at all, or two of one name."""
    codes = [one.code for one in goals]
    twice = sorted({code for code in codes if codes.count(code) > 1})
    if not codes:
        raise RefusedError(
            f"no goal of {owner} is given", remedy="write at least one: code, name, target, weight"
        )
    if twice:
        raise RefusedError(
            f"goals of {owner}: {', '.join(twice)} twice",
            remedy="give each goal one code of its own",
        )


def _step(
    conn: sa.Connection, stored: StoredSet, act: Act, deed: Deed, wanted: tuple[Goal, ...] = ()
) -> State:
    if act in NEEDS_NOTE and not deed.note.strip():
        raise RefusedError(f"{act} needs words: nobody can answer without", remedy="give --note")
    before = state_of(conn, stored.number)
    found = move(before, act)
    chain = _chain(conn, stored.goals.owner, deed)
    signer = _Signer(found.role, acting_person(conn, chain, found.role, deed.actor))
    after = found.after
    if act is Act.SIGN:
        _refuse_second_signature(conn, stored, signer)
        if found.role is Role.MANAGER and chain.top:
            after = State.SIGNED
        if after is State.SIGNED:
            _refuse_past(conn, stored, deed.at)
    _store_step(conn, stored, act, (before, after), (deed, signer), wanted)
    return after


def _store_step(
    conn: sa.Connection,
    stored: StoredSet,
    act: Act,
    states: tuple[State, State],
    signed: tuple[Deed, _Signer],
    wanted: tuple[Goal, ...] = (),
) -> None:
    deed, signer = signed
    before, after = states
    last = steps_of(conn, stored.number)
    row = StepRow(
        goal_set=stored.number,
        step=len(last) + 1,
        act=act,
        role=signer.role,
        person=signer.person,
        name=deed.by,
        at=deed.at,
        before=before,
        after=after,
        digest=stored.digest,
        wanted=encode(wanted) if wanted else None,
        note=deed.note.strip(),
    )
    add_step(conn, row)
    told = {"goals": stored.number, "version": stored.goals.version, "digest": stored.digest}
    subject = f"person {stored.goals.owner}"
    before_state = told | {"state": before}
    after_state = told | {"state": after, "role": signer.role, "person": signer.person}
    append(conn, deed.at, deed.by, f"goals.{act}", subject, before_state, after_state, row.note)


def _chain(conn: sa.Connection, person: str, deed: Deed) -> Chain:
    return chain_of(Units.load(conn), person, today_at(conn, deed.at, person))


def _signer(conn: sa.Connection, stored: StoredSet, act: Act, deed: Deed) -> _Signer:
    role = move(state_of(conn, stored.number), act).role
    chain = _chain(conn, stored.goals.owner, deed)
    return _Signer(role, acting_person(conn, chain, role, deed.actor))


def _proposer(conn: sa.Connection, chain: Chain, by: Actor) -> _Signer:
    """A proposal binds nobody: whoever signs above may make it, and HR."""
    if is_hr(conn, by) and not is_person(conn, chain.person, by):
        return _Signer("hr", by.name)
    try:
        return _Signer(Role.MANAGER, acting_person(conn, chain, Role.MANAGER, by))
    except RefusedError:
        if not chain.next_levels:
            raise
    try:
        return _Signer(Role.NEXT_LEVEL, acting_person(conn, chain, Role.NEXT_LEVEL, by))
    except RefusedError:
        acting_person(conn, chain, Role.MANAGER, by)
        raise


def _refuse_second_signature(conn: sa.Connection, stored: StoredSet, signer: _Signer) -> None:
    signed = [one for one in steps_of(conn, stored.number) if one.act == Act.SIGN]
    if signer.person in {one.person for one in signed}:
        raise RefusedError(
            f"{signer.person} has signed goals {stored.number} already: each signature is another "
            "person's",
            remedy="let another manager sign",
        )


def _refuse_past(conn: sa.Connection, stored: StoredSet, at: datetime) -> None:
    """A month that is over was scored by what was signed then."""
    versions = _versions(conn, stored.goals.owner, stored.goals.period)
    earlier = any(state_of(conn, one.number) is State.SIGNED for one in versions)
    today = today_at(conn, at, stored.goals.owner)
    this_month = Month(today.year, today.month).first
    if earlier and stored.goals.since < this_month:
        raise RefusedError(
            f"goals {stored.number} would hold from {stored.goals.since}, a month that is over: it "
            "keeps the goals that were signed for it",
            remedy="send them back and propose them again: they hold from the next month",
        )


def _refuse_open(conn: sa.Connection, versions: Sequence[StoredSet]) -> None:
    for one in versions:
        state = state_of(conn, one.number)
        if state not in ENDED:
            raise RefusedError(
                f"version {one.goals.version} (goals {one.number}) is {state}: it is agreed or sent "
                "back before there is another one",
                remedy="hr-core performance goals waiting tells whose turn it is",
            )


def _since(conn: sa.Connection, draft: Draft, versions: Sequence[StoredSet], at: datetime) -> date:
    """A change of signed goals holds from a month that has not begun: past months keep theirs."""
    period = Period.parse(draft.period)
    signed = [one for one in versions if state_of(conn, one.number) is State.SIGNED]
    today = today_at(conn, at, draft.person)
    earliest = period.first
    if signed:
        next_month = Month(today.year, today.month).after
        earliest = max(period.first, next_month, *(one.goals.since for one in signed))
    since = draft.since or earliest
    if since < earliest or since.day != 1 or since >= period.after:
        raise RefusedError(
            f"goals for {period} cannot begin to hold on {since}",
            remedy=f"choose the first day of a month from {earliest} to before {period.after}; what "
            "was signed holds until then",
        )
    return since


def _versions(conn: sa.Connection, person: str, period: str) -> list[StoredSet]:
    found = sets_of(conn, Level.PERSON, keys_of(conn, person))
    return [one for one in found if one.goals.period == period]


def _merged(goals: tuple[Goal, ...], wanted: str | None) -> tuple[Goal, ...]:
    """Wanted goals take the place of those with their code; others are added."""
    if wanted is None:
        return ()
    asked = {one.code: one for one in decode(wanted, tuple[Goal, ...])}
    kept = [asked.pop(one.code, one) for one in goals]
    owner = goals[0]
    same = {"level": owner.level, "owner": owner.owner, "period": owner.period}
    return tuple(replace(one, **same) for one in (*kept, *asked.values()))


def _stored(conn: sa.Connection, number: int) -> StoredSet:
    found = set_by_number(conn, number)
    if found is None or found.goals.level is not Level.PERSON:
        raise NotFoundError(
            f"there are no goals {number} of a person",
            remedy="hr-core performance goals tree shows the numbers",
        )
    return found
