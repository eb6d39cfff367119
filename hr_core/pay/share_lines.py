"""Insurance, housing fund and income tax of a month, and the check of the minimum wage."""

from msgspec.structs import replace

from hr_core.law.rows import Item
from hr_core.pay.cn.income_tax import TaxMonth
from hr_core.pay.cn.lines import Line, PayRefusedError
from hr_core.pay.cn.minimum_wage import CountedWage, refuse_below_minimum
from hr_core.pay.cn.month_pay import tax_of_bonus, tax_of_wages
from hr_core.pay.cn.month_wage import full_month_wage
from hr_core.pay.cn.special_deductions import special_deductions
from hr_core.pay.entry import EntryKind
from hr_core.pay.entry_lines import WAGE_KINDS
from hr_core.pay.made_line import slip_line, yuan
from hr_core.pay.person_month import PersonMonth, Stage
from hr_core.pay.scheme import EmployerTerms
from hr_core.pay.slip import Side, SlipLine
from hr_core.trace.calculation import LineInput, Step, Trace

MONTHS_NOT_KNOWN = "months_not_known"  # a fact of the tax line


def own_shares(month: PersonMonth) -> tuple[SlipLine, ...]:
    """Raises PayRefusedError (no base, no rate, no rounding), NoLawError, UnverifiedLawError."""
    return tuple(
        slip_line(_with_employer(one.employee, month), _base_note(one.employee), side=Side.DEDUCTED)
        for one in month.require_law().shares
        if one.employee.fen
    )


def employer_shares(month: PersonMonth) -> tuple[SlipLine, ...]:
    return tuple(
        slip_line(_with_employer(one.employer, month), _base_note(one.employer), side=Side.EMPLOYER)
        for one in month.require_law().shares
        if one.employer.fen
    )


def check_minimum_wage(month: PersonMonth) -> tuple[SlipLine, ...]:
    """No line: a whole month's agreed wage below the city's minimum is refused, with what the month's
    result took off it. Who is paid by pieces is topped up instead (a line of piece pay).
    """
    if any(one.terms.by_piece for one in month.agreements):
        return ()
    by_law = month.require_law()
    person, first = by_law.person, month.month.first
    row = by_law.law.local.row(person.city, Item.MINIMUM_WAGE, first, person.district)
    wage = full_month_wage(person.work, month.month)
    wage += sum(month.agreements[-1].terms.allowances.values())
    wage += sum(one.amount_fen for one in month.entries_of(*WAGE_KINDS))
    wage += _result(month)
    own = -month.fen(Stage.SHARES)
    refuse_below_minimum(CountedWage(wage, own), row)
    return ()


def wage_tax(month: PersonMonth) -> tuple[SlipLine, ...]:
    """Of the year so far, or of the month alone for a non-resident; told also when it is zero."""
    by_law = month.require_law()
    wages = month.lines(Stage.WAGE)
    income = sum(one.amount_fen for one in wages)
    allowed = by_law.law.national.deductions_on(month.month.first)
    claimed = special_deductions(by_law.person.special, by_law.person.household, allowed)
    own = TaxMonth(
        income=income, contributions=-month.fen(Stage.SHARES), special=sum(claimed.values())
    )
    made = tax_of_wages(by_law.person, month.month, own, month.year, by_law.law)
    trace = _of_lines(made.trace, wages)
    facts = trace.facts | {code: str(fen) for code, fen in claimed.items() if fen}
    if by_law.person.tax_resident:
        facts["year_so_far"] = ", ".join(month.year_origin) or "no earlier month is known"
        if not_known := _months_not_known(month):
            facts[MONTHS_NOT_KNOWN] = str(not_known)
    return (
        slip_line(
            Line(made.kind, replace(trace, facts=facts)), _tax_note(month), side=Side.DEDUCTED
        ),
    )


def _months_not_known(month: PersonMonth) -> int:
    """Earlier months of the tax year in which the person was employed and of which nothing is known
    here: the tax takes them as months without income, which is true of nobody who worked them.
    """
    hired = month.require_law().person.work.hired
    begin = hired.month if hired.year == month.month.year else 1
    return max(0, month.month.month - begin - month.year_months)


def annual_bonus_tax(month: PersonMonth) -> tuple[SlipLine, ...]:
    by_law = month.require_law()
    made = tax_of_bonus(by_law.person, by_law.facts, by_law.law)
    if made is None:
        return ()
    bonus = tuple(
        one for one in month.lines(Stage.APART) if one.trace.rule == EntryKind.ANNUAL_BONUS.value
    )
    if sum(one.amount_fen for one in bonus) != by_law.facts.bonus_apart:
        raise PayRefusedError(
            "the lines taxed apart are not the entered annual bonus",
            remedy="whoever added the line source puts its sum into an annual_bonus entry",
        )
    first, *others = made.trace.steps
    named = Step("bonus_of_month", "amount_of_lines", (), first.result)
    first = replace(first, of=("bonus_of_month", *first.of[1:]))
    trace = replace(made.trace, steps=(named, first, *others), lines=_inputs(bonus))
    return (slip_line(Line(made.kind, trace), "taxed apart from the wage", side=Side.DEDUCTED),)


def _with_employer(line: Line, month: PersonMonth) -> Line:
    """Where the law leaves the rate to the employer, the scheme's source of it stands in the facts."""
    city = line.trace.facts["city"]
    terms: EmployerTerms | None = month.terms.scheme.employer_in(city)
    facts = line.trace.facts | ({"employer_rates": terms.source} if terms else {})
    return Line(line.kind, replace(line.trace, facts=facts))


def _base_note(line: Line) -> str:
    base, *later = line.trace.steps
    held = next((one for one in reversed(later) if one.name.startswith("at_")), base)
    if held.result == base.result:
        return f"base {yuan(base.result)}"
    bound = "floor" if held.result > base.result else "ceiling"
    return f"base {yuan(held.result)}, the {bound}, in place of {yuan(base.result)}"


def _result(month: PersonMonth) -> int:
    """What performance adds to the whole floating part, or takes off it."""
    floating = [one for one in month.lines(Stage.WAGE) if one.code == "floating"]
    return sum(one.amount_fen - one.trace.steps[-2].result for one in floating)


def _of_lines(trace: Trace, lines: tuple[SlipLine, ...]) -> Trace:
    """The month's income in the first step is the sum of the slip's own lines."""
    total = sum(one.amount_fen for one in lines)
    first, *others = trace.steps
    place = first.of.index(total, 1 if first.operation == "sum" else 0)
    of = tuple("income_of_month" if at == place else one for at, one in enumerate(first.of))
    named = Step("income_of_month", "amount_of_lines", (), total)
    return replace(trace, steps=(named, replace(first, of=of), *others), lines=_inputs(lines))


def _inputs(lines: tuple[SlipLine, ...]) -> tuple[LineInput, ...]:
    return tuple(LineInput(code=one.code, amount_fen=one.amount_fen) for one in lines)


def _tax_note(month: PersonMonth) -> str:
    if not month.require_law().person.tax_resident:
        return "a non-resident's month stands alone"
    if not month.year_origin:
        return "of the year so far: no earlier month is known here"
    return f"of the year so far: {len(month.year_origin)} earlier parts"
