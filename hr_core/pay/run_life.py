"""The life of a pay run: computed, submitted, approved, paid, reversed.

One person submits a run and another approves it; then it is the one run of its month, and nothing of
it changes any more. Paying and reversing are again one person's wish and another's approval. Every
other run of the month is a trial: it may be computed at any time and recomputes nothing of this one.
"""

from datetime import datetime
from enum import StrEnum

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from hr_core.approvals.desk import Actor, Approval, open_approvals, propose
from hr_core.approvals.kinds import Kind
from hr_core.audit.log import append
from hr_core.errors import CoreError, NotFoundError, RefusedError
from hr_core.pay.run_digest import RunDigest, digest_of_run, is_unchanged
from hr_core.pay.run_explained import refuse_unexplained
from hr_core.store.pay_run_steps import (
    RunStep,
    add_step,
    approved_run,
    approved_steps,
    last_steps,
    remove_approved,
    set_approved,
    steps_of,
)
from hr_core.store.results import RefusedPerson, RunRow, run_by_number, slips_of_run


class RunState(StrEnum):
    COMPUTED = "computed"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    PAID = "paid"
    REVERSED = "reversed"


class Submitted(Struct, frozen=True, kw_only=True):
    """What two people look at. `refused`: people whom the run could not pay, with what helps."""

    run: int
    month: str
    scheme: str
    scheme_version: str
    people: int
    total_fen: int
    days_to_clarify: int
    refused: tuple[RefusedPerson, ...]
    digest: RunDigest


def state_of(conn: sa.Connection, run: int) -> RunState:
    steps = steps_of(conn, run)
    return _state(conn, run, steps[-1].step if steps else None)


def states(conn: sa.Connection) -> dict[int, RunState]:
    """Of every run that had a step; the others are computed and nothing more."""
    return {run: _state(conn, run, step) for run, step in last_steps(conn).items()}


def submit(conn: sa.Connection, run: int, *, at: datetime, by: Actor, reason: str = "") -> int:
    """The number under which it waits for a second person. Raises NotFoundError, RefusedError."""
    found = _run(conn, run)
    _refuse_state(conn, found, RunState.COMPUTED, "submitted")
    _refuse_second(conn, found)
    refuse_unexplained(conn, found)
    content = _looked_at(conn, found)
    number = propose(conn, Kind.RUN, _subject(run), content, at=at, by=by, reason=reason)
    add_step(conn, RunStep(run=run, step="submitted", at=at, by=by.name, reason=reason))
    return number


def lock_run(conn: sa.Connection, approval: Approval) -> None:
    """What the approval of a run does. Raises RefusedError, CoreError."""
    found = _run(conn, approval.content["run"])
    _refuse_second(conn, found)
    _refuse_changed(conn, approval)
    _step(conn, approval, found, RunState.APPROVED)
    set_approved(conn, found.month, found.number)


def ask_payment(conn: sa.Connection, run: int, *, at: datetime, by: Actor, reason: str = "") -> int:
    """The number under which it waits for a second person. Raises NotFoundError, RefusedError."""
    return _ask(conn, run, Kind.PAYMENT, at, by, reason)


def mark_paid(conn: sa.Connection, approval: Approval) -> None:
    """What the approval of a payment does. Raises RefusedError, CoreError."""
    found = _run(conn, approval.content["run"])
    _refuse_state(conn, found, RunState.APPROVED, "paid")
    _refuse_changed(conn, approval)
    _step(conn, approval, found, RunState.PAID)


def ask_reversal(conn: sa.Connection, run: int, *, at: datetime, by: Actor, reason: str) -> int:
    """Of a whole run. The number under which it waits. Raises NotFoundError, RefusedError."""
    if not reason.strip():
        raise RefusedError(f"run {run} is not taken back without a reason", remedy="say why")
    return _ask(conn, run, Kind.REVERSAL, at, by, reason)


def reverse_run(conn: sa.Connection, approval: Approval) -> None:
    """Its rows stay; the month is free for a new version. Raises RefusedError."""
    found = _run(conn, approval.content["run"])
    if approved_run(conn, found.month) != found.number:
        raise RefusedError(
            f"run {found.number} is not the approved run of {found.month}",
            remedy="see hr-core pay runs",
        )
    _step(conn, approval, found, RunState.REVERSED)
    remove_approved(conn, found.number)


def changed_runs(conn: sa.Connection) -> list[int]:
    """Approved runs that are not what was approved any more: somebody went behind the guards."""
    from hr_core.approvals.desk import approval as read  # noqa: PLC0415 - one reader

    return [
        step.run
        for step in approved_steps(conn)
        if step.approval is None
        or not is_unchanged(conn, step.run, _digest(read(conn, step.approval)))
    ]


def subject_of(kind: Kind, run: int) -> str:
    """As the guards of the database spell it (store/pay_run_steps.py)."""
    return {
        Kind.RUN: f"run {run}",
        Kind.PAYMENT: f"payment of run {run}",
        Kind.REVERSAL: f"reversal of run {run}",
    }[kind]


def _subject(run: int) -> str:
    return subject_of(Kind.RUN, run)


def _ask(conn: sa.Connection, run: int, kind: Kind, at: datetime, by: Actor, reason: str) -> int:
    found = _run(conn, run)
    if kind is Kind.PAYMENT:
        _refuse_state(conn, found, RunState.APPROVED, "paid")
    elif approved_run(conn, found.month) != run:
        raise RefusedError(
            f"run {run} is {state_of(conn, run)}: only the approved run of a month is reversed",
            remedy="see hr-core pay runs",
        )
    waiting = open_approvals(conn, kind, subject_of(kind, run))
    if waiting:
        raise RefusedError(
            f"the {waiting[0].subject} waits already as approval {waiting[0].number}",
            remedy=f"another person approves it: hr-core approvals approve {waiting[0].number}",
        )
    content = _looked_at(conn, found)
    return propose(conn, kind, subject_of(kind, run), content, at=at, by=by, reason=reason)


def _looked_at(conn: sa.Connection, found: RunRow) -> Submitted:
    slips = slips_of_run(conn, found.number)
    return Submitted(
        run=found.number,
        month=found.month,
        scheme=found.scheme,
        scheme_version=found.scheme_version,
        people=len(slips),
        total_fen=found.total_fen,
        days_to_clarify=sum(len(slip.to_clarify) for slip in slips),
        refused=found.findings.refused,
        digest=digest_of_run(conn, found.number),
    )


def _step(conn: sa.Connection, approval: Approval, found: RunRow, to: RunState) -> None:
    assert approval.decided_at is not None  # noqa: S101 - it was just approved
    assert approval.decided_by is not None  # noqa: S101 - as above
    add_step(
        conn,
        RunStep(
            run=found.number,
            step=to.value,
            at=approval.decided_at,
            by=approval.decided_by,
            approval=approval.number,
            reason=approval.decision,
        ),
    )
    after = {"state": to, "month": found.month, "total_fen": found.total_fen}
    append(
        conn, approval.decided_at, approval.decided_by, f"pay.{to}", _subject(found.number), None,
        after | {"approval": approval.number}, approval.decision,
    )  # fmt: skip


def _state(conn: sa.Connection, run: int, last: str | None) -> RunState:
    if last is None:
        return RunState.COMPUTED
    if last == "submitted" and not open_approvals(conn, Kind.RUN, _subject(run)):
        return RunState.COMPUTED  # the second person refused it
    return RunState(last)


def _refuse_state(conn: sa.Connection, found: RunRow, needs: RunState, what: str) -> None:
    state = state_of(conn, found.number)
    if state is not needs:
        raise RefusedError(
            f"run {found.number} of {found.month} is {state}: only one that is {needs} is {what}",
            remedy="see hr-core pay runs; what waits for a second person: hr-core approvals list",
        )


def _refuse_second(conn: sa.Connection, found: RunRow) -> None:
    there = approved_run(conn, found.month)
    if there is not None:
        raise RefusedError(
            f"{found.month} has the approved run {there}: run {found.number} is a trial",
            remedy=f"what differs: hr-core pay diff {there} {found.number}; corrections are paid with "
            f"a later month, or run {there} is reversed first",
        )


def _refuse_changed(conn: sa.Connection, approval: Approval) -> None:
    run = approval.content["run"]
    if not is_unchanged(conn, run, _digest(approval)):
        raise CoreError(
            f"run {run} is not what was submitted: its SHA-256 differs",
            remedy="somebody changed the database; compute a new run and submit that",
        )


def _digest(approval: Approval) -> RunDigest:
    return msgspec.convert(approval.content["digest"], RunDigest)


def _run(conn: sa.Connection, number: int) -> RunRow:
    found = run_by_number(conn, number)
    if found is None:
        raise NotFoundError(f"there is no run {number}", remedy="list them: hr-core pay runs")
    return found
