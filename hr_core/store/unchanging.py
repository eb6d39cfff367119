"""Tables whose rows are added and never changed: the database itself refuses, whoever asks."""

import sqlalchemy as sa

from hr_core.store.guards import Guard, guard


def keep_unchanged(table: sa.Table, says: str = "") -> None:
    """SQLite's INSERT OR REPLACE deletes without asking a guard, so there a key that is taken is
    refused as well. `says`: what is to be done instead.
    """
    says = says or f"rows of {table.name} are never changed"
    guard(
        table,
        Guard("UPDATE", "unchanged", "TRUE", says),
        Guard("DELETE", "kept", "TRUE", says),
        not_replaced(table, says),
    )


def not_replaced(table: sa.Table, says: str) -> Guard:
    """For a table whose rows are changed once, as well."""
    taken = " OR ".join(
        " AND ".join(f'"{column.name}" = NEW."{column.name}"' for column in key.columns)
        for key in (table.primary_key, *_unique(table))
    )
    there = f'EXISTS (SELECT 1 FROM "{table.name}" WHERE {taken})'  # noqa: S608 - our own names
    return Guard("INSERT", "not_replaced", {"sqlite": there, "postgresql": "FALSE"}, says)


def _unique(table: sa.Table) -> list[sa.UniqueConstraint]:
    found = [one for one in table.constraints if isinstance(one, sa.UniqueConstraint)]
    return sorted(found, key=lambda one: [column.name for column in one.columns])
