"""Consequences of locked results are made, each exactly once, and those of money proposed.

Nothing here pays, moves or dismisses anybody: a raise and a bonus wait on the desk of approvals for
a second person, everything else is a task that people do and end.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from hr_core.approvals import desk
from hr_core.approvals.desk import ApprovalState
from hr_core.audit import log
from hr_core.errors import NotFoundError, RefusedError
from hr_core.pay.agreement import DatedAgreement, on_day
from hr_core.pay.entry import EntryKind
from hr_core.pay.proposals import (
    AgreementProposal,
    EntryProposal,
    propose_agreement,
    propose_entry,
)
from hr_core.people.today import today_at
from hr_core.performance.acting import Deed, period_of
from hr_core.performance.consequences import (
    MissingPayError,
    PayTerms,
    Planned,
    in_a_row,
    planned,
    planned_pay,
)
from hr_core.performance.content import content_of
from hr_core.performance.goal_review import planned_review
from hr_core.performance.house_rules import Consequence, HouseRules
from hr_core.performance.promotion import promotions
from hr_core.performance.rule_desk import house_rules
from hr_core.performance.score_rules import rules_of_version
from hr_core.quality.grades import GradeEdition, load_grades
from hr_core.store.consequences import (
    ConsequenceKind,
    ConsequenceRow,
    End,
    PlanGoal,
    add_consequence,
    add_plan_goal,
    consequences,
    consequences_where,
    end_consequence,
)
from hr_core.store.pay_agreements import agreements_until
from hr_core.store.person_records import merged_into
from hr_core.store.score_results import ResultRow, newest_results, results_of, score_results

_WITHOUT_ONE = "no pay agreement"


class NotMade(Struct, frozen=True, kw_only=True):
    """A consequence that is due and cannot be made yet; the others are."""

    person: str
    what: str
    remedy: str


class FollowUp(Struct, frozen=True, kw_only=True):
    """`kept`: how many were there already and stand."""

    made: tuple[ConsequenceRow, ...]
    kept: int
    withdrawn: tuple[ConsequenceRow, ...]
    not_made: tuple[NotMade, ...]


class Status(Struct, frozen=True, kw_only=True):
    """How a consequence stands: of a proposal what the desk says."""

    row: ConsequenceRow
    state: str


def follow_up(conn: sa.Connection, period: str, deed: Deed, pay_month: str = "") -> FollowUp:
    """Of every newest result of the period. A second run makes nothing, withdraws nothing.

    `pay_month`: whose pay takes a bonus, when not the last of the period (it is paid already).
    """
    when = period_of(period, today_at(conn, deed.at))
    month = str(period_of(pay_month)) if pay_month else str(when.months()[-1])
    found = _Found()
    now = merged_into(conn)
    # Under the key of today: a record may have been merged into another one since the lock.
    results = {
        (person := now.get(row.person, row.person)): replace(row, person=person)
        for row in newest_results(conn, score_results.c.period == str(when))
    }
    facts = _Facts(
        keys={one: {one, *(gone for gone, into in now.items() if into == one)} for one in results},
        agreements=agreements_until(conn, when.after),
        grades=load_grades().on(when.first),
        house=house_rules(conn),
        pay_month=month,
    )
    for result in results.values():
        _follow_one(conn, result, deed, facts, found)
    return FollowUp(
        made=tuple(found.made),
        kept=found.kept,
        withdrawn=tuple(found.withdrawn),
        not_made=tuple(found.not_made),
    )


class _Facts(NamedTuple):
    """Of everybody, read once. `keys`: by person, all that mean it."""

    keys: Mapping[str, AbstractSet[str]]
    agreements: Mapping[str, Sequence[DatedAgreement]]
    grades: GradeEdition
    house: HouseRules
    pay_month: str


class _Found:
    def __init__(self) -> None:
        self.made: list[ConsequenceRow] = []
        self.withdrawn: list[ConsequenceRow] = []
        self.not_made: list[NotMade] = []
        self.kept = 0


def _follow_one(
    conn: sa.Connection, result: ResultRow, deed: Deed, facts: _Facts, found: _Found
) -> None:
    person = result.person
    wanted, missing = _planned(conn, result, facts)
    found.not_made += missing
    here = consequences.c
    rows = consequences_where(conn, here.person.in_(sorted(facts.keys[person])))
    standing = {_same(row, person): row for row in rows if row.ended is not End.WITHDRAWN}
    now = {one.once for one in wanted}
    for once, row in standing.items():
        gone = row.period == result.period and once not in now
        if gone and row.kind is not ConsequenceKind.TAKE_BACK and not _pay_is_missing(row, missing):
            _withdraw(conn, row, result, deed, found)
    for one in wanted:
        if one.once in standing:
            found.kept += 1
        else:
            again = sum(_same(row, person) == one.once for row in rows)
            found.made.append(_make(conn, one, again, result, deed, facts.pay_month))


def _planned(
    conn: sa.Connection, result: ResultRow, facts: _Facts
) -> tuple[list[Planned], list[NotMade]]:
    rules = rules_of_version(conn, content_of(result.content).rules)
    review = planned_review(conn, result, rules)
    reviews = [] if review is None else [review]
    if result.grade is None:
        return reviews, []
    house = facts.house.on(result.period_from)
    rule = house.consequence(result.scheme, result.grade) or Consequence()
    history = results_of(conn, facts.keys[result.person])
    row = in_a_row(history, result)
    promoted = list(promotions(conn, result, history, rules))
    wanted = [*planned(result, rule, row, rules, facts.grades, promoted), *reviews]
    try:
        terms = _terms(facts.agreements.get(result.person, ()), result)
        wanted += planned_pay(result, rule, terms)
    except MissingPayError as exc:
        return wanted, [
            NotMade(
                person=result.person,
                what=f"{exc.kind}: {_WITHOUT_ONE} of {result.person} holds on {exc.day}",
                remedy="HR enters the pay agreement, then runs the consequences again",
            )
        ]
    return wanted, []


def _terms(agreements: Sequence[DatedAgreement], result: ResultRow) -> PayTerms:
    return PayTerms(
        then=on_day(agreements, result.period_until - timedelta(days=1)),
        next=on_day(agreements, result.period_until),
    )


def _make(
    conn: sa.Connection, one: Planned, again: int, result: ResultRow, deed: Deed, month: str
) -> ConsequenceRow:
    row = ConsequenceRow(
        number=0,
        once=f"{one.once}#{again + 1}" if again else one.once,
        person=result.person,
        period=result.period,
        result=result.number,
        kind=one.kind,
        detail=one.detail,
        approval=None,
        made_by=deed.by,
        made_at=deed.at,
    )
    row = replace(row, approval=_propose(conn, row, deed, month))
    number = add_consequence(conn, row)
    for goal in one.goals:
        add_plan_goal(conn, number, goal, deed.by, deed.at)
    log.append(
        conn, deed.at, deed.by, "consequence.make", f"person {row.person}", None,
        {"consequence": number, "kind": row.kind.value, "result": row.result}, "",
    )  # fmt: skip
    return replace(row, number=number)


def _propose(conn: sa.Connection, row: ConsequenceRow, deed: Deed, month: str) -> int | None:
    """The number on the desk; None for what is no money."""
    why = f"grade of {row.period}, result {row.result}: {row.detail.get('percent')} %"
    if row.kind is ConsequenceKind.BONUS:
        entry = EntryProposal(
            person=row.person,
            month=month,
            kind=EntryKind.GRADE_BONUS,
            name=f"等级奖金 grade bonus {row.period}",
            amount_fen=row.detail["amount_fen"],
            reason=why,
            subject=row.once,
        )
        return propose_entry(conn, entry, at=deed.at, by=deed.actor)
    if row.kind is not ConsequenceKind.RAISE:
        return None
    since = date.fromisoformat(row.detail["valid_from"])
    held = on_day(agreements_until(conn, since, [row.person])[row.person], since)
    assert held is not None  # noqa: S101 - it was planned from this agreement
    agreement = AgreementProposal(
        person=row.person,
        valid_from=since,
        terms=replace(held.terms, base_fen=row.detail["after_fen"]),
        replaces=held.number,
    )
    return propose_agreement(conn, agreement, at=deed.at, by=deed.actor, reason=why)


def _withdraw(
    conn: sa.Connection, row: ConsequenceRow, result: ResultRow, deed: Deed, found: _Found
) -> None:
    """What an earlier version led to. What a second person approved meanwhile cannot be undone here:
    people settle it.
    """
    why = f"version {result.version} of the score does not lead to it"
    if row.approval is not None:
        state = desk.approval(conn, row.approval).state
        if state is ApprovalState.PROPOSED:
            desk.refuse(conn, row.approval, at=deed.at, by=deed.actor, reason=why)
        elif state is ApprovalState.APPROVED:
            once = f"{ConsequenceKind.TAKE_BACK.value}:{row.number}"
            detail = {"consequence": row.number, "kind": row.kind.value, **row.detail}
            take_back = Planned(once=once, kind=ConsequenceKind.TAKE_BACK, detail=detail)
            found.made.append(_make(conn, take_back, 0, result, deed, ""))
    elif row.ended is not None:
        return  # done: a course that was taken stays taken
    end_consequence(conn, row.number, End.WITHDRAWN, why, deed.by, deed.at)
    log.append(
        conn, deed.at, deed.by, "consequence.withdraw", f"person {row.person}", None,
        {"consequence": row.number, "kind": row.kind.value, "result": result.number}, why,
    )  # fmt: skip
    found.withdrawn.append(replace(row, ended=End.WITHDRAWN, note=why))


def end_task(conn: sa.Connection, number: int, note: str, deed: Deed) -> None:
    """Somebody did it. Raises RefusedError: a proposal (the desk ends it), ended before, the person
    itself.
    """
    row = existing_consequence(conn, number)
    if row.approval is not None:
        raise RefusedError(
            f"consequence {number} is decided as approval {row.approval}",
            remedy=f"hr-core approvals approve {row.approval}, or refuse {row.approval}",
        )
    if row.ended is not None:
        raise RefusedError(f"consequence {number} is {row.ended} already", remedy="nothing is open")
    if deed.is_one_of([row.person]):
        raise RefusedError(
            f"consequence {number} is about {deed.by}", remedy="let the superior or HR end it"
        )
    if not note.strip():
        raise RefusedError("it is not ended without a note", remedy="say what was done: --note")
    end_consequence(conn, number, End.DONE, note, deed.by, deed.at)
    log.append(
        conn, deed.at, deed.by, "consequence.done", f"person {row.person}", None,
        {"consequence": number}, note,
    )  # fmt: skip


def add_goal(conn: sa.Connection, number: int, goal: PlanGoal, deed: Deed) -> None:
    """To an open improvement plan."""
    row = existing_consequence(conn, number)
    if row.kind is not ConsequenceKind.IMPROVEMENT_PLAN or row.ended is not None:
        raise RefusedError(
            f"consequence {number} is no open improvement plan",
            remedy="hr-core performance consequences list shows the plans",
        )
    add_plan_goal(conn, number, goal, deed.by, deed.at)
    log.append(
        conn, deed.at, deed.by, "consequence.goal", f"person {row.person}", None,
        {"consequence": number, "goal": goal.text, "due": goal.due}, "",
    )  # fmt: skip


def existing_consequence(conn: sa.Connection, number: int) -> ConsequenceRow:
    found = consequences_where(conn, consequences.c.number == number)
    if not found:
        raise NotFoundError(
            f"there is no consequence {number}",
            remedy="hr-core performance consequences list shows them",
        )
    return found[0]


def statuses(conn: sa.Connection, rows: Iterable[ConsequenceRow]) -> list[Status]:
    return [Status(row=row, state=_state(conn, row)) for row in rows]


def _state(conn: sa.Connection, row: ConsequenceRow) -> str:
    if row.ended is not None:
        return row.ended.value
    return "open" if row.approval is None else desk.approval(conn, row.approval).state.value


def _same(row: ConsequenceRow, person: str) -> str:
    """What it is under the person's key of today, without the count of how often it was made."""
    return row.once.partition("#")[0].replace(f":{row.person}:", f":{person}:", 1)


def _pay_is_missing(row: ConsequenceRow, missing: Iterable[NotMade]) -> bool:
    """It may still be due: only its pay is not known any more."""
    return any(one.what.startswith(f"{row.kind}: {_WITHOUT_ONE}") for one in missing)
