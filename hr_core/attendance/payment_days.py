"""How many days of a month are paid: working days less absence and unpaid leave.

Days are counted in ten thousandths, so that halves and odd fractions of a day add up exactly.
"""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from itertools import accumulate

from msgspec import Struct

from hr_core.clock import Month

DAY = 10_000


class DayMark(StrEnum):
    PRESENT = "present"
    ABSENT = "absent"
    HALF_DAY = "half_day"
    LEAVE = "leave"


class MarkedAttendance(Struct, frozen=True, kw_only=True):
    """`unpaid`: the part of the day that its leave does not pay, in ten thousandths."""

    status: DayMark
    unpaid: int = 0


def shares(amount: int, days: Sequence[int]) -> list[int]:
    """An amount dealt out by days, in whole units, so that the shares are the amount: each ends
    where its days' part of the whole ends, rounded half up.
    """
    whole = sum(days)
    if whole <= 0 or min(days) < 0:
        raise ValueError("no days to deal out by")
    ends = [(2 * amount * past + whole) // (2 * whole) for past in accumulate(days)]
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]


class PaymentRules(Struct, frozen=True, kw_only=True):
    """`include_holidays`: they are working days too. `unmarked_absent`: a working day without a
    record is absence. `marked_on_holiday`: a record on a holiday counts.
    """

    include_holidays: bool
    unmarked_absent: bool = False
    marked_on_holiday: bool = False
    half_day_paid: int = DAY // 2


class PaymentDays(Struct, frozen=True):
    """All in ten thousandths of a day."""

    working: int
    absent: int
    unpaid_leave: int
    paid: int


def payment_days(
    month: Month,
    holidays: frozenset[date],
    records: dict[date, MarkedAttendance],
    employed: tuple[date | None, date | None],
    rules: PaymentRules,
) -> PaymentDays:
    """Two records of one day never take more than that day; nothing goes below zero."""
    joined, left = employed
    working = due = absent = unpaid = 0
    for day in month.days():
        if day in holidays and not rules.include_holidays:
            continue
        working += DAY
        if (joined and day < joined) or (left and day > left):
            continue
        due += DAY
        record = records.get(day)
        if day in holidays and not rules.marked_on_holiday:
            record = record if record and record.status is DayMark.LEAVE else None
        if record is None:
            absent += DAY if rules.unmarked_absent and day not in holidays else 0
        elif record.status is DayMark.ABSENT:
            absent += DAY
        elif record.status is DayMark.HALF_DAY:
            unpaid += DAY - rules.half_day_paid
        elif record.status is DayMark.LEAVE:
            unpaid += record.unpaid
    return PaymentDays(working, absent, unpaid, max(0, due - absent - unpaid))
