from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hr_core.attendance.payment_days import (
    DAY,
    DayMark,
    MarkedAttendance,
    PaymentRules,
    payment_days,
    shares,
)
from hr_core.clock import Month

JUNE = Month(2024, 6)
SUNDAYS = frozenset(date(2024, 6, day) for day in (2, 9, 16, 23, 30))
dates = st.integers(0, 45).map(lambda n: date(2024, 5, 25) + timedelta(days=n))
marks = st.builds(
    MarkedAttendance, status=st.sampled_from(DayMark), unpaid=st.sampled_from((0, DAY // 2, DAY))
)


def paid(records, **rules):
    return payment_days(
        JUNE, SUNDAYS, records, (None, None), PaymentRules(include_holidays=False, **rules)
    )


def test_absence_and_the_unpaid_part_of_leave_are_taken_off():
    records = {
        date(2024, 6, 3): MarkedAttendance(status=DayMark.ABSENT),
        date(2024, 6, 4): MarkedAttendance(status=DayMark.HALF_DAY),
        date(2024, 6, 5): MarkedAttendance(status=DayMark.LEAVE, unpaid=DAY),
        date(2024, 6, 6): MarkedAttendance(status=DayMark.LEAVE),
        date(2024, 6, 9): MarkedAttendance(status=DayMark.ABSENT),
    }

    found = paid(records)

    assert (found.working, found.absent, found.unpaid_leave) == (25 * DAY, DAY, 15_000)
    assert found.paid == 225_000


@given(
    st.dictionaries(dates, marks),
    st.none() | dates,
    st.none() | dates,
    st.booleans(),
    st.booleans(),
)
def test_paid_days_lie_between_none_and_the_working_days(records, joined, left, holidays, unmarked):
    """frappe/hrms 3552 and 2612: two shifts of a day are one day; absence is never below zero."""
    rules = PaymentRules(include_holidays=holidays, unmarked_absent=unmarked)

    found = payment_days(JUNE, SUNDAYS, records, (joined, left), rules)

    assert 0 <= found.paid <= found.working
    assert found.absent >= 0
    assert found.unpaid_leave >= 0


@given(st.integers(-(10**9), 10**9), st.lists(st.integers(0, 31), min_size=1, max_size=6))
def test_what_is_dealt_out_by_days_is_the_amount(amount, days):
    if not any(days):
        return

    found = shares(amount, days)

    assert sum(found) == amount
    assert len(found) == len(days)
    assert all(
        abs(share * sum(days) - amount * part) <= sum(days)
        for share, part in zip(found, days, strict=True)
    )


def test_two_halves_of_a_month_of_31_days_are_its_wage():
    assert shares(620_001, [15, 16]) == [300_000, 320_001]
