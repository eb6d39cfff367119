"""Cases of a month's pay by Chinese law: wage, insurance, fund, tax, severance, or a refusal."""

from datetime import date

from hr_core.attendance.calendar import DayKind, load_calendar
from hr_core.cases.case_input import Fields, Json, UnsupportedError
from hr_core.cases.money_input import as_asked, yuan
from hr_core.cases.month_pay_input import LONG_EMPLOYED, PayCase, read_case
from hr_core.clock import Month
from hr_core.errors import CoreError
from hr_core.law.loading import built_in_law
from hr_core.law.national import national_law
from hr_core.law.rows import FUNDS, INSURANCES
from hr_core.pay.cn.income_tax import TaxYear
from hr_core.pay.cn.lines import PayRefusedError
from hr_core.pay.cn.month import Law, MonthFacts, MonthPay
from hr_core.pay.cn.month_pay import pay_month
from hr_core.pay.cn.month_wage import PaidDays, paid_days, paid_days_with
from hr_core.pay.cn.overtime import OvertimeWork

_FUND = "housing_fund"


def _month_pay(given: Fields, expect: Json) -> Json:
    case = read_case(given)
    try:
        runs = _run(case, _asked_months(expect))
    except CoreError as refused:
        return {"refused": f"{refused}; {refused.remedy}"}
    except OverflowError as error:
        raise UnsupportedError(f"amounts out of all measure: {error}") from None
    return as_asked(_answer(case.period, runs), expect)


def _asked_months(expect: Json) -> set[str]:
    by_month = expect.get("iit_by_month") if isinstance(expect, dict) else None
    return set(by_month) if isinstance(by_month, dict) else set()


def _run(case: PayCase, asked: set[str]) -> dict[Month, MonthPay]:
    """The period after the earlier months of its tax year. Months of the year before matter to no
    later one: they are run only where their tax is asked for.
    """
    law = Law(built_in_law(), national_law())
    year, runs = TaxYear(), dict[Month, MonthPay]()
    before = (month for month in case.earlier if month < case.period)
    wanted = (one for one in before if one.year == case.period.year or str(one) in asked)
    for month in (*wanted, case.period):
        if runs and next(reversed(runs)).year != month.year:
            year = TaxYear()
        runs[month] = pay_month(case.person, _facts(case, month), year, law)
        year = runs[month].year
    return runs


def _facts(case: PayCase, month: Month) -> MonthFacts:
    asked = month == case.period
    days = _days(case, month)
    apart = [fen for of, fen in case.bonuses_apart if of == month]
    taken = [of for of, _ in case.bonuses_apart if of.year == month.year and of < month]
    leave = {on for on in days.all for one in case.leave if one.first <= on <= one.last}
    if asked and case.exit is not None and case.person.work.hired == LONG_EMPLOYED:
        raise PayRefusedError(
            "severance goes by years of service, and the contract has no first day",
            remedy="HR enters the first day of the contract",
        )
    return MonthFacts(
        month=month,
        days=days,
        rates=case.rates_of_period if asked else case.rates,
        unpaid_leave=case.unpaid,
        overtime=_overtime(case, month),
        bonus=case.bonus if asked else 0,
        bonus_apart=sum(apart),
        bonus_apart_taken=bool(taken) or len(apart) > 1,
        unused_leave_days=case.unused_leave_days if asked else case.unused_leave_days * 0,
        allowance_by_fund=case.allowance_by_fund if asked else 0,
        fund_pays_days=len(leave) if case.leave else None,
        damages=case.damages if asked else {},
        exit=case.exit if asked else None,
    )


def _days(case: PayCase, month: Month) -> PaidDays:
    if case.holidays is not None:
        return paid_days_with(month, case.holidays)
    return paid_days(month, load_calendar())


def _overtime(case: PayCase, month: Month) -> tuple[OvertimeWork, ...]:
    work = case.person.work
    return tuple(
        OvertimeWork(one.on, one.kind, one.hours, work.wage_on(one.on), one.time_off_in_lieu)
        for one in case.overtime
        if _is_in(one.on, month)
    )


def _is_in(on: date, month: Month) -> bool:
    return (on.year, on.month) == month


def _answer(period: Month, runs: dict[Month, MonthPay]) -> Json:
    paid = runs[period]
    overtime = {str(kind): line.fen for kind, line in paid.overtime.items()}
    return {
        "gross": yuan(paid.gross),
        "net": yuan(paid.net),
        "employer_cost": yuan(paid.employer_cost),
        "iit": yuan(paid.income_tax.fen),
        "iit_by_month": {str(month): yuan(one.income_tax.fen) for month, one in runs.items()},
        "iit_bonus": yuan(paid.bonus_tax.fen if paid.bonus_tax else 0),
        "iit_severance": yuan(paid.severance_tax.fen if paid.severance_tax else 0),
        "lines": _shares(paid),
        "parts": {name: yuan(paid.of(name)) for name in ("wages", "leave_pay", "severance")},
        "overtime": {str(kind): yuan(overtime.get(str(kind), 0)) for kind in DayKind}
        | {"total": yuan(sum(overtime.values()))},
        "warning": "; ".join(paid.warnings),
    }


def _shares(paid: MonthPay) -> Json:
    """Both funds are one line here; who is not in an insurance has a line of zeros."""
    found = {str(item): [0, 0] for item in (*INSURANCES, _FUND)}
    for one in paid.shares:
        sides = found[_FUND if one.item in FUNDS else str(one.item)]
        sides[0] += one.employee.fen
        sides[1] += one.employer.fen
    return {
        name: {"employee": yuan(sides[0]), "employer": yuan(sides[1])}
        for name, sides in found.items()
    }


KINDS = {"cn_month_pay": _month_pay}
