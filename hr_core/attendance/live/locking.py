"""Closing a month: its days stay as they are, and what would change them is queued.

Who closes or opens one asks for it, and another person lets it happen: the database refuses both
otherwise (store/attendance_locks.py).
"""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from hr_core.approvals.desk import Actor, Approval, open_approvals, propose
from hr_core.approvals.kinds import Kind
from hr_core.attendance.day import OPEN
from hr_core.audit.log import append
from hr_core.clock import Month
from hr_core.errors import CoreError, RefusedError
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


def ask_lock(
    conn: sa.Connection, month: Month, *, at: datetime, by: Actor, reason: str, with_open: bool
) -> tuple[int, Locked]:
    """The approval's number and what would be locked. Raises CoreError as `lock_month`."""
    found = _lockable(conn, month, at, with_open=with_open)
    content = {"lock": True, "month": str(month), "with_open": with_open, "found": found}
    return _ask(conn, lock_subject(month), content, at, by, reason), found


def ask_unlock(conn: sa.Connection, month: Month, *, at: datetime, by: Actor, reason: str) -> int:
    """Raises CoreError when the month is not locked."""
    _lock_of(conn, month)
    content = {"lock": False, "month": str(month)}
    return _ask(conn, unlock_subject(month), content, at, by, reason)


def carry_out(conn: sa.Connection, approval: Approval) -> Locked | int:
    """What the second person let happen: as `lock_month` or `unlock_month`."""
    month, asked = Month.parse(approval.content["month"]), approval.content
    assert approval.decided_at is not None  # noqa: S101 - it was just approved
    if asked["lock"]:
        return lock_month(
            conn, month, by=approval.proposed_by, reason=approval.reason, at=approval.decided_at,
            with_open=asked["with_open"],
        )  # fmt: skip
    return unlock_month(
        conn, month, by=approval.proposed_by, reason=approval.reason, at=approval.decided_at
    )


def lock_subject(month: Month) -> str:
    return f"lock of month {month}"


def unlock_subject(month: Month) -> str:
    return f"unlock of month {month}"


def lock_month(
    conn: sa.Connection, month: Month, *, by: str, reason: str, at: datetime, with_open: bool
) -> Locked:
    """In a write transaction, after everything of the month was computed and the lock approved at
    `at`.

    Raises CoreError: it is locked, not over, not computed, or has open days and `with_open` is not
    said.
    """
    found = _lockable(conn, month, at, with_open=with_open)
    add_lock(conn, Lock(month=str(month), locked_at=at, locked_by=by, reason=reason))
    after = {"locked": True, "days": found.days, "open": found.open_days}
    append(conn, at, by, "attendance.lock", f"month {month}", {"locked": False}, after, reason)
    return found


def unlock_month(conn: sa.Connection, month: Month, *, by: str, reason: str, at: datetime) -> int:
    """In a write transaction, when it was approved. Open corrections become marks: the next step
    computes their days. Returns how many. Raises CoreError when the month is not locked.
    """
    lock = _lock_of(conn, month)
    remove_lock(conn, str(month))
    open_ones = corrections(conn, month=str(month))
    for one in open_ones:
        settle_correction(conn, one.number, CorrectionState.APPLIED, f"unlocked by {by}")
    touch(conn, [Mark(one.person, one.day, one.cause) for one in open_ones])
    before = {"locked": True, "by": lock.locked_by, "at": lock.locked_at.isoformat()}
    after = {"locked": False, "corrections": [one.number for one in open_ones]}
    append(conn, at, by, "attendance.unlock", f"month {month}", before, after, reason)
    return len(open_ones)


def _ask(
    conn: sa.Connection, subject: str, content: object, at: datetime, by: Actor, reason: str
) -> int:
    waiting = open_approvals(conn, Kind.MONTH_LOCK, subject)
    if waiting:
        raise RefusedError(
            f"the {subject} waits already as approval {waiting[0].number}, entered by "
            f"{waiting[0].proposed_by}",
            remedy=f"another person approves it: hr-core approvals approve {waiting[0].number}",
        )
    return propose(conn, Kind.MONTH_LOCK, subject, content, at=at, by=by, reason=reason)


def _lock_of(conn: sa.Connection, month: Month) -> Lock:
    lock = next((one for one in locks(conn) if one.month == str(month)), None)
    if lock is None:
        raise CoreError(f"{month} is not locked", remedy="see hr-core attendance locks")
    return lock


def _lockable(conn: sa.Connection, month: Month, at: datetime, *, with_open: bool) -> Locked:
    if str(month) in locked_months(conn):
        raise CoreError(f"{month} is locked already", remedy="see hr-core attendance locks")
    if arrivals_wait(conn) or marks_between(conn, month.first, month.after):
        raise CoreError(
            f"something of {month} came in while it was being locked",
            remedy=f"run hr-core attendance lock {month} again: it computes the days first",
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
    return Locked(month=str(month), days=sum(counts.values()), open_days=open_days)
