"""Individual income tax on wages: cumulative withholding, bonus apart, non-residents, severance."""

from msgspec import Struct

from hr_core.law.national import AnnualBonus, Band, IncomeTax
from hr_core.pay.cn.lines import Authority, Line, PayRefusedError, by_edition, line
from hr_core.trace.calculation import Calculation


class TaxYear(Struct, frozen=True, kw_only=True):
    """A person's tax year at one employer up to the month before: fen."""

    income: int = 0
    contributions: int = 0
    special: int = 0
    withheld: int = 0


class TaxMonth(Struct, frozen=True, kw_only=True):
    """A month's taxed wage and what comes off it: own insurance and fund, special deductions."""

    income: int
    contributions: int = 0
    special: int = 0


def basic_deduction(law: IncomeTax, months: int, *, whole_year: bool = False) -> int:
    """Fen off the year's income by now: 5,000 for each month that counts, or at once 60,000."""
    return law.basic_year.fen if whole_year else law.basic_month.fen * months


def cumulative_tax(year: TaxYear, month: TaxMonth, basic: int, law: IncomeTax) -> Line:
    """What is withheld this month: never below zero, what was too much waits for the next."""
    steps = Calculation()
    steps.step("income", "sum", year.income, month.income)
    steps.step("contributions", "sum", year.contributions, month.contributions)
    steps.step("special_deductions", "sum", year.special, month.special)
    steps.step("after", "difference", "income", basic, "contributions", "special_deductions")
    taxable = steps.step("taxable", "largest", "after", 0)
    band = band_of(law.year_bands(), taxable)
    steps.step("at_rate", "multiply_half_up", "taxable", band.numerator, band.denominator)
    steps.step("of_the_year", "difference", "at_rate", band.quick)
    steps.step("due", "difference", "of_the_year", year.withheld)
    steps.step("withheld", "largest", "due", 0)
    return line(
        "income_tax",
        steps,
        _authority(law),
        formula="(income - basic - contributions - special deductions, of the year so far) x rate "
        "- quick deduction - already withheld",
        facts={"basic": str(basic)},
    )


def after_month(year: TaxYear, month: TaxMonth, withheld: int) -> TaxYear:
    return TaxYear(
        income=year.income + month.income,
        contributions=year.contributions + month.contributions,
        special=year.special + month.special,
        withheld=year.withheld + withheld,
    )


def non_resident_tax(income: int, law: IncomeTax) -> Line:
    """A non-resident's month stands alone: no insurance, no special deductions."""
    steps = Calculation()
    steps.step("after", "difference", income, law.basic_month.fen)
    taxable = steps.step("taxable", "largest", "after", 0)
    _by_band(steps, "taxable", band_of(law.month_bands(), taxable))
    return line(
        "income_tax", steps, _authority(law), formula="(income - basic) x rate of the month table"
    )


def tax_by_month_table(taxable: int, law: IncomeTax) -> Line:
    steps = Calculation()
    held = steps.step("taxable", "largest", taxable, 0)
    _by_band(steps, "taxable", band_of(law.month_bands(), held))
    return line(
        "income_tax", steps, _authority(law), formula="taxable x rate of the month table - quick"
    )


def bonus_tax(bonus: int, law: IncomeTax, apart: AnnualBonus) -> Line:
    """A resident's annual bonus apart: a twelfth finds the rate, the whole is taxed by it."""
    steps = Calculation()
    held = steps.step("bonus", "largest", bonus, 0)
    band = band_of(law.month_bands(), held, months=apart.months)
    _by_band(steps, "bonus", band)
    return line(
        "bonus_tax",
        steps,
        by_edition("annual_bonus", apart),
        formula=f"bonus x rate of bonus / {apart.months} in the month table - quick, once",
    )


def non_resident_bonus_tax(bonus: int, law: IncomeTax) -> Line:
    """A bonus of several months: a sixth of it by the month table, six times."""
    months = law.non_resident_bonus_months
    steps = Calculation()
    held = steps.step("bonus", "largest", bonus, 0)
    band = band_of(law.month_bands(), held, months=months)
    steps.step("at_rate", "multiply_half_up", "bonus", band.numerator, band.denominator)
    steps.step("quick", "product", band.quick, months)
    steps.step("tax", "difference", "at_rate", "quick")
    return line(
        "bonus_tax",
        steps,
        _authority(law),
        formula=f"(bonus / {months} x rate of the month table - quick) x {months}",
    )


def severance_tax(severance: int, average_month_wage: int, law: IncomeTax) -> Line:
    """Free up to three local average year wages; the excess alone by the year table."""
    steps = Calculation()
    steps.step("free", "product", average_month_wage, 12 * law.severance_exempt_year_wages)
    steps.step("over", "difference", severance, "free")
    taxable = steps.step("taxable", "largest", "over", 0)
    _by_band(steps, "taxable", band_of(law.year_bands(), taxable))
    return line(
        "severance_tax",
        steps,
        _authority(law),
        formula="(severance - three average year wages) x rate of the year table - quick",
    )


def band_of(bands: tuple[Band, ...], taxable: int, *, months: int = 1) -> Band:
    """The band of taxable / months, compared without dividing."""
    for band in bands:
        if band.up_to is None or taxable <= band.up_to * months:
            return band
    raise PayRefusedError("the tax table has an end", remedy="its last row takes no up_to")


def _by_band(steps: Calculation, of: str, band: Band) -> None:
    steps.step("at_rate", "multiply_half_up", of, band.numerator, band.denominator)
    steps.step("tax", "difference", "at_rate", band.quick)


def _authority(law: IncomeTax) -> Authority:
    return by_edition("income_tax", law)
