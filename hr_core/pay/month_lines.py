"""The one list of what makes the lines of a month, in the order of the slip."""

from hr_core.pay.entry_lines import (
    advances,
    annual_bonus_entries,
    plain_entries,
    untaxed_entries,
    wage_entries,
)
from hr_core.pay.floating import floating_lines
from hr_core.pay.leaver_lines import leaving_tax_lines, severance_lines, unused_leave_lines
from hr_core.pay.line_sources import MORE_SOURCES, LineSource
from hr_core.pay.person_month import PersonMonth, Stage
from hr_core.pay.share_lines import (
    annual_bonus_tax,
    check_minimum_wage,
    employer_shares,
    own_shares,
    wage_tax,
)
from hr_core.pay.slip import Slip, compute_slip, open_days
from hr_core.pay.wage_lines import (
    allowance_lines,
    base_lines,
    heat_lines,
    overtime_lines,
    quality_grade_lines,
    unpaid_hours_lines,
    untaxed_allowances,
)

SOURCES: tuple[tuple[Stage, LineSource], ...] = (
    (Stage.WAGE, base_lines),
    (Stage.WAGE, floating_lines),
    (Stage.WAGE, allowance_lines),
    (Stage.WAGE, unpaid_hours_lines),
    (Stage.WAGE, overtime_lines),
    (Stage.WAGE, quality_grade_lines),
    (Stage.WAGE, heat_lines),
    (Stage.WAGE, wage_entries),
    (Stage.WAGE, unused_leave_lines),
    (Stage.UNTAXED, untaxed_allowances),
    (Stage.UNTAXED, untaxed_entries),
    (Stage.APART, annual_bonus_entries),
    (Stage.APART, severance_lines),
    (Stage.SHARES, own_shares),
    (Stage.SHARES, check_minimum_wage),
    (Stage.TAX, wage_tax),
    (Stage.TAX, annual_bonus_tax),
    (Stage.TAX, leaving_tax_lines),
    (Stage.AFTER_TAX, advances),
    (Stage.EMPLOYER, employer_shares),
)
_WITHOUT_LAW: tuple[tuple[Stage, LineSource], ...] = (
    (Stage.WAGE, plain_entries),
    (Stage.AFTER_TAX, advances),
)


def slip_of_month(month: PersonMonth) -> Slip:
    """Raises PayRefusedError, NoLawError and UnverifiedLawError: nobody is paid by a guess."""
    if month.by_law is None:
        plain = compute_slip(month.person, month.days, month.work, month.terms, month.corrections)
        made = month.with_lines(Stage.WAGE, plain.lines)
        sources = _WITHOUT_LAW
    else:
        made = month
        sources = _in_order((*SOURCES, *MORE_SOURCES))
    for stage, source in sources:
        made = made.with_lines(stage, source(made))
    return Slip(
        number=month.person.number,
        name=month.person.name,
        lines=made.lines(),
        to_clarify=open_days(month.days),
    )


def _in_order(
    sources: tuple[tuple[Stage, LineSource], ...],
) -> tuple[tuple[Stage, LineSource], ...]:
    stages = tuple(Stage)
    return tuple(sorted(sources, key=lambda one: stages.index(one[0])))
