"""Tables whose rows the database itself refuses to change or take out, on SQLite and PostgreSQL."""

import sqlalchemy as sa


def unchangeable(table: sa.Table) -> sa.Table:
    """The table, created with its triggers. A migration that creates it runs `statements` too."""
    for dialect in ("sqlite", "postgresql"):
        for text in statements(table.name, dialect):
            ddl = sa.DDL(text.replace("%", "%%")).execute_if(dialect=dialect)
            sa.event.listen(table, "after_create", ddl)
    return table


def statements(table: str, dialect: str) -> tuple[str, ...]:
    told = f"rows of {table} are never changed: add a newer one"
    if dialect == "sqlite":
        return tuple(
            f"CREATE TRIGGER IF NOT EXISTS {table}_no_{change.lower()} BEFORE {change} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{told}'); END"
            for change in ("UPDATE", "DELETE")
        )
    return (
        f"CREATE OR REPLACE FUNCTION {table}_unchangeable() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{told}'; END $$",
        f"CREATE OR REPLACE TRIGGER {table}_unchangeable BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {table}_unchangeable()",
    )
