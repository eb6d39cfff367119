"""What waits for a second person: what it is in words, what was entered, who may decide it."""

from datetime import datetime, timedelta
from typing import Protocol

import sqlalchemy as sa
from msgspec import Struct

from hr_core.accounts.field_policy import masked, sight_of
from hr_core.accounts.model import Account, Right
from hr_core.approvals.actors import actor_of_account, who_can
from hr_core.approvals.changes import Changes, changes_of
from hr_core.approvals.desk import Approval, ApprovalState, approval, open_approvals
from hr_core.approvals.kinds import Kind, approvers
from hr_core.clock import Month
from hr_core.errors import NotFoundError
from hr_core.pay.diff.model import LineDiff, RunDiff
from hr_core.pay.stored_diff import compare_runs
from hr_core.pay.stored_table_diff import notes_beside_runs
from hr_core.store.approvals import proposer_names
from hr_core.store.pay_run_steps import approved_run, last_steps
from hr_core.store.results import run_by_number, runs
from hr_core.web.admission import Visitor
from hr_core.web.approval_about import About, about
from hr_core.web.approval_content import Content, readable
from hr_core.web.approval_subject import people_names, person_text, what_it_is
from hr_core.web.change_table import ChangeTable, change_table
from hr_core.web.compare_choice import CompareChoice
from hr_core.web.errors import NoPageError
from hr_core.web.kept_diffs import KeptDiffs
from hr_core.web.selection import Links
from hr_core.web.words import Words

# More than a plant enters in a month; the oldest are decided first.
MOST_LISTED = 200
MOST_DIFFERENCES = 50


class Compare(Protocol):
    """`compare_runs`, or the same kept from before."""

    def __call__(
        self, conn: sa.Connection, first: int, second: int, *, across_months: bool
    ) -> RunDiff: ...


class Listed(Struct, frozen=True, kw_only=True):
    """`what`: kind and subject in words; `own`: the visitor entered it, under whatever account."""

    number: int
    kind: str
    what: str
    about: About
    by: str
    at: datetime
    reason: str
    own: bool


class ApprovalsPage(Struct, frozen=True, kw_only=True):
    listed: tuple[Listed, ...]
    left_out: int


class Differences(Struct, frozen=True, kw_only=True):
    """Of a submitted run against the one it is measured by. `unexplained`: no cause, and no note that
    explains it; `shown` the first of them, each with its label.
    """

    run: int
    month: str
    baseline: str
    lines: int
    difference_fen: int
    proven: bool
    unexplained: int
    shown: tuple[tuple[LineDiff, str], ...]
    link: str


class ApprovalPage(Struct, frozen=True, kw_only=True):
    """`changed`: before and after, of kinds that lay something beside what holds; `differences` None: it
    is no run that waits, or there is nothing to compare it with.
    """

    listed: Listed
    one: Approval
    changed: ChangeTable | None
    content: Content
    who_can: str
    compared: bool
    differences: Differences | None

    @property
    def waits(self) -> bool:
        return self.one.state is ApprovalState.PROPOSED


def decides(visitor: Visitor) -> bool:
    """Accounts over everybody: what is approved concerns everybody's pay."""
    account = visitor.account
    return (
        account is not None and Right.APPROVALS_DECIDE in account.rights and visitor.sees_everything
    )


def submits_runs(visitor: Visitor) -> bool:
    account = visitor.account
    return decides(visitor) and account is not None and account.has_role(*approvers(Kind.RUN))


def approvals_page(conn: sa.Connection, account: Account, words: Words) -> ApprovalsPage:
    """Raises CoreError for content that is not what was proposed."""
    teller = _Teller(conn, account, words)
    found = [one for one in open_approvals(conn) if account.has_role(*approvers(one.kind))]
    return ApprovalsPage(
        listed=tuple(teller.listed(one)[0] for one in found[:MOST_LISTED]),
        left_out=max(0, len(found) - MOST_LISTED),
    )


def approval_page(
    conn: sa.Connection, account: Account, number: int, words: Words, kept: KeptDiffs
) -> ApprovalPage:
    """Raises NoPageError, the same for an unknown one and for one that is not this account's; and
    CoreError as above.
    """
    one = decidable(conn, account, number)
    teller = _Teller(conn, account, words)
    listed, changes = teller.listed(one)
    waits = one.state is ApprovalState.PROPOSED
    compared = waits and one.kind is Kind.RUN
    return ApprovalPage(
        listed=listed,
        one=one,
        changed=change_table(changes, teller.names, words),
        content=readable(masked(one.content, teller.sight), words, teller.names),
        who_can=who_can(conn, one.kind, teller.actor) if waits and listed.own else "",
        compared=compared,
        differences=differences(conn, one, words, kept.compare) if compared else None,
    )


def decidable(conn: sa.Connection, account: Account, number: int) -> Approval:
    """Raises NoPageError, CoreError."""
    try:
        one = approval(conn, number)
    except NotFoundError as exc:
        raise NoPageError("no_approval", number=number) from exc
    if not account.has_role(*approvers(one.kind)):
        raise NoPageError("no_approval", number=number)
    return one


def differences(
    conn: sa.Connection, one: Approval, words: Words, compare: Compare = compare_runs
) -> Differences | None:
    run = one.content["run"]
    found = _baseline(conn, run)
    if found is None:
        return None
    against, baseline = found
    diff = compare(conn, against, run, across_months=True)
    unexplained = _unexplained(conn, diff)
    choice = CompareChoice(
        a=against,
        b=run,
        unexplained=bool(unexplained),
        across=diff.before.month != diff.after.month,
    )
    return Differences(
        run=against,
        month=diff.before.month,
        baseline=words(baseline),
        lines=len(diff.lines),
        difference_fen=diff.after.total_fen - diff.before.total_fen,
        proven=diff.proof.holds,
        unexplained=len(unexplained),
        shown=tuple(
            (line, words.label(line.label, line.label_zh))
            for line in unexplained[:MOST_DIFFERENCES]
        ),
        link=Links(words.language).comparison(choice.pairs()),
    )


def _baseline(conn: sa.Connection, run: int) -> tuple[int, str] | None:
    """The run that counts for the month or did until it was taken back, else that of the month
    before; with the phrase that says which.
    """
    row = run_by_number(conn, run)
    if row is None:
        return None
    there = approved_run(conn, row.month)
    if there is not None:
        return (there, "baseline_approved")
    steps = last_steps(conn)
    for other in runs(conn):
        if other.month == row.month and steps.get(other.number) == "reversed":
            return (other.number, "baseline_reversed")
    last = Month.parse(row.month).first - timedelta(days=1)
    before = approved_run(conn, str(Month(last.year, last.month)))
    return None if before is None else (before, "baseline_month_before")


def _unexplained(conn: sa.Connection, diff: RunDiff) -> list[LineDiff]:
    notes = notes_beside_runs(conn, diff.before.number, diff.after.number)

    def noted(line: LineDiff) -> bool:
        note = notes.of(line.person, line.code)
        return note is not None and note.explains

    return [line for line in diff.lines if line.unexplained and not noted(line)]


class _Teller:
    """Of what one account may see."""

    def __init__(self, conn: sa.Connection, account: Account, words: Words) -> None:
        self._conn = conn
        self._words = words
        self.names = people_names(conn)
        self.actor = actor_of_account(conn, account)
        self.sight = sight_of(account)

    def listed(self, one: Approval) -> tuple[Listed, Changes]:
        content, words = masked(one.content, self.sight), self._words
        changes = changes_of(self._conn, one, self.sight)
        listed = Listed(
            number=one.number,
            kind=words.of("approval_kind", one.kind),
            what=what_it_is(one, content, self.names, words),
            about=about(one, content, changes, self.names, words),
            by=person_text(one.proposed_by, self.names),
            at=one.proposed_at,
            reason=one.reason,
            own=bool(self.actor.spelled & proposer_names(self._conn, one.number)),
        )
        return listed, changes
