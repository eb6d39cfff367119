"""A person's day walked down: plan, rules, each minute, each punch with its way, what is awaited."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from hr_core.attendance.day import DayResult, DayStatus
from hr_core.attendance.live.completeness import DeviceMark
from hr_core.attendance.live.day_bounds import window_of
from hr_core.attendance.live.engine import Engine
from hr_core.attendance.live.person_days import Computation, Computed, same
from hr_core.attendance.plan.model import AddedPunch, PlannedDay
from hr_core.clock import DAY_S, wall_time
from hr_core.errors import NotFoundError
from hr_core.people.lookup import person_of_number
from hr_core.store.attendance_days import StoredDay, days_of_person, earlier_revisions
from hr_core.store.attendance_locks import corrections, month_of
from hr_core.store.people import people
from hr_core.store.person_records import merged_into, number_on
from hr_core.trace.day_reasons import MINUTE_REASONS, PUNCH_REASONS, bounding_role
from hr_core.trace.events import RawEvent, raw_event
from hr_core.trace.explained_day import (
    DayMinutes,
    DayPunch,
    DeviceState,
    EarlierResult,
    ExplainedDay,
    MissingPunch,
    OtherDayPunch,
    PunchStep,
)

_ONE_DAY = timedelta(days=1)

_LACKING = {
    DayStatus.MISSING_IN: ("arriving",),
    DayStatus.MISSING_OUT: ("leaving",),
    DayStatus.NO_RECORD: ("arriving", "leaving"),
    DayStatus.ABSENT: ("arriving", "leaving"),
}


def name_of(conn: sa.Connection, person: str) -> str:
    """Raises NotFoundError."""
    name = conn.execute(sa.select(people.c.name).where(people.c.number == person)).scalar()
    if name is None:
        into = merged_into(conn).get(person)
        raise NotFoundError(
            f"there is no person {person!r}" + (f": merged into {into}" if into else ""),
            remedy="hr-core people list shows them",
        )
    return str(name)


def explain_day(
    conn: sa.Connection,
    engines: dict[str, Engine],
    employee_number: str,
    on: date,
    now: datetime,
) -> ExplainedDay:
    """Raises NotFoundError (nobody of this number; a day that has not begun), NoLawError."""
    person = person_of_number(conn, employee_number, on)
    return explain_day_of_person(conn, engines, person, on, now)


def explain_day_of_person(
    conn: sa.Connection, engines: dict[str, Engine], person: str, on: date, now: datetime
) -> ExplainedDay:
    """`person`: the key, which may be another human's number. Raises as `explain_day`."""
    name = name_of(conn, person)
    computation = Computation(conn, engines, now)
    around = (on - _ONE_DAY, on + 2 * _ONE_DAY)
    days = computation.days(person, *around)
    computed = days.get(on)
    if computed is None:
        raise NotFoundError(
            f"{on} has not begun for {name}", remedy="ask for today or an earlier day"
        )
    kept = days_of_person(conn, person, *around)
    stored = kept.get(on)
    others = [
        kept[day].result if day in kept else days[day].result
        for day in (on - _ONE_DAY, on + _ONE_DAY)
        if day in days
    ]
    result = computed.result if stored is None else stored.result
    marks = computed.devices
    return ExplainedDay(
        person=person,
        employee_number=number_on(conn, merged_into(conn).get(person, person), on),
        name=name,
        day=on.isoformat(),
        kind=result.kind,
        status=result.status,
        shift=result.shift,
        plan=result.plan,
        window=_iso_window(computed.plan),
        rules=result.rules,
        rule_version=result.rule_version,
        arrived=_iso(result.arrived),
        left=_iso(result.left),
        regular_min=result.regular_min,
        overtime_min=result.overtime_min,
        late_min=result.late_min,
        early_leave_min=result.early_leave_min,
        minutes=_minutes(result),
        punches=tuple(_punches(conn, result, computed.plan)),
        missing=tuple(_missing(result, computed, marks)),
        devices=tuple(_device(mark, computed.closes) for mark in marks),
        leave=result.leave,
        corrections=result.corrections,
        flags=result.flags,
        stored=None if stored is None else stored.revision,
        computed_at=None if stored is None else stored.computed_at.isoformat(),
        cause="" if stored is None else stored.cause,
        differs=stored is not None and not same(stored.result, computed.result),
        locked=month_of(on) in computation.locked,
        queued=tuple(one for one in corrections(conn, person=person) if one.day == on),
        earlier=tuple(map(_earlier, earlier_revisions(conn, person, on))),
        of_other_days=tuple(sorted(_of_other_days(conn, on, others), key=lambda one: one.time)),
    )


def _minutes(result: DayResult) -> tuple[DayMinutes, ...]:
    return tuple(
        DayMinutes(
            start=_iso(one.start),
            end=_iso(one.end),
            minutes=one.minutes,
            counts=one.counts,
            reason=one.why,
            why=_minute_reason(one.why),
            work_centre=one.work_centre,
        )
        for one in result.intervals
    )


def _minute_reason(why: str) -> str:
    """A time sheet says the pay code behind the reason."""
    reason, colon, pay_code = why.partition(": ")
    return f"{MINUTE_REASONS.get(reason, reason)}{colon}{pay_code}"


def _punches(conn: sa.Connection, result: DayResult, plan: PlannedDay) -> Iterable[DayPunch]:
    """Each punch of the day once, in order of time."""
    ignored = {one.event_id: one.reason for one in result.ignored}
    added = {one.event_id: one for one in plan.added_punches}
    found = []
    for event_id in (*result.used, *ignored):
        role = "" if event_id in ignored else bounding_role(result, event_id)
        if event_id.startswith("request:"):
            found.append(_asked_punch(event_id, added.get(event_id), role, ignored))
        else:
            found.append(_device_punch(raw_event(conn, event_id), role, ignored))
    return sorted(found, key=lambda punch: (punch.time, punch.event_id))


def _device_punch(event: RawEvent, role: str, ignored: dict[str, str]) -> DayPunch:
    reason = ignored.get(event.event_id, "")
    verdict = f"counted: {role}" if role else f"not counted: {PUNCH_REASONS.get(reason, reason)}"
    way: tuple[PunchStep, ...]
    if not event.found:
        way = (PunchStep(where="core", at="", what="the record is not here any more (erased)"),)
    else:
        flags = f", flagged {', '.join(event.flags)}" if event.flags else ""
        pressed = f"user {event.user_id}, state {event.state} ({event.direction}){flags}"
        way = (
            PunchStep(where=f"device {event.device}", at=event.device_time or "", what=pressed),
            PunchStep(
                where=f"gateway {event.gateway}",
                at=event.received_at,
                what=f"received by {event.channel}, sent with batch {event.batch}",
            ),
            PunchStep(where="core", at=event.ingested_at, what="accepted and stored"),
            PunchStep(where="day", at="", what=verdict),
        )
    return DayPunch(
        event_id=event.event_id,
        time=event.device_time or "",
        counted=bool(role),
        role=role,
        reason=reason,
        why=PUNCH_REASONS.get(reason, reason),
        way=way,
        event=event,
    )


def _asked_punch(
    event_id: str, punch: AddedPunch | None, role: str, ignored: dict[str, str]
) -> DayPunch:
    reason = ignored.get(event_id, "")
    approved = "its approval was taken back since"
    if punch is not None:
        approved = f"approved by {punch.approved_by}: {punch.reason}"
    verdict = f"counted: {role}" if role else f"not counted: {PUNCH_REASONS.get(reason, reason)}"
    return DayPunch(
        event_id=event_id,
        time="" if punch is None else wall_time(punch.at).isoformat(),
        counted=bool(role),
        role=role,
        reason=reason,
        why=PUNCH_REASONS.get(reason, reason),
        way=(
            PunchStep(where=event_id.replace(":", " "), at="", what=approved),
            PunchStep(where="day", at="", what=verdict),
        ),
    )


def _missing(
    result: DayResult, computed: Computed, marks: Sequence[DeviceMark]
) -> Iterable[MissingPunch]:
    waits = tuple(one.device for one in marks if not one.covers(computed.closes))
    for side in _lacking(result):
        if result.status is DayStatus.NOT_OVER:
            what = "its shift's window is still open"
        elif waits:
            told = ", ".join(f"{one.device}, {_state(one)}" for one in marks if one.device in waits)
            what = f"it may be on a device that is not read so far: {told}"
        elif marks:
            what = "every device that the person may use was read past the day: none has it"
        else:
            what = "no device knows the person: nobody can say whether it was pressed"
        yield MissingPunch(
            side=side,
            expected_at=_expected(computed.plan, side),
            waits_for=waits,
            what=what,
        )


def _of_other_days(
    conn: sa.Connection, on: date, others: Iterable[DayResult]
) -> Iterable[OtherDayPunch]:
    for result in others:
        ignored = {one.event_id: one.reason for one in result.ignored}
        for event_id in (*result.used, *ignored):
            event = None if event_id.startswith("request:") else raw_event(conn, event_id)
            if event is None or not (event.device_time or "").startswith(on.isoformat()):
                continue
            reason = ignored.get(event_id)
            yield OtherDayPunch(
                event_id=event_id,
                time=event.device_time or "",
                day=result.day.isoformat(),
                counted=reason is None,
                why="" if reason is None else PUNCH_REASONS.get(reason, reason),
            )


def _lacking(result: DayResult) -> Sequence[str]:
    if result.status in {DayStatus.WAITING, DayStatus.NOT_OVER}:
        sides = (("arriving", result.arrived), ("leaving", result.left))
        return [side for side, at in sides if at is None]
    return _LACKING.get(result.status, ())


def _expected(plan: PlannedDay, side: str) -> str | None:
    if not plan.shifts:
        return None
    midnight = plan.day.toordinal() * DAY_S
    if side == "arriving":
        return _iso(midnight + min(shift.start_min for shift in plan.shifts) * 60)
    return _iso(midnight + max(shift.end_min for shift in plan.shifts) * 60)


def _state(mark: DeviceMark) -> str:
    if mark.complete_until is None:
        return "of which nothing is known"
    return f"incomplete since {mark.complete_until:%Y-%m-%d %H:%M:%S} UTC"


def _device(mark: DeviceMark, closes: datetime) -> DeviceState:
    until = mark.complete_until
    covers = mark.covers(closes)
    return DeviceState(
        device=mark.device,
        complete_until=None if until is None else until.isoformat(),
        covers_day=covers,
        what="complete past the end of the day" if covers else _state(mark),
    )


def _earlier(stored: StoredDay) -> EarlierResult:
    return EarlierResult(
        revision=stored.revision,
        computed_at=stored.computed_at.isoformat(),
        cause=stored.cause,
        status=stored.result.status,
        regular_min=stored.result.regular_min,
        overtime_min=stored.result.overtime_min,
    )


def _iso(at: int | None) -> str | None:
    return None if at is None else wall_time(at).isoformat()


def _iso_window(plan: PlannedDay) -> tuple[str, str]:
    opens, closes = window_of(plan)
    return wall_time(opens).isoformat(), wall_time(closes).isoformat()
