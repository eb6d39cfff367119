"""The plan of days from rosters, calendars and approved requests. Each day stands alone, so the
plan of a span is the plans of its parts put together.
"""

from datetime import date
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.plan.effects import Effects, effects_on
from hr_core.attendance.plan.model import DEFAULT_RULES, PlanFlag, PlannedDay, ShiftChoice
from hr_core.attendance.plan.request import Request
from hr_core.attendance.plan.roster import (
    Assignment,
    DayDuty,
    KindFrom,
    Membership,
    Rotation,
    SubjectKind,
    days_of,
)
from hr_core.attendance.plan.site_calendar import ANY_SITE, CalendarBook
from hr_core.attendance.plan.stays import Stay
from hr_core.people.model import Shift


class PlanFacts(Struct, frozen=True, kw_only=True):
    """Everything about one person: `assignments` are the person's own and those of their teams,
    `requests` the approved ones.
    """

    own_shift: Shift
    shifts: dict[str, Shift]
    calendars: CalendarBook
    rotations: dict[str, Rotation] = {}
    assignments: tuple[Assignment, ...] = ()
    memberships: tuple[Membership, ...] = ()
    stays: tuple[Stay, ...] = ()
    requests: tuple[Request, ...] = ()


class _Rostered(NamedTuple):
    duty: DayDuty
    kind_from: KindFrom
    works_holidays: bool


def plan_days(facts: PlanFacts, first: date, until: date) -> dict[date, PlannedDay]:
    """The half-open span. Raises NoLawError for a day that no calendar covers."""
    return {day: _planned(facts, day) for day in days_of(first, until)}


def assignments_on(facts: PlanFacts, day: date) -> tuple[Assignment, ...]:
    """The person's own, else those of the teams that the person is in on the day."""
    teams = {one.team for one in facts.memberships if one.covers(day)}
    holding = [one for one in facts.assignments if one.covers(day)]
    own = tuple(one for one in holding if one.subject.kind is SubjectKind.PERSON)
    return own or tuple(
        one for one in holding if one.subject.kind is SubjectKind.TEAM and one.subject.key in teams
    )


def _planned(facts: PlanFacts, day: date) -> PlannedDay:
    assigned = assignments_on(facts, day)
    site = _site(facts, assigned, day)
    calendar = facts.calendars.at(site, day)
    calendar_kind = facts.calendars.kind(calendar, day)
    source = facts.calendars.source(calendar)
    plan = (
        _by_roster(facts, day, calendar_kind, assigned)
        if assigned
        else PlannedDay(
            day=day,
            kind=calendar_kind,
            due=calendar_kind is DayKind.WORKDAY,
            shifts=(facts.own_shift,),
            sources=(f"own shift {facts.own_shift.code}",),
        )
    )
    effects = effects_on(facts.requests, day)
    return _with_effects(replace(plan, sources=(*plan.sources, source)), effects)


def _site(facts: PlanFacts, assigned: tuple[Assignment, ...], day: date) -> str:
    """What the roster says, else where the person's units lie."""
    named = (one.site for one in assigned if one.site != ANY_SITE)
    stays = (one.site for one in facts.stays if one.covers(day))
    return next(named, None) or next(stays, ANY_SITE)


def _with_effects(plan: PlannedDay, effects: Effects) -> PlannedDay:
    return replace(
        plan,
        leaves=effects.leaves,
        overtime_approved=effects.overtime,
        added_punches=effects.punches,
        manual=effects.manual,
        trips=effects.trips,
        sources=(*plan.sources, *(f"request {number}" for number in effects.requests)),
    )


def _by_roster(
    facts: PlanFacts, day: date, calendar_kind: DayKind, assigned: tuple[Assignment, ...]
) -> PlannedDay:
    rostered = [_rostered(facts, day, one) for one in assigned]
    kinds = [_kind(calendar_kind, one) for one in rostered]
    due = any(_is_due(kind, one) for kind, one in zip(kinds, rostered, strict=True))
    codes = tuple(dict.fromkeys(code for one in rostered for code in one.duty.shifts))
    choice = _choice(rostered, assigned)
    flags = (PlanFlag.SEVERAL_ROSTERS,) if _of_several_subjects(assigned) else ()
    if not codes:  # a rest day: whoever comes is measured by a shift that the roster knows
        known = (code for one in assigned for code in one.shift_codes(facts.rotations))
        codes, choice = tuple(dict.fromkeys(known)), ShiftChoice.FROM_PUNCH
    return PlannedDay(
        day=day,
        kind=DayKind.WORKDAY if DayKind.WORKDAY in kinds else kinds[0],
        due=due,
        shifts=tuple(facts.shifts[code] for code in codes) or (facts.own_shift,),
        choice=choice if len(codes) > 1 else ShiftChoice.ASSIGNED,
        rules=next((one.rules for one in assigned if one.rules), DEFAULT_RULES),
        flags=flags,
        sources=tuple(one.describe() for one in assigned),
    )


def _rostered(facts: PlanFacts, day: date, assignment: Assignment) -> _Rostered:
    duty = assignment.duty_on(day, facts.rotations)
    if assignment.rotation is None:
        return _Rostered(duty, assignment.kind_from, works_holidays=False)
    rotation = facts.rotations[assignment.rotation]
    return _Rostered(duty, rotation.kind_from, rotation.works_holidays)


def _kind(calendar_kind: DayKind, rostered: _Rostered) -> DayKind:
    if rostered.kind_from is KindFrom.CALENDAR or calendar_kind is DayKind.STATUTORY_HOLIDAY:
        return calendar_kind
    return DayKind.WORKDAY if rostered.duty.shifts else DayKind.REST_DAY


def _is_due(kind: DayKind, rostered: _Rostered) -> bool:
    if not rostered.duty.shifts:
        return False
    return kind is DayKind.WORKDAY or (
        kind is DayKind.STATUTORY_HOLIDAY and rostered.works_holidays
    )


def _choice(rostered: list[_Rostered], assigned: tuple[Assignment, ...]) -> ShiftChoice:
    """Rosters of two teams (or of two merged records) on one day: only the punches can say for which of them the person came."""
    if _of_several_subjects(assigned):
        return ShiftChoice.FROM_PUNCH
    return rostered[0].duty.choice


def _of_several_subjects(assigned: tuple[Assignment, ...]) -> bool:
    return len({one.subject for one in assigned}) > 1


def shift_halves(facts: PlanFacts, day: date) -> tuple[int, int, int]:
    """Begin, middle and end of the day's shift in minutes after midnight; no calendar is asked,
    because leave is asked for years whose holidays are not announced yet.
    """
    codes = {
        code
        for one in assignments_on(facts, day)
        for code in one.duty_on(day, facts.rotations).shifts
    }
    due = [facts.shifts[code] for code in codes] or [facts.own_shift]
    begin, end = min(one.start_min for one in due), max(one.end_min for one in due)
    return begin, (begin + end) // 2, end
