"""Which people an account sees on a day: a condition for every query, so that other ids are like
unknown ones. The organisation of the day that is looked at decides (hr_core.people.visibility).
"""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from msgspec import Struct

from hr_core.accounts.field_policy import Field, roles_seeing
from hr_core.accounts.model import Account, Role
from hr_core.people.visibility import (
    EVERYONE,
    Scope,
    VisiblePeople,
    devices_of_units,
    only_visible,
    units_with_below,
    visible_people,
)
from hr_core.store.people import people, site

_OVER_ALL = (Role.ADMIN, Role.HR, Role.AUDITOR)


class Seen(Struct, frozen=True):
    people: VisiblePeople

    @property
    def everyone(self) -> bool:
        return self.people is EVERYONE

    def covers(self, column: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
        """For the WHERE of a query over persons."""
        return only_visible(column, self.people)


def seen_by(account: Account, on: date) -> Seen:
    return Seen(visible_people(_scope(account), on))


def pay_seen_by(account: Account, on: date) -> Seen:
    """Whose slips too: a manager sees hours of others, and no pay but the own."""
    if account.has_role(*roles_seeing(Field.AMOUNTS)):
        return seen_by(account, on)
    return Seen(visible_people(Scope(person=account.person), on))


def sees_trials(account: Account) -> bool:
    """Slips of runs that nobody approved: for those who compute them. To whom one would be paid it is
    no payslip.
    """
    return account.has_role(*roles_seeing(Field.AMOUNTS))


class SeenDevices(Struct, frozen=True):
    """Terminals and counters; None: all of them."""

    devices: sa.Select[str] | None

    def serials(self, conn: sa.Connection) -> frozenset[str] | None:
        if self.devices is None:
            return None
        return frozenset(conn.execute(self.devices).scalars())


def devices_seen_by(account: Account, on: date) -> SeenDevices:
    """An account that is limited to units sees the devices of their sites, every other one all."""
    codes = account.scope.units
    return SeenDevices(devices_of_units(codes, on) if codes else None)


def units_seen_by(conn: sa.Connection, account: Account, on: date) -> frozenset[str] | None:
    """Codes of the units that an account is limited to, with those below; None: no limit."""
    codes = account.scope.units
    if not codes:
        return None
    return frozenset(conn.execute(units_with_below(codes, on)).scalars())


def only(person: str) -> Seen:
    """Nobody but a person who is seen already."""
    return Seen(sa.select(people.c.number).where(people.c.number == person))


def site_today(conn: sa.Connection, now: datetime) -> date:
    """By the site's wall clock; before the first import by UTC."""
    zone = conn.execute(sa.select(site.c.zone)).scalar()
    return now.astimezone(UTC if zone is None else ZoneInfo(zone)).date()


def _scope(account: Account) -> Scope:
    """Roles over all see everyone unless the account is limited to units."""
    units = account.scope.units
    return Scope(
        everyone=account.has_role(*_OVER_ALL) and not units,
        units=units if account.has_role(*_OVER_ALL, Role.MANAGER) else (),
        person=account.person,
        manages=account.has_role(Role.MANAGER),
    )
