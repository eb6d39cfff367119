"""What an opening balance says of a person: the tax year so far, time off, leave, an open period."""

from datetime import date
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

from hr_core.attendance.calendar import DayKind
from hr_core.clock import Month


class OpeningKind(StrEnum):
    TAX_YEAR = "tax_year"
    TIME_OFF = "time_off"
    LEAVE = "leave"
    PERIOD = "period"


class TaxOpening(Struct, frozen=True, kw_only=True):
    """Fen of the months before `first_month`, the first one that is paid here. `months`: how many of
    them count in the basic deduction; `bonus_apart_taken`: an annual bonus was taxed apart in them.
    """

    year: int
    first_month: str
    months: int
    income: int
    contributions: int
    special: int
    withheld: int
    bonus_apart_taken: bool = False


class TimeOffOpening(Struct, frozen=True, kw_only=True):
    """Minutes left of the overtime of a day, and the last day on which they can be taken."""

    day: date
    day_kind: DayKind
    minutes: int
    last_day: date | None = None


class LeaveOpening(Struct, frozen=True, kw_only=True):
    """Half days left of a kind of leave of a year."""

    leave: str
    year: int
    half_days: int


class PeriodOpening(Struct, frozen=True, kw_only=True):
    """A comprehensive period that began before the switch: minutes worked in it, those on statutory
    holidays among them.
    """

    permit: str
    since: date
    until: date
    worked_min: int
    holiday_min: int


Balance = TaxOpening | TimeOffOpening | LeaveOpening | PeriodOpening

_SHAPES: dict[OpeningKind, type[Balance]] = {
    OpeningKind.TAX_YEAR: TaxOpening,
    OpeningKind.TIME_OFF: TimeOffOpening,
    OpeningKind.LEAVE: LeaveOpening,
    OpeningKind.PERIOD: PeriodOpening,
}


class OpeningRow(Struct, frozen=True, kw_only=True):
    """`source`: where the figures are from, down to the row of the file."""

    person: str
    balance: Balance
    source: str

    @property
    def kind(self) -> OpeningKind:
        return next(kind for kind, shape in _SHAPES.items() if isinstance(self.balance, shape))

    @property
    def key(self) -> str:
        """What there is one of for each person and kind."""
        match self.balance:
            case TaxOpening(year=year):
                return str(year)
            case TimeOffOpening(day=day, day_kind=kind):
                return f"{day}/{kind}"
            case LeaveOpening(leave=leave, year=year):
                return f"{leave}/{year}"
            case PeriodOpening(permit=permit, since=since):
                return f"{permit}/{since}"


class OpeningFile(Struct, frozen=True, kw_only=True):
    """`first_month`: the first one that is paid here; each row is about the time before it."""

    file: str
    source: str
    first_month: str
    rows: tuple[OpeningRow, ...]

    @property
    def month(self) -> Month:
        return Month.parse(self.first_month)


def balance_of(kind: OpeningKind, content: Any) -> Balance:
    return msgspec.convert(content, _SHAPES[kind])
