"""The engine facade on plans: owners of punches, minutes that add up, leave, corrections, DST."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hr_core.attendance.calendar import DayKind, load_calendar
from hr_core.attendance.day import DayStatus, PunchFact, load_rules
from hr_core.attendance.day_parts import DayFlag, Why
from hr_core.attendance.live.completeness import DeviceMark, Horizon
from hr_core.attendance.live.day_bounds import DayBounds
from hr_core.attendance.live.engine import Subject, compute_days
from hr_core.attendance.live.minutes import counted
from hr_core.attendance.live.rule_sets import FirstLastEngine
from hr_core.attendance.live.timesheet_days import TimesheetEngine
from hr_core.attendance.month import compute_month
from hr_core.attendance.plan.model import (
    AddedPunch,
    DayPart,
    LeaveSpan,
    ManualDay,
    PlannedDay,
    ShiftChoice,
    Trip,
)
from hr_core.attendance.rule_sets.model import TimesheetRules
from hr_core.attendance.timesheet.pairing import PunchPairing
from hr_core.attendance.timesheet.rules import (
    Contribution,
    DayRule,
    OvertimePeriod,
    OvertimeRule,
    RegularRule,
)
from hr_core.clock import wall_seconds
from hr_core.people.model import Days, Shift

DAY = Shift(
    code="D", name="Day", start_min=480, end_min=1020, break_min=60, break_start_min=720,
    early_in_min=120, late_out_min=240,
)  # fmt: skip
NIGHT = Shift(
    code="N", name="Night", start_min=1080, end_min=1800, break_min=60, break_start_min=1410,
    early_in_min=120, late_out_min=240,
)  # fmt: skip
CALENDAR, RULES = load_calendar(), load_rules()
ENGINES = {"attendance": FirstLastEngine(RULES)}
FIRST = date(2026, 10, 12)  # a Monday after the holiday
LATER = Horizon(datetime(2027, 1, 1, tzinfo=UTC), "Asia/Shanghai")
COMPLETE = [DeviceMark("ZK1", datetime(2026, 12, 31, tzinfo=UTC))]


def at(text):
    return wall_seconds(datetime.fromisoformat(text))


def punches(*texts):
    return [PunchFact(text, at(text)) for text in texts]


def planned(on, *shifts, **more):
    kind = CALENDAR.day(on).kind
    fields = {"day": on, "kind": kind, "due": kind is DayKind.WORKDAY, "shifts": shifts}
    return PlannedDay(**fields | more)


def plan_of(*shifts, days=5, first=FIRST, **changes):
    """Days from the one before `first` to the one behind the last; `changes` by "dN"."""
    made = {}
    for number in range(-1, days + 1):
        on = first + timedelta(days=number)
        made[on] = planned(on, *shifts, **changes.get(f"d{number}", {}))
    return made


def compute(plan, facts, *, subject=None, horizon=LATER, devices=COMPLETE, engines=ENGINES):
    subject = subject or Subject(person="1007", zone=horizon.zone)
    horizons = dict.fromkeys(plan, horizon._replace(devices=devices))
    return compute_days(subject, plan, facts, engines, horizons)


minute = st.integers(0, 5 * 1440 - 1)
someone = st.lists(
    st.tuples(minute, st.integers(0, 59), st.sampled_from(["in", "out", "unknown"])), max_size=25
)


@settings(max_examples=150)
@given(found=someone, shift=st.sampled_from([DAY, NIGHT]))
def test_one_shift_gives_what_the_month_close_gives(found, shift):
    """And whatever comes: each punch once, and the minutes that count are the sums."""
    start = at(f"{FIRST}T00:00")
    facts = [
        PunchFact(f"e{index}", start + minutes * 60 + second, key)
        for index, (minutes, second, key) in enumerate(found)
    ]
    plan = plan_of(shift)
    days = [CALENDAR.day(on) for on in sorted(plan)[1:-1]]
    results = compute(plan, facts, devices=[])
    reference = compute_month(shift, days, facts, RULES, at("2027-01-01T00:00")).days
    for expected in reference:
        found_day = results[expected.day]
        plain = replace(
            found_day, rules="", plan=(), intervals=(), leave=(), flags=(), waiting_for=()
        )
        assert plain == expected
        assert counted(found_day.intervals, "regular") == expected.regular_min
        assert counted(found_day.intervals, "overtime") == expected.overtime_min


windows = st.builds(
    lambda start, length, early, late: Shift(
        code=f"{start}+{length}", name="x", start_min=start, end_min=start + length, break_min=0,
        break_start_min=start, early_in_min=early, late_out_min=min(late, 1440 - length - early),
    ),
    st.integers(0, 1439), st.integers(60, 900), st.integers(0, 300), st.integers(0, 400),
)  # fmt: skip


@settings(max_examples=200)
@given(
    shifts=st.lists(st.one_of(st.none(), windows), min_size=7, max_size=7),
    due=st.lists(st.booleans(), min_size=7, max_size=7),
    when=st.lists(st.integers(0, 7 * 86400 - 1), max_size=30),
)
def test_days_never_overlap_and_the_owner_does_not_depend_on_the_span(shifts, due, when):
    first = date(2026, 3, 2)
    plan = {
        first + timedelta(days=n): planned(
            first + timedelta(days=n), *([shift] if shift else []), due=due[n]
        )
        for n, shift in enumerate(shifts)
    }
    whole = DayBounds(plan)
    begins = whole._begins
    assert begins == sorted(begins)
    for second in when:
        moment = at(f"{first}T00:00") + second
        owner = whole.owner(moment)
        if owner is None:
            continue
        around = {on: day for on, day in plan.items() if abs((on - owner).days) <= 2}
        assert DayBounds(around).owner(moment) == owner


def test_a_change_from_night_to_day_deals_punches_by_the_plan_of_each_day():
    plan = plan_of(DAY, d0={"shifts": (NIGHT,)}, d1={"shifts": (), "due": False})
    facts = punches("2026-10-12T17:50", "2026-10-13T06:10", "2026-10-14T07:55", "2026-10-14T17:05")
    results = compute(plan, facts)
    assert results[FIRST].regular_min == 660
    assert results[FIRST + timedelta(days=1)].status is DayStatus.OFF
    assert results[FIRST + timedelta(days=2)].regular_min == 480


def test_an_early_arrival_after_a_rest_day_is_the_workdays():
    """The rest day knows a night shift whose window reaches over the morning."""
    rest = {"shifts": (DAY, NIGHT), "choice": ShiftChoice.FROM_PUNCH, "due": False}
    plan = plan_of(DAY, d0=rest | {"kind": DayKind.REST_DAY})
    results = compute(plan, punches("2026-10-13T06:50", "2026-10-13T17:05"))
    assert results[FIRST + timedelta(days=1)].arrived == at("2026-10-13T06:50")
    assert not results[FIRST].used


def test_the_shift_is_picked_from_the_punches():
    choice = {"shifts": (DAY, NIGHT), "choice": ShiftChoice.FROM_PUNCH}
    plan = plan_of(DAY, d0=choice, d1=choice)
    facts = punches("2026-10-12T17:50", "2026-10-13T06:03", "2026-10-13T17:55")
    results = compute(plan, facts)
    assert (results[FIRST].shift, results[FIRST].regular_min) == ("N", 660)
    assert results[FIRST + timedelta(days=1)].shift == "N"


def test_two_shifts_of_one_day_are_computed_each():
    morning = replace(DAY, code="M", start_min=360, end_min=600, break_min=0, late_out_min=60)
    evening = replace(DAY, code="E", start_min=1080, end_min=1320, break_min=0, early_in_min=60)
    plan = plan_of(DAY, d0={"shifts": (morning, evening)})
    facts = punches(
        "2026-10-12T05:58", "2026-10-12T10:01", "2026-10-12T17:58", "2026-10-12T22:02"
    )  # fmt: skip
    day = compute(plan, facts)[FIRST]
    assert (day.shift, day.status, day.regular_min) == ("M+E", DayStatus.PRESENT, 480)
    assert len(day.used) == 4
    lacking = compute(plan, facts[:3])[FIRST]
    assert lacking.status is DayStatus.MISSING_OUT
    assert lacking.regular_min == 240


def test_half_a_day_of_leave_excuses_its_half():
    leave = LeaveSpan(request=7, kind="annual", part=DayPart.FIRST_HALF)
    plan = plan_of(DAY, d0={"leaves": (leave,)})
    day = compute(plan, punches("2026-10-12T12:40", "2026-10-12T17:00"))[FIRST]
    assert (day.late_min, day.early_leave_min) == (10, 0)
    assert [(one.request, one.minutes) for one in day.leave] == [(7, 270 - 30)]
    assert {one.why for one in day.intervals} >= {Why.LEAVE, Why.LATE, Why.WORK}
    assert counted(day.intervals, "regular") == day.regular_min


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"leaves": (LeaveSpan(request=7, kind="sick", part=DayPart.WHOLE),)}, "on_leave"),
        ({"trips": (Trip(request=8, place="Wuhan"),)}, "on_trip"),
        ({"shifts": (), "due": False}, "off"),
        ({}, "absent"),
    ],
)
def test_a_day_without_punches_is_what_was_agreed(more, status):
    day = compute(plan_of(DAY, d0=more), [])[FIRST]
    assert day.status == status


def test_an_approved_punch_counts_beside_the_raw_ones_and_shows():
    asked = AddedPunch(
        request=9, at=at("2026-10-12T17:01"), direction="out", reason="dead clock", approved_by="Wu"
    )
    plan = plan_of(DAY, d0={"added_punches": (asked,)})
    raw = punches("2026-10-12T07:58")
    day = compute(plan, raw)[FIRST]
    assert (day.status, day.regular_min) == (DayStatus.PRESENT, 480)
    assert day.used == (raw[0].event_id, "request:9")
    assert [(one.request, one.kind) for one in day.corrections] == [(9, "added_punch")]
    assert compute(plan_of(DAY), raw)[FIRST].status is DayStatus.MISSING_OUT


def test_an_approved_punch_is_of_the_day_that_it_was_approved_for():
    """Its time alone would make an arrival at 06:50 the leaving punch of the night before."""
    asked = AddedPunch(
        request=9, at=at("2026-10-13T06:50"), direction="in", reason="dead clock", approved_by="Wu"
    )
    rest = {"shifts": (DAY,), "due": False}
    plan = plan_of(NIGHT, d1={"shifts": (DAY,), "added_punches": (asked,)}, d2=rest)
    raw = punches("2026-10-12T17:55", "2026-10-13T17:02")
    results = compute(plan, raw)
    night, day = results[FIRST], results[FIRST + timedelta(days=1)]
    assert (night.status, night.used) == (DayStatus.MISSING_OUT, (raw[0].event_id,))
    assert day.used == ("request:9", raw[1].event_id)
    assert (day.status, day.regular_min) == (DayStatus.PRESENT, 480)
    assert DayBounds(plan).owner(asked.at) == FIRST, "or this shows nothing"


def test_a_manual_day_takes_the_place_of_the_minutes_and_leaves_the_punches():
    decided = ManualDay(request=4, regular_min=450, overtime_min=30, reason="r", approved_by="Wu")
    day = compute(plan_of(DAY, d0={"manual": decided}), punches("2026-10-12T07:58"))[FIRST]
    assert (day.status, day.regular_min, day.overtime_min) == (DayStatus.PRESENT, 450, 30)
    assert len(day.used) == 1
    assert [one.kind for one in day.corrections] == ["manual_day"]
    assert counted(day.intervals, "regular") == 450


def test_punches_on_a_day_without_any_shift_are_shown_and_clarified():
    day = compute(plan_of(), punches("2026-10-12T08:00"))[FIRST]
    assert (day.status, day.to_clarify) == (DayStatus.UNPLANNED, True)
    assert [one.reason for one in day.ignored] == ["no_shift_planned"]


@pytest.mark.parametrize(
    ("until", "status"),
    [
        (None, "waiting"),
        (datetime(2026, 10, 12, 12, 59, tzinfo=UTC), "waiting"),  # 20:59 in Shanghai
        (datetime(2026, 10, 12, 13, 0, tzinfo=UTC), "absent"),  # the window closes at 21:00
    ],
)
def test_absence_is_told_only_up_to_the_watermark_of_every_device(until, status):
    devices = [*COMPLETE, DeviceMark("ZK2", until)]
    day = compute(plan_of(DAY), [], devices=devices)[FIRST]
    assert day.status == status
    waiting = [(one.device, one.since) for one in day.waiting_for]
    assert waiting == ([("ZK2", until)] if status == "waiting" else [])
    assert day.to_clarify


def test_an_open_window_waits_for_nobody():
    horizon = Horizon(datetime(2026, 10, 12, 12, tzinfo=UTC), "Asia/Shanghai")
    day = compute(plan_of(DAY, days=1), [], horizon=horizon, devices=[DeviceMark("ZK2", None)])
    assert day[FIRST].status is DayStatus.NOT_OVER
    assert not day[FIRST].to_clarify


def test_without_a_device_absence_cannot_be_told():
    day = compute(plan_of(DAY), [], devices=[])[FIRST]
    assert (day.status, day.flags) == (DayStatus.NO_RECORD, (DayFlag.NO_DEVICE,))


def test_a_night_on_which_the_clock_is_changed_is_flagged():
    """2026-03-29, Berlin: 02:00 becomes 03:00 in the night shift of the 28th."""
    first = date(2026, 3, 28)
    horizon = Horizon(LATER.now, "Europe/Berlin")
    plan = plan_of(NIGHT, first=first, days=2, d0={"kind": DayKind.WORKDAY, "due": True})
    results = compute(plan, punches("2026-03-28T17:55", "2026-03-29T06:05"), horizon=horizon)
    assert results[first].flags == (DayFlag.DST,)
    assert results[first + timedelta(days=1)].flags == ()


def test_hired_in_the_middle_of_a_night_shift_counts_nothing_before_and_is_flagged():
    hired = Subject(
        person="1007", zone="Asia/Shanghai", employed=(Days(FIRST + timedelta(days=1), None),)
    )
    facts = punches("2026-10-12T18:05", "2026-10-13T06:03", "2026-10-13T17:58", "2026-10-14T06:01")
    results = compute(plan_of(NIGHT), facts, subject=hired)
    before, after = results[FIRST], results[FIRST + timedelta(days=1)]
    assert (before.status, before.regular_min) == (DayStatus.OFF, 0)
    assert before.flags == (DayFlag.HIRED_MID_SHIFT,)
    assert {one.reason for one in before.ignored} == {"not_employed"}
    assert (after.status, after.flags) == (DayStatus.PRESENT, ())


def by_timesheet(day_rule=DayRule.STARTS, **more):
    counts = Contribution(pay_codes=frozenset({"reg"}))
    rules = TimesheetRules(
        day_rule=day_rule, maximum_shift=16 * 3600, new_shift_gap=5 * 3600,
        regular=(RegularRule(counts=counts, pay_code="reg", order=1),),
        overtime=(
            OvertimeRule(
                period=OvertimePeriod.WEEKLY, over=40 * 3600, pay_code="ot", multiplier=1.5,
                counts=counts,
            ),
        ),
        **more,
    )  # fmt: skip
    return {"hours": TimesheetEngine(version="hours/1", rules=rules)}


def of_hours(days=7, first=FIRST, **changes):
    rules = {f"d{n}": {"rules": "hours"} | changes.get(f"d{n}", {}) for n in range(-1, days + 1)}
    return plan_of(DAY, days=days, first=first, **rules)


def test_a_time_sheet_takes_the_week_together_and_names_each_punch_once():
    facts = []
    for day in range(12, 17):
        facts += punches(f"2026-10-{day}T08:00", f"2026-10-{day}T08:00:20", f"2026-10-{day}T17:30")
    results = compute(of_hours(), facts, engines=by_timesheet())
    week = [results[FIRST + timedelta(days=n)] for n in range(7)]
    assert sum(day.regular_min for day in week) == 40 * 60
    assert sum(day.overtime_min for day in week) == 5 * 570 - 40 * 60
    assert week[0].overtime_min == 0
    named = Counter()
    for day in week:
        named.update([*day.used, *(one.event_id for one in day.ignored)])
        assert counted(day.intervals, "regular") == day.regular_min
        assert (day.rules, day.rule_version) == ("hours", "hours/1")
    assert named == Counter(fact.event_id for fact in facts)


def test_a_pair_over_midnight_that_is_split_names_its_punches_once():
    came, left = punches("2026-10-12T20:00", "2026-10-13T04:00")
    facts = [came._replace(direction="in"), left._replace(direction="out")]
    results = compute(of_hours(), facts, engines=by_timesheet(DayRule.SPLIT))
    assert [results[FIRST + timedelta(days=n)].regular_min for n in (0, 1)] == [240, 240]
    assert results[FIRST].used == ("2026-10-12T20:00",)
    assert results[FIRST + timedelta(days=1)].used == ("2026-10-13T04:00",)


def test_a_time_sheet_counts_true_hours_when_the_clock_is_put_forward():
    first = date(2026, 3, 28)
    facts = punches("2026-03-28T22:00", "2026-03-29T06:00")
    horizon = Horizon(LATER.now, "Europe/Berlin")
    results = compute(of_hours(first=first, days=2), facts, engines=by_timesheet(), horizon=horizon)
    assert results[first].regular_min == 7 * 60


def test_whole_weeks_are_computed_together():
    engine = by_timesheet()["hours"]
    wednesday = date(2026, 10, 14)
    assert engine.whole_periods(wednesday, wednesday + timedelta(days=1)) == (
        FIRST, FIRST + timedelta(days=7),
    )  # fmt: skip


def test_first_and_last_press_of_a_time_sheet_name_the_ones_between():
    facts = punches("2026-10-12T08:00", "2026-10-12T12:01", "2026-10-12T17:00")
    engines = by_timesheet(pairing=PunchPairing.FIRST_LAST)
    day = compute(of_hours(), facts, engines=engines)[FIRST]
    assert day.regular_min == 540
    assert [(one.event_id, one.reason) for one in day.ignored] == [
        ("2026-10-12T12:01", "between_first_and_last")
    ]
