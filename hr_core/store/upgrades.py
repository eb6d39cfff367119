"""What `initialise` brings an older database of the same schema version to."""

from datetime import date
from typing import Any

import sqlalchemy as sa


def create_missing(conn: sa.Connection, metadata: sa.MetaData) -> None:
    """Creates the tables and indexes that are missing, in the caller's write transaction."""
    undated = _take_undated_device_users(conn, metadata)
    known = sa.inspect(conn).get_table_names()
    metadata.create_all(conn)
    _add_missing_columns(conn, [one for one in metadata.sorted_tables if one.name in known])
    for table in metadata.sorted_tables:
        for index in table.indexes:
            index.create(conn, checkfirst=True)
    if undated:
        conn.execute(sa.insert(metadata.tables["device_users"]), undated)
    if "people" in metadata.tables:
        _fill_in_people(conn, metadata.tables["people"])


def _add_missing_columns(conn: sa.Connection, tables: list[sa.Table]) -> None:
    """Each such column is nullable or has a server default."""
    inspector = sa.inspect(conn)
    for table in tables:
        known = {column["name"] for column in inspector.get_columns(table.name)}
        for column in table.columns:
            if column.name not in known:
                name = conn.dialect.identifier_preparer.format_table(table)
                spec = sa.schema.CreateColumn(column).compile(dialect=conn.dialect)
                conn.exec_driver_sql(f"ALTER TABLE {name} ADD COLUMN {spec}")


def _fill_in_people(conn: sa.Connection, people: sa.Table) -> None:
    """People of before employee numbers and contracts had dates."""
    from hr_core.store.person_records import fill_in_missing  # noqa: PLC0415 - it defines tables

    fill_in_missing(conn, people)


def _take_undated_device_users(conn: sa.Connection, metadata: sa.MetaData) -> list[dict[str, Any]]:
    """Rows of a table whose key has no date yet. The key is new, so the table is made anew."""
    inspector = sa.inspect(conn)
    if "device_users" not in metadata.tables or not inspector.has_table("device_users"):
        return []
    if any(column["name"] == "valid_from" for column in inspector.get_columns("device_users")):
        return []
    old = sa.table("device_users", *map(sa.column, ("serial", "user_id", "number")))
    rows = [
        {**row, "valid_from": date.min, "valid_until": None}
        for row in conn.execute(sa.select(old)).mappings()
    ]
    metadata.tables["device_users"].drop(conn)
    return rows
