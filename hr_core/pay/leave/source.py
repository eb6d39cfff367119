"""Line sources of leave: sick leave taken off the month's wage and paid by law, and, for whoever is paid
by pieces, paid leave and statutory holidays by the agreed wage.

Unpaid leave of a monthly wage is in hr_core.pay.cn.month_wage and hr_core.pay.wage_lines; who is paid by
pieces earns nothing then by himself.
"""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction

from hr_core.attendance.day import DayResult
from hr_core.law.national import Overtime
from hr_core.law.rows import Item
from hr_core.money import decimal_text
from hr_core.pay.agreement import on_day
from hr_core.pay.by_law import NO_FIRST_DAY
from hr_core.pay.cn.lines import Line, PayRefusedError, by_edition
from hr_core.pay.leave.sick_pay import (
    HOUR_MIN,
    SICK,
    WageDay,
    all_day,
    minute_share,
    minutes_on_leave,
    sick_pay,
    wage_of_days,
)
from hr_core.pay.made_line import slip_line
from hr_core.pay.person_month import PersonMonth, Stage
from hr_core.pay.slip import BASE_LINE, SlipLine
from hr_core.trace.calculation import Calculation, LineInput, Trace

# Time off in lieu was paid when it was worked: every overtime piece is.
COMPENSATORY = "compensatory"
_WAGE_LINES = frozenset({BASE_LINE, "floating"})
_SOURCE = (
    "劳动法 art. 51 and 工资支付暂行规定 art. 11: such leave is paid; the wage is the agreed one"
)


def sick_lines(month: PersonMonth) -> tuple[SlipLine, ...]:
    """Raises NoLawError (the city has no row), UnverifiedLawError, PayRefusedError."""
    law = month.require_law().law.national.overtime_on(month.month.first)
    days = _days(month, (SICK,), law)
    if not days:
        return ()
    found = []
    off = _taken_off(month, days, law)
    if off is not None:
        found.append(off)
    found.append(_sick_pay(month, days, law))
    return tuple(found)


def paid_leave_lines(month: PersonMonth) -> tuple[SlipLine, ...]:
    """Of whoever is paid by pieces: a monthly wage goes on by itself. Raises PayRefusedError."""
    by_law = month.require_law()
    law = by_law.law.national.overtime_on(month.month.first)
    unpaid = _unpaid(month)
    kinds = sorted({one.kind for day in month.days for one in day.leave})
    found = []
    for kind in kinds:
        if kind not in {SICK, COMPENSATORY, *unpaid}:
            days = [one for one in _days(month, (kind,), law) if _by_piece(month, one.day.day)]
            if days:
                found.append(_paid_leave(kind, days, law))
    holidays = _holidays(month, law)
    if holidays:
        found.append(_paid_leave("holiday", holidays, law))
    return tuple(found)


def _unpaid(month: PersonMonth) -> tuple[str, ...]:
    leave = month.terms.scheme.leave
    return () if leave is None else leave.unpaid


def _by_piece(month: PersonMonth, on: date) -> bool:
    held = on_day(month.agreements, on)
    return held is not None and held.terms.by_piece


def _days(month: PersonMonth, kinds: tuple[str, ...], law: Overtime) -> list[WageDay]:
    work = month.require_law().person.work
    found = []
    for day in month.days:
        minutes = minutes_on_leave(day, kinds, law)
        if minutes and work.employed(day.day):
            found.append(WageDay(day, minutes, work.wage_on(day.day)))
    return found


def _holidays(month: PersonMonth, law: Overtime) -> list[WageDay]:
    """Statutory ones of the employment. Work on them is overtime beside this pay."""
    by_law = month.require_law()
    whole = int(law.day_hours * HOUR_MIN)
    by_day: dict[date, DayResult] = {one.day: one for one in month.days}
    return [
        WageDay(by_day[on], whole, by_law.person.work.wage_on(on))
        for on in sorted(by_law.facts.days.holidays)
        if on in by_day and by_law.person.work.employed(on) and _by_piece(month, on)
    ]


def _taken_off(month: PersonMonth, days: Sequence[WageDay], law: Overtime) -> SlipLine | None:
    """The monthly wage of the sick days; all of it when every workday was one, so that no rest of a
    month of 21.75 days is left.
    """
    by_law = month.require_law()
    monthly = [one for one in days if not _by_piece(month, one.day.day)]
    if SICK in _unpaid(month) or not monthly:
        return None
    workdays = {
        on
        for on in by_law.facts.days.all
        if on not in by_law.facts.days.holidays and by_law.person.work.employed(on)
    }
    sick = {one.day.day for one in monthly if all_day(one.day, (SICK,))}
    wages = tuple(
        LineInput(code=one.code, amount_fen=one.amount_fen)
        for one in month.lines(Stage.WAGE)
        if one.code in _WAGE_LINES
    )
    inputs = tuple(one.as_input() for one in monthly)
    steps = Calculation(days=inputs, lines=wages)
    steps.step("month_wage", "amount_of_lines")
    lost = "month_wage"
    formula = "- the month's wage: every workday was sick leave"
    if not workdays <= sick:
        wage = wage_of_days(steps, monthly)
        part = minute_share(law)
        steps.step("by_days", "multiply_half_up", wage, part.numerator, part.denominator)
        steps.step("at_most_the_wage", "smallest", "by_days", "month_wage")
        lost = "at_most_the_wage"
        formula = f"- wage / {decimal_text(law.month_days)} x days of sick leave"
    steps.step("taken_off", "difference", 0, lost)
    hours = decimal_text(Fraction(sum(one.minutes for one in inputs), HOUR_MIN))
    trace = Trace(
        rule="sick_leave",
        version=law.version,
        source=law.source,
        formula=formula,
        facts={"days": ", ".join(one.day for one in inputs), "hours": hours},
        steps=steps.steps,
        days=inputs,
        lines=wages,
        law=by_edition("overtime", law).law,
    )
    return slip_line(
        Line("sick_leave", trace),
        f"{hours} h on {len(inputs)} days, paid as sick pay instead",
        labels=("Wage of sick leave", "病假扣除工资"),
    )


def _sick_pay(month: PersonMonth, days: Sequence[WageDay], law: Overtime) -> SlipLine:
    by_law = month.require_law()
    person, first = by_law.person, month.month.first
    row = by_law.law.local.row(person.city, Item.SICK_PAY, first, person.district)
    minimum = None
    if row.floor_of_minimum is not None:
        minimum = by_law.law.local.row(person.city, Item.MINIMUM_WAGE, first, person.district)
    if person.work.hired == NO_FIRST_DAY:
        raise PayRefusedError(
            "sick pay goes by years of service, and the contract has no first day",
            remedy="HR enters the first day of the contract: hr-core people",
        )
    made = sick_pay(days, person.work.hired, row, minimum, law)
    facts = made.trace.facts
    note = f"{facts['hours']} h at {facts['percent']} %, {facts['service_years']} years of service"
    return slip_line(made, note, labels=("Sick pay", "病假工资"))


def _paid_leave(kind: str, days: Sequence[WageDay], law: Overtime) -> SlipLine:
    if any(one.wage <= 0 for one in days):
        raise PayRefusedError(
            f"{kind} on {days[0].day.day} is paid by the agreed wage, and none is agreed beside the pieces",
            remedy="HR agrees a wage for absences (base) in the pay agreement: hr-core pay agreements "
            "import FILE",
        )
    inputs = tuple(one.as_input() for one in days)
    steps = Calculation(days=inputs)
    wage = wage_of_days(steps, days)
    part = minute_share(law)
    steps.step("paid_leave", "multiply_half_up", wage, part.numerator, part.denominator)
    hours = decimal_text(Fraction(sum(one.minutes for one in inputs), HOUR_MIN))
    trace = Trace(
        rule="paid_leave",
        version=law.version,
        source=f"{_SOURCE}; {law.source}",
        formula=f"wage / {decimal_text(law.month_days)} x days",
        facts={"leave": kind, "days": ", ".join(one.day for one in inputs), "hours": hours},
        steps=steps.steps,
        days=inputs,
        law=by_edition("overtime", law).law,
    )
    return slip_line(
        Line("paid_leave", trace),
        f"{kind}: {hours} h by the agreed wage",
        code=f"paid_leave:{kind}",
        labels=(f"Paid leave, {kind}", f"带薪假 {kind}"),
    )
