"""One person's month of pay by Chinese law, from facts to net, each line with its trace.

Months of a tax year are computed in order: `TaxYear` carries what the year holds so far.
"""

from collections.abc import Mapping
from datetime import date, timedelta

from hr_core.clock import Month
from hr_core.law.rows import INSURANCES, Item, LawRow
from hr_core.pay.cn.contributions import Shares, shares
from hr_core.pay.cn.income_tax import (
    TaxMonth,
    TaxYear,
    after_month,
    basic_deduction,
    bonus_tax,
    cumulative_tax,
    non_resident_bonus_tax,
    non_resident_tax,
    severance_tax,
)
from hr_core.pay.cn.lines import Authority, Line, PayRefusedError, by_row, line
from hr_core.pay.cn.minimum_wage import CountedWage, refuse_below_minimum
from hr_core.pay.cn.month import Law, MonthFacts, MonthPay, Person
from hr_core.pay.cn.month_wage import (
    Employment,
    full_month_wage,
    month_wage,
)
from hr_core.pay.cn.overtime import overtime_lines, too_long, unused_leave
from hr_core.pay.cn.severance import Service, SeveranceWage, severance
from hr_core.pay.cn.special_deductions import special_deductions
from hr_core.trace.calculation import Calculation

_YEAR_MONTHS = 12


def pay_month(person: Person, facts: MonthFacts, year: TaxYear, law: Law) -> MonthPay:
    """Raises PayRefusedError, NoLawError and UnverifiedLawError: nobody is paid by a guess."""
    month, on = facts.month, _law_day(facts.month)
    overtime_law = law.national.overtime_on(month.first)
    wages = month_wage(person.work, month, facts.days, facts.unpaid_leave, overtime_law)
    _refuse_impossible(person, facts)
    shared = contributions(person, facts, law)
    own_shares = sum(one.employee.fen for one in shared)
    _refuse_low_wage(person, facts, own_shares, law)

    extra = overtime_lines(facts.overtime, overtime_law)
    allowed = law.national.deductions_on(on)
    taxed = [
        _less_fund_allowance(wages, facts),
        *extra.values(),
        *_plain("bonus", {"bonus": facts.bonus}),
        *heat_allowance(person, month, law),
        *_plain("damages", facts.damages),
    ]
    if facts.unused_leave_days:
        wage = full_month_wage(person.work, month)
        taxed.append(unused_leave(facts.unused_leave_days, wage, overtime_law))
    apart = _plain("annual_bonus", {"annual_bonus": facts.bonus_apart})
    left = _severance(person, facts, law)
    no_wage = untaxed_lines(person.untaxed, allowed.untaxed)

    special = sum(special_deductions(person.special, person.household, allowed).values())
    own = TaxMonth(income=sum(one.fen for one in taxed), contributions=own_shares, special=special)
    tax = tax_of_wages(person, month, own, year, law)
    return MonthPay(
        month=month,
        lines=(*taxed, *no_wage, *apart, *left),
        overtime=extra,
        shares=shared,
        income_tax=tax,
        bonus_tax=tax_of_bonus(person, facts, law),
        severance_tax=_severance_tax(person, left, law),
        year=after_month(year, own, tax.fen),
        warnings=tuple(too_long(facts.overtime, overtime_law)),
    )


def _law_day(month: Month) -> date:
    """A month is paid by the law of its first day: bases and rates change with a month."""
    return month.first


def contributions(person: Person, facts: MonthFacts, law: Law) -> tuple[Shares, ...]:
    found = []
    on = _law_day(facts.month)
    if person.insured:
        base = _base(person.insurance_base, "social insurance")
        for item in INSURANCES:
            # A city that merged an insurance into another has no row of it at all.
            if law.local.knows(person.city, item) or item is not Item.MATERNITY:
                row = law.local.row(person.city, item, on, person.district)
                found.append(shares(row, base, facts.rates.of(item)))
    if person.in_fund(facts.month):
        base = _base(person.fund_base, "housing fund")
        row = law.local.row(person.city, Item.HOUSING_FUND, on, person.district)
        found.append(shares(row, base, facts.rates.of(Item.HOUSING_FUND)))
        if facts.rates.fund_supplement:
            item = Item.HOUSING_FUND_SUPPLEMENT
            row = law.local.row(person.city, item, on, person.district)
            found.append(shares(row, base, facts.rates.of(item)))
    return tuple(found)


def _base(base: int | None, what: str) -> int:
    if base is None:
        raise PayRefusedError(
            f"the person has no base of {what}",
            remedy="HR enters the base (last year's average month wage, or the first month's) in a "
            "new agreement: hr-core pay agreements import FILE",
        )
    return base


def _refuse_low_wage(person: Person, facts: MonthFacts, own_shares: int, law: Law) -> None:
    """By the full month's wage: days that were not worked earn no minimum."""
    row = law.local.row(person.city, Item.MINIMUM_WAGE, _law_day(facts.month), person.district)
    wage = full_month_wage(person.work, facts.month) + facts.bonus
    refuse_below_minimum(CountedWage(wage, own_shares), row)


def _refuse_impossible(person: Person, facts: MonthFacts) -> None:
    for work in facts.overtime:
        if not person.work.employed(work.on):
            raise PayRefusedError(
                f"overtime on {work.on}, when the person was not employed (hired "
                f"{person.work.hired}, left {person.work.left})",
                remedy="HR corrects the first or the last day, or the overtime",
            )
    counted = {
        "hours of overtime": min((work.hours for work in facts.overtime), default=0),
        "days of leave not taken": facts.unused_leave_days,
        "the fund's allowance": facts.allowance_by_fund,
        "the bonus taxed apart": facts.bonus_apart,
        "months of service before": person.carried_service_months,
    }
    for what, value in counted.items():
        if value < 0:
            raise PayRefusedError(f"{what}: {value} is below zero", remedy="HR enters it anew")


def _less_fund_allowance(wages: Line, facts: MonthFacts) -> Line:
    """The fund pays a maternity leave: what it pays comes off the leave's wage, not below zero."""
    if not facts.allowance_by_fund:
        return wages
    steps = Calculation()
    steps.step("wages", "constant", wages.fen)
    covered = "wages"
    if facts.fund_pays_days is not None:
        covered = "leave_wage"
        days = len(facts.days.all)
        steps.step(covered, "multiply_half_up", wages.fen, min(facts.fund_pays_days, days), days)
    steps.step("paid_by_fund", "smallest", facts.allowance_by_fund, covered)
    steps.step("rest", "difference", "wages", "paid_by_fund")
    return line(
        "wages",
        steps,
        Authority(wages.trace.version, wages.trace.source, law=wages.trace.law),
        formula=f"{wages.trace.formula}; less what the maternity fund pays",
        facts=wages.trace.facts,
    )


def heat_allowance(person: Person, month: Month, law: Law) -> list[Line]:
    """Due in the months of the law row; a contract may promise more, never less."""
    if not person.heat_allowance:
        return []
    row = law.local.row(person.city, Item.HEAT_ALLOWANCE, _law_day(month), person.district)
    if row.months and month.month not in row.months:
        return []
    steps = Calculation()
    steps.step("heat_allowance", "largest", person.heat_allowance, row.amount or 0)
    return [
        line(
            "heat_allowance",
            steps,
            by_row(row),
            formula="the contract's figure, at least the city's",
        )
    ]


def _plain(kind: str, amounts: Mapping[str, int]) -> list[Line]:
    """Sums that somebody entered and answers for."""
    found = []
    for name, fen in amounts.items():
        if fen < 0:
            raise PayRefusedError(f"{name} is below zero", remedy="HR enters the sum anew")
        if fen:
            steps = Calculation()
            steps.step(name, "constant", fen)
            entered = Authority("entered", "entered by HR")
            found.append(line(kind, steps, entered, formula=name, facts={"name": name}))
    return found


def untaxed_lines(amounts: Mapping[str, int], allowed: tuple[str, ...]) -> list[Line]:
    for name in amounts:
        if name not in allowed:
            raise PayRefusedError(
                f"{name} is not among what is no wage (国税发〔1994〕89号: {', '.join(allowed)})",
                remedy="HR enters it as a taxed allowance",
            )
    return _plain("untaxed", amounts)


def tax_of_wages(person: Person, month: Month, own: TaxMonth, year: TaxYear, law: Law) -> Line:
    tables = law.national.income_tax_on(month.first)
    if not person.tax_resident:
        return non_resident_tax(own.income, tables)
    return cumulative_tax(year, own, _basic(person, month, law), tables)


def _basic(person: Person, month: Month, law: Law) -> int:
    hired = person.work.hired
    begin = hired.month if hired.year == month.year else 1
    if person.first_wage_income_this_year:
        begin = 1
    tables = law.national.income_tax_on(month.first)
    months = month.month - begin + 1
    return basic_deduction(tables, months, whole_year=person.deduct_60000_at_once)


def tax_of_bonus(person: Person, facts: MonthFacts, law: Law) -> Line | None:
    if not facts.bonus_apart:
        return None
    if facts.bonus_apart_taken:
        raise PayRefusedError(
            f"a bonus was taxed apart in {facts.month.year} already: once a year",
            remedy="HR enters this one as ordinary wage",
        )
    tables = law.national.income_tax_on(facts.month.first)
    if not person.tax_resident:
        return non_resident_bonus_tax(facts.bonus_apart, tables)
    return bonus_tax(facts.bonus_apart, tables, law.national.annual_bonus_on(facts.month.first))


def _severance(person: Person, facts: MonthFacts, law: Law) -> list[Line]:
    left = person.work.left
    if facts.exit is None or not facts.exit.times:
        return []
    if left is None or Month(left.year, left.month) != facts.month:
        raise PayRefusedError(
            f"severance in {facts.month}, but the last day is {left}",
            remedy="HR enters the last day, or pays severance in its month",
        )
    average = _year_before(person, left, law)
    minimum = law.local.row(person.city, Item.MINIMUM_WAGE, left, person.district)
    return [
        severance(
            Service(person.work.hired, left, person.carried_service_months),
            SeveranceWage(_last_twelve_months(person.work, left), minimum.amount or 0),
            facts.exit,
            average,
            law.national.severance_on(left),
        )
    ]


def _severance_tax(person: Person, left: list[Line], law: Law) -> Line | None:
    if not left or person.work.left is None:
        return None
    average = _year_before(person, person.work.left, law)
    tables = law.national.income_tax_on(person.work.left)
    return severance_tax(sum(one.fen for one in left), average.amount or 0, tables)


def _year_before(person: Person, left: date, law: Law) -> LawRow:
    return law.local.row(person.city, Item.AVERAGE_WAGE, date(left.year - 1, 12, 31))


def _last_twelve_months(work: Employment, left: date) -> int:
    """The average agreed wage of the twelve months before the last one, as far as employed."""
    wages = list[int]()
    after = left.replace(day=1)
    while len(wages) < _YEAR_MONTHS and after > work.hired:
        last = after - timedelta(days=1)
        wages.append(work.wage_on(last))
        after = last.replace(day=1)
    if not wages:
        return work.wage_on(left)
    return (2 * sum(wages) + len(wages)) // (2 * len(wages))
