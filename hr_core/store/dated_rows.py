"""Columns of rows that hold on some days, and how a bound that is not there is stored."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa

ALWAYS = date.min  # no first day: a column of the key is never NULL

Value = TypeVar("Value", bound=msgspec.Struct)


def day_columns() -> tuple[sa.Column[Any], sa.Column[Any]]:
    """The first day, which belongs to the key, and the first day that no longer counts."""
    return (
        sa.Column("valid_from", sa.Date, primary_key=True),
        sa.Column("valid_until", sa.Date),
    )


def to_row(value: msgspec.Struct) -> dict[str, Any]:
    """As it is stored."""
    row = msgspec.structs.asdict(value)
    if "valid_from" in row:
        row["valid_from"] = row["valid_from"] or ALWAYS
    return row


def from_row(row: sa.RowMapping | Mapping[str, Any], shape: type[Value]) -> Value:
    """`row` may have more columns than the shape."""
    values = {name: row[name] for name in shape.__struct_fields__}
    if values.get("valid_from") == ALWAYS:
        values["valid_from"] = None
    return msgspec.convert(values, shape)


def read_rows(
    conn: sa.Connection, table: sa.Table, shape: type[Value], *wanted: sa.ColumnElement[bool]
) -> list[Value]:
    """In the order of the key."""
    query = sa.select(table).where(*wanted).order_by(*table.primary_key)
    return [from_row(row._mapping, shape) for row in conn.execute(query)]  # noqa: SLF001 - its documented name


def add_rows(conn: sa.Connection, table: sa.Table, values: Iterable[msgspec.Struct]) -> None:
    rows = [to_row(value) for value in values]
    if rows:
        conn.execute(sa.insert(table), rows)


def on_day(table: sa.Table, on: date) -> sa.ColumnElement[bool]:
    """The rows that hold on a day."""
    until = table.c.valid_until
    return sa.and_(table.c.valid_from <= on, sa.or_(until.is_(None), until > on))
