"""Overtime of a computed day as approved, as punched, or what is both; the difference stays visible."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.day import DayStatus, PunchFact, load_rules
from hr_core.attendance.hours.counted_overtime import load_counting_rules, parse_counting_rules
from hr_core.attendance.live.completeness import DeviceMark, Horizon
from hr_core.attendance.live.engine import Subject, compute_days
from hr_core.attendance.live.minutes import counted
from hr_core.attendance.live.rule_sets import FirstLastEngine
from hr_core.attendance.lots.booking import Act, import_rules
from hr_core.attendance.plan.model import ApprovedOvertime, ManualDay, PlannedDay
from hr_core.attendance.plan.request import Overtime
from hr_core.clock import DAY_S, wall_seconds
from hr_core.people.model import Shift
from hr_core.store.database import writing
from hr_core.store.time_off import RuleFile
from tests.hr_core.attendance.live.conftest import NOW

ON = date(2026, 10, 12)
SHIFT = Shift(
    code="D", name="Day", start_min=480, end_min=1020, break_min=60, break_start_min=720,
    early_in_min=120, late_out_min=420,
)  # fmt: skip
RULES = load_rules()
LATER = Horizon(
    datetime(2027, 1, 1, tzinfo=UTC), "Asia/Shanghai",
    [DeviceMark("ZK1", datetime(2026, 12, 31, tzinfo=UTC))],
)  # fmt: skip
KINDS = ("workday", "rest_day", "statutory_holiday")


def file(mode, since="2026-01-01", **more):
    values = {"mode": f'"{mode}"', "unit_min": 30} | more
    rule = "\n".join(f"{name} = {value}" for name, value in values.items())
    rules = "".join(f'[[edition.rule]]\nkind = "{kind}"\n{rule}\n' for kind in KINDS)
    return f'[[edition]]\nversion = "plant/1"\nfrom = {since}\nsource = "agreement"\n{rules}'


def rules_of(mode, **more):
    return parse_counting_rules(file(mode, **more), file="own.toml")


def at(text):
    return wall_seconds(datetime.fromisoformat(f"2026-10-{text}"))


def approved(start, end):
    return ApprovedOvertime(request=5, start=at(start), end=at(end))


def compute(counting, *times, horizon=LATER, kind=DayKind.WORKDAY, **more):
    plan = {
        on: PlannedDay(day=on, kind=kind, due=kind is DayKind.WORKDAY, shifts=(SHIFT,))
        for on in (ON - timedelta(1), ON, ON + timedelta(1))
    }
    plan[ON] = replace(plan[ON], **more)
    facts = [PunchFact(f"e{number}", time) for number, time in enumerate(times)]
    engines = {"attendance": FirstLastEngine(RULES, counting)}
    subject = Subject(person="1007", zone="Asia/Shanghai")
    return compute_days(subject, plan, facts, engines, dict.fromkeys(plan, horizon))[ON]


def beyond(day):
    """The intervals that are not the plan's, in words."""
    return [
        (one.start and f"{one.start % DAY_S // 3600}:{one.start % 3600 // 60:02d}", one.minutes,
         one.counts, str(one.why))
        for one in day.intervals
        if one.counts == "overtime" or one.why in
        {"not_approved", "not_punched", "below_overtime_step", "below_overtime_minimum"}
    ]  # fmt: skip


STAYED = at("12T07:55"), at("12T21:10")
EVENING = {"overtime_approved": (approved("12T18:00", "12T20:00"),)}


def test_the_smaller_of_both_counts_and_the_rest_is_not_approved():
    day = compute(rules_of("smaller"), *STAYED, **EVENING)
    assert (day.regular_min, day.overtime_min) == (480, 120)
    assert beyond(day) == [
        ("17:00", 60, "nothing", "not_approved"),
        ("18:00", 120, "overtime", "after_shift"),
        ("20:00", 70, "nothing", "not_approved"),
    ]
    assert day.rule_version == f"{RULES.version}, plant/1"


def test_approved_and_not_punched_is_shown_and_counts_only_where_approval_decides():
    left = at("12T07:55"), at("12T19:00")
    smaller = compute(rules_of("smaller"), *left, **EVENING)
    assert smaller.overtime_min == 60
    assert beyond(smaller)[-1] == ("19:00", 60, "nothing", "not_punched")
    decides = compute(rules_of("approved"), *left, **EVENING)
    assert decides.overtime_min == 120
    assert beyond(decides) == [
        ("17:00", 60, "nothing", "not_approved"),
        ("18:00", 60, "overtime", "after_shift"),
        ("19:00", 60, "overtime", "counted_unpunched"),
    ]


def test_by_totals_the_first_minutes_count():
    late = {"overtime_approved": (approved("12T20:00", "12T22:00"),)}
    day = compute(rules_of("smaller", match='"totals"'), at("12T07:55"), at("12T20:00"), **late)
    assert day.overtime_min == 120
    assert beyond(day) == [
        ("17:00", 120, "overtime", "after_shift"),
        ("19:00", 60, "nothing", "not_approved"),
        ("20:00", 120, "nothing", "not_punched"),
    ]


def test_units_and_a_minimum_leave_their_reason():
    short = compute(rules_of("punched", minimum_min=60), at("12T07:55"), at("12T17:50"))
    assert beyond(short) == [("17:00", 50, "nothing", "below_overtime_minimum")]
    rounded = compute(rules_of("punched", rounding='"up"'), at("12T07:55"), at("12T17:50"))
    assert rounded.overtime_min == 60
    assert beyond(rounded)[-1] == (None, 10, "overtime", "by_rule")


def test_nothing_counts_before_it_was_worked_and_nothing_on_a_day_that_is_not_clear():
    noon = LATER._replace(now=datetime(2026, 10, 12, 4, tzinfo=UTC))
    rest = EVENING | {"kind": DayKind.REST_DAY, "due": False}
    assert compute(rules_of("approved"), horizon=noon, **rest).overtime_min == 0
    assert compute(rules_of("approved"), **rest).overtime_min == 120
    lone = compute(rules_of("approved"), at("12T07:55"), **EVENING)
    assert (lone.status, lone.overtime_min) == (DayStatus.MISSING_OUT, 0)


def test_what_two_people_decided_is_not_counted_again():
    manual = ManualDay(request=4, regular_min=480, overtime_min=90, reason="r", approved_by="Wu")
    day = compute(rules_of("smaller"), *STAYED, manual=manual)
    assert (day.overtime_min, day.rule_version) == (90, RULES.version)


def test_days_before_the_plants_first_edition_count_as_before():
    later = parse_counting_rules(file("smaller", since="2026-11-01"), file="own.toml")
    assert compute(later, *STAYED) == compute(None, *STAYED)


minute = st.integers(0, 26 * 60)
spans = st.lists(st.tuples(minute, st.integers(1, 300)), max_size=3)


@settings(max_examples=150)
@given(
    times=st.lists(minute, max_size=6),
    asked=spans,
    mode=st.sampled_from(["approved", "smaller", "punched"]),
    more=st.fixed_dictionaries({
        "unit_min": st.integers(1, 60), "minimum_min": st.integers(0, 90),
        "rounding": st.sampled_from(['"up"', '"down"', '"nearest"']),
    }),
    kind=st.sampled_from(list(DayKind)),
)  # fmt: skip
def test_what_counts_always_adds_up_and_smaller_is_never_more(times, asked, mode, more, kind):
    midnight = at("12T00:00")
    facts = [midnight + one * 60 for one in times]
    given_ = tuple(
        ApprovedOvertime(
            request=n, start=midnight + begin * 60, end=midnight + (begin + length) * 60
        )
        for n, (begin, length) in enumerate(asked)
    )
    plan = {"kind": kind, "due": kind is DayKind.WORKDAY, "overtime_approved": given_}
    day = compute(rules_of(mode, **more), *facts, **plan)
    assert counted(day.intervals, "overtime") == day.overtime_min
    assert counted(day.intervals, "regular") == day.regular_min
    timed = [(one.start, one.end) for one in day.intervals if one.start is not None]
    assert timed == sorted(timed)
    smaller = compute(rules_of("smaller", **more), *facts, **plan)
    assert smaller.overtime_min <= compute(rules_of("punched", **more), *facts, **plan).overtime_min
    if day.status not in {DayStatus.MISSING_IN, DayStatus.MISSING_OUT, DayStatus.ABSENT}:
        every = compute(rules_of("approved", **more), *facts, **plan)
        assert smaller.overtime_min <= every.overtime_min


@given(times=st.lists(minute, max_size=6), kind=st.sampled_from(list(DayKind)))
def test_the_rules_that_ship_are_those_of_the_attendance_rules(times, kind):
    facts = [at("12T00:00") + one * 60 for one in times]
    plan = {"kind": kind, "due": kind is DayKind.WORKDAY}
    by_rule = compute(load_counting_rules(), *facts, **plan)
    assert replace(by_rule, rule_version=RULES.version) == compute(None, *facts, **plan)


@pytest.mark.parametrize(("mode", "minutes"), [("smaller", 60), ("punched", 120)])
def test_the_plants_own_rules_compute_every_stored_day_anew(plant, mode, minutes):
    plant.press("1 2026-10-29T07:55", "1 2026-10-29T19:05", until="2026-10-30T20:00")
    plant.approve(
        Overtime(
            day=date(2026, 10, 29), start=datetime(2026, 10, 29, 17), end=datetime(2026, 10, 29, 18)
        )
    )
    plant.catch_up()
    assert plant.day("E1", 29).result.overtime_min == 120
    with writing(plant.engine) as conn:
        import_rules(
            conn, "overtime_counting", RuleFile("own.toml", file(mode)), "Asia/Shanghai",
            Act(actor="Wu", at=NOW),
        )  # fmt: skip
    plant.catch_up()
    day = plant.day("E1", 29)
    assert (day.result.overtime_min, day.result.rule_version) == (minutes, "attendance/1, plant/1")
    assert day.cause.startswith("rules ")
