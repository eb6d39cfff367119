"""One SHA-256 over everything that a stored pay run says: what two people approved is what is there."""

from datetime import datetime
from hashlib import sha256

import sqlalchemy as sa
from msgspec import Struct

from hr_core.store.database import metadata, to_microseconds
from hr_core.store.results import pay_lines, pay_runs, pay_slips, run_days

_ROWS_AT_A_TIME = 2_000
_RUN_COLUMN = {
    str(pay_runs.name): "number",
    str(pay_slips.name): "run",
    str(pay_lines.name): "run",
    str(run_days.name): "run",
}


class RunDigest(Struct, frozen=True):
    """`columns` by table: those that were hashed, so that a column of a later release, of which
    nobody knew then, does not change the sum.
    """

    columns: dict[str, tuple[str, ...]]
    sha256: str


def digest_of_run(conn: sa.Connection, run: int) -> RunDigest:
    columns = {
        name: tuple(sorted(str(column.name) for column in metadata.tables[name].columns))
        for name in _RUN_COLUMN
    }
    return RunDigest(columns, _sum(conn, run, columns))


def is_unchanged(conn: sa.Connection, run: int, then: RunDigest) -> bool:
    return _sum(conn, run, then.columns) == then.sha256


def _sum(conn: sa.Connection, run: int, columns: dict[str, tuple[str, ...]]) -> str:
    found = sha256(b"clockline pay run 1")
    for name in sorted(columns):
        table = metadata.tables[name]
        query = (
            sa.select(*(table.c[column] for column in columns[name]))
            .where(table.c[_RUN_COLUMN[name]] == run)
            .order_by(*table.primary_key)
        )
        found.update(_part(name))
        for row in conn.execute(query, execution_options={"yield_per": _ROWS_AT_A_TIME}):
            for value in row:
                found.update(_part(value))
    return found.hexdigest()


def _part(value: object) -> bytes:
    """With its length, so that no two values run into each other."""
    if isinstance(value, datetime):
        value = to_microseconds(value)
    raw = value if isinstance(value, bytes) else str(value).encode()
    return len(raw).to_bytes(8, "big") + raw
