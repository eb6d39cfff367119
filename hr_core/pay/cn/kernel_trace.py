"""One person's full trace out of the kernel's columns: steps that give each amount again."""

from typing import NamedTuple

from hr_core.attendance.calendar import DayKind
from hr_core.law.national import AnnualBonus, IncomeTax, Overtime
from hr_core.pay.cn.kernel_tables import ITEMS, MILLION, CityTerms, PayTable, PeopleTable
from hr_core.pay.cn.lines import Authority, Line, line
from hr_core.trace.calculation import Calculation, Operation

_SIDES = ("employee", "employer")


class Paid(NamedTuple):
    """A month as the kernel computed it, with the law that it took."""

    people: PeopleTable
    pay: PayTable
    terms: CityTerms
    paid_days: int
    tax: IncomeTax
    apart: AnnualBonus
    overtime: Overtime


def lines_of(paid: Paid, person: int) -> tuple[Line, ...]:
    """Wage, overtime, shares and taxes that are not zero; each replays to the kernel's fen."""
    found = [_wages(paid, person)]
    for column, kind in enumerate(DayKind):
        if paid.people.overtime_minutes[column, person]:
            found.append(_overtime(paid, person, column, kind))
    found += [
        _share(paid, person, item, side)
        for item in range(len(ITEMS))
        for side in range(len(_SIDES))
        if paid.pay.shares[item, side, person]
    ]
    found.append(_income_tax(paid, person))
    if paid.people.bonus_apart[person]:
        found.append(_bonus_tax(paid, person))
    return tuple(found)


def _wages(paid: Paid, person: int) -> Line:
    people, law, days = paid.people, paid.overtime, paid.overtime.month_days
    wage, employed = int(people.wage[person]), int(people.employed_days[person])
    unpaid = int(people.unpaid_days[person])
    steps = Calculation()
    if people.no_workday_worked[person]:
        steps.step("nothing_worked", "constant", 0)
    elif employed == paid.paid_days:
        steps.step("unpaid_parts", "product", unpaid, days.denominator)
        steps.step("parts", "difference", days.numerator, "unpaid_parts")
        steps.step("not_below_zero", "largest", "parts", 0)
        steps.step("wages", "multiply_half_up", wage, "not_below_zero", days.numerator)
    else:
        steps.step("days", "difference", employed, unpaid)
        steps.step("parts", "product", "days", days.denominator)
        steps.step("by_days", "multiply_half_up", wage, "parts", days.numerator)
        steps.step("wages", "smallest", "by_days", wage)
    return line(
        "wages",
        steps,
        Authority(law.version, law.source, law.status),
        formula="wage x days / 21.75, a whole month is the wage",
    )


def _overtime(paid: Paid, person: int, column: int, kind: DayKind) -> Line:
    law = paid.overtime
    rate = law.factors[kind] / law.month_days / law.day_hours / 60
    steps = Calculation()
    minutes = int(paid.people.overtime_minutes[column, person])
    steps.step("wage_x_minutes", "product", int(paid.people.wage[person]), minutes)
    steps.step("overtime", "multiply_half_up", "wage_x_minutes", rate.numerator, rate.denominator)
    return line(
        f"overtime_{kind}",
        steps,
        Authority(law.version, law.source, law.status),
        formula="wage / 21.75 / 8 x hours x factor",
    )


def _share(paid: Paid, person: int, item: int, side: int) -> Line:
    city = int(paid.people.city[person])
    unit = int(paid.terms.unit[city, item])
    rate = int(paid.pay.rate[item, side, person])
    steps = Calculation()
    steps.step("held_base", "constant", int(paid.pay.held_base[item, person]))
    up = bool(paid.terms.up[city, item])
    rounding: Operation = "multiply_up" if up else "multiply_half_up"
    steps.step("units", rounding, "held_base", rate, MILLION * unit)
    steps.step("share", "product", "units", unit)
    fixed = int(paid.terms.fixed[city, item, side])
    if fixed:
        steps.step("with_fixed_amount", "sum", "share", fixed)
    version = paid.terms.versions[city][item] or ""
    return line(
        f"{ITEMS[item]}_{_SIDES[side]}",
        steps,
        Authority(version, version),
        formula="base between floor and ceiling x rate, rounded in the row's unit",
        facts={"city": paid.terms.cities[city]},
    )


def _income_tax(paid: Paid, person: int) -> Line:
    resident = bool(paid.people.resident[person])
    bands = paid.tax.year_bands() if resident else paid.tax.month_bands()
    band = bands[int(paid.pay.band[person])]
    steps = Calculation()
    taxable = int(paid.pay.taxable[person])
    steps.step("at_rate", "multiply_half_up", taxable, band.numerator, band.denominator)
    steps.step("of_the_year", "difference", "at_rate", band.quick)
    before = int(paid.people.withheld_before[person]) if resident else 0
    steps.step("due", "difference", "of_the_year", before)
    steps.step("withheld", "largest", "due", 0)
    return line(
        "income_tax",
        steps,
        Authority(paid.tax.version, paid.tax.source, paid.tax.status),
        formula="taxable x rate - quick deduction - already withheld",
    )


def _bonus_tax(paid: Paid, person: int) -> Line:
    resident = bool(paid.people.resident[person])
    band = paid.tax.month_bands()[int(paid.pay.bonus_band[person])]
    law = paid.apart if resident else paid.tax
    quicks = 1 if resident else paid.tax.non_resident_bonus_months
    bonus = int(paid.people.bonus_apart[person])
    steps = Calculation()
    steps.step("at_rate", "multiply_half_up", bonus, band.numerator, band.denominator)
    steps.step("quick", "product", band.quick, quicks)
    steps.step("tax", "difference", "at_rate", "quick")
    return line(
        "bonus_tax",
        steps,
        Authority(law.version, law.source, law.status),
        formula="bonus x rate - quick deduction",
    )
