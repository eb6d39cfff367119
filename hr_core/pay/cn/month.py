"""What goes into a person's month of pay by Chinese law, and what comes out of it."""

from collections.abc import Mapping
from datetime import date
from fractions import Fraction

from msgspec import Struct

from hr_core.attendance.calendar import DayKind
from hr_core.clock import Month
from hr_core.law.book import LawBook
from hr_core.law.national import NationalLaw
from hr_core.law.rows import Item
from hr_core.pay.cn.contributions import Rates, Shares
from hr_core.pay.cn.income_tax import TaxYear
from hr_core.pay.cn.lines import Line
from hr_core.pay.cn.month_wage import Employment, PaidDays
from hr_core.pay.cn.overtime import OvertimeWork
from hr_core.pay.cn.severance import Exit
from hr_core.pay.cn.special_deductions import Household


class Person(Struct, frozen=True, kw_only=True):
    """What holds for all months of a year. Bases are fen; None = none was entered."""

    city: str
    work: Employment
    district: str = ""
    insurance_base: int | None = None
    fund_base: int | None = None
    foreign: bool = False
    tax_resident: bool = True
    foreign_fund_agreed: bool = False
    draws_pension: bool = False
    fund_starts_second_month: bool = False
    special: Mapping[str, int] = {}
    household: Household = Household()
    untaxed: Mapping[str, int] = {}
    heat_allowance: int = 0
    carried_service_months: int = 0
    deduct_60000_at_once: bool = False
    first_wage_income_this_year: bool = False

    @property
    def insured(self) -> bool:
        """Who draws a pension already is not insured again."""
        return not self.draws_pension

    def in_fund(self, month: Month) -> bool:
        """Foreigners join by agreement; a first job may start the fund in its second month."""
        if self.draws_pension or (self.foreign and not self.foreign_fund_agreed):
            return False
        return not self.fund_starts_second_month or self.work.hired < month.first


class EmployerRates(Struct, frozen=True, kw_only=True):
    """Rates of the employer's own, as fractions; None takes the law's."""

    injury: Fraction | None = None
    unemployment_employer: Fraction | None = None
    unemployment_employee: Fraction | None = None
    fund: Fraction | None = None
    fund_supplement: Fraction = Fraction(0)

    def of(self, item: Item) -> Rates:
        match item:
            case Item.INJURY:
                return Rates(employer=self.injury)
            case Item.UNEMPLOYMENT:
                return Rates(self.unemployment_employer, self.unemployment_employee)
            case Item.HOUSING_FUND:
                return Rates(self.fund, self.fund)
            case Item.HOUSING_FUND_SUPPLEMENT:
                return Rates(self.fund_supplement, self.fund_supplement)
            case _:
                return Rates()


class MonthFacts(Struct, frozen=True, kw_only=True):
    """What happened in the month. `damages`: taxed sums that the employer owes by law, by name."""

    month: Month
    days: PaidDays
    rates: EmployerRates
    unpaid_leave: tuple[date, ...] = ()
    overtime: tuple[OvertimeWork, ...] = ()
    bonus: int = 0
    bonus_apart: int = 0
    bonus_apart_taken: bool = False
    unused_leave_days: Fraction = Fraction(0)
    allowance_by_fund: int = 0
    fund_pays_days: int | None = None
    damages: Mapping[str, int] = {}
    exit: Exit | None = None


class MonthPay(Struct, frozen=True, kw_only=True):
    """Fen. `lines` make the gross; `shares`, `income_tax` … come off it."""

    month: Month
    lines: tuple[Line, ...]
    overtime: Mapping[DayKind, Line]
    shares: tuple[Shares, ...]
    income_tax: Line
    bonus_tax: Line | None
    severance_tax: Line | None
    year: TaxYear
    warnings: tuple[str, ...] = ()

    @property
    def gross(self) -> int:
        return sum(one.fen for one in self.lines)

    @property
    def own_shares(self) -> int:
        return sum(one.employee.fen for one in self.shares)

    @property
    def employer_cost(self) -> int:
        return sum(one.employer.fen for one in self.shares)

    @property
    def taxes(self) -> int:
        found = (self.income_tax, self.bonus_tax, self.severance_tax)
        return sum(one.fen for one in found if one is not None)

    @property
    def net(self) -> int:
        return self.gross - self.own_shares - self.taxes

    def of(self, kind: str) -> int:
        return sum(one.fen for one in self.lines if one.kind == kind)


class Law(Struct, frozen=True):
    local: LawBook
    national: NationalLaw
