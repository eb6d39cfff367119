"""Cases of individual income tax: cumulative withholding, bonus, month table, medical expenses."""

from datetime import date

from hr_core.cases.case_input import Fields, Json, UnsupportedError, flag, rows
from hr_core.cases.money_input import as_asked, fen_of, yuan
from hr_core.law.national import national_law
from hr_core.pay.cn.income_tax import (
    TaxMonth,
    TaxYear,
    after_month,
    basic_deduction,
    bonus_tax,
    cumulative_tax,
    non_resident_bonus_tax,
    tax_by_month_table,
)
from hr_core.pay.cn.special_deductions import major_medical

# Cases have no date; the law of one day answers them all.
_ON = date(2026, 1, 1)
_YEAR_MONTHS = 12
_FIRST = {"two": 2, "three": 3, "four": 4, "six": 6}


def _withheld(
    months: list[TaxMonth], *, from_month: int = 1, whole_year: bool = False
) -> list[int]:
    law, year, found = national_law().income_tax_on(_ON), TaxYear(), []
    for position, month in enumerate(months):
        counted = position + from_month
        basic = basic_deduction(law, counted, whole_year=whole_year)
        tax = cumulative_tax(year, month, basic, law).fen
        year = after_month(year, month, tax)
        found.append(tax)
    return found


def _cumulative(given: Fields, _: Json) -> Json:
    whole_year = given.read_or("deduct_60000_from_january", flag, default=False)
    months = []
    for values in given.read("months", rows):
        one = Fields(values, "months")
        months.append(
            TaxMonth(
                income=one.read("income", fen_of),
                contributions=one.read_or("si_hf", fen_of, 0),
                special=one.read_or("special", fen_of, 0),
            )
        )
        one.done()
    if not 1 <= len(months) <= _YEAR_MONTHS:
        raise UnsupportedError(f"input.months: {len(months)} months of a year")
    tax = _withheld(months, whole_year=whole_year)
    income = sum(month.income for month in months)
    own = sum(month.contributions for month in months)
    found = {
        f"tax_first_{name}": [yuan(one) for one in tax[:count]] for name, count in _FIRST.items()
    }
    return found | {
        "tax": [yuan(one) for one in tax],
        "tax_last": yuan(tax[-1]),
        "year_tax": yuan(sum(tax)),
        "year_net": yuan(income - own - sum(tax)),
    }


def _bonus_apart(given: Fields, _: Json) -> Json:
    law = national_law()
    bonus = given.read("bonus", fen_of)
    if given.read_or("tax_resident", flag, default=True):
        tax = bonus_tax(bonus, law.income_tax_on(_ON), law.annual_bonus_on(_ON)).fen
    else:
        tax = non_resident_bonus_tax(bonus, law.income_tax_on(_ON)).fen
    return {"tax": yuan(tax), "net": yuan(bonus - tax)}


def _bonus_choice(given: Fields, expect: Json) -> Json:
    """A year of equal months and a bonus in December, taxed with the wage or apart."""
    wage, own = given.read("monthly_wage", fen_of), given.read("monthly_si_hf", fen_of)
    special = given.read_or("monthly_special", fen_of, 0)
    bonus = given.read("bonus", fen_of)
    method = given.choice("method", ("joined", "separate", "better"), "better")
    law = national_law()
    month = TaxMonth(income=wage, contributions=own, special=special)
    with_bonus = TaxMonth(income=wage + bonus, contributions=own, special=special)
    eleven = [month] * (_YEAR_MONTHS - 1)
    apart = bonus_tax(bonus, law.income_tax_on(_ON), law.annual_bonus_on(_ON)).fen
    joined, separate = _withheld([*eleven, with_bonus]), _withheld([*eleven, month])
    is_joined = method == "joined" or (method == "better" and sum(joined) <= sum(separate) + apart)
    wage_tax, on_bonus = (joined, 0) if is_joined else (separate, apart)
    year_tax = sum(wage_tax) + on_bonus
    answer = {
        "method": "joined" if is_joined else "separate",
        "year_tax": yuan(year_tax),
        "bonus_tax": yuan(on_bonus),
        # All that December's payments bear, the bonus too: the known answer reads so.
        "december_wage_tax": yuan(wage_tax[-1] + on_bonus),
        "year_net": yuan(_YEAR_MONTHS * (wage - own) + bonus - year_tax),
    }
    return as_asked(answer, expect)


def _month_table(given: Fields, _: Json) -> Json:
    taxable = given.read("taxable", fen_of)
    return {"tax": yuan(tax_by_month_table(taxable, national_law().income_tax_on(_ON)).fen)}


def _major_medical(given: Fields, _: Json) -> Json:
    expense = given.read("own_expense", fen_of)
    return {"deduction": yuan(major_medical(expense, national_law().deductions_on(_ON)))}


KINDS = {
    "iit_cumulative": _cumulative,
    "annual_bonus_separate": _bonus_apart,
    "bonus_choice": _bonus_choice,
    "iit_monthly_table": _month_table,
    "major_medical_deduction": _major_medical,
}
