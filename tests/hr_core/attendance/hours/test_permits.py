"""Who works by which system of hours on a day, and why."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hr_core.attendance.hours.law import PeriodLength, System
from hr_core.attendance.hours.permits import (
    Permit,
    PostSpan,
    conflicts,
    system_on,
    system_spans,
)
from hr_core.attendance.hours.windows import DateSpan, period_around, periods_in

GUARDS = Permit(
    number="沪人社综〔2025〕12号", system=System.COMPREHENSIVE, posts=("guard", "driver"),
    period=PeriodLength.QUARTER, valid_from=date(2025, 7, 1), valid_until=date(2026, 7, 1),
)  # fmt: skip
SALES = Permit(
    number="B-2", system=System.IRREGULAR, posts=("sales",),
    valid_from=date(2026, 1, 1), valid_until=date(2027, 1, 1),
)  # fmt: skip
PERMITS = (GUARDS, SALES)
YEAR = DateSpan(date(2026, 1, 1), date(2027, 1, 1))


@pytest.mark.parametrize(
    ("posts", "on", "system", "reason"),
    [
        (["guard"], date(2026, 6, 30), System.COMPREHENSIVE,
         "comprehensive hours by the quarter: permit 沪人社综〔2025〕12号 until 2026-06-30"),
        (["guard"], date(2026, 7, 1), System.STANDARD,
         "standard hours since 2026-07-01: permit 沪人社综〔2025〕12号 lapsed on 2026-06-30"),
        (["guard"], date(2025, 6, 30), System.STANDARD,
         "standard hours until 2025-07-01: permit 沪人社综〔2025〕12号 is not valid yet"),
        (["sales"], date(2026, 3, 1), System.IRREGULAR,
         "irregular hours: permit B-2 until 2026-12-31"),
        (["cook"], date(2026, 3, 1), System.STANDARD, "standard hours: no permit names post cook"),
        ([], date(2026, 3, 1), System.STANDARD, "standard hours: no post is known"),
        (["guard", "cook"], date(2026, 3, 1), System.STANDARD,
         "standard hours: no permit names post cook"),
        (["guard", "driver"], date(2026, 3, 1), System.COMPREHENSIVE,
         "comprehensive hours by the quarter: permit 沪人社综〔2025〕12号 until 2026-06-30"),
        (["guard", "sales"], date(2026, 3, 1), System.STANDARD,
         "standard hours: posts under permits B-2, 沪人社综〔2025〕12号"),
    ],
)  # fmt: skip
def test_the_system_and_its_reason(posts, on, system, reason):
    assert system_on(PERMITS, posts, on) == (system, reason)


def test_a_year_is_cut_where_a_permit_lapses_and_a_post_begins():
    posts = [PostSpan(post="cook", until=date(2026, 3, 1)), PostSpan(post="guard", since=date(2026, 3, 1))]  # fmt: skip

    spans = system_spans(PERMITS, posts, YEAR)

    assert [(str(span.days.first), str(span.days.until), span.system) for span in spans] == [
        ("2026-01-01", "2026-03-01", "standard"),
        ("2026-03-01", "2026-07-01", "comprehensive"),
        ("2026-07-01", "2027-01-01", "standard"),
    ]
    assert "lapsed on 2026-06-30" in spans[2].reason


def test_a_renewed_permit_leaves_no_gap():
    renewed = replace(GUARDS, number="N", valid_from=date(2026, 7, 1), valid_until=date(2027, 7, 1))

    spans = system_spans((*PERMITS, renewed), [PostSpan(post="guard")], YEAR)

    assert [span.permit.number for span in spans] == [GUARDS.number, "N"]
    assert list(conflicts((*PERMITS, renewed))) == []
    early = replace(renewed, valid_from=date(2026, 6, 30))
    assert list(conflicts((*PERMITS, early))) == [(GUARDS, early, "driver")]


days = st.dates(date(2025, 1, 1), date(2027, 12, 31))


@given(days, days, days, days)
def test_spans_cover_all_days_once_and_agree_with_each_day(since, until, first, last):
    posts = [PostSpan(post="guard", since=min(since, until), until=max(since, until))]
    asked = DateSpan(min(first, last), max(first, last).replace(year=2028))

    spans = system_spans(PERMITS, posts, asked)

    assert [day for span in spans for day in span.days.days()] == list(asked.days())
    for span in spans:
        held = [row.post for row in posts if row.holds(span.days.first)]
        assert system_on(PERMITS, held, span.days.first) == (span.system, span.reason)


@given(st.sampled_from(PeriodLength), days, st.none() | days)
def test_periods_follow_each_other_without_a_gap(length, on, anchor):
    span = period_around(length, on, anchor)

    assert span.covers(on)
    assert all(period_around(length, day, anchor) == span for day in span.days())
    following = period_around(length, span.until, anchor)
    assert following.first == span.until
    assert list(periods_in(length, DateSpan(on, following.until), anchor)) == [span, following]


def test_a_permits_year_may_begin_in_july():
    assert period_around(PeriodLength.YEAR, date(2026, 3, 1), date(2025, 7, 1)) == (
        date(2025, 7, 1), date(2026, 7, 1),
    )  # fmt: skip
    assert period_around(PeriodLength.QUARTER, date(2026, 3, 1)).first == date(2026, 1, 1)
    assert period_around(PeriodLength.WEEK, date(2026, 3, 1)).first == date(2026, 2, 23)
