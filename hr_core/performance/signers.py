"""Who may propose, decide and sign somebody's goals: it follows the organisation of the day."""

from datetime import date

import sqlalchemy as sa
from msgspec import Struct

from hr_core.accounts.model import Role as AccountRole
from hr_core.approvals.desk import Actor
from hr_core.errors import RefusedError
from hr_core.people import records
from hr_core.performance.sign_off import Role
from hr_core.performance.units import Units
from hr_core.store.accounts import find_account
from hr_core.store.work_plan import keys_of


class Chain(Struct, frozen=True, kw_only=True):
    """Whose goals they are, and who signs above; keys of people.

    managers, next_levels  the first level above the person that has managers, and the next such one
    units, next_units      where they manage, or where a manager is missing
    top                    nothing lies above the managers' units: their signature is the last one
    """

    person: str
    managers: frozenset[str]
    units: tuple[str, ...]
    next_levels: frozenset[str]
    next_units: tuple[str, ...]
    top: bool

    def people(self, role: Role) -> frozenset[str]:
        match role:
            case Role.EMPLOYEE:
                return frozenset({self.person})
            case Role.MANAGER:
                return self.managers
            case Role.NEXT_LEVEL:
                return self.next_levels


def chain_of(units: Units, person: str, on: date) -> Chain:
    person = units.current(person)
    managed = units.units_of(person, on, records.Role.MANAGER)
    own = units.units_of(person, on, records.Role.MEMBER)
    first = {*own, *(above for one in managed for above in units.parents(one, on))}
    managers, where = _first_managers(units, first - set(managed), on, frozenset({person}))
    above = {parent for one in where for parent in units.parents(one, on)}
    taken = managers | {person}
    next_levels, next_where = _first_managers(units, above, on, taken)
    return Chain(
        person=person,
        managers=managers,
        units=tuple(where),
        next_levels=next_levels,
        next_units=tuple(next_where),
        top=bool(managers) and not above,
    )


def _first_managers(
    units: Units, begin: set[str], on: date, taken: frozenset[str]
) -> tuple[frozenset[str], list[str]]:
    """Of the lowest level with managers who are not `taken`; else nobody, and the last level."""
    level = sorted(begin)
    while level:
        found = {unit: units.managers(unit, on) - taken for unit in level}
        where = [unit for unit, people in found.items() if people]
        if where:
            return frozenset().union(*(found[unit] for unit in where)), where
        above = sorted({parent for unit in level for parent in units.parents(unit, on)})
        if not above:
            return frozenset(), level
        level = above
    return frozenset(), []


def acting_person(conn: sa.Connection, chain: Chain, role: Role, by: Actor) -> str:
    """Which of those who may act in the role it is. Raises RefusedError that names who can."""
    allowed = chain.people(role)
    for person in sorted(allowed):
        if is_person(conn, person, by):
            return person
    if allowed:
        remedy = f"{' or '.join(sorted(allowed))} can: --by NAME"
    else:
        places = chain.units if role is Role.MANAGER else chain.next_units
        remedy = (
            f"nobody manages {', '.join(places) or 'a unit of this person'}: give it a manager in "
            "the people file (units = [{ unit = …, role = 'manager' }])"
        )
    raise RefusedError(
        f"{by.name} cannot act as the {role.replace('_', ' ')} of {chain.person}", remedy=remedy
    )


def is_person(conn: sa.Connection, person: str, by: Actor) -> bool:
    """Under any of the person's keys, or the actor's names."""
    return not by.spelled.isdisjoint(Actor(person, frozenset(keys_of(conn, person))).spelled)


def is_hr(conn: sa.Connection, by: Actor) -> bool:
    account = find_account(conn, by.name)
    if account is None or account.disabled:
        return False
    return account.has_role(AccountRole.HR, AccountRole.ADMIN)
