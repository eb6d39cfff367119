"""Rules that the database itself keeps, whoever writes to it: triggers, the same on both databases."""

from typing import Literal, NamedTuple

import sqlalchemy as sa

Event = Literal["INSERT", "UPDATE", "DELETE"]

# By table: a migration that makes a table makes its triggers too.
TRIGGERS: dict[str, list["Trigger"]] = {}


class Trigger(NamedTuple):
    """`condition` is SQL about NEW and OLD; where it holds, the write fails with `message`."""

    table: str
    name: str
    event: Event
    condition: str
    message: str

    def statements(self, dialect: str) -> tuple[str, ...]:
        head = f"BEFORE {self.event} ON {self.table} FOR EACH ROW"
        if dialect == "sqlite":
            fail = f"SELECT RAISE(ABORT, '{self.message}');"
            return (f"CREATE TRIGGER {self.name} {head} WHEN {self.condition} BEGIN {fail} END",)
        row = "OLD" if self.event == "DELETE" else "NEW"
        function = (
            f"CREATE OR REPLACE FUNCTION {self.name}() RETURNS trigger LANGUAGE plpgsql AS $$ "
            f"BEGIN IF {self.condition} THEN RAISE EXCEPTION '{self.message}' "
            f"USING ERRCODE = 'check_violation'; END IF; RETURN {row}; END $$"
        )
        return (function, f"CREATE TRIGGER {self.name} {head} EXECUTE FUNCTION {self.name}()")


def refuse(table: sa.Table, event: Event, condition: str, message: str, *, name: str) -> None:
    """The database refuses the write where the condition holds: sa.exc.IntegrityError."""
    trigger = Trigger(table.name, f"{table.name}_{name}", event, condition, message)
    TRIGGERS.setdefault(table.name, []).append(trigger)
    for dialect in ("sqlite", "postgresql"):
        for statement in trigger.statements(dialect):
            made = sa.DDL(statement.replace("%", "%%")).execute_if(dialect=dialect)
            sa.event.listen(table, "after_create", made)


def append_only(table: sa.Table) -> None:
    """A row is never changed and never taken out."""
    refuse(table, "UPDATE", "TRUE", f"a row of {table.name} never changes", name="unchanged")
    refuse(table, "DELETE", "TRUE", f"a row of {table.name} is never deleted", name="kept")
