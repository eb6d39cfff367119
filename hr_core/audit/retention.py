"""Ten years of the audit log, and what may go afterwards: the oldest rows, never one between others.

What went leaves its last hash, and a row of the log itself names it: `audit.log.verify` still walks
one chain from there, and a printed head from before still fits an exported file of the years before.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from msgspec import Struct

from hr_core.audit.log import PURGE, append, verify
from hr_core.errors import CoreError, RefusedError
from hr_core.store import audit_log
from hr_core.store.audit_log import KEPT_YEARS


class Purged(Struct, frozen=True, kw_only=True):
    """`until`: the number of the last row that went, `hash` its hash in hex."""

    rows: int
    until: int
    hash: str


def purge(conn: sa.Connection, before: datetime, *, at: datetime, by: str, reason: str) -> Purged:
    """Takes away the rows before `before`, from the beginning up to the first that is not older.

    Raises RefusedError (younger than ten years, nothing that old, no reason), CoreError (the chain
    is broken: it is evidence now).
    """
    kept_from = ten_years_before(at)
    if before > kept_from:
        raise RefusedError(
            f"rows of the audit log are kept for {KEPT_YEARS} years: those since "
            f"{kept_from:%Y-%m-%d} stay",
            remedy=f"give a day up to {kept_from:%Y-%m-%d}",
        )
    if not reason.strip():
        raise RefusedError("the log is not shortened without a reason", remedy="say why")
    report = verify(conn)
    if report.faults:
        raise CoreError(
            f"the audit log is broken at row {report.broken_at}: nothing of it goes",
            remedy="find out why first: hr-core audit verify",
        )
    last = audit_log.last_before(conn, before)
    if last is None:
        raise RefusedError(
            f"the audit log begins with a row of {before:%Y-%m-%d} or later",
            remedy="nothing is that old; see hr-core audit log",
        )
    told = {"until": last.number, "hash": last.hash.hex(), "before": before.isoformat()}
    append(conn, at, by, PURGE, "audit log", None, told, reason.strip())
    gone = audit_log.remove_until(conn, last)
    return Purged(rows=gone, until=last.number, hash=last.hash.hex())


def ten_years_before(at: datetime) -> datetime:
    """The 29th of February becomes the 28th: a day more is kept, none less."""
    at = at.astimezone(UTC)
    try:
        return at.replace(year=at.year - KEPT_YEARS)
    except ValueError:
        return at.replace(year=at.year - KEPT_YEARS, month=2, day=28)
