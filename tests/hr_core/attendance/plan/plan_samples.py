"""A plant's shifts, and facts about one person from which tests plan."""

from datetime import date

from hr_core.attendance.calendar import load_calendar
from hr_core.attendance.plan.days import PlanFacts
from hr_core.attendance.plan.roster import Assignment, DayDuty, Subject, SubjectKind
from hr_core.attendance.plan.site_calendar import CalendarBook
from hr_core.people.model import Shift

CHINA = load_calendar()
ANN = Subject(SubjectKind.PERSON, "ann")
CREW = Subject(SubjectKind.TEAM, "crew")


def shift(code, start_h, end_h):
    return Shift(
        code=code, name=code, start_min=start_h * 60, end_min=end_h * 60, break_min=0,
        break_start_min=start_h * 60, early_in_min=60, late_out_min=60,
    )  # fmt: skip


SHIFTS = {
    one.code: one
    for one in (
        shift("D", 8, 16),
        shift("E", 16, 24),
        shift("N", 24, 32),
        shift("N0", 0, 8),
        shift("D12", 8, 20),
        shift("N12", 20, 32),
        shift("X", 7, 15),
        shift("OWN", 9, 18),
    )
}


def assigned(first, plan="D", *, subject=ANN, until=None, **more):
    return Assignment(
        subject=subject, first=date.fromisoformat(first),
        until=until and date.fromisoformat(until),
        duty=DayDuty.parse(plan) if more.get("rotation") is None else DayDuty(()),
        **more,
    )  # fmt: skip


def facts(*assignments, **more):
    return PlanFacts(
        own_shift=SHIFTS["OWN"], shifts=SHIFTS, assignments=assignments,
        **{"calendars": CalendarBook(china=CHINA)} | more,
    )  # fmt: skip
