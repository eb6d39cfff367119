"""Columns of rows that hold on some days, and how a bound that is not there is stored."""

from collections.abc import Iterable
from datetime import date
from enum import Enum
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


def read_rows(
    conn: sa.Connection, table: sa.Table, shape: type[Value], *wanted: sa.ColumnElement[bool]
) -> list[Value]:
    """In the order of the key. The table may have more columns than the shape."""
    names = shape.__struct_fields__
    columns = (table.c[name] for name in names)
    query = sa.select(*columns).where(*wanted).order_by(*table.primary_key)
    first = names.index("valid_from") if "valid_from" in names else None
    rows = []
    for row in conn.execute(query):
        values = list(row)
        if first is not None and values[first] == ALWAYS:
            values[first] = None
        rows.append(values)
    if _has_words(shape):
        return [msgspec.convert(dict(zip(names, values, strict=True)), shape) for values in rows]
    return [shape(**dict(zip(names, values, strict=True))) for values in rows]  # 4x as fast


def _has_words(shape: type[msgspec.Struct]) -> bool:
    """A column that is read as a member of an enumeration."""
    return any(
        isinstance(field.type, type) and issubclass(field.type, Enum)
        for field in msgspec.structs.fields(shape)
    )


def add_rows(conn: sa.Connection, table: sa.Table, values: Iterable[msgspec.Struct]) -> None:
    rows = [to_row(value) for value in values]
    if rows:
        conn.execute(sa.insert(table), rows)


def on_day(table: sa.Table, on: date) -> sa.ColumnElement[bool]:
    """The rows that hold on a day."""
    until = table.c.valid_until
    return sa.and_(table.c.valid_from <= on, sa.or_(until.is_(None), until > on))
