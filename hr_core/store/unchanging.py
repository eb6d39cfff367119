"""Tables whose rows are added and never changed: the database itself refuses, whoever asks."""

import sqlalchemy as sa


def keep_unchanged(table: sa.Table) -> None:
    """Whenever the table is made, its rows are protected too."""
    for statement in statements(table):
        ddl = sa.DDL(statement)
        dialect = "postgresql" if _of_postgres(statement) else "sqlite"
        sa.event.listen(table, "after_create", ddl.execute_if(dialect=dialect))


def protect(conn: sa.Connection, table: sa.Table) -> None:
    """For migrations: of a table that is there already."""
    for statement in statements(table):
        if _of_postgres(statement) == (conn.dialect.name == "postgresql"):
            conn.exec_driver_sql(statement)


def statements(table: sa.Table) -> tuple[str, ...]:
    """Of both databases. SQLite's INSERT OR REPLACE deletes without asking a trigger, so a row with a
    key that is there is refused too.
    """
    name = table.name
    message = f"rows of {name} are never changed"
    abort = f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
    keys = [table.primary_key, *_unique(table)]
    taken = " OR ".join(
        "(" + " AND ".join(f'"{column.name}" = NEW."{column.name}"' for column in key.columns) + ")"
        for key in keys
    )
    there = f"EXISTS (SELECT 1 FROM {name} WHERE {taken})"  # noqa: S608 - our own names
    return (
        f"CREATE TRIGGER {name}_no_update BEFORE UPDATE ON {name} {abort}",
        f"CREATE TRIGGER {name}_no_delete BEFORE DELETE ON {name} {abort}",
        f"CREATE TRIGGER {name}_no_replace BEFORE INSERT ON {name} WHEN {there} {abort}",
        f"CREATE OR REPLACE FUNCTION {name}_unchanging() RETURNS trigger AS "
        f"'BEGIN RAISE EXCEPTION ''{message}''; END' LANGUAGE plpgsql",
        f"CREATE TRIGGER {name}_unchanging BEFORE UPDATE OR DELETE ON {name} "
        f"FOR EACH ROW EXECUTE FUNCTION {name}_unchanging()",
    )


def _unique(table: sa.Table) -> list[sa.UniqueConstraint]:
    found = [one for one in table.constraints if isinstance(one, sa.UniqueConstraint)]
    return sorted(found, key=lambda one: str(one.name))


def _of_postgres(statement: str) -> bool:
    return "_unchanging" in statement
