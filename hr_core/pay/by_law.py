"""A person's month as hr_core.pay.cn reads it: from agreements, contracts, stored days and the scheme."""

from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction

from hr_core.attendance.day import DayResult, DayStatus
from hr_core.clock import Month
from hr_core.pay.cn.lines import PayRefusedError
from hr_core.pay.cn.month import EmployerRates, Law, MonthFacts
from hr_core.pay.cn.month import Person as CnPerson
from hr_core.pay.cn.month_wage import Employment, PaidDays
from hr_core.pay.cn.special_deductions import Household
from hr_core.pay.entry import EntryKind
from hr_core.pay.person_month import ByLaw, PersonMonth
from hr_core.pay.scheme import EmployerTerms, LeaveTerms
from hr_core.pay.wage_spans import whole_wages
from hr_core.people.model import Days
from hr_core.people.records import Employment as Contract
from hr_core.people.records import Kind

NO_FIRST_DAY = date(1949, 10, 1)  # before every contract: one whose first day nobody entered


def by_law(month: PersonMonth, law: Law, days: PaidDays) -> ByLaw:
    """Raises PayRefusedError naming what is missing and who enters it."""
    if not month.agreements:
        raise PayRefusedError(
            f"no pay agreement holds in {month.month}",
            remedy="HR enters one and another person approves it: hr-core pay agreements import FILE",
        )
    agreed = month.agreements[-1].terms
    if not agreed.city:
        raise PayRefusedError(
            f"agreement {month.agreements[-1].number} names no city",
            remedy="HR enters the city whose insurance, fund and minimum wage apply, in a new "
            "agreement: hr-core pay agreements import FILE",
        )
    hired, left = _employed(month.contracts, month.month)
    person = CnPerson(
        city=agreed.city,
        district=agreed.district,
        work=Employment(hired=hired, left=left, wages=whole_wages(month.agreements)),
        insurance_base=agreed.insurance_base_fen,
        fund_base=agreed.fund_base_fen,
        foreign=agreed.foreign,
        tax_resident=agreed.tax_resident,
        foreign_fund_agreed=agreed.foreign_fund_agreed,
        draws_pension=agreed.draws_pension,
        fund_starts_second_month=agreed.fund_starts_second_month,
        special=agreed.special_deductions,
        household=Household(
            only_child=agreed.only_child, children=agreed.children, rent_place=agreed.rent_place
        ),
        untaxed=agreed.untaxed,
        heat_allowance=agreed.heat_allowance_fen,
        deduct_60000_at_once=agreed.deduct_60000_at_once,
        first_wage_income_this_year=agreed.first_wage_income_this_year,
    )
    facts = MonthFacts(
        month=month.month,
        days=days,
        rates=_rates(month.terms.scheme.employer_in(agreed.city)),
        unpaid_leave=tuple(one.day for one in month.days if _unpaid_all_day(one, _leave(month))),
        bonus_apart=sum(one.amount_fen for one in month.entries_of(EntryKind.ANNUAL_BONUS)),
        bonus_apart_taken=month.bonus_taken_apart,
    )
    return ByLaw(law=law, person=person, facts=facts)


def unpaid_minutes(month: PersonMonth) -> tuple[tuple[DayResult, int], ...]:
    """Days of which a part is unpaid leave, with its minutes."""
    terms = _leave(month)
    found = []
    for day in month.days:
        if not _unpaid_all_day(day, terms):
            minutes = sum(one.minutes for one in day.leave if one.kind in terms.unpaid)
            if minutes:
                found.append((day, minutes))
    return tuple(found)


def _leave(month: PersonMonth) -> LeaveTerms:
    return month.terms.scheme.leave or LeaveTerms(source="", unpaid=())


def _unpaid_all_day(day: DayResult, terms: LeaveTerms) -> bool:
    return (
        day.status is DayStatus.ON_LEAVE
        and bool(day.leave)
        and all(one.kind in terms.unpaid for one in day.leave)
    )


def _employed(contracts: Sequence[Contract], month: Month) -> tuple[date, date | None]:
    """First and last day of the own contracts that touch the month. Raises PayRefusedError."""
    span = Days(month.first, month.after)
    own = sorted(
        (one.days for one in contracts if one.kind is Kind.EMPLOYEE and one.days.overlaps(span)),
        key=lambda held: held.first or date.min,
    )
    if not own:
        raise PayRefusedError(
            f"no own contract holds in {month}",
            remedy="HR enters the contract: hr-core people rehire",
        )
    until = own[0].until
    for held in own[1:]:
        if until is not None and held.first is not None and held.first > until:
            raise PayRefusedError(
                f"two contracts in {month} with days between them, from {until} to {held.first}",
                remedy="HR pays the first contract's days as a leaver in a month of its own, or "
                "closes the gap in the contracts",
            )
        until = None if until is None or held.until is None else max(until, held.until)
    return own[0].first or NO_FIRST_DAY, None if until is None else until - timedelta(days=1)


def _rates(own: EmployerTerms | None) -> EmployerRates:
    if own is None:
        return EmployerRates()
    return EmployerRates(
        injury=_of_one(own.injury_percent),
        unemployment_employer=_of_one(own.unemployment_employer_percent),
        unemployment_employee=_of_one(own.unemployment_employee_percent),
        fund=_of_one(own.fund_percent),
        fund_supplement=own.fund_supplement_percent / 100,
    )


def _of_one(percent: Fraction | None) -> Fraction | None:
    return None if percent is None else percent / 100
