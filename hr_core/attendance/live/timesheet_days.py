"""Planned days by the time-sheet engine: punches into entries, its rows back into day results."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from msgspec import Struct

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.day import (
    ARRIVING,
    LEAVING,
    DayResult,
    DayStatus,
    Ignored,
    IgnoredPunch,
    PunchFact,
)
from hr_core.attendance.day_parts import DayLeave
from hr_core.attendance.live.leaves import leave_ranges
from hr_core.attendance.live.timesheet_minutes import timesheet_intervals, wall_of
from hr_core.attendance.periods import WEEK, week_of
from hr_core.attendance.plan.model import PlannedDay
from hr_core.attendance.rule_sets.model import TimesheetRules
from hr_core.attendance.timesheet.local_time import LocalTime
from hr_core.attendance.timesheet.model import (
    Absence,
    Direction,
    Entries,
    Pair,
    PunchType,
    Row,
    Schedule,
)
from hr_core.attendance.timesheet.pairing import KeyPress, paired
from hr_core.attendance.timesheet.rules import RowKind
from hr_core.attendance.timesheet.sheet import DaySheet, compute_sheet
from hr_core.clock import DAY_S
from protocols.records import Direction as Key

UNPAIRED = "unpaired"

_KEYS: Mapping[str, Direction] = {
    **dict.fromkeys((*ARRIVING, Key.BREAK_IN), Direction.IN),
    **dict.fromkeys((*LEAVING, Key.BREAK_OUT), Direction.OUT),
}


class _Named(NamedTuple):
    used: tuple[str, ...]
    ignored: tuple[IgnoredPunch, ...]

    def all(self) -> tuple[str, ...]:
        return (*self.used, *(one.event_id for one in self.ignored))


class TimesheetEngine(Struct, frozen=True, kw_only=True):
    version: str
    rules: TimesheetRules

    def whole_periods(self, first: date, until: date) -> tuple[date, date]:
        """Days of a week bear on each other, and those of several where overtime goes by them."""
        weeks = max((rule.weeks for rule in self.rules.overtime), default=1)
        begin = week_of(first, self.rules.week_starts)
        length = (until - begin).days
        end = begin + timedelta(days=-(-length // WEEK) * WEEK)
        reach = timedelta(days=(weeks - 1) * WEEK)
        return begin - reach, end + reach

    def counted(self, plan: PlannedDay, result: DayResult, *, over: bool) -> DayResult:  # noqa: ARG002
        """A time sheet's own rules say what is overtime."""
        return result

    def days(
        self,
        plan: Mapping[date, PlannedDay],
        punches: Mapping[date, Sequence[PunchFact]],
        zone: str,
    ) -> dict[date, DayResult]:
        local = LocalTime(zone)
        rules = self.rules.at(
            zone,
            _of_kind(plan, DayKind.STATUTORY_HOLIDAY),
            _of_kind(plan, DayKind.REST_DAY),
        )
        facts = [fact for on in plan for fact in punches.get(on, ())]
        presses = [_press(fact, local) for fact in self._once(facts)]
        entries = paired(presses, self.rules.pairing, self._planned(plan, local), rules)
        sheets = compute_sheet(entries, rules)
        named = _names(sheets)
        taken = {name for one in named.values() for name in one.all()}
        return {
            on: self._result(
                day,
                sheets.get(on),
                named.get(on, _Named((), ())),
                tuple(self._left_over(punches.get(on, ()), taken, presses)),
                local,
            )
            for on, day in plan.items()
        }

    def _once(self, facts: Iterable[PunchFact]) -> list[PunchFact]:
        kept: list[PunchFact] = []
        for fact in sorted(facts, key=lambda fact: (fact.at, fact.event_id)):
            again = kept and fact.at - kept[-1].at < max(self.rules.debounce, 1)
            if fact.distrust is None and not again:
                kept.append(fact)
        return kept

    def _left_over(
        self, facts: Sequence[PunchFact], taken: set[str], presses: Sequence[KeyPress]
    ) -> Iterator[IgnoredPunch]:
        """Why a punch is in no pair: not believed, pressed again, or between the two that count."""
        kept = {press.event_id for press in presses}
        for fact in facts:
            if fact.event_id not in taken:
                again = Ignored.BETWEEN if fact.event_id in kept else Ignored.DEBOUNCED
                yield IgnoredPunch(fact.event_id, fact.distrust or again)

    def _planned(self, plan: Mapping[date, PlannedDay], local: LocalTime) -> Entries:
        schedules = tuple(
            Schedule(
                day=on,
                start=local.at(on, shift.start_min * 60),
                end=local.at(on, shift.end_min * 60),
                window=self.rules.margin,
            )
            for on, day in sorted(plan.items())
            if day.due
            for shift in day.shifts
        )
        absences = tuple(
            Absence(on, (end - start) * 60, leave.kind)
            for on, day in sorted(plan.items())
            for (start, end), leave in (leave_ranges(day, day.shifts[0]) if day.shifts else ())
        )
        return Entries(schedules=schedules, absences=absences)

    def _result(
        self,
        plan: PlannedDay,
        sheet: DaySheet | None,
        named: _Named,
        refused: tuple[IgnoredPunch, ...],
        local: LocalTime,
    ) -> DayResult:
        rows = sheet.rows if sheet else ()
        shifts = sheet.shifts if sheet else ()
        pairs = [pair for shift in shifts for pair in shift.pairs]
        came = [pair.came.at for pair in pairs if pair.came]
        left = [pair.left.at for pair in pairs if pair.left]
        intervals = timesheet_intervals(rows, shifts, local)
        return DayResult(
            day=plan.day,
            kind=plan.kind,
            shift="+".join(shift.code for shift in plan.shifts),
            status=_status(plan, pairs),
            arrived=wall_of(min(came), local) if came else None,
            left=wall_of(max(left), local) if left else None,
            regular_min=sum(one.minutes for one in intervals if one.counts == "regular"),
            overtime_min=sum(one.minutes for one in intervals if one.counts == "overtime"),
            used=named.used,
            ignored=(*named.ignored, *refused),
            rule_version=self.version,
            intervals=intervals,
            leave=tuple(
                DayLeave(request=leave.request, kind=leave.kind, minutes=_absent(rows, leave.kind))
                for leave in plan.leaves
            ),
        )


def _of_kind(plan: Mapping[date, PlannedDay], kind: DayKind) -> frozenset[date]:
    return frozenset(on for on, day in plan.items() if day.kind is kind)


def _press(fact: PunchFact, local: LocalTime) -> KeyPress:
    ordinal, second = divmod(fact.at, DAY_S)
    at = local.at(date.fromordinal(ordinal), second)
    is_break = fact.direction in {Key.BREAK_OUT, Key.BREAK_IN}
    return KeyPress(
        at=at,
        direction=_KEYS.get(fact.direction),
        type=PunchType.BREAK if is_break else PunchType.NORMAL,
        event_id=fact.event_id,
    )


def _names(sheets: Mapping[date, DaySheet]) -> dict[date, _Named]:
    """Each punch once: where a pair is cut at midnight, its in belongs to the first piece and its
    out to the last.
    """
    came: dict[str, tuple[date, bool]] = {}
    left: dict[str, tuple[date, bool]] = {}
    for on, sheet in sorted(sheets.items()):
        for shift in sheet.shifts:
            for pair in shift.pairs:
                whole = pair.came is not None and pair.left is not None
                if pair.came:
                    came.setdefault(pair.came.event_id, (on, whole))
                if pair.left:
                    left[pair.left.event_id] = (on, whole)
    used: defaultdict[date, list[str]] = defaultdict(list)
    lone: defaultdict[date, list[IgnoredPunch]] = defaultdict(list)
    for event_id, (on, whole) in (came | left).items():
        if whole:
            used[on].append(event_id)
        else:
            lone[on].append(IgnoredPunch(event_id, UNPAIRED))
    return {on: _Named(tuple(used[on]), tuple(lone[on])) for on in sheets}


def _status(plan: PlannedDay, pairs: Sequence[Pair]) -> DayStatus:
    if any(pair.left is None for pair in pairs):
        return DayStatus.MISSING_OUT
    if any(pair.came is None for pair in pairs):
        return DayStatus.MISSING_IN
    if pairs:
        return DayStatus.PRESENT
    if plan.on_leave_all_day:
        return DayStatus.ON_LEAVE
    if plan.trips:
        return DayStatus.ON_TRIP
    return DayStatus.NO_RECORD if plan.due else DayStatus.OFF


def _absent(rows: Iterable[Row], kind: str) -> int:
    return (
        sum(row.seconds for row in rows if row.kind is RowKind.ABSENCE and row.pay_code == kind)
        // 60
    )
