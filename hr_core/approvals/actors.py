"""Whom a name on the command line means, and whether it may be the second pair of eyes."""

from collections.abc import Iterable

import sqlalchemy as sa

from hr_core.accounts.acting import actor_of, names_of
from hr_core.accounts.errors import AccountError
from hr_core.accounts.model import Account, plain_name
from hr_core.approvals.desk import Actor, Approval, approval
from hr_core.approvals.kinds import Kind, approvers
from hr_core.errors import RefusedError
from hr_core.store.accounts import accounts, all_accounts, any_account, find_account
from hr_core.store.approvals import proposer_names
from hr_core.store.person_records import merged_into
from hr_core.store.work_plan import keys_of


def actor_of_account(conn: sa.Connection, account: Account) -> Actor:
    return Actor(actor_of(account), names_of(conn, account))


def actor_named(conn: sa.Connection, name: str) -> Actor:
    """An account, a person's key, or a name that stands for itself."""
    account = _account(conn, name)
    if account is not None:
        return Actor(name, names_of(conn, account))
    key = name.removeprefix("key:").strip()
    keys = {key, *keys_of(conn, merged_into(conn).get(key, key))}
    of_person = sa.select(accounts.c.name).where(accounts.c.person.in_(sorted(keys)))
    return Actor(name, frozenset({*keys, *conn.execute(of_person).scalars()}))


def approver_named(conn: sa.Connection, name: str, kind: Kind) -> Actor:
    """Once the core has accounts, only one of them whose role may approve this kind does.

    Raises RefusedError that names who can.
    """
    if not any_account(conn):
        return actor_named(conn, name)
    account = _account(conn, name)
    fault = ""
    if account is None:
        fault = "is no account of this core"
    elif account.disabled:
        fault = "is disabled"
    elif not account.has_role(*approvers(kind)):
        fault = f"has the role {', '.join(account.roles)}"
    if fault:
        raise RefusedError(
            f"{name!r} cannot approve a {kind}: it {fault}",
            remedy=f"who can: {who_can(conn, kind, Actor(name))}",
        )
    return actor_named(conn, name)


def refuser_named(conn: sa.Connection, name: str, number: int) -> Actor:
    """Whoever entered it takes it back; anybody else refuses it as one who could approve it.

    Raises NotFoundError, RefusedError.
    """
    found, actor = approval(conn, number), actor_named(conn, name)
    if actor.spelled & proposer_names(conn, number):
        return actor
    return approver_named(conn, name, found.kind)


def refuse_own_pay(conn: sa.Connection, approval: Approval, people: Iterable[str]) -> None:
    """Nobody approves what changes the own pay, whoever entered it. Raises RefusedError."""
    name = approval.decided_by or ""
    own = actor_named(conn, name).spelled
    if not own.isdisjoint(Actor("", frozenset(people)).spelled):
        raise RefusedError(
            f"approval {approval.number} is about the pay of {name}",
            remedy="let somebody else approve it",
        )


def who_can(conn: sa.Connection, kind: Kind, proposer: Actor) -> str:
    """For messages: the accounts that may approve what `proposer` entered."""
    roles = approvers(kind)
    there = [
        one.name
        for one in all_accounts(conn)
        if not one.disabled
        and one.has_role(*roles)
        and Actor(one.name, names_of(conn, one)).spelled.isdisjoint(proposer.spelled)
    ]
    if there:
        return ", ".join(there)
    if not any_account(conn):
        return "another person (this core has no accounts yet)"
    wanted = " or ".join(sorted(roles))
    return f"nobody yet: add another person's account, hr-core account add NAME --role {wanted}"


def _account(conn: sa.Connection, name: str) -> Account | None:
    try:
        return find_account(conn, plain_name(name))
    except AccountError:
        return None
