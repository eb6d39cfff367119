"""The working calendar, and dealing a month's punches out to shift days."""

import json
from collections import Counter
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hr_core.attendance.calendar import DayKind, load_calendar
from hr_core.attendance.day import DayStatus, PunchFact, load_rules
from hr_core.attendance.month import compute_month
from hr_core.clock import Month, wall_seconds
from hr_core.errors import NoLawError
from hr_core.people.model import Shift
from protocols.records import Direction

RULES = load_rules()
CALENDAR = load_calendar()
LATER = wall_seconds(datetime(2030, 1, 1))
PLANT_DAY = Shift(
    code="D", name="Day", start_min=360, end_min=1080, break_min=60, break_start_min=690,
    early_in_min=120, late_out_min=240,
)  # fmt: skip
PLANT_NIGHT = Shift(
    code="N", name="Night", start_min=1080, end_min=1800, break_min=60, break_start_min=1410,
    early_in_min=120, late_out_min=240,
)  # fmt: skip
KEYS = {
    0: Direction.IN, 1: Direction.OUT, 2: Direction.BREAK_OUT, 3: Direction.BREAK_IN,
    4: Direction.OVERTIME_IN, 5: Direction.OVERTIME_OUT,
}  # fmt: skip


# The weekdays off of a year, less its worked weekends, are the statutory days that it was due. What
# differs has a reason: 2011-12-31 was worked for 2012-01-03; 2015-09-03 was a one-off; in 2020 the
# spring holiday was prolonged by a weekday, and its worked weekend day fell away.
NET_DAYS_OFF = {2011: 10, 2012: 12, 2015: 12, 2020: 13, 2025: 13, 2026: 13}


@pytest.mark.parametrize(
    ("on", "kind"),
    [
        (date(2008, 1, 1), DayKind.STATUTORY_HOLIDAY),
        (date(2008, 2, 6), DayKind.STATUTORY_HOLIDAY),  # New Year's eve counted until 2013
        (date(2009, 10, 3), DayKind.STATUTORY_HOLIDAY),  # National Day and Mid-Autumn in one
        (date(2012, 6, 22), DayKind.REST_DAY),  # a Friday off in place of ...
        (date(2012, 6, 23), DayKind.STATUTORY_HOLIDAY),  # ... Dragon Boat, a Saturday
        (date(2013, 2, 9), DayKind.STATUTORY_HOLIDAY),
        (date(2014, 1, 30), DayKind.WORKDAY),  # New Year's eve 2014 was not even a day off
        (date(2014, 2, 2), DayKind.STATUTORY_HOLIDAY),  # the third day, from 2014
        (date(2015, 9, 3), DayKind.REST_DAY),  # off once, by no order that grants 300 %
        (date(2019, 5, 1), DayKind.STATUTORY_HOLIDAY),
        (date(2019, 5, 2), DayKind.REST_DAY),
        (date(2019, 5, 5), DayKind.WORKDAY),  # a Sunday
        (date(2020, 1, 24), DayKind.REST_DAY),  # New Year's eve between 2014 and 2024
        (date(2020, 1, 31), DayKind.REST_DAY),  # the prolonged spring holiday
        (date(2020, 6, 25), DayKind.STATUTORY_HOLIDAY),
        (date(2020, 10, 1), DayKind.STATUTORY_HOLIDAY),  # National Day and Mid-Autumn in one
        (date(2020, 10, 4), DayKind.STATUTORY_HOLIDAY),  # hence this, by a ministry's letter
        (date(2020, 10, 5), DayKind.REST_DAY),
        (date(2021, 2, 20), DayKind.WORKDAY),  # a Saturday worked in exchange
        (date(2024, 2, 9), DayKind.WORKDAY),
        (date(2024, 2, 10), DayKind.STATUTORY_HOLIDAY),
        (date(2024, 5, 2), DayKind.REST_DAY),
        (date(2025, 1, 28), DayKind.STATUTORY_HOLIDAY),  # New Year's eve again, from 2025
        (date(2025, 5, 2), DayKind.STATUTORY_HOLIDAY),
        (date(2025, 10, 6), DayKind.STATUTORY_HOLIDAY),  # Mid-Autumn 2025
        (date(2026, 10, 1), DayKind.STATUTORY_HOLIDAY),
        (date(2026, 10, 3), DayKind.STATUTORY_HOLIDAY),  # a Saturday, still 300 %
        (date(2026, 10, 5), DayKind.REST_DAY),  # a Monday off in exchange
        (date(2026, 10, 10), DayKind.WORKDAY),  # a Saturday worked in exchange
        (date(2026, 10, 11), DayKind.REST_DAY),
        (date(2026, 10, 12), DayKind.WORKDAY),
    ],
)
def test_kinds_of_days(on, kind):
    assert CALENDAR.day(on).kind is kind


@pytest.mark.parametrize("on", [date(2007, 12, 31), date(2027, 1, 1), date(1999, 10, 1)])
def test_a_year_without_sourced_rows_is_refused(on):
    with pytest.raises(NoLawError) as refused:
        CALENDAR.day(on)
    assert refused.value.on == on


def test_each_year_is_there_once_and_in_order():
    assert [year.year for year in CALENDAR.year] == list(range(2008, 2027))


@pytest.mark.parametrize("year", CALENDAR.year, ids=lambda year: str(year.year))
def test_each_year_is_whole_and_sourced(year):
    granted = 13 if year.year >= 2025 else 11
    assert len(year.statutory) == (10 if year.year == 2009 else granted)
    assert year.source.startswith(f"State Council notice of days off {year.year}, https://")
    assert year.statutory_source.startswith(f"{granted} days: State Council order ")
    assert not year.statutory & year.free
    assert not (year.statutory | year.free) & year.worked
    assert all(on.weekday() < 5 for on in year.free)
    assert all(on.weekday() >= 5 for on in year.worked)
    assert {on.year for on in year.statutory | year.free | year.worked} == {year.year}


@pytest.mark.parametrize("year", CALENDAR.year, ids=lambda year: str(year.year))
def test_the_exchanged_days_balance(year):
    """A day off in exchange must have its worked weekend, or its statutory day on a weekend."""
    weekdays_off = [on for on in year.statutory | year.free if on.weekday() < 5]
    assert len(weekdays_off) - len(year.worked) == NET_DAYS_OFF.get(year.year, 11)


def test_only_the_year_with_an_open_question_is_unverified():
    """In 2009 Mid-Autumn fell on National Day; for 2020 there is a ruling, for 2009 there is not."""
    assert [year.year for year in CALENDAR.year if year.status != "secondary"] == [2009]


def test_the_calendar_says_what_the_published_lists_say(shared_data):
    """Day by day, also the days that the list does not name: those are by weekday."""
    published = json.loads((shared_data / "hr" / "cn_holidays_2019_2026.json").read_text())
    listed = {
        date.fromisoformat(row["date"]): row["off"]
        for year in published["years"].values()
        for row in year["days"]
    }
    first = date(2019, 1, 1)
    for on in (first + timedelta(days=n) for n in range((date(2027, 1, 1) - first).days)):
        is_off = listed.get(on, on.weekday() >= 5)
        assert (CALENDAR.day(on).kind is not DayKind.WORKDAY) == is_off, on
    assert CALENDAR.day(date(2018, 12, 29)).kind is DayKind.WORKDAY  # named by the notice of 2019


def test_the_statutory_days_are_those_worked_out_for_2025_and_2026(shared_data):
    statutory = json.loads((shared_data / "hr" / "cn_statutory_days.json").read_text())
    for year in (CALENDAR.of_year(date(2025, 1, 1)), CALENDAR.of_year(date(2026, 1, 1))):
        listed = {date.fromisoformat(on) for on in statutory["dates_by_year"][str(year.year)]}
        assert listed == year.statutory


def october(punches, shift=PLANT_DAY, now=LATER):
    days = [CALENDAR.day(on) for on in Month(2026, 10).days()]
    return compute_month(shift, days, punches, RULES, now)


def at(text):
    return wall_seconds(datetime.fromisoformat(text))


def test_the_last_night_reaches_into_the_next_month_and_counts_once():
    punches = [PunchFact("in", at("2026-10-31T17:55")), PunchFact("out", at("2026-11-01T06:03"))]
    last = october(punches, PLANT_NIGHT).days[-1]
    assert (last.day, last.status) == (date(2026, 10, 31), DayStatus.PRESENT)
    november = [CALENDAR.day(on) for on in Month(2026, 11).days()]
    following = compute_month(PLANT_NIGHT, november, punches, RULES, LATER)
    assert not any(day.used or day.ignored for day in following.days)


def test_a_punch_outside_every_window_is_kept_visible():
    """The day shift's windows are 04:00-22:00: nothing of the plan explains 02:00."""
    result = october([PunchFact("odd", at("2026-10-13T02:00"))])
    assert result.unassigned == ("odd",)
    assert result.days[11].ignored == (("odd", "outside_window"),)
    assert result.days[11].status is DayStatus.NO_RECORD


def test_a_day_whose_window_is_still_open_is_not_yet_incomplete():
    now = at("2026-10-13T09:00")
    days = october([PunchFact("in", at("2026-10-13T05:58"))], now=now).days
    assert [day.status for day in days[11:14]] == [
        DayStatus.NO_RECORD, DayStatus.NOT_OVER, DayStatus.NOT_OVER,
    ]  # fmt: skip
    assert [day.to_clarify for day in days[11:14]] == [True, False, False]


moments = st.integers(at("2026-10-02T00:00"), at("2026-10-30T00:00"))


@given(st.lists(moments, max_size=30), st.sampled_from([PLANT_DAY, PLANT_NIGHT]))
def test_no_punch_is_lost_or_doubled_in_a_month(times, shift):
    punches = [PunchFact(f"p{index}", moment) for index, moment in enumerate(times)]
    seen = Counter()
    for day in october(punches, shift).days:
        seen.update([*day.used, *(ignored.event_id for ignored in day.ignored)])
    assert seen == Counter(punch.event_id for punch in punches)


def plant_punches(shared_data):
    """{id: punches} of the real export; event ids are line numbers."""
    found = {}
    export = shared_data / "hr" / "punches" / "zk_attlog_two_shift_plant.dat"
    for number, row in enumerate(export.read_text().splitlines()):
        user, time, _verify, state, *_ = row.strip().split("\t")
        moment = wall_seconds(datetime.fromisoformat(time))
        found.setdefault(user, []).append(PunchFact(str(number), moment, KEYS[int(state)]))
    return found


def test_a_real_two_shift_plant_loses_no_punch_and_no_night(shared_data):
    """4,942 rows of a real terminal, four months, each person under both shifts."""
    people = plant_punches(shared_data)
    first = date(2025, 7, 15)
    days = [CALENDAR.day(first + timedelta(days=n)) for n in range(140)]
    for shift in (PLANT_DAY, PLANT_NIGHT):
        seen = Counter()
        for punches in people.values():
            result = compute_month(shift, days, punches, RULES, LATER)
            for day in result.days:
                seen.update([*day.used, *(ignored.event_id for ignored in day.ignored)])
        assert len(seen) == sum(seen.values()) == 4942


def test_double_presses_with_wrong_keys_are_one_arrival_in_the_real_plant(shared_data):
    """Person 1009 on 2025-07-17: in 09:56:31, out 09:56:42, out 18:01."""
    days = [CALENDAR.day(date(2025, 7, 17))]
    punches = plant_punches(shared_data)["1009"]
    (day,) = compute_month(PLANT_DAY, days, punches, RULES, LATER).days
    assert day.status is DayStatus.PRESENT
    assert day.arrived == at("2025-07-17T09:56:31")
    assert "debounced" in {ignored.reason for ignored in day.ignored}


def test_a_day_is_over_the_moment_its_window_closes():
    before, at_close = at("2026-10-13T21:59:59"), at("2026-10-13T22:00")
    assert october([], now=before).days[12].status is DayStatus.NOT_OVER
    assert october([], now=at_close).days[12].status is DayStatus.NO_RECORD
