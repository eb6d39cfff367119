"""A payslip that was wrong and is paid: taken back whole, line by line, and put anew as its next version.

One person proposes it, another approves; what is stored is what was approved. The slip of the run stays.
What the new version is more is paid with a later slip (`repaid_N`), what it is less comes back in parts
(`recovery_N`).
"""

from collections import defaultdict
from datetime import datetime

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from hr_core.approvals.actors import refuse_own_pay
from hr_core.approvals.desk import Actor, Approval, open_approvals, propose
from hr_core.approvals.kinds import Kind
from hr_core.audit.log import append
from hr_core.clock import Month
from hr_core.errors import NotFoundError, RefusedError
from hr_core.pay.carried import CarriedOver
from hr_core.pay.counted_lines import CountedLine, counted_lines
from hr_core.pay.counted_runs import runs_after
from hr_core.pay.debts import SCRAP, TakenSoFar, taken_elsewhere
from hr_core.pay.known_schemes import scheme_by_code
from hr_core.pay.paid_anew import fixed_lines, own_corrections
from hr_core.pay.recompute import Again, recompute
from hr_core.pay.retro import RETRO, settled_line, stage_of
from hr_core.pay.run import imported_roster
from hr_core.pay.run_life import reverse_run
from hr_core.pay.slip import SlipLine, net_fen
from hr_core.pay.stage import Stage
from hr_core.store.pay_reversals import Reversal, add_reversal, next_number, reversals
from hr_core.store.pay_run_steps import approved_run
from hr_core.store.results import RunRow, run_by_number
from hr_core.trace.calculation import Step


class NewVersion(Struct, frozen=True, kw_only=True):
    """What another person approves."""

    run: int
    month: str
    person: str
    version: int
    before_fen: int
    after_fen: int
    lines: tuple[SlipLine, ...]

    @property
    def difference_fen(self) -> int:
        return self.after_fen - self.before_fen


def propose_reversal(
    conn: sa.Connection,
    run: int,
    person: str,
    *,
    at: datetime,
    by: Actor,
    reason: str,
) -> tuple[int, NewVersion]:
    """The approval's number, and the new version by today's inputs, rules and law.

    Raises NotFoundError, RefusedError (not paid, nothing differs, waits already), and what refuses to
    pay the person.
    """
    if not reason.strip():
        raise RefusedError("a payslip is not reversed without a reason", remedy="say --reason")
    row = _paid_run(conn, run)
    old = counted_slip(conn, run, person)
    if not old:
        raise NotFoundError(
            f"run {run} has no payslip of {person}", remedy=f"see hr-core pay slips {run}"
        )
    subject = f"payslip of {person} in run {run}"
    waiting = open_approvals(conn, Kind.REVERSAL, subject)
    if waiting:
        raise RefusedError(
            f"the {subject} is being reversed already, as approval {waiting[0].number}",
            remedy=f"another person approves it: hr-core approvals approve {waiting[0].number}",
        )
    lines = _new_lines(conn, row, person, old, at)
    if _amounts(lines) == _amounts([one.line for one in old]):
        raise RefusedError(
            f"the {subject} would be the same again: there is nothing to reverse",
            remedy="correct first what was wrong: the day, the agreement, the entry or the law",
        )
    made = NewVersion(
        run=run,
        month=row.month,
        person=person,
        version=old[0].version + 1,
        before_fen=net_fen(one.line for one in old),
        after_fen=net_fen(lines),
        lines=lines,
    )
    number = propose(conn, Kind.REVERSAL, subject, made, at=at, by=by, reason=reason)
    return number, made


def take_reversal(conn: sa.Connection, approval: Approval) -> None:
    """What the approval does. Raises RefusedError when the slip has another version meanwhile."""
    made = msgspec.convert(approval.content, NewVersion)
    assert approval.decided_by is not None  # noqa: S101 - an approved one
    assert approval.decided_at is not None  # noqa: S101 - as above
    refuse_own_pay(conn, approval, [made.person])
    old = counted_slip(conn, made.run, made.person)
    if old[0].version + 1 != made.version or net_fen(x.line for x in old) != made.before_fen:
        raise RefusedError(
            f"{approval.subject} has version {old[0].version} meanwhile",
            remedy="refuse this approval and propose the reversal anew",
        )
    reversal = Reversal(
        number=next_number(conn),
        run=made.run,
        month=made.month,
        person=made.person,
        version=made.version,
        reason=approval.reason,
        approval=approval.number,
        entered_by=approval.proposed_by,
        approved_by=approval.decided_by,
        at=approval.decided_at,
        reversed_lines=tuple(negated(one.line) for one in old),
        new_lines=made.lines,
    )
    add_reversal(conn, reversal)
    before = {"version": made.version - 1, "net_fen": made.before_fen}
    after = {"version": made.version, "net_fen": made.after_fen, "reversal": reversal.number}
    append(
        conn, reversal.at, reversal.approved_by, "pay.reverse-slip", approval.subject, before,
        after, approval.reason,
    )  # fmt: skip


def take_back(conn: sa.Connection, approval: Approval) -> None:
    """Of one payslip, or of a whole run. Raises RefusedError for a run whose slips were reversed singly:
    what came of them is taken and paid by later slips already.
    """
    if "person" in approval.content:
        take_reversal(conn, approval)
        return
    run = approval.content["run"]
    single = reversals(conn, runs=[run])
    if single:
        raise RefusedError(
            f"{len(single)} payslips of run {run} were reversed singly",
            remedy="reverse the other slips singly too: hr-core pay reverse RUN EMPLOYEE",
        )
    reverse_run(conn, approval)


def negated(line: SlipLine) -> SlipLine:
    last = line.trace.steps[-1]
    minus = Step("taken_back", "difference", (0, last.name), -last.result)
    trace = replace(line.trace, steps=(*line.trace.steps, minus))
    note = f"taken back: {line.note}"
    return replace(line, amount_fen=trace.amount_fen, trace=trace, note=note)


def counted_slip(conn: sa.Connection, run: int, person: str) -> list[CountedLine]:
    """In the order of the slip's newest version."""
    return [one for one in counted_lines(conn, [run]) if one.person == person]


def _new_lines(
    conn: sa.Connection, row: RunRow, person: str, old: list[CountedLine], at: datetime
) -> tuple[SlipLine, ...]:
    month = Month.parse(row.month)
    again = Again(
        roster=imported_roster(conn),
        scheme=scheme_by_code(conn, row.scheme),
        now=at,
        allow_unverified=row.findings.unverified_law,
    )
    carried = CarriedOver(
        lines=(*own_corrections(old), *_settled(conn, month, person, row.scheme)),
        fixed=fixed_lines(old),
        reversing=True,
        scrap_later_fen=taken_elsewhere(conn, month, (SCRAP,), row.scheme)
        .get((person, f"{SCRAP}{month}"), TakenSoFar())
        .fen,
    )
    done = recompute(conn, month, again, people={person}, carried={person: carried})
    for one in done.refused:
        raise RefusedError(f"{person} cannot be paid anew: {one.what}", remedy=one.remedy)
    slip = done.slips.get(person)
    return () if slip is None else slip.lines


def _settled(
    conn: sa.Connection, month: Month, person: str, scheme: str
) -> list[tuple[Stage, SlipLine]]:
    later: defaultdict[str, list[CountedLine]] = defaultdict(list)
    prefix = f"{RETRO}{month}_"
    for one in counted_lines(conn, runs_after(conn, month, scheme).values(), (prefix,)):
        if one.person == person:
            later[one.line.code.removeprefix(prefix)].append(one)
    found = []
    for code, given in later.items():
        stage = stage_of(replace(given[0].line, code=code))
        if stage is not None:
            found.append((stage, settled_line(code, given)))
    return found


def _paid_run(conn: sa.Connection, run: int) -> RunRow:
    row = run_by_number(conn, run)
    if row is None:
        raise NotFoundError(f"there is no pay run {run}", remedy="list them: hr-core pay runs")
    if approved_run(conn, row.month) != run:
        raise RefusedError(
            f"run {run} of {row.month} is not the approved one: nothing was paid by it",
            remedy=f"compute the month again: hr-core pay run --month {row.month}",
        )
    return row


def _amounts(lines: list[SlipLine] | tuple[SlipLine, ...]) -> dict[str, int]:
    return {line.code: line.amount_fen for line in lines if line.amount_fen}
