"""Days of one person from plan, punches and rules, whichever engine the rule set names: pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from hr_core.attendance.day import (
    DayResult,
    DayStatus,
    Ignored,
    IgnoredPunch,
    PunchFact,
)
from hr_core.attendance.day_parts import DayCorrection, DayFlag
from hr_core.attendance.live.completeness import Horizon, judged, looks_at
from hr_core.attendance.live.day_bounds import DayBounds, window_of
from hr_core.attendance.live.minutes import by_hand
from hr_core.attendance.plan.model import PlannedDay
from hr_core.attendance.rule_sets.errors import NoRuleSetError
from hr_core.clock import DAY_S
from hr_core.people.model import Days

_ONE_DAY = timedelta(days=1)


class Engine(Protocol):
    """A rule set with the engine that it is for."""

    @property
    def version(self) -> str: ...

    def days(
        self,
        plan: Mapping[date, PlannedDay],
        punches: Mapping[date, Sequence[PunchFact]],
        zone: str,
    ) -> dict[date, DayResult]:
        """Of each planned day; `punches` dealt to their days. Each punch is named once."""
        ...

    def counted(self, plan: PlannedDay, result: DayResult, *, over: bool) -> DayResult:
        """With the overtime that counts of what was punched and approved; `over`: its window closed."""
        ...

    def whole_periods(self, first: date, until: date) -> tuple[date, date]:
        """The half-open span that a change in this one touches, and that is computed together."""
        ...


class Subject(Struct, frozen=True, kw_only=True):
    """The person as a computation sees them. `employed`: on the days of any contract."""

    person: str
    zone: str
    employed: tuple[Days, ...] = (Days(),)

    def works_on(self, day: date) -> bool:
        return any(days.covers(day) for days in self.employed)


def compute_days(
    subject: Subject,
    plan: Mapping[date, PlannedDay],
    punches: Iterable[PunchFact],
    engines: Mapping[str, Engine],
    horizons: Mapping[date, Horizon],
) -> dict[date, DayResult]:
    """All planned days except the first and the last, which only bound the others.

    `plan`: consecutive days. `engines`: by the name of the rule set. Raises NoRuleSetError.
    """
    bounds = DayBounds(plan)
    own: defaultdict[date, list[PunchFact]] = defaultdict(list)
    for punch in punches:
        owner = bounds.owner(punch.at)
        if owner is not None:
            own[owner].append(punch)
    for on, day in plan.items():
        own[on] += _added(day)
    results: dict[date, DayResult] = {}
    for name in sorted({day.rules for day in plan.values()}):
        of_rules = {on: day for on, day in plan.items() if day.rules == name}
        engine = engines.get(name)
        if engine is None:
            raise NoRuleSetError(name, min(of_rules), sorted(engines))
        for on, result in engine.days(of_rules, own, subject.zone).items():
            results[on] = replace(result, rules=name)
    found = {}
    for on in sorted(plan)[1:-1]:
        day, window = plan[on], window_of(plan[on])
        result = results[on]
        if subject.works_on(on) and day.manual is None:
            over = looks_at(window, horizons[on]) is None
            result = engines[day.rules].counted(day, result, over=over)
        found[on] = judged(_with_plan(subject, day, result, own[on]), window, horizons[on])
    return found


def _added(plan: PlannedDay) -> list[PunchFact]:
    """Approved punches that no device recorded. They were approved for this day: the time alone would
    make the arrival of a morning the end of the night before.
    """
    return [PunchFact(one.event_id, one.at, one.direction) for one in plan.added_punches]


def _with_plan(
    subject: Subject, plan: PlannedDay, result: DayResult, punches: Sequence[PunchFact]
) -> DayResult:
    if not subject.works_on(plan.day):
        result = _not_employed(plan, result, punches)
    elif plan.manual is not None:
        result = _decided(plan, result)
    return replace(
        result,
        plan=plan.sources,
        corrections=_corrections(plan, punches),
        flags=(*result.flags, *map(str, plan.flags), *_hired(subject, plan, punches)),
    )


def _not_employed(plan: PlannedDay, result: DayResult, punches: Sequence[PunchFact]) -> DayResult:
    """Whoever was not employed owes no work; what they pressed stays visible and counts nothing."""
    return DayResult(
        day=plan.day,
        kind=plan.kind,
        shift="",
        status=DayStatus.OFF,
        ignored=tuple(
            IgnoredPunch(one.event_id, one.distrust or Ignored.NOT_EMPLOYED)
            for one in sorted(punches, key=lambda one: (one.at, one.event_id))
        ),
        rule_version=result.rule_version,
        rules=result.rules,
    )


def _decided(plan: PlannedDay, result: DayResult) -> DayResult:
    """Two people decided the day's minutes: its punches stay beside them, and bound nothing."""
    manual = plan.manual
    assert manual is not None  # noqa: S101 - the caller looked
    return replace(
        result,
        status=DayStatus.PRESENT if manual.regular_min or manual.overtime_min else DayStatus.OFF,
        regular_min=manual.regular_min,
        overtime_min=manual.overtime_min,
        late_min=0,
        early_leave_min=0,
        keys_contradict=False,
        intervals=by_hand(manual.regular_min, manual.overtime_min),
    )


def _corrections(plan: PlannedDay, punches: Sequence[PunchFact]) -> tuple[DayCorrection, ...]:
    here = {one.event_id for one in punches}
    found = [
        DayCorrection(
            request=one.request,
            kind="added_punch",
            reason=one.reason,
            approved_by=one.approved_by,
        )
        for one in plan.added_punches
        if one.event_id in here
    ]
    if plan.manual is not None:
        found.append(
            DayCorrection(
                request=plan.manual.request,
                kind="manual_day",
                reason=plan.manual.reason,
                approved_by=plan.manual.approved_by,
            )
        )
    found += [
        DayCorrection(request=one.request, kind="trip", reason=one.place) for one in plan.trips
    ]
    return tuple(found)


def _hired(subject: Subject, plan: PlannedDay, punches: Sequence[PunchFact]) -> list[str]:
    """The shift runs over the midnight on which the person came to the firm, or left it."""
    if not punches:
        return []
    next_midnight = (plan.day.toordinal() + 1) * DAY_S
    over_midnight = any(one.at >= next_midnight for one in punches)
    flags = []
    after = subject.works_on(plan.day + _ONE_DAY)
    if not subject.works_on(plan.day) and after and over_midnight:
        flags.append(DayFlag.HIRED_MID_SHIFT)
    if subject.works_on(plan.day) and not after and over_midnight:
        flags.append(DayFlag.LEFT_MID_SHIFT)
    return [str(flag) for flag in flags]
