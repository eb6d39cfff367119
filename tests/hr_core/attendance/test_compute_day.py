"""One shift day from its punches: windows, debounce, wrong keys, missing sides, overtime."""

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hr_core.attendance.calendar import CalendarDay, DayKind
from hr_core.attendance.day import DayStatus, PunchFact, compute_day, load_rules
from hr_core.clock import wall_seconds
from hr_core.people.model import Shift
from protocols.records import Direction

RULES = load_rules()
DAY = Shift(
    code="D", name="Day", start_min=480, end_min=1020, break_min=60, break_start_min=720,
    early_in_min=120, late_out_min=240,
)  # fmt: skip
NIGHT = Shift(
    code="N", name="Night", start_min=1080, end_min=1800, break_min=60, break_start_min=1410,
    early_in_min=120, late_out_min=240,
)  # fmt: skip
MONDAY = CalendarDay(date(2026, 10, 12), DayKind.WORKDAY)
SUNDAY = CalendarDay(date(2026, 10, 18), DayKind.REST_DAY)


def punches(*times, day=12, keys=None):
    """Times like 07:58 on the day and +06:02 on the next; ids p0, p1, … in the order given."""
    facts = []
    for index, text in enumerate(times):
        on = day + text.startswith("+")
        clock = text.removeprefix("+")
        at = datetime.fromisoformat(f"2026-10-{on:02d}T{clock}")
        key = keys[index] if keys else Direction.UNKNOWN
        facts.append(PunchFact(f"p{index}", wall_seconds(at), key))
    return facts


def reasons(result):
    return {ignored.event_id: ignored.reason for ignored in result.ignored}


def test_a_plain_day_counts_the_shift_less_the_break():
    result = compute_day(DAY, MONDAY, punches("07:58", "17:03"), RULES)
    assert result.status is DayStatus.PRESENT
    assert (result.regular_min, result.overtime_min) == (480, 0)
    assert (result.late_min, result.early_leave_min) == (0, 0)
    assert result.used == ("p0", "p1")
    assert result.rule_version == "attendance/1"


def test_the_morning_after_a_night_shift_belongs_to_the_day_the_shift_began():
    result = compute_day(NIGHT, MONDAY, punches("17:52", "+06:01"), RULES)
    assert result.day == date(2026, 10, 12)
    assert (result.status, result.regular_min) == (DayStatus.PRESENT, 660)


def test_the_next_evening_is_outside_the_window_of_this_night():
    result = compute_day(NIGHT, MONDAY, punches("17:52", "+06:01", "+17:55"), RULES)
    assert reasons(result) == {"p2": "outside_window"}


@pytest.mark.parametrize(
    ("left", "overtime"),
    [("17:29:59", 0), ("17:30", 30), ("17:59", 30), ("18:00", 60), ("19:45", 150)],
)
def test_overtime_counts_whole_half_hours_after_the_shift(left, overtime):
    assert compute_day(DAY, MONDAY, punches("08:00", left), RULES).overtime_min == overtime


def test_coming_early_is_not_overtime():
    assert compute_day(DAY, MONDAY, punches("06:30", "17:00"), RULES).overtime_min == 0


@pytest.mark.parametrize(
    ("arrived", "late"), [("08:00", 0), ("08:00:59", 0), ("08:01", 1), ("09:30", 90)]
)
def test_late_counts_whole_minutes(arrived, late):
    assert compute_day(DAY, MONDAY, punches(arrived, "17:00"), RULES).late_min == late


def test_leaving_early_counts_minutes_and_only_the_crossed_break():
    result = compute_day(DAY, MONDAY, punches("08:00", "12:30"), RULES)
    assert result.early_leave_min == 270
    assert result.regular_min == 240  # 270 minutes there, 30 of the break crossed


def test_a_double_press_within_a_minute_is_one_press():
    result = compute_day(DAY, MONDAY, punches("07:58:00", "07:58:59", "17:01", "17:01:30"), RULES)
    assert result.used == ("p0", "p2")
    assert reasons(result) == {"p1": "debounced", "p3": "debounced"}


def test_a_press_after_exactly_a_minute_is_its_own():
    result = compute_day(DAY, MONDAY, punches("07:58:00", "07:59:00", "17:01"), RULES)
    assert reasons(result) == {"p1": "between_first_and_last"}


def test_in_and_out_pressed_together_on_arrival_is_still_one_arrival():
    """As the real plant's people do at 09:42:27 (in) and 09:42:40 (out)."""
    keys = [Direction.IN, Direction.OUT, Direction.OUT]
    result = compute_day(DAY, MONDAY, punches("09:42:27", "09:42:40", "18:01", keys=keys), RULES)
    assert (result.status, result.late_min) == (DayStatus.PRESENT, 102)


def test_two_presses_minutes_apart_at_the_end_are_not_a_seven_minute_day():
    keys = [Direction.IN, Direction.OUT]
    result = compute_day(DAY, MONDAY, punches("16:58", "17:05", keys=keys), RULES)
    assert result.status is DayStatus.MISSING_IN
    assert result.used == ("p1",)
    assert reasons(result) == {"p0": "same_visit"}
    assert result.regular_min == 0


@pytest.mark.parametrize(
    ("time", "key", "status"),
    [
        ("08:00", Direction.OUT, DayStatus.MISSING_OUT),  # a wrong key does not move the morning
        ("17:00", Direction.IN, DayStatus.MISSING_IN),
        ("12:30", Direction.IN, DayStatus.MISSING_OUT),  # in the middle the key decides
        ("12:30", Direction.OUT, DayStatus.MISSING_IN),
        ("12:29", Direction.UNKNOWN, DayStatus.MISSING_OUT),  # without one, the nearer end
        ("12:31", Direction.UNKNOWN, DayStatus.MISSING_IN),
        ("12:31", Direction.BREAK_IN, DayStatus.MISSING_IN),  # break keys say nothing here
    ],
)
def test_a_lone_press_leaves_the_other_side_missing(time, key, status):
    result = compute_day(DAY, MONDAY, punches(time, keys=[key]), RULES)
    assert (result.status, result.to_clarify) == (status, True)


def test_a_workday_without_punches_is_no_record_and_never_absence():
    result = compute_day(DAY, MONDAY, [], RULES)
    assert (result.status, result.to_clarify) == (DayStatus.NO_RECORD, True)


def test_a_free_day_without_punches_needs_nothing():
    result = compute_day(DAY, SUNDAY, [], RULES)
    assert (result.status, result.to_clarify) == (DayStatus.OFF, False)


def test_all_work_on_a_rest_day_is_overtime_less_the_break():
    result = compute_day(DAY, SUNDAY, punches("07:30", "17:20", day=18), RULES)
    assert (result.regular_min, result.overtime_min) == (0, 480)
    assert (result.late_min, result.early_leave_min) == (0, 0)


def test_a_missing_side_on_a_rest_day_is_not_paid_and_not_hidden():
    result = compute_day(DAY, SUNDAY, punches("08:00", day=18), RULES)
    assert (result.status, result.overtime_min, result.to_clarify) == (
        DayStatus.MISSING_OUT, 0, True,
    )  # fmt: skip


def test_distrusted_punches_are_listed_with_their_reason_and_bound_nothing():
    sound = punches("08:00", "17:00")
    odd = [
        PunchFact("r", sound[1].at + 3600, distrust="repeat"),
        PunchFact("c", sound[0].at - 600, distrust="clock_suspect"),
    ]
    result = compute_day(DAY, MONDAY, sound + odd, RULES)
    assert result.used == ("p0", "p1")
    assert reasons(result) == {"r": "repeat", "c": "clock_suspect"}


def test_leaving_key_first_and_arriving_key_last_must_be_looked_at():
    keys = [Direction.OUT, Direction.IN]
    result = compute_day(DAY, MONDAY, punches("07:59", "17:01", keys=keys), RULES)
    assert (result.status, result.keys_contradict, result.to_clarify) == (
        DayStatus.PRESENT, True, True,
    )  # fmt: skip


def test_coming_after_the_shift_end_pays_only_the_time_that_was_there():
    result = compute_day(DAY, MONDAY, punches("18:00", "20:00"), RULES)
    assert (result.regular_min, result.overtime_min, result.late_min) == (0, 120, 540)


facts = st.lists(
    st.builds(
        PunchFact,
        st.uuids().map(lambda one: one.hex),
        st.integers(-30 * 3600, 54 * 3600).map(lambda s: MONDAY.on.toordinal() * 86400 + s),
        st.sampled_from(list(Direction)),
        st.sampled_from([None, None, None, "repeat", "clock_suspect"]),
    ),
    max_size=12,
)


@given(facts, st.sampled_from([DAY, NIGHT]), st.sampled_from(list(DayKind)), st.randoms())
def test_order_does_not_matter(found, shift, kind, random):
    day = CalendarDay(MONDAY.on, kind)
    shuffled = list(found)
    random.shuffle(shuffled)
    assert compute_day(shift, day, found, RULES) == compute_day(shift, day, shuffled, RULES)


@given(facts, st.sampled_from([DAY, NIGHT]))
def test_every_punch_is_used_or_ignored_exactly_once(found, shift):
    result = compute_day(shift, MONDAY, found, RULES)
    seen = [*result.used, *(ignored.event_id for ignored in result.ignored)]
    assert sorted(seen) == sorted(punch.event_id for punch in found)


@given(facts.filter(bool), st.sampled_from([DAY, NIGHT]), st.data())
def test_a_doubled_punch_changes_no_minute(found, shift, data):
    """Once as the very same event, once as a second event of the same second."""
    before = compute_day(shift, MONDAY, found, RULES)
    again = data.draw(st.sampled_from(found))
    assert compute_day(shift, MONDAY, [*found, again], RULES) == before
    twin = again._replace(event_id="twin")
    after = compute_day(shift, MONDAY, [*found, twin], RULES)
    for name in ("status", "arrived", "left", "regular_min", "overtime_min", "late_min"):
        assert getattr(after, name) == getattr(before, name)


@given(facts, st.sampled_from([DAY, NIGHT]), st.sampled_from(list(DayKind)))
def test_minutes_are_bounded_by_the_presence(found, shift, kind):
    result = compute_day(shift, CalendarDay(MONDAY.on, kind), found, RULES)
    assert min(result.regular_min, result.overtime_min, result.late_min) >= 0
    assert result.overtime_min % RULES.overtime_step_min == 0
    if result.status is DayStatus.PRESENT:
        assert result.regular_min + result.overtime_min <= (result.left - result.arrived) // 60 + 1
    else:
        assert result.regular_min == result.overtime_min == 0


@pytest.mark.parametrize(
    ("time", "inside"), [("05:59:59", False), ("06:00", True), ("20:59:59", True), ("21:00", False)]
)
def test_the_window_is_half_open(time, inside):
    result = compute_day(DAY, MONDAY, punches(time), RULES)
    assert (result.used == ("p0",)) is inside
    assert reasons(result) == ({} if inside else {"p0": "outside_window"})


@pytest.mark.parametrize(
    ("last", "status"), [("08:29:59", DayStatus.MISSING_OUT), ("08:30", DayStatus.PRESENT)]
)
def test_half_an_hour_apart_is_no_longer_one_visit(last, status):
    assert compute_day(DAY, MONDAY, punches("08:00", last), RULES).status is status
