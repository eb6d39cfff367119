"""Triggers by which the database itself refuses what no program may do, whoever wrote it.

A guard stands beside its table and is created with it. Migrations make none: all are taken away
before the first step and made anew behind the last (migrate.py), so they are always this release's.
"""

from collections.abc import Iterator
from typing import NamedTuple

import sqlalchemy as sa

_PREFIX = "guard_"
_KEPT = "guards"  # of a table's `info`


class Guard(NamedTuple):
    """`when`: SQL over NEW and OLD that SQLite and PostgreSQL both understand, or one for each by
    the name of the dialect. `says`: what is refused, for whoever reads the error.
    """

    event: str  # INSERT, UPDATE or DELETE
    name: str
    when: str | dict[str, str]
    says: str


def guard(table: sa.Table, *guards: Guard) -> None:
    """From now on `create_all` makes them with the table."""
    for one in guards:
        table.info.setdefault(_KEPT, []).append(one)
    if len(table.info[_KEPT]) == len(guards):
        sa.event.listen(table, "after_create", _after_create)


def create_guards(conn: sa.Connection, metadata: sa.MetaData) -> None:
    """Of all tables that are there; none may be there yet (`drop_guards`)."""
    there = set(sa.inspect(conn).get_table_names())
    for table in metadata.tables.values():
        if table.name in there:
            _create(conn, table)


def drop_guards(conn: sa.Connection) -> None:
    """In the caller's transaction. SQLite cannot rename a table that a trigger speaks of."""
    for name, table in _existing(conn):
        if conn.dialect.name == "postgresql":
            conn.exec_driver_sql(f'DROP TRIGGER "{name}" ON "{table}"')
            conn.exec_driver_sql(f'DROP FUNCTION "{name}"()')
        else:
            conn.exec_driver_sql(f'DROP TRIGGER "{name}"')


def guard_names(conn: sa.Connection) -> list[str]:
    """Sorted, as the database knows them."""
    return sorted(name for name, _ in _existing(conn))


def _after_create(table: sa.Table, conn: sa.Connection, **_: object) -> None:
    _create(conn, table)


def _create(conn: sa.Connection, table: sa.Table) -> None:
    for one in table.info.get(_KEPT, ()):
        for statement in _statements(one, table.name, conn.dialect.name):
            doubled = statement.replace("%", "%%")  # psycopg reads one as a parameter
            is_postgres = conn.dialect.name == "postgresql"
            conn.exec_driver_sql(doubled if is_postgres else statement)


def _statements(one: Guard, table: str, dialect: str) -> Iterator[str]:
    name = f"{_PREFIX}{table}_{one.name}"
    when = one.when if isinstance(one.when, str) else one.when[dialect]
    says = one.says.replace("'", "''")
    before = f'CREATE TRIGGER "{name}" BEFORE {one.event} ON "{table}" FOR EACH ROW'
    if dialect == "postgresql":
        kept = "OLD" if one.event == "DELETE" else "NEW"
        # A WHEN of PostgreSQL may look into no other table; the body of a function may.
        yield (
            f'CREATE OR REPLACE FUNCTION "{name}"() RETURNS trigger LANGUAGE plpgsql AS $guard$ BEGIN '
            f"IF {when} THEN RAISE EXCEPTION USING MESSAGE = '{says}', "
            f"ERRCODE = 'integrity_constraint_violation'; END IF; RETURN {kept}; END $guard$"
        )
        yield f'{before} EXECUTE FUNCTION "{name}"()'
    else:
        yield f"{before} WHEN {when} BEGIN SELECT RAISE(ABORT, '{says}'); END"


def _existing(conn: sa.Connection) -> list[tuple[str, str]]:
    """(name, table)."""
    if conn.dialect.name == "postgresql":
        query = (
            "SELECT t.tgname AS name, c.relname AS tbl FROM pg_trigger t "
            "JOIN pg_class c ON c.oid = t.tgrelid "
            "WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace"
        )
    else:
        query = "SELECT name, tbl_name AS tbl FROM sqlite_schema WHERE type = 'trigger'"
    rows = conn.execute(sa.text(query)).all()
    return [(row.name, row.tbl) for row in rows if row.name.startswith(_PREFIX)]
