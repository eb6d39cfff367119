"""Closing a month: its days stay as they are, and what would change them is queued."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from hr_core.attendance.day import OPEN
from hr_core.audit.log import append
from hr_core.clock import Month
from hr_core.errors import CoreError
from hr_core.store.attendance_days import days_going_on, status_counts
from hr_core.store.attendance_locks import (
    CorrectionState,
    Lock,
    add_lock,
    corrections,
    locked_months,
    locks,
    remove_lock,
    settle_correction,
)
from hr_core.store.attendance_queue import Mark, arrivals_wait, marks_between, touch


class Locked(Struct, frozen=True, kw_only=True):
    """`open_days`: those that somebody should still have looked at, by status."""

    month: str
    days: int
    open_days: dict[str, int]


def lock_month(
    conn: sa.Connection, month: Month, *, by: str, reason: str, at: datetime, with_open: bool
) -> Locked:
    """In a write transaction, after everything of the month was computed.

    Raises CoreError: it is locked, not over, not computed, or has open days and `with_open` is not
    said.
    """
    if str(month) in locked_months(conn):
        raise CoreError(f"{month} is locked already", remedy="see hr-core attendance locks")
    if arrivals_wait(conn) or marks_between(conn, month.first, month.after):
        raise CoreError(
            f"something of {month} came in while it was being locked",
            remedy="run it again: the days are computed first",
        )
    counts = status_counts(conn, month.first, month.after)
    if at.date() < month.after or days_going_on(conn, month.first, month.after):
        raise CoreError(
            f"{month} is not over", remedy="lock it when the window of its last shift has closed"
        )
    if not counts:
        raise CoreError(f"no day of {month} is computed", remedy="import people and punches first")
    open_days = {status: counts[status] for status in sorted(map(str, OPEN)) if counts.get(status)}
    if open_days and not with_open:
        told = ", ".join(f"{count} {status}" for status, count in open_days.items())
        raise CoreError(
            f"{month} has open days: {told}",
            remedy="clarify them (hr-core attendance show), or lock it as it is with --with-open-days",
        )
    add_lock(conn, Lock(month=str(month), locked_at=at, locked_by=by, reason=reason))
    after = {"locked": True, "days": sum(counts.values()), "open": open_days}
    append(conn, at, by, "attendance.lock", f"month {month}", {"locked": False}, after, reason)
    return Locked(month=str(month), days=sum(counts.values()), open_days=open_days)


def unlock_month(conn: sa.Connection, month: Month, *, by: str, reason: str, at: datetime) -> int:
    """In a write transaction. Open corrections become marks: the next step computes their days.
    Returns how many. Raises CoreError when the month is not locked.
    """
    lock = next((one for one in locks(conn) if one.month == str(month)), None)
    if lock is None:
        raise CoreError(f"{month} is not locked", remedy="see hr-core attendance locks")
    remove_lock(conn, str(month))
    open_ones = corrections(conn, month=str(month))
    for one in open_ones:
        settle_correction(conn, one.number, CorrectionState.APPLIED, f"unlocked by {by}")
    touch(conn, [Mark(one.person, one.day, one.cause) for one in open_ones])
    before = {"locked": True, "by": lock.locked_by, "at": lock.locked_at.isoformat()}
    after = {"locked": False, "corrections": [one.number for one in open_ones]}
    append(conn, at, by, "attendance.unlock", f"month {month}", before, after, reason)
    return len(open_ones)
