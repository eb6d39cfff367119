"""Whose data somebody may see: it follows the organisation on the day that is looked at.

A manager of last month sees last month's days of the people who were in the department then, and
none of today's. Every query asks here, so that an id outside answers as if it were not there.
"""

from datetime import date
from enum import Enum
from typing import Final

import sqlalchemy as sa
from msgspec import Struct

from hr_core.people.records import Role, UnitKind
from hr_core.store.dated_rows import on_day
from hr_core.store.organisation import device_sites, memberships, unit_parents, units
from hr_core.store.people import people
from hr_core.store.person_records import merged_people


class Everyone(Enum):
    EVERYONE = "everyone"


EVERYONE: Final = Everyone.EVERYONE

VisiblePeople = sa.Select[tuple[str]] | Everyone
"""Keys of people as a query, or no limit. Never an empty list that means no limit."""


class Scope(Struct, frozen=True, kw_only=True):
    """Whom an account may see, before the day is known.

    everyone  no limit: HR of all sites, an administrator, an auditor
    units     sites, departments or teams whose people are seen, with all units under them
    person    the account's own person: always seen
    manages   the people of the units that `person` manages on the day are seen too
    """

    everyone: bool = False
    units: tuple[str, ...] = ()
    person: str | None = None
    manages: bool = False


def visible_people(scope: Scope, on: date) -> VisiblePeople:
    """The keys of everybody whom the scope sees on the day, records merged since included.

    For `table.c.person.in_(…)`. A scope with nothing in it sees nobody.
    """
    if scope.everyone:
        return EVERYONE
    own = sa.literal(scope.person, sa.Text)
    tree = _with_units_below(_first_units(scope, on), on)
    seen = sa.union(
        sa.select(memberships.c.person.label("person")).where(
            memberships.c.unit.in_(sa.select(tree.c.unit)), on_day(memberships, on)
        ),
        sa.select(people.c.number).where(people.c.number == own),
        # The account was made for a record that is part of another one now.
        sa.select(merged_people.c.into).where(merged_people.c.person == own),
    ).subquery("seen")
    # Days and slips of before a merge stand under the old key.
    merged = sa.select(merged_people.c.person).where(
        merged_people.c.into.in_(sa.select(seen.c.person))
    )
    both = sa.union(sa.select(seen.c.person), merged).subquery("visible")
    return sa.select(both.c.person)


def units_with_below(codes: tuple[str, ...], on: date) -> sa.Select[str]:
    """The units of these codes that there are, and all under them."""
    tree = _with_units_below(
        sa.select(units.c.code.label("unit")).where(units.c.code.in_(codes)), on
    )
    return sa.select(tree.c.unit)


def devices_of_units(codes: tuple[str, ...], on: date) -> sa.Select[str]:
    """Serials of terminals (and names of counters) at the sites among the units and below them, and
    at the site in which a smaller unit lies: its people use that site's devices.
    """
    first = sa.select(units.c.code.label("unit")).where(units.c.code.in_(codes))
    below = _with_units_below(first, on)
    above = first.cte("units_above", recursive=True)
    next_above = (
        sa.select(unit_parents.c.parent)
        .join(above, unit_parents.c.unit == above.c.unit)
        .join(units, units.c.code == above.c.unit)
        .where(on_day(unit_parents, on), units.c.kind != UnitKind.SITE.value)
    )
    above = above.union(next_above)
    sites = sa.select(units.c.code).where(
        units.c.kind == UnitKind.SITE.value,
        sa.or_(
            units.c.code.in_(sa.select(below.c.unit)), units.c.code.in_(sa.select(above.c.unit))
        ),
    )
    return sa.select(device_sites.c.serial).where(
        device_sites.c.site.in_(sites), on_day(device_sites, on)
    )


def sees(conn: sa.Connection, scope: Scope, person: str, on: date) -> bool:
    visible = visible_people(scope, on)
    if isinstance(visible, Everyone):
        return True
    one = sa.select(sa.literal(1)).where(sa.literal(person, sa.Text).in_(visible))
    return conn.execute(one).first() is not None


def only_visible(column: sa.ColumnElement[str], visible: VisiblePeople) -> sa.ColumnElement[bool]:
    """The WHERE of a query about people: `only_visible(run_days.c.number, visible)`."""
    return sa.true() if isinstance(visible, Everyone) else column.in_(visible)


def _first_units(scope: Scope, on: date) -> sa.Select[tuple[str]]:
    """Those that are named, and those that the person manages on the day."""
    unit = memberships.c.unit
    found = [sa.select(units.c.code.label("unit")).where(units.c.code.in_(scope.units))]
    if scope.manages and scope.person is not None:
        found.append(
            sa.select(unit).where(
                memberships.c.person == scope.person,
                memberships.c.role == Role.MANAGER.value,
                on_day(memberships, on),
            )
        )
    every = sa.union(*found).subquery("first_units")
    return sa.select(every.c.unit)


def _with_units_below(first: sa.Select[tuple[str]], on: date) -> sa.CTE:
    tree = first.cte("units_seen", recursive=True)
    below = (
        sa.select(unit_parents.c.unit)
        .join(tree, unit_parents.c.parent == tree.c.unit)
        .where(on_day(unit_parents, on))
    )
    return tree.union(below)  # union, not union_all: a unit under two parents is walked once
