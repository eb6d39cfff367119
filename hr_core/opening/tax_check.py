"""Whether the tax that another system withheld is what the table gives for its own figures."""

from hr_core.clock import Month
from hr_core.law.national import NationalLaw
from hr_core.money import format_fen
from hr_core.opening.rows import OpeningFile, TaxOpening
from hr_core.pay.cn.income_tax import TaxMonth, TaxYear, basic_deduction, cumulative_tax


def tax_notes(file: OpeningFile, law: NationalLaw) -> list[str]:
    """One sentence for each person whose tax is another. That can be right (tax once withheld is not
    paid back within the year, a first job has more basic deduction), so a person looks at it.
    """
    tables = law.income_tax_on(Month.parse(file.first_month).first)
    found = []
    for row in file.rows:
        if isinstance(row.balance, TaxOpening):
            own = row.balance
            month = TaxMonth(
                income=own.income, contributions=own.contributions, special=own.special
            )
            basic = basic_deduction(tables, own.months)
            due = cumulative_tax(TaxYear(), month, basic, tables).fen
            if due != own.withheld:
                found.append(
                    f"person {row.person}: {format_fen(own.withheld)} is withheld, the table gives "
                    f"{format_fen(due)} for {own.months} months ({row.source})"
                )
    return found
