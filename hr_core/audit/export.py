"""The audit log as files that any later program can read and check, without this one.

One file for each year (UTC): a line of JSON that names the format, then a line for each row. Beside
them lie a text that tells the format and a short program that checks the chain over all the files.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from hr_core.audit.log import hashed_columns
from hr_core.data_files import read_text
from hr_core.errors import NotFoundError
from hr_core.store import audit_log
from hr_core.store.audit_log import AuditRow

SCHEMA = "clockline-audit/1"
# In the package the program is no module of ours: it is text for whoever has the files alone.
_BESIDE = {"check_audit.py": "check_audit.py.txt", "README.txt": "README.txt"}
_encode = msgspec.json.Encoder(order="deterministic").encode


class ExportedYear(Struct, frozen=True, kw_only=True):
    """`head`: the hash of its last row in hex."""

    year: int
    file: str
    rows: int
    head: str


def export(conn: sa.Connection, folder: Path, year: int | None = None) -> list[ExportedYear]:
    """Of one year or of each, into a folder that exists. Raises NotFoundError when there is no row."""
    years = years_of(conn) if year is None else [year]
    found = [_write(conn, folder, one) for one in years]
    if not any(one.rows for one in found):
        when = "" if year is None else f" of {year}"
        raise NotFoundError(
            f"the audit log has no row{when}", remedy="hr-core audit log shows what it has"
        )
    for name, kept_as in _BESIDE.items():
        text = read_text(f"audit_export/{kept_as}")
        (folder / name).write_text(text, encoding="utf-8")
    return found


def years_of(conn: sa.Connection) -> list[int]:
    return sorted({row.at.astimezone(UTC).year for row in audit_log.rows(conn)})


def lines(found: Iterator[AuditRow], head: dict[str, object]) -> Iterator[bytes]:
    yield _encode(head)
    for row in found:
        names = ("number", "at_us", "actor", "action", "subject", "before", "after", "reason")
        fields = dict(zip((*names, "previous"), hashed_columns(row), strict=True))
        yield _encode(fields | {"at": row.at.isoformat(), "hash": row.hash.hex()})


def _write(conn: sa.Connection, folder: Path, year: int) -> ExportedYear:
    span = (datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC))
    start = audit_log.checkpoint(conn)
    head = {
        "schema": SCHEMA,
        "year": year,
        "chain_begins_after": start.number,
        "hash_before": start.hash.hex(),
    }
    file = folder / f"audit-{year}.jsonl"
    rows, last = 0, ""
    with file.open("wb") as out:
        for line in lines(audit_log.rows(conn, since=span[0], until=span[1]), head):
            out.write(line + b"\n")
            rows += 1
            last = msgspec.json.decode(line).get("hash", "")
    return ExportedYear(year=year, file=str(file), rows=rows - 1, head=last)
