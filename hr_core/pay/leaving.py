"""How somebody's employment ended, as one person entered and another approved it, and what is known
about the year before: what the last slip's unused leave and severance rest on.
"""

from datetime import date, datetime
from fractions import Fraction

from msgspec import Struct

from hr_core.clock import Month
from hr_core.pay.cn.severance import Exit


class Leaving(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """None is "nobody said so": it is read from the slips and days here, or the person is refused.

    last_day          the last day of the contract
    exit              by its code, like "with_notice"
    service_from      first day of the service that counts; `months_before` were served elsewhere and
                      count too (实施条例 art. 10)
    notice_pay        a month's wage in place of notice (n+1)
    average_wage_fen  of the last twelve months; a figure that was stated counts, whatever the slips say
    leave_half_days   annual leave of a whole year; 0 = none is due
    leave_taken_half_days   of it taken in the year of leaving
    """

    person: str
    last_day: date
    exit: str
    service_from: date
    leave_half_days: int
    leave_taken_half_days: int | None = None
    months_before: int = 0
    notice_pay: bool = False
    average_wage_fen: int | None = None
    reason: str = ""

    @property
    def month(self) -> Month:
        return Month(self.last_day.year, self.last_day.month)

    @property
    def how(self) -> Exit:
        """Raises KeyError."""
        return Exit[self.exit.upper()]


class SignedLeaving(Struct, frozen=True, kw_only=True):
    approval: int
    entered_by: str
    approved_by: str
    at: datetime
    leaving: Leaving

    @property
    def told(self) -> str:
        return f"approval {self.approval}, entered by {self.entered_by}, approved by {self.approved_by}"


class PaidMonth(Struct, frozen=True):
    """What a slip of an earlier month earned: the taxed wage and an annual bonus, in fen."""

    month: Month
    slip: str
    fen: int


class LeaveOfYear(Struct, frozen=True, kw_only=True):
    """Annual leave known here. `taken`: (day, minutes of a day of eight hours), of the year's days
    since `known_from`; `left_half_days` of the year at that day, and `earlier_half_days` of years
    before, are opening balances (None, 0: there is none).
    """

    taken: tuple[tuple[date, int], ...] = ()
    known_from: Month | None = None
    left_half_days: int | None = None
    earlier_half_days: int = 0
    origin: tuple[str, ...] = ()


class Leaver(Struct, frozen=True, kw_only=True):
    """`months`: earlier ones that were paid here, at most twelve, in order. `wage_before_fen`: agreed on
    the last day of the month before; None: nothing was.
    """

    signed: SignedLeaving
    months: tuple[PaidMonth, ...] = ()
    leave: LeaveOfYear = LeaveOfYear()
    wage_before_fen: int | None = None

    @property
    def leaving(self) -> Leaving:
        return self.signed.leaving


def days_text(days: Fraction) -> str:
    """Half days as .5."""
    return str(days) if days.denominator == 1 else f"{float(days):g}"
