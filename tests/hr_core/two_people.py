"""What the database asks for before it lets a month be locked: one person asked, another approved."""

from hr_core.approvals.desk import Actor, approve, propose
from hr_core.approvals.kinds import Kind
from hr_core.attendance.live.locking import lock_month, lock_subject, unlock_month, unlock_subject
from hr_core.clock import Month
from hr_core.pay.entry import NewEntry
from hr_core.pay.proposals import (
    AgreementProposal,
    EntryProposal,
    agreement_on,
    propose_agreement,
)
from hr_core.performance.rule_desk import RuleFile, adopt_rules, propose_rules
from hr_core.store.attendance_locks import add_lock, remove_lock
from hr_core.store.pay_agreements import add_agreement
from hr_core.store.pay_entries import add_entry


def approved(conn, kind, subject, content, at):
    number = propose(conn, kind, subject, content, at=at, by=Actor("first person"))
    return approve(conn, number, at=at, by=Actor("second person"))


def store_lock(conn, lock):
    """The lock alone, without a day of its month."""
    approved(conn, Kind.MONTH_LOCK, lock_subject(Month.parse(lock.month)), {}, lock.locked_at)
    add_lock(conn, lock)


def take_lock(conn, month, *, at):
    approved(conn, Kind.MONTH_LOCK, unlock_subject(Month.parse(month)), {}, at)
    remove_lock(conn, month)


def lock_by_two(conn, month, *, at, **more):
    approved(conn, Kind.MONTH_LOCK, lock_subject(month), {}, at)
    return lock_month(conn, month, at=at, **more)


def unlock_by_two(conn, month, *, at, **more):
    approved(conn, Kind.MONTH_LOCK, unlock_subject(month), {}, at)
    return unlock_month(conn, month, at=at, **more)


def agreement_by_two(conn, person, since, terms, *, by, at):
    """`by`: who enters and who approves it; the database holds the row against its approval."""
    new = AgreementProposal(
        person=person, valid_from=since, terms=terms, replaces=agreement_on(conn, person, since)
    )
    number = propose_agreement(conn, new, at=at, by=Actor(by[0]), reason="")
    approve(conn, number, at=at, by=Actor(by[1]))
    return add_agreement(conn, person, since, terms, by=by, at=at, approval=number)


def entry_by_two(conn, entry: NewEntry, *, at):
    new = EntryProposal(**{name: getattr(entry, name) for name in EntryProposal.__struct_fields__})
    subject = f"{new.kind.value} of {new.person}, {new.month}"
    number = propose(conn, Kind.PAY_ENTRY, subject, new, at=at, by=Actor(entry.entered_by))
    approve(conn, number, at=at, by=Actor(entry.approved_by))
    return add_entry(conn, entry, at=at, approval=number)


def rules_by_two(conn, which, path, *, at, by=("first person", "second person")):
    """A file of rules of performance, brought and approved."""
    number = propose_rules(conn, RuleFile(which), path, at=at, by=Actor(by[0]))
    adopt_rules(conn, approve(conn, number, at=at, by=Actor(by[1])))
    return number
