"""What pages and commands show, as plain functions over a connection. Nothing here writes.

Amounts are int fen, rates exact counts with a text beside them, times ISO text of the site's wall
clock; every row is a struct that msgspec turns into JSON as it stands.
"""

from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct

from hr_core.attendance.day import DayResult, Ignored
from hr_core.attendance.live.person_days import Computation
from hr_core.attendance.live.rule_sets import load_engines
from hr_core.attendance.punches import punches_of_month
from hr_core.clock import Month, midnight, wall_time
from hr_core.errors import NotFoundError
from hr_core.pay.run import imported_roster
from hr_core.pay.slip import OpenDay, SlipLine
from hr_core.people.model import find_person
from hr_core.store import results
from hr_core.store.attendance_days import days_of_person
from hr_core.store.events import punches_between
from hr_core.store.pay_run_steps import issued_runs
from hr_core.store.people import load_roster
from hr_core.store.results import RunRow, SlipRow, UnmappedUser
from hr_core.trace.explain_day import name_of


class PunchView(Struct, frozen=True, kw_only=True):
    """`number` and `name` are None for a device user that no person claims."""

    event_id: str
    device_time: str
    serial: str
    user_id: str
    number: str | None
    name: str | None
    direction: str
    method: str
    channel: str
    flags: tuple[str, ...]


class DayView(Struct, frozen=True, kw_only=True):
    day: str
    kind: str
    shift: str
    status: str
    arrived: str | None
    left: str | None
    regular_min: int
    overtime_min: int
    late_min: int
    early_leave_min: int
    keys_contradict: bool
    to_clarify: bool
    used: tuple[str, ...]
    ignored: tuple[dict[str, str], ...]
    rule_version: str
    waiting_for: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


class AttendanceView(Struct, frozen=True, kw_only=True):
    """`unassigned`: event ids of punches that lie in no shift window."""

    number: str
    name: str
    month: str
    days: tuple[DayView, ...]
    unassigned: tuple[str, ...]
    to_clarify: int


class SlipView(Struct, frozen=True, kw_only=True):
    run: int
    month: str
    number: str
    name: str
    total_fen: int
    lines: tuple[SlipLine, ...]
    to_clarify: tuple[OpenDay, ...]


def punches_of_day(conn: sa.Connection, on: date) -> list[PunchView]:
    """Every punch whose device wrote this date, in the order of the device clocks."""
    roster = load_roster(conn)
    mapping = roster.number_by_device_user() if roster else {}
    people = roster.people if roster else {}
    start = midnight(on).replace(tzinfo=UTC)
    margin = timedelta(days=1)  # no zone is further away
    found = []
    for punch in punches_between(conn, start - margin, start + 2 * margin):
        if punch.device_time.date() == on:
            number = find_person(mapping, punch.serial, punch.user_id, on)
            found.append(
                PunchView(
                    event_id=punch.event_id.hex(),
                    device_time=punch.device_time.isoformat(),
                    serial=punch.serial,
                    user_id=punch.user_id,
                    number=number,
                    name=people[number].name if number else None,
                    direction=punch.direction,
                    method=punch.method,
                    channel=punch.channel,
                    flags=punch.flags,
                )
            )
    return found


def unmapped_users(conn: sa.Connection, month: Month) -> tuple[UnmappedUser, ...]:
    return punches_of_month(conn, imported_roster(conn), month).unmapped


def attendance_of(conn: sa.Connection, number: str, month: Month, now: datetime) -> AttendanceView:
    """The stored days up to today, and those that are not stored computed now.

    `number`: a person's key. Raises NotFoundError for an unknown one, NoLawError.
    """
    name = name_of(conn, number)
    days = days_between(conn, number, (month.first, month.after), now)
    return AttendanceView(
        number=number,
        name=name,
        month=str(month),
        days=tuple(day_view(day) for day in days),
        unassigned=tuple(
            ignored.event_id
            for day in days
            for ignored in day.ignored
            if ignored.reason == Ignored.OUTSIDE_WINDOW
        ),
        to_clarify=sum(day.to_clarify for day in days),
    )


def days_between(
    conn: sa.Connection, person: str, span: tuple[date, date], now: datetime
) -> list[DayResult]:
    """Of a half-open span up to today: as stored, else computed now. Raises NoLawError."""
    first, until = span
    computed = Computation(conn, load_engines(conn), now).days(person, first, until)
    stored = days_of_person(conn, person, first, until)
    return [
        stored[on].result if on in stored else one.result
        for on, one in sorted(computed.items())
        if first <= on < until
    ]


def list_runs(conn: sa.Connection) -> list[RunRow]:
    """Newest first."""
    return results.runs(conn)


def slips_of_run(conn: sa.Connection, run: int) -> list[SlipRow]:
    """Raises NotFoundError for a number that no run has."""
    _run(conn, run)
    return results.slips_of_run(conn, run)


class SlipHead(Struct, frozen=True, kw_only=True):
    run: int
    month: str
    total_fen: int
    created_at: datetime


def slips_of_person(
    conn: sa.Connection, number: str, *, limit: int, trials: bool
) -> list[SlipHead]:
    """The newest runs that have a slip of the person, newest first; `trials`: runs that nobody
    approved too.
    """
    only = None if trials else issued_runs()
    return [SlipHead(**row) for row in results.slip_heads(conn, number, limit=limit, of_runs=only)]


def slip(conn: sa.Connection, run: int, number: str) -> SlipView:
    """Raises NotFoundError."""
    run_row, row = _run(conn, run), results.slip_of(conn, run, number)
    if row is None:
        raise NotFoundError(
            f"run {run} has no payslip of {number!r}",
            remedy=f"list its payslips: hr-core pay slips {run}",
        )
    return SlipView(
        run=run,
        month=run_row.month,
        number=number,
        name=row.name,
        total_fen=row.total_fen,
        lines=tuple(results.lines_of(conn, run, number)),
        to_clarify=row.to_clarify,
    )


def day_view(day: DayResult) -> DayView:
    return DayView(
        day=day.day.isoformat(),
        kind=day.kind,
        shift=day.shift,
        status=day.status,
        arrived=None if day.arrived is None else wall_time(day.arrived).isoformat(),
        left=None if day.left is None else wall_time(day.left).isoformat(),
        regular_min=day.regular_min,
        overtime_min=day.overtime_min,
        late_min=day.late_min,
        early_leave_min=day.early_leave_min,
        keys_contradict=day.keys_contradict,
        to_clarify=day.to_clarify,
        used=day.used,
        ignored=tuple(
            {"event_id": ignored.event_id, "reason": ignored.reason} for ignored in day.ignored
        ),
        rule_version=day.rule_version,
        waiting_for=tuple(one.device for one in day.waiting_for),
        flags=day.flags,
    )


def _run(conn: sa.Connection, number: int) -> RunRow:
    run = results.run_by_number(conn, number)
    if run is None:
        raise NotFoundError(f"there is no pay run {number}", remedy="list them: hr-core pay runs")
    return run
