"""A payslip walked down: line, rule, inputs, attendance day or counter readings, raw bytes."""

from datetime import date

import sqlalchemy as sa
from msgspec import Struct

from hr_core.attendance.day import DayResult
from hr_core.attendance.day_parts import DayCorrection
from hr_core.clock import wall_time
from hr_core.errors import NotFoundError
from hr_core.pay.slip import OpenDay, SlipLine
from hr_core.store.attendance_locks import corrections, month_of
from hr_core.store.results import days_of, lines_of, run_by_number, runs_with_day, slip_of
from hr_core.trace.calculation import (
    ComparisonInput,
    CorrectionInput,
    DayInput,
    EntryInput,
    LawInput,
    LineInput,
    Step,
    TallyInput,
    TraceMismatchError,
    WorkInput,
    replay,
)
from hr_core.trace.day_reasons import bounding_role
from hr_core.trace.events import RawEvent, is_event_id, raw_event

_AGREEMENT = "agreement_"  # facts of pay by an agreement: its number behind it


class ExplainedPunch(Struct, frozen=True, kw_only=True):
    """`role`: what it bounds (arrived, left, an interval), or why it bounds nothing."""

    role: str
    event: RawEvent


class ExplainedDay(Struct, frozen=True, kw_only=True):
    """`punches` of devices; `corrections`: approved requests that it was computed with."""

    day: str
    kind: str
    shift: str
    status: str
    minutes: int
    arrived: str | None
    left: str | None
    rule_version: str
    punches: tuple[ExplainedPunch, ...]
    corrections: tuple[DayCorrection, ...] = ()


class ExplainedWork(Struct, frozen=True, kw_only=True):
    """`amount` pieces or rejects were counted between `first` and `last` of one owner.

    `badge` as the line itself reported it; `evidence` that it is this person's (badge: a press at
    the station's reader).
    """

    source: str
    tag: str
    metric: str
    badge: str | None
    first_value: int
    last_value: int
    readings: int
    amount: int
    flags: tuple[str, ...]
    evidence: str
    first: RawEvent
    last: RawEvent


class ExplainedLine(Struct, frozen=True, kw_only=True):
    """`replayed_fen` is the amount computed again from the stored trace alone.

    law, lines, entries: what the line rests on beside days and work. agreements: by number, from which
    day and by whom (of the facts).
    """

    line: str
    label: str
    label_zh: str
    amount_fen: int
    replayed_fen: int
    note: str
    rule: str
    version: str
    source: str
    formula: str
    facts: dict[str, str]
    steps: tuple[Step, ...]
    comparisons: tuple[ComparisonInput, ...]
    days: tuple[ExplainedDay, ...]
    work: tuple[ExplainedWork, ...]
    corrections: tuple[CorrectionInput, ...] = ()
    side: str = ""
    law: tuple[LawInput, ...] = ()
    lines: tuple[LineInput, ...] = ()
    entries: tuple[EntryInput, ...] = ()
    agreements: dict[str, str] = {}
    tallies: tuple[TallyInput, ...] = ()


class Explanation(Struct, frozen=True, kw_only=True):
    """`missing_events`: ids that a trace names and the store does not hold (should be none)."""

    run: int
    month: str
    number: str
    name: str
    total_fen: int
    lines: tuple[ExplainedLine, ...]
    to_clarify: tuple[OpenDay, ...]
    missing_events: tuple[str, ...]


def explain(
    conn: sa.Connection, run: int, number: str, line_code: str | None = None
) -> Explanation:
    """Raises NotFoundError, and TraceMismatchError when a stored trace contradicts itself."""
    run_row, slip = run_by_number(conn, run), slip_of(conn, run, number)
    if run_row is None:
        raise NotFoundError(f"there is no pay run {run}", remedy="list them: hr-core pay runs")
    if slip is None:
        raise NotFoundError(
            f"run {run} has no payslip of {number!r}",
            remedy=f"list its payslips: hr-core pay slips {run}",
        )
    chosen = _chosen(lines_of(conn, run, number), line_code)
    days = {day.day.isoformat(): day for day in days_of(conn, run, number)}
    for given in (day for line in chosen for day in line.trace.days):
        if given.day not in days:
            days[given.day] = _day_of_other_month(conn, number, given)
    lines = tuple(_line(conn, line, days) for line in chosen)
    return Explanation(
        run=run,
        month=run_row.month,
        number=number,
        name=slip.name,
        total_fen=slip.total_fen,
        lines=lines,
        to_clarify=slip.to_clarify,
        missing_events=tuple(event.event_id for event in _events(lines) if not event.found),
    )


def _chosen(lines: list[SlipLine], line_code: str | None) -> list[SlipLine]:
    chosen = [line for line in lines if line_code is None or line.code == line_code]
    if not chosen:
        codes = ", ".join(line.code for line in lines)
        raise NotFoundError(
            f"the payslip has no line {line_code!r}", remedy=f"name one of its lines: {codes}"
        )
    return chosen


def _line(conn: sa.Connection, line: SlipLine, days: dict[str, DayResult]) -> ExplainedLine:
    trace = line.trace
    return ExplainedLine(
        line=line.code,
        label=line.label,
        label_zh=line.label_zh,
        amount_fen=line.amount_fen,
        replayed_fen=replay(trace),
        note=line.note,
        rule=trace.rule,
        version=trace.version,
        source=trace.source,
        formula=trace.formula,
        facts=trace.facts,
        steps=trace.steps,
        comparisons=trace.comparisons,
        days=tuple(_day(conn, one, days[one.day]) for one in trace.days),
        work=tuple(_work(conn, one) for one in trace.work),
        corrections=trace.corrections,
        side=line.side.value,
        law=trace.law,
        lines=trace.lines,
        entries=trace.entries,
        agreements={
            name.removeprefix(_AGREEMENT): said
            for name, said in trace.facts.items()
            if name.startswith(_AGREEMENT)
        },
        tallies=trace.tallies,
    )


def _day_of_other_month(conn: sa.Connection, number: str, given: DayInput) -> DayResult:
    """Of a correction: the day as it was queued for a later month, else as an earlier run has it."""
    on = date.fromisoformat(given.day)
    queued = corrections(conn, month=month_of(on), person=number, state=None)
    found = [one.after for one in reversed(queued) if one.day == on]
    for run in reversed(runs_with_day(conn, number, on)):
        found += [day for day in days_of(conn, run, number) if day.day == on]
    for day in found:
        if set(given.event_ids) <= set(day.used):
            return day
    raise TraceMismatchError(
        f"{given.day} of {number} is stored nowhere with the punches of the line"
    )


def _day(conn: sa.Connection, given: DayInput, day: DayResult) -> ExplainedDay:
    roles = [(event_id, bounding_role(day, event_id)) for event_id in given.event_ids]
    roles += [(ignored.event_id, f"ignored: {ignored.reason}") for ignored in day.ignored]
    return ExplainedDay(
        day=given.day,
        kind=day.kind,
        shift=day.shift,
        status=day.status,
        minutes=given.minutes,
        arrived=None if day.arrived is None else wall_time(day.arrived).isoformat(),
        left=None if day.left is None else wall_time(day.left).isoformat(),
        rule_version=day.rule_version,
        punches=tuple(
            ExplainedPunch(role=role, event=raw_event(conn, event_id))
            for event_id, role in roles
            if is_event_id(event_id)
        ),
        corrections=day.corrections,
    )


def _work(conn: sa.Connection, work: WorkInput) -> ExplainedWork:
    return ExplainedWork(
        source=work.source,
        tag=work.tag,
        metric=work.metric,
        badge=work.badge,
        first_value=work.first_value,
        last_value=work.last_value,
        readings=work.readings,
        amount=work.amount,
        flags=work.flags,
        evidence=work.evidence,
        first=raw_event(conn, work.first_event),
        last=raw_event(conn, work.last_event),
    )


def _events(lines: tuple[ExplainedLine, ...]) -> list[RawEvent]:
    events = [punch.event for line in lines for day in line.days for punch in day.punches]
    events += [event for line in lines for work in line.work for event in (work.first, work.last)]
    return events
