"""Who changed what, when and why: appended in the transaction of the change, never edited.

Each row's hash covers the row and the hash before it. Whoever keeps a printed head (`hr-core audit
verify` shows it) can later prove that no row up to it was changed, taken out or put between.
"""

from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from hr_core.errors import CoreError
from hr_core.store import audit_log
from hr_core.store.audit_log import AuditRow
from hr_core.store.database import to_microseconds

# A reason is a sentence or two; a row must not become somebody's file store.
MAX_TEXT = 2_000
MAX_STATE_BYTES = 1024 * 1024  # a merge of two people with long histories has some 100 kB

PURGE = "audit.purge"
_MOST_FAULTS = 100  # more tell nobody more
_encode = msgspec.json.Encoder(order="deterministic").encode


class AuditEntry(Struct, frozen=True, kw_only=True):
    """A row as people read it. `before` and `after` are JSON values, `hash` is hex."""

    number: int
    at: datetime
    actor: str
    action: str
    subject: str
    before: Any
    after: Any
    reason: str
    hash: str


class LogReport(Struct, frozen=True, kw_only=True):
    """`head`: the last row's hash in hex; `faults`: one sentence for each row that does not stand.
    `broken_at`: the first row of which nothing can be proven; `begins_after`: the last row that went
    after its ten years.
    """

    rows: int
    head: str
    faults: tuple[str, ...]
    broken_at: int | None = None
    begins_after: int = 0


def append(  # noqa: PLR0913 - the columns of a row; every caller names them all
    conn: sa.Connection,
    at: datetime,
    actor: str,
    action: str,
    subject: str,
    before: object,
    after: object,
    reason: str,
) -> int:
    """Adds a row in the caller's write transaction and gives its number.

    `before` and `after`: whatever msgspec encodes as JSON; None where there is nothing. `subject` is
    what the change is about, like "person 1007". Raises CoreError for an unusable actor or text.
    """
    _check_texts({"actor": actor, "action": action, "subject": subject}, reason)
    last = audit_log.lock_head(conn)
    row = AuditRow(
        number=last.number + 1,
        at=at,
        actor=actor,
        action=action,
        subject=subject,
        before=_state(before),
        after=_state(after),
        reason=reason,
        previous=last.hash,
        hash=b"",
    )
    audit_log.add_row(conn, row._replace(hash=hash_of(row)))
    return row.number


def entries(
    conn: sa.Connection, *, subject: str | None = None, action: str | None = None
) -> list[AuditEntry]:
    """Oldest first."""
    return [_entry(row) for row in audit_log.rows(conn, subject=subject, action=action)]


def entry(conn: sa.Connection, number: int) -> AuditEntry | None:
    row = audit_log.row_by_number(conn, number)
    return None if row is None else _entry(row)


def verify(conn: sa.Connection) -> LogReport:
    """Walks the whole chain. The log stands when `faults` is empty."""
    faults: list[tuple[int, str]] = []
    start = audit_log.checkpoint(conn)
    number, previous = start
    vouched = start.number == 0
    for row in audit_log.rows(conn):
        if row.number != number + 1:
            faults.append(
                (number + 1, f"row {number + 1} is missing: the next one here is {row.number}")
            )
        elif row.previous != previous:
            faults.append((row.number, f"row {row.number} does not follow the row before it"))
        if hash_of(row) != row.hash:
            faults.append((row.number, f"row {row.number} is not as it was written"))
        vouched = vouched or is_of_purge(row, start.number, start.hash)
        number, previous = row.number, row.hash
    head = audit_log.head(conn)
    if head.number != number:
        faults.append((number + 1, f"the log ends at row {number}, its head says {head.number}"))
    elif head.hash != previous:
        faults.append((number, f"the head does not name row {number}"))
    if not vouched:
        faults.append(
            (start.number + 1, f"no row tells that the rows up to {start.number} went by a purge")
        )
    return LogReport(
        rows=number - start.number,
        head=previous.hex(),
        faults=tuple(what for _, what in faults[:_MOST_FAULTS]),
        broken_at=min((row for row, _ in faults), default=None),
        begins_after=start.number,
    )


def is_of_purge(row: AuditRow, number: int, last: bytes) -> bool:
    """Whether the row tells that all rows up to `number`, whose hash is `last`, were taken away."""
    if row.action != PURGE:
        return False
    told = msgspec.json.decode(row.after)
    return isinstance(told, dict) and (told.get("until"), told.get("hash")) == (number, last.hex())


def hashed_columns(row: AuditRow) -> list[object]:
    """What a row's hash is the SHA-256 of, as a JSON array without blanks."""
    return [
        row.number,
        to_microseconds(row.at),
        *(row.actor, row.action, row.subject, row.before, row.after, row.reason),
        row.previous.hex(),
    ]


def hash_of(row: AuditRow) -> bytes:
    """So that any other program can compute it again (docs/control.md)."""
    return sha256(_encode(hashed_columns(row))).digest()


def _entry(row: AuditRow) -> AuditEntry:
    columns = row._asdict()
    del columns["previous"]
    return AuditEntry(
        **columns
        | {
            "before": msgspec.json.decode(row.before),
            "after": msgspec.json.decode(row.after),
            "hash": row.hash.hex(),
        }
    )


def _state(value: object) -> str:
    text = _encode(value)
    if len(text) > MAX_STATE_BYTES:
        raise CoreError(
            f"the change takes {len(text)} bytes in the audit log, {MAX_STATE_BYTES} are the most",
            remedy="make it in smaller steps; nothing was stored",
        )
    return text.decode()


def _check_texts(names: dict[str, str], reason: str) -> None:
    for what, text in names.items():
        if not text.strip():
            raise CoreError(
                f"a change without {what} cannot stand in the audit log",
                remedy="name who changes it (--by NAME on the command line)",
            )
    for what, text in (*names.items(), ("reason", reason)):
        if len(text) > MAX_TEXT or "\0" in text:  # PostgreSQL stores no NUL
            raise CoreError(
                f"the {what} of a change has a NUL or more than {MAX_TEXT} characters",
                remedy=f"shorten the {what}; nothing was stored",
            )
