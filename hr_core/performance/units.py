"""The organisation as goals ask for it: who lies below which unit, and who signs above whom."""

from collections.abc import Iterator
from datetime import date
from typing import Self

import sqlalchemy as sa

from hr_core.people.model import Days
from hr_core.people.records import Membership, Role, UnitKind
from hr_core.store.organisation import Organisation, load_organisation
from hr_core.store.person_records import merged_into

_MOST_LEVELS = 20  # of a tree of units; import refuses a unit that lies under itself


class Units:
    def __init__(self, organisation: Organisation, merged: dict[str, str]) -> None:
        self._organisation = organisation
        self._merged = merged
        self._places: dict[str, list[Membership]] = {}
        for row in organisation.memberships:
            self._places.setdefault(self.current(row.person), []).append(row)

    @classmethod
    def load(cls, conn: sa.Connection) -> Self:
        return cls(load_organisation(conn), merged_into(conn))

    @property
    def codes(self) -> frozenset[str]:
        return frozenset(self._organisation.units)

    def kind(self, code: str) -> UnitKind | None:
        found = self._organisation.units.get(code)
        return None if found is None else found.kind

    def current(self, person: str) -> str:
        return self._merged.get(person, person)

    def parents(self, unit: str, on: date) -> list[str]:
        rows = self._organisation.parents
        return sorted({row.parent for row in rows if row.unit == unit and row.days.covers(on)})

    def above(self, unit: str, on: date) -> Iterator[list[str]]:
        """The unit itself, then what lies above it, level by level."""
        level = [unit]
        for _ in range(_MOST_LEVELS):
            if not level:
                return
            yield level
            level = sorted({parent for one in level for parent in self.parents(one, on)})

    def units_of(self, person: str, on: date, role: Role | None = None) -> list[str]:
        rows = self._places.get(self.current(person), [])
        return sorted(
            {row.unit for row in rows if row.days.covers(on) and role in {None, row.role}}
        )

    def is_below(self, person: str, unit: str, on: date) -> bool:
        """Whether the person has a place in the unit or in one under it."""
        return any(
            unit in level for one in self.units_of(person, on) for level in self.above(one, on)
        )

    def people_below(self, unit: str, first: date, after: date) -> list[str]:
        """Whoever may have had such a place on one of the half-open days."""
        days = Days(first, after)
        tree = {unit}
        for _ in range(_MOST_LEVELS):
            rows = self._organisation.parents
            tree |= {row.unit for row in rows if row.parent in tree and row.days.overlaps(days)}
        return sorted(
            person
            for person, rows in self._places.items()
            if any(row.unit in tree and row.days.overlaps(days) for row in rows)
        )

    def managers(self, unit: str, on: date) -> frozenset[str]:
        rows = self._organisation.memberships
        return frozenset(
            self.current(row.person)
            for row in rows
            if row.unit == unit and row.role is Role.MANAGER and row.days.covers(on)
        )

    def is_member(self, person: str, unit: str, on: date) -> bool:
        return unit in self.units_of(person, on)
