"""Who acts on scores, with every other name of the same human, and about which period."""

from collections.abc import Collection
from datetime import date, datetime

import sqlalchemy as sa
from msgspec import Struct

from hr_core.accounts.acting import actor_of, names_of
from hr_core.errors import NotFoundError, RefusedError
from hr_core.people.lookup import person_of_number
from hr_core.performance.periods import Period
from hr_core.store.accounts import accounts, find_account
from hr_core.store.work_plan import keys_of


class Act(Struct, frozen=True, kw_only=True):
    """`names`: of the same human: the person's keys and accounts, `by` among them."""

    by: str
    names: frozenset[str]
    at: datetime

    def is_one_of(self, people: Collection[str]) -> bool:
        return not self.names.isdisjoint(people)


def act_of(conn: sa.Connection, name: str, at: datetime) -> Act:
    """`name`: of an account, an employee number or a person's key; any other is a name alone."""
    account = find_account(conn, name)
    if account is not None:
        return Act(by=actor_of(account), names=names_of(conn, account) | {name}, at=at)
    try:
        person = person_of_number(conn, name, at.date())
    except NotFoundError:
        return Act(by=name, names=frozenset({name}), at=at)
    return act_of_person(conn, person, at)


def act_of_person(conn: sa.Connection, person: str, at: datetime) -> Act:
    keys = keys_of(conn, person)
    own = sa.select(accounts.c.name).where(accounts.c.person.in_(sorted(keys)))
    names = frozenset({*keys, *conn.execute(own).scalars()})
    return Act(by=person, names=names, at=at)


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
