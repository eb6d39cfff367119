"""Whose days a visitor sees: by the organisation of each day, so a day outside is like none."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

import sqlalchemy as sa
from msgspec import Struct

from hr_core.accounts.model import Account
from hr_core.accounts.visible import seen_by
from hr_core.store.people import people


class Sight(Struct, frozen=True):
    """`days` None: everybody's, whenever. Else the days by person; who has none is not seen."""

    days: dict[str, frozenset[date]] | None

    def people(self, known: Iterable[str]) -> list[str]:
        return sorted(one for one in known if self.days is None or one in self.days)

    def covers(self, person: str, on: date) -> bool:
        return self.days is None or on in self.days.get(person, ())


def sight_of(conn: sa.Connection, account: Account | None, days: Iterable[date]) -> Sight:
    """`account` None: nobody can log in yet, and whoever sits at this machine sees all."""
    if account is None:
        return Sight(None)
    found: defaultdict[str, set[date]] = defaultdict(set)
    for on in days:
        seen = seen_by(account, on)
        if seen.everyone:
            return Sight(None)
        for person in conn.execute(sa.select(people.c.number).where(seen.covers(people.c.number))):
            found[person.number].add(on)
    return Sight({person: frozenset(on) for person, on in found.items()})
