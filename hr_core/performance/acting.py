"""Who acts on scores, with every other name of the same human, and about which period."""

from collections.abc import Collection
from datetime import date, datetime

import sqlalchemy as sa
from msgspec import Struct

from hr_core.accounts.errors import AccountError
from hr_core.accounts.model import Account, plain_name
from hr_core.approvals.actors import actor_named, actor_of_account
from hr_core.approvals.desk import Actor
from hr_core.errors import NotFoundError, RefusedError
from hr_core.people.lookup import person_of_number
from hr_core.people.today import today_at
from hr_core.performance.periods import Period
from hr_core.store.accounts import find_account


class Deed(Struct, frozen=True, kw_only=True):
    """Who acts, and when (aware UTC)."""

    actor: Actor
    at: datetime
    note: str = ""

    @property
    def by(self) -> str:
        return self.actor.name

    def is_one_of(self, people: Collection[str]) -> bool:
        """Whether a name of the actor is among them, in any spelling."""
        return not self.actor.spelled.isdisjoint(spelled(people))


def spelled(names: Collection[str]) -> frozenset[str]:
    return Actor("", frozenset(names)).spelled - {""}


def deed_of_account(conn: sa.Connection, account: Account, at: datetime) -> Deed:
    """An account acts as its person, so that the database compares the one with the other."""
    actor = actor_of_account(conn, account)
    return Deed(actor=Actor(actor.name, actor.names | {account.name}), at=at)


def deed_of(conn: sa.Connection, name: str, at: datetime) -> Deed:
    """`name`: of an account, an employee number or a person's key; any other stands for itself.

    Raises RefusedError for an account that is disabled.
    """
    account = _account(conn, name)
    if account is not None and account.disabled:
        raise RefusedError(
            f"the account {account.name} is disabled and acts for nobody",
            remedy="act under your own name: --by NAME",
        )
    if account is not None:
        return deed_of_account(conn, account, at)
    try:
        name = person_of_number(conn, name, today_at(conn, at))
    except NotFoundError:
        return Deed(actor=actor_named(conn, name), at=at)
    return Deed(actor=actor_named(conn, name), at=at)


def names_of_human(conn: sa.Connection, name: str) -> frozenset[str]:
    return frozenset({name, *actor_named(conn, name).names})


def period_of(text: str, today: date | None = None) -> Period:
    """Raises RefusedError for another spelling, and for one that is not over on `today`."""
    try:
        period = Period.parse(text)
    except ValueError as exc:
        raise RefusedError(str(exc), remedy="write it like 2026-10, 2026-Q4 or 2026") from exc
    if today is not None and today < period.after:
        raise RefusedError(
            f"the period {period} ends before {period.after}; today is {today}",
            remedy=f"come again from {period.after} on",
        )
    return period


def _account(conn: sa.Connection, name: str) -> Account | None:
    try:
        return find_account(conn, plain_name(name))
    except AccountError:  # no name that an account could have
        return None
