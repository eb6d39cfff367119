"""The employee number of people on a day: what people call them by, beside the key."""

from collections.abc import Collection
from datetime import date
from typing import Self

import sqlalchemy as sa

from hr_core.people.records import EmployeeNumber
from hr_core.store.dated_rows import read_rows
from hr_core.store.person_records import employee_numbers, merged_into

_MOST_IN = 500


class NumbersOfDays:
    """Of some people, ready to be asked often. A merged record has the numbers of the one it is in."""

    def __init__(self, rows: dict[str, list[EmployeeNumber]], merged: dict[str, str]) -> None:
        self._rows = rows
        self._merged = merged

    @classmethod
    def load(cls, conn: sa.Connection, persons: Collection[str]) -> Self:
        merged = merged_into(conn)
        keys = sorted({merged.get(person, person) for person in persons})
        rows: dict[str, list[EmployeeNumber]] = {}
        for at in range(0, len(keys), _MOST_IN):
            wanted = employee_numbers.c.person.in_(keys[at : at + _MOST_IN])
            for row in read_rows(conn, employee_numbers, EmployeeNumber, wanted):
                rows.setdefault(row.person, []).append(row)
        return cls(rows, merged)

    def on(self, person: str, day: date) -> str | None:
        """The last one begun when there are several, as hr_core.store.person_records.number_on."""
        held = self._rows.get(self._merged.get(person, person), ())
        on_day = [row for row in held if row.days.covers(day)]
        on_day.sort(key=lambda row: row.employee_number)
        on_day.sort(key=lambda row: row.valid_from or date.min, reverse=True)
        return on_day[0].employee_number if on_day else None
