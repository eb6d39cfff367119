"""Locked months, and what would have changed in them since.

A locked month's days stay as they are. What a late punch or an approval would make of them stands
here as a correction, one for each person and day, for the next period's pay to take or for whoever
unlocks the month. Who locked and unlocked stands in the audit log (hr_core.audit.log). The database
lets nobody lock or unlock without a second person's approval (hr_core.approvals).
"""

from datetime import date, datetime
from enum import StrEnum

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from hr_core.attendance.day import DayResult
from hr_core.clock import Month
from hr_core.store.approvals import APPROVED
from hr_core.store.database import UtcInstant, metadata
from hr_core.store.guards import Guard, guard

attendance_locks = sa.Table(
    "attendance_locks",
    metadata,
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("locked_at", UtcInstant, nullable=False),
    sa.Column("locked_by", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
)

_ALLOWED = f"{APPROVED} AND a.kind = 'month_lock'"
_LAST_LOCK = (
    "(SELECT coalesce(max(l.number), 0) FROM approvals l WHERE l.kind = 'month_lock' "
    "AND l.state = 'approved' AND l.subject = 'lock of month ' || OLD.month)"
)
guard(
    attendance_locks,
    Guard(
        "INSERT",
        "approved",
        f"NOT EXISTS ({_ALLOWED} AND a.subject = 'lock of month ' || NEW.month "
        "AND a.decided_at = NEW.locked_at)",
        "four eyes: this lock of a month was not approved",
    ),
    Guard(
        "DELETE",
        "unlock_approved",
        f"NOT EXISTS ({_ALLOWED} AND a.subject = 'unlock of month ' || OLD.month "
        f"AND a.number > {_LAST_LOCK})",
        "four eyes: unlocking this month was not approved",
    ),
    Guard("UPDATE", "kept", "TRUE", "a lock of a month is not changed"),
)

attendance_corrections = sa.Table(
    "attendance_corrections",
    metadata,
    sa.Column(
        "number",
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("month", sa.Text, nullable=False),
    # JSON of DayResult; before is NULL where no day was stored
    sa.Column("before", sa.LargeBinary),
    sa.Column("after", sa.LargeBinary, nullable=False),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("found_at", UtcInstant, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    # who took it and for what, when it is not open any more
    sa.Column("settled_by", sa.Text),
    sa.Index(None, "person", "day"),
    sa.Index(None, "month", "state"),
)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(DayResult).decode


class Lock(Struct, frozen=True, kw_only=True):
    month: str
    locked_at: datetime
    locked_by: str
    reason: str


class CorrectionState(StrEnum):
    OPEN = "open"
    TAKEN = "taken"  # into the pay of another period
    APPLIED = "applied"  # the month was unlocked and the day computed
    GONE = "gone"  # what caused it was taken back


class QueuedCorrection(Struct, frozen=True, kw_only=True):
    """`before` as it was paid, `after` as it would be now."""

    number: int
    person: str
    day: date
    month: str
    before: DayResult | None
    after: DayResult
    cause: str
    found_at: datetime
    state: CorrectionState
    settled_by: str | None = None


def locks(conn: sa.Connection) -> list[Lock]:
    query = sa.select(attendance_locks).order_by(attendance_locks.c.month)
    return [Lock(**row) for row in conn.execute(query).mappings()]


def locked_months(conn: sa.Connection) -> frozenset[str]:
    return frozenset(conn.execute(sa.select(attendance_locks.c.month)).scalars())


def month_of(day: date) -> str:
    return str(Month(day.year, day.month))


def add_lock(conn: sa.Connection, lock: Lock) -> None:
    conn.execute(sa.insert(attendance_locks).values(**msgspec.structs.asdict(lock)))


def remove_lock(conn: sa.Connection, month: str) -> None:
    conn.execute(sa.delete(attendance_locks).where(attendance_locks.c.month == month))


def queue_correction(
    conn: sa.Connection,
    person: str,
    before: DayResult | None,
    after: DayResult,
    *,
    cause: str,
    at: datetime,
) -> None:
    """One open correction for each day: a further change moves it, a change back ends it."""
    there = attendance_corrections.c
    is_it = sa.and_(
        there.person == person, there.day == after.day, there.state == CorrectionState.OPEN
    )
    query = sa.select(there.number, there.after).where(is_it)
    known = conn.execute(query).one_or_none()
    if known is None:
        last = _last_taken(conn, person, after.day)
        if after != (before if last is None else last):
            conn.execute(
                sa.insert(attendance_corrections).values(
                    person=person,
                    day=after.day,
                    month=month_of(after.day),
                    before=_encode(last or before) if last or before else None,
                    after=_encode(after),
                    cause=cause,
                    found_at=at,
                    state=CorrectionState.OPEN,
                )
            )
    elif after == before:
        settle_correction(conn, known.number, CorrectionState.GONE, cause)
    elif _decode(known.after) != after:
        conn.execute(
            sa.update(attendance_corrections)
            .where(there.number == known.number)
            .values(after=_encode(after), cause=cause, found_at=at)
        )


def corrections(
    conn: sa.Connection,
    *,
    month: str | None = None,
    person: str | None = None,
    state: CorrectionState | None = CorrectionState.OPEN,
) -> list[QueuedCorrection]:
    """Sorted by person and day; `state` None: all that ever were."""
    there = attendance_corrections.c
    query = sa.select(attendance_corrections).order_by(there.person, there.day, there.number)
    for column, wanted in ((there.month, month), (there.person, person), (there.state, state)):
        if wanted is not None:
            query = query.where(column == wanted)
    return [_correction(row) for row in conn.execute(query)]


def corrections_of_day(
    conn: sa.Connection,
    day: date,
    of_whom: sa.ColumnElement[bool],
    *,
    state: CorrectionState | None,
    after: int | None,
    limit: int,
) -> list[QueuedCorrection]:
    """By number, behind `after`; `of_whom`: a condition on the person."""
    there = attendance_corrections.c
    query = sa.select(attendance_corrections).where(there.day == day, of_whom)
    if state is not None:
        query = query.where(there.state == state)
    if after is not None:
        query = query.where(there.number > after)
    return [_correction(row) for row in conn.execute(query.order_by(there.number).limit(limit))]


def settle_correction(
    conn: sa.Connection, number: int, state: CorrectionState, settled_by: str
) -> bool:
    """False when it is not open. Pay takes one with TAKEN and the name of its run."""
    there = attendance_corrections.c
    done = conn.execute(
        sa.update(attendance_corrections)
        .where(there.number == number, there.state == CorrectionState.OPEN)
        .values(state=state, settled_by=settled_by)
    )
    return done.rowcount == 1


def _last_taken(conn: sa.Connection, person: str, day: date) -> DayResult | None:
    """What a later period has paid of the day already is where the next difference begins."""
    there = attendance_corrections.c
    query = (
        sa.select(there.after)
        .where(there.person == person, there.day == day, there.state == CorrectionState.TAKEN)
        .order_by(there.number.desc())
        .limit(1)
    )
    after = conn.execute(query).scalar()
    return None if after is None else _decode(after)


def _correction(row: sa.Row[tuple[object, ...]]) -> QueuedCorrection:
    return QueuedCorrection(
        number=row.number,
        person=row.person,
        day=row.day,
        month=row.month,
        before=None if row.before is None else _decode(row.before),
        after=_decode(row.after),
        cause=row.cause,
        found_at=row.found_at,
        state=CorrectionState(row.state),
        settled_by=row.settled_by,
    )
