"""Which people an account sees: a condition for every query, so that other ids are like unknown ones."""

from collections.abc import Callable
from datetime import date

import sqlalchemy as sa
from msgspec import Struct

from hr_core.accounts.model import PAY_ROLES, Account, Role
from hr_core.store.people import people


class Seen(Struct, frozen=True):
    """`people`: a select of person keys; None: everyone."""

    people: sa.Select[tuple[str]] | None

    @property
    def everyone(self) -> bool:
        return self.people is None

    def covers(self, column: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
        """For the WHERE of a query over persons."""
        return sa.true() if self.people is None else column.in_(self.people)


Visibility = Callable[[sa.Connection, Account, date], Seen]

EVERYONE = Seen(None)
_SEE_ALL = (Role.ADMIN, Role.HR, Role.AUDITOR)


def seen_by(_conn: sa.Connection, account: Account, _on: date) -> Seen:
    """Roles over all people see everyone unless their scope says less; others see themselves.

    Departments are not stored yet: a scope that names some covers nobody but the own person.
    """
    limited = account.scope.departments or account.scope.sites
    if account.has_role(*_SEE_ALL) and not limited:
        return EVERYONE
    return own_person(account)


def own_person(account: Account) -> Seen:
    """Of an account without a person: nobody."""
    return Seen(sa.select(people.c.number).where(people.c.number == account.person))


def pay_of(seen: Seen, account: Account) -> Seen:
    """Of the people that it sees, those whose slips too."""
    return seen if account.has_role(*PAY_ROLES) else own_person(account)
