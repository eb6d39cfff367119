"""Shifts, months and comparisons that the kernel's tests share."""

from datetime import date

import numpy as np
from hypothesis import strategies as st
from msgspec.structs import replace

from hr_core.attendance.calendar import CalendarDay, DayKind
from hr_core.attendance.day import DISTRUSTED, PunchFact, load_rules
from hr_core.attendance.kernel.facts import PersonMonth
from hr_core.clock import DAY_S
from hr_core.people.model import Shift
from protocols.records import Direction

RULES = load_rules()
FIRST = date(2026, 9, 28)
DAYS = 9  # over the end of a month, with workdays, a weekend and statutory days
MIDNIGHT = FIRST.toordinal() * DAY_S
LATER = MIDNIGHT + 400 * DAY_S


def shift(code="D", start=480, end=1020, **changes):
    figures = {
        "break_min": 60, "break_start_min": (start + end) // 2, "early_in_min": 120,
        "late_out_min": 240,
    }  # fmt: skip
    return Shift(code=code, name=code, start_min=start, end_min=end, **(figures | changes))


DAY = shift()
NIGHT = shift("N", 1080, 1800)
FROM_MIDNIGHT = shift("M", 0, 480)  # its window opens on the day before
ROUND_THE_CLOCK = shift("R", 420, 1140, early_in_min=360, late_out_min=360)
NO_BREAK = shift("B", 1200, 1680, break_min=0, early_in_min=0, late_out_min=0)
LONGER_THAN_A_DAY = shift("L", 420, 1140, early_in_min=360, late_out_min=480)
NEVER_OPEN = shift("X", 1080, 360)
ODD = shift("O", 487, 1016, break_min=47, break_start_min=481, early_in_min=61, late_out_min=1)
PLANT_DAY = shift("PD", 360, 1080, break_start_min=690)
PLANT_NIGHT = shift("PN", 1080, 1800, break_start_min=1410)
KEYS = dict(enumerate(Direction))  # in the order of the states 0 to 5
SHIFTS = [DAY, NIGHT, FROM_MIDNIGHT, ROUND_THE_CLOCK, NO_BREAK, LONGER_THAN_A_DAY, NEVER_OPEN, ODD]


def assert_equal(one, other):
    for name, column in one.columns().items():
        assert np.array_equal(column, getattr(other, name)), name
        assert column.dtype == getattr(other, name).dtype, name


def workdays(count):
    first = FIRST.toordinal()
    return [CalendarDay(date.fromordinal(first + n), DayKind.WORKDAY) for n in range(count)]


def at(day, hour):
    return MIDNIGHT + day * DAY_S + hour * 3600


any_kind = st.sampled_from(list(DayKind))
kinds = st.lists(any_kind, min_size=1, max_size=DAYS)
calendars = kinds.map(
    lambda found: [
        CalendarDay(date.fromordinal(FIRST.toordinal() + number), kind)
        for number, kind in enumerate(found)
    ]
)
# Anywhere around the month, and at the seconds where rules change their mind.
anywhere = st.integers(MIDNIGHT - 2 * DAY_S, MIDNIGHT + (DAYS + 2) * DAY_S)
edges = st.builds(
    lambda one, day, side, offset: MIDNIGHT + day * DAY_S + getattr(one, side) * 60 + offset,
    st.sampled_from(SHIFTS),
    st.integers(-1, DAYS),
    st.sampled_from(["start_min", "end_min", "break_start_min"]),
    st.sampled_from([-7200, -3600, -1800, -61, -60, -59, -1, 0, 1, 59, 60, 61, 1799, 1800, 14400]),
)
pauses = st.sampled_from([0, 1, 20, 29, 30, 59, 60, 61, 119, 120, 1799, 1800])


@st.composite
def visits(draw):
    """A time, and presses that follow it as people press who are not sure."""
    at = draw(anywhere | edges)
    return [at, *(at := at + pause for pause in draw(st.lists(pauses, max_size=6)))]


@st.composite
def punches(draw):
    times = [at for visit in draw(st.lists(visits(), max_size=10)) for at in visit]
    # Ids in no order of time: of two punches in a second the smaller id comes first.
    ids = draw(st.permutations(range(len(times))))
    facts = [
        PunchFact(
            f"{number:04x}",
            at,
            draw(st.sampled_from(list(Direction))),
            draw(st.sampled_from([None] * 8 + list(DISTRUSTED))),
        )
        for number, at in zip(ids, times, strict=True)
    ]
    return facts + draw(st.lists(st.sampled_from(facts), max_size=2)) if facts else facts


months = st.builds(
    PersonMonth,
    st.sampled_from(SHIFTS),
    punches(),
    st.just(LATER) | anywhere | edges,
)
rule_sets = st.builds(
    lambda changes: replace(RULES, **changes),
    st.fixed_dictionaries(
        {},
        optional={
            "debounce_s": st.sampled_from([0, 1, 30, 60, 300]),
            "one_visit_min": st.sampled_from([0, 1, 30, 60]),
            "overtime_step_min": st.sampled_from([1, 15, 30, 60]),
            "late_grace_min": st.sampled_from([0, 5]),
            "early_leave_grace_min": st.sampled_from([0, 5]),
        },
    ),
)
