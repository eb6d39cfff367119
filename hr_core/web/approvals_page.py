"""What waits for a second person: what it is in words, what was entered, who may decide it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from hr_core.accounts.field_policy import masked, sight_of
from hr_core.accounts.model import Account, Right
from hr_core.approvals.actors import actor_of_account, who_can
from hr_core.approvals.desk import Actor, Approval, ApprovalState, approval, open_approvals
from hr_core.approvals.kinds import Kind, approvers
from hr_core.clock import Month
from hr_core.errors import NotFoundError
from hr_core.pay.diff.model import LineDiff, RunDiff
from hr_core.pay.stored_diff import compare_runs
from hr_core.pay.stored_table_diff import notes_beside_runs
from hr_core.store.approvals import proposer_names
from hr_core.store.pay_run_steps import approved_run, last_steps
from hr_core.store.people import load_roster
from hr_core.store.results import run_by_number, runs
from hr_core.web.admission import Visitor
from hr_core.web.approval_content import Content, readable
from hr_core.web.compare_choice import CompareChoice
from hr_core.web.errors import NoPageError
from hr_core.web.fact_words import amount_text
from hr_core.web.selection import Links
from hr_core.web.words import Words

# More than a plant enters in a month; the oldest are decided first.
MOST_LISTED = 200
MOST_DIFFERENCES = 50
_OF_A_RUN = {
    Kind.RUN: "subject_run",
    Kind.PAYMENT: "subject_payment",
    Kind.REVERSAL: "subject_reversal",
}
_OF_A_FILE = {
    Kind.LAW: ("subject_law", "file"),
    Kind.SCHEME: ("subject_scheme", "code"),
    Kind.PIECE_PRICE: ("subject_prices", "name"),
}


class Listed(Struct, frozen=True, kw_only=True):
    """`what`: kind and subject in words; `own`: the visitor entered it, under whatever account."""

    number: int
    kind: str
    what: str
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
    """`differences` None: it is no run that waits, or there is nothing to compare it with."""

    listed: Listed
    one: Approval
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
    names, actor = _names(conn), actor_of_account(conn, account)
    found = [one for one in open_approvals(conn) if account.has_role(*approvers(one.kind))]
    return ApprovalsPage(
        listed=tuple(_listed(conn, one, actor, names, words) for one in found[:MOST_LISTED]),
        left_out=max(0, len(found) - MOST_LISTED),
    )


def approval_page(conn: sa.Connection, account: Account, number: int, words: Words) -> ApprovalPage:
    """Raises NoPageError, the same for an unknown one and for one that is not this account's; and
    CoreError as above.
    """
    one = decidable(conn, account, number)
    names, actor = _names(conn), actor_of_account(conn, account)
    listed = _listed(conn, one, actor, names, words)
    waits = one.state is ApprovalState.PROPOSED
    compared = waits and one.kind is Kind.RUN
    return ApprovalPage(
        listed=listed,
        one=one,
        content=readable(masked(one.content, sight_of(account)), words, names),
        who_can=who_can(conn, one.kind, actor) if waits and listed.own else "",
        compared=compared,
        differences=differences(conn, one, words) if compared else None,
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


def differences(conn: sa.Connection, one: Approval, words: Words) -> Differences | None:
    run = one.content["run"]
    found = _baseline(conn, run)
    if found is None:
        return None
    against, baseline = found
    diff = compare_runs(conn, against, run, across_months=True)
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


def _listed(
    conn: sa.Connection, one: Approval, actor: Actor, names: Mapping[str, str], words: Words
) -> Listed:
    return Listed(
        number=one.number,
        kind=words.of("approval_kind", one.kind),
        what=_what(one, names, words),
        by=_person(one.proposed_by, names),
        at=one.proposed_at,
        reason=one.reason,
        own=bool(actor.spelled & proposer_names(conn, one.number)),
    )


def _names(conn: sa.Connection) -> dict[str, str]:
    roster = load_roster(conn)
    return {} if roster is None else {key: one.name for key, one in roster.people.items()}


def _person(key: str, names: Mapping[str, str]) -> str:
    return f"{names[key]} {key}" if key in names else key


def _what(one: Approval, names: Mapping[str, str], words: Words) -> str:
    """In the page's language; what another program proposed as it says itself."""
    if not isinstance(one.content, dict):
        return one.subject
    try:
        return _told(one.kind, one.content, names, words)
    except (KeyError, TypeError):
        return one.subject


def _told(kind: Kind, content: dict[str, Any], names: Mapping[str, str], words: Words) -> str:
    match kind:
        case Kind.REVERSAL if "person" in content:
            return words(
                "subject_slip_reversal",
                month=content["month"],
                run=content["run"],
                version=content["version"],
                person=_person(content["person"], names),
            )
        case Kind.RUN | Kind.PAYMENT | Kind.REVERSAL:
            return words(_OF_A_RUN[kind], month=content["month"], run=content["run"])
        case Kind.MONTH_LOCK:
            phrase = "subject_lock" if content["lock"] else "subject_unlock"
            return words(phrase, month=content["month"])
        case Kind.PAY_ENTRY | Kind.PAY_AGREEMENT | Kind.COURT_ORDER | Kind.LEAVING:
            return _told_of_a_person(kind, content, names, words)
        case Kind.OPENING:
            return words("subject_opening", month=content["first_month"], file=content["file"])
        case _:
            phrase, key = _OF_A_FILE[kind]
            return words(phrase, **{key: content[key]})


def _told_of_a_person(
    kind: Kind, content: dict[str, Any], names: Mapping[str, str], words: Words
) -> str:
    match kind:
        case Kind.PAY_ENTRY:
            return words(
                "subject_pay_entry",
                month=content["month"],
                kind=content["name"],
                person=_person(content["person"], names),
                amount=amount_text(content["amount_fen"]),
            )
        case Kind.PAY_AGREEMENT if "agreements" in content:
            count = len(content["agreements"])
            return words("subject_agreements", file=content["file"], count=count)
        case Kind.PAY_AGREEMENT:
            person, since = _person(content["person"], names), content["valid_from"]
            return words("subject_agreement", person=person, since=since)
        case Kind.LEAVING:
            person = _person(content["person"], names)
            return words("subject_leaving", person=person, day=content["last_day"])
        case _ if content.get("order"):
            order = content["order"]
            person = _person(order["person"], names)
            return words("subject_order", reference=order["reference"], person=person)
        case _:
            end = content["end"]
            return words("subject_order_end", order=end["order"], month=end["last_month"])
