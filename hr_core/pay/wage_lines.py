"""Earned lines of the agreed wage: base, allowances, hours of unpaid leave, overtime, heat allowance."""

from datetime import date

from msgspec.structs import replace

from hr_core.attendance.calendar import DayKind
from hr_core.money import decimal_text
from hr_core.pay.agreement import on_day
from hr_core.pay.by_law import unpaid_minutes
from hr_core.pay.cn.lines import Line, PayRefusedError, by_edition, line
from hr_core.pay.cn.month_pay import heat_allowance, untaxed_lines
from hr_core.pay.made_line import slip_line
from hr_core.pay.person_month import PersonMonth
from hr_core.pay.slip import BASE_LINE, SlipLine, grade_lines, overtime_days
from hr_core.pay.wage_spans import (
    Part,
    fixed_parts,
    signed,
    wage_of_parts,
)
from hr_core.trace.calculation import Calculation, DayInput


def base_lines(month: PersonMonth) -> tuple[SlipLine, ...]:
    """The part of the wage that does not float; none of somebody who is paid by pieces alone."""
    if all(one.terms.by_piece for one in month.agreements):
        return ()
    parts = tuple(
        replace(part, fen=0, share=None) if part.agreement.terms.by_piece else part
        for part in fixed_parts(month)
    )
    made = wage_of_parts(month, parts)
    trace = replace(
        made.trace,
        rule=BASE_LINE,
        facts=made.trace.facts | signed(month.agreements),
        days=_leave_days(month),
    )
    facts = made.trace.facts
    note = f"{facts['employed_days']} of {facts['paid_days']} paid days"
    if facts["unpaid_days"] != "0":
        note += f", {facts['unpaid_days']} of them unpaid leave"
    return (slip_line(Line(BASE_LINE, trace), note),)


def allowance_lines(month: PersonMonth) -> tuple[SlipLine, ...]:
    names = dict.fromkeys(name for one in month.agreements for name in one.terms.allowances)
    terms = month.terms.scheme.allowances
    if names and terms is None:
        raise PayRefusedError(
            f"the agreement has allowances ({', '.join(names)}) and scheme "
            f"{month.terms.scheme.version} does not say how they are paid",
            remedy="whoever keeps the scheme adds [edition.allowances] to it and imports it again",
        )
    found = []
    for at, name in enumerate(names, 1):
        parts = tuple(Part(one, one.terms.allowances.get(name, 0)) for one in month.agreements)
        lessened = terms is not None and terms.lessened_by_unpaid_leave
        made = wage_of_parts(month, parts, less_unpaid_leave=lessened)
        trace = replace(
            made.trace,
            rule="allowance",
            source=f"{terms.source if terms else ''}; {made.trace.source}",
            facts=made.trace.facts | {"name": name} | signed(month.agreements),
        )
        if trace.amount_fen:
            made = Line("allowance", trace)
            found.append(slip_line(made, name, code=f"allowance_{at}", labels=(name, name)))
    return tuple(found)


def unpaid_hours_lines(month: PersonMonth) -> tuple[SlipLine, ...]:
    """Leave of a part of a day, at the hour's wage: wage / 21.75 / 8."""
    found = [one for one in unpaid_minutes(month) if not _by_piece(month, one[0].day)]
    if not found:
        return ()
    law = month.require_law().law.national.overtime_on(month.month.first)
    days = tuple(DayInput(day.day.isoformat(), minutes, day.used) for day, minutes in found)
    steps = Calculation(days=days)
    minutes = steps.step("minutes", "minutes_of_days")
    wages = {month.require_law().person.work.wage_on(day.day) for day, _ in found}
    if len(wages) == 1:
        steps.step("wage_x_minutes", "product", wages.pop(), "minutes")
    else:
        _sum_by_day(steps, month, [(day.day.isoformat(), count) for day, count in found])
    hour = 1 / law.month_days / law.day_hours / 60
    steps.step("unpaid", "multiply_half_up", "wage_x_minutes", hour.numerator, hour.denominator)
    steps.step("taken_off", "difference", 0, "unpaid")
    made = line(
        "unpaid_leave",
        steps,
        by_edition("overtime", law),
        formula=f"- wage / {decimal_text(law.month_days)} / {decimal_text(law.day_hours)} x hours",
        facts=signed(month.agreements),
    )
    made = Line(made.kind, replace(made.trace, days=days))
    return (slip_line(made, f"{minutes} min on {len(days)} days"),)


def overtime_lines(month: PersonMonth) -> tuple[SlipLine, ...]:
    """By the minutes of the days as they are stored, at the wage of each day; of days that are paid by
    pieces the overtime is in the pieces.
    """
    law = month.require_law().law.national.overtime_on(month.month.first)
    work = month.require_law().person.work
    found = []
    monthly = [one for one in month.days if not _by_piece(month, one.day)]
    for kind in DayKind:
        days = overtime_days(monthly, kind)
        if not days:
            continue
        steps = Calculation(days=days)
        minutes = steps.step("minutes", "minutes_of_days")
        wages = {work.wage_on(day.day) for day in monthly if day.kind is kind and day.overtime_min}
        if len(wages) == 1:
            steps.step("wage_x_minutes", "product", wages.pop(), "minutes")
        else:
            _sum_by_day(steps, month, [(day.day, day.minutes) for day in days])
        hour = law.factors[kind] / law.month_days / law.day_hours / 60
        steps.step(
            "overtime", "multiply_half_up", "wage_x_minutes", hour.numerator, hour.denominator
        )
        factor = decimal_text(law.factors[kind])
        made = line(
            f"overtime_{kind}",
            steps,
            by_edition("overtime", law),
            formula=f"wage / {decimal_text(law.month_days)} / {decimal_text(law.day_hours)} x hours x "
            f"{factor}",
            facts={
                "factor": factor,
                "month_days": decimal_text(law.month_days),
                "day_hours": decimal_text(law.day_hours),
            }
            | signed(month.agreements),
        )
        made = Line(made.kind, replace(made.trace, days=days))
        note = f"{minutes} min on {len(days)} days at {factor} of the hourly pay"
        found.append(slip_line(made, note))
    return tuple(found)


def quality_grade_lines(month: PersonMonth) -> tuple[SlipLine, ...]:
    """The consequence of the quality grade on the agreed wage, where the scheme has one."""
    base = month.agreements[-1].terms.base_fen
    return grade_lines(base, month.work, month.corrections, month.terms)


def heat_lines(month: PersonMonth) -> tuple[SlipLine, ...]:
    by_law = month.require_law()
    made = heat_allowance(by_law.person, month.month, by_law.law)
    return tuple(slip_line(one, "a month of the city's heat allowance") for one in made)


def untaxed_allowances(month: PersonMonth) -> tuple[SlipLine, ...]:
    """Sums of the agreement that are no wage, of the closed list of the law."""
    by_law = month.require_law()
    allowed = by_law.law.national.deductions_on(month.month.first)
    found = []
    for at, one in enumerate(untaxed_lines(by_law.person.untaxed, allowed.untaxed), 1):
        name = one.trace.facts["name"]
        facts = one.trace.facts | signed(month.agreements)
        law = by_edition("untaxed", allowed).law
        made = Line(one.kind, replace(one.trace, facts=facts, law=law))
        found.append(slip_line(made, "no wage", code=f"untaxed_{at}", labels=(name, name)))
    return tuple(found)


def _by_piece(month: PersonMonth, on: date) -> bool:
    held = on_day(month.agreements, on)
    return held is not None and held.terms.by_piece


def _leave_days(month: PersonMonth) -> tuple[DayInput, ...]:
    unpaid = set(month.require_law().facts.unpaid_leave)
    return tuple(
        DayInput(day.day.isoformat(), sum(one.minutes for one in day.leave), day.used)
        for day in month.days
        if day.day in unpaid
    )


def _sum_by_day(steps: Calculation, month: PersonMonth, days: list[tuple[str, int]]) -> None:
    """The wage changed between the days."""
    work = month.require_law().person.work
    by_day = {day.day.isoformat(): work.wage_on(day.day) for day in month.days}
    names = []
    for on, minutes in days:
        names.append(f"wage_x_minutes_{on}")
        steps.step(names[-1], "product", by_day[on], minutes)
    steps.step("wage_x_minutes", "sum", *names)
