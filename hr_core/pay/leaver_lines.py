"""Line sources of a last slip: annual leave that was not taken, severance, a month in place of notice, and
the tax on what is paid for leaving.

Nothing is guessed: what neither the slips and days here nor the leaving say, refuses the person.
"""

from collections.abc import Iterable
from datetime import date
from fractions import Fraction

from msgspec.structs import replace

from hr_core.clock import Month
from hr_core.law.rows import Item, LawRow
from hr_core.pay.cn.income_tax import severance_tax
from hr_core.pay.cn.lines import Line, PayRefusedError, by_edition, by_row, line
from hr_core.pay.cn.month_wage import full_month_wage
from hr_core.pay.cn.severance import Service, SeveranceWage, severance
from hr_core.pay.counted_runs import month_back
from hr_core.pay.leave.unused import Unused, unused_leave_pay
from hr_core.pay.leaving import Leaver, PaidMonth, days_text
from hr_core.pay.made_line import slip_line, yuan
from hr_core.pay.person_month import PersonMonth, Stage
from hr_core.pay.slip import Side, SlipLine
from hr_core.trace.calculation import Calculation, LineInput, Step, Trace

SEVERANCE, NOTICE, SEVERANCE_TAX = "severance", "notice_pay", "severance_tax"
# 劳动合同法 art. 97: service before counts by the rules of its time, which are not in here.
_LAW_SINCE = date(2008, 1, 1)
_YEAR_MONTHS = 12
_STATE = "HR states it in the leaving, which another person approves: hr-core pay leaving add"


def leaver_of(month: PersonMonth) -> Leaver | None:
    """Only on the slip of the contract's own last day."""
    left = month.require_law().person.work.left
    one = month.leaver
    return one if one is not None and one.leaving.last_day == left else None


def unused_leave_lines(month: PersonMonth) -> tuple[SlipLine, ...]:
    """Raises PayRefusedError naming the months whose leave is not known."""
    leaver = leaver_of(month)
    if leaver is None or not (leaver.leaving.leave_half_days or leaver.leave.earlier_half_days):
        return ()
    by_law = month.require_law()
    wage = full_month_wage(by_law.person.work, month.month)
    if wage <= 0:
        raise PayRefusedError(
            "annual leave that was not taken is paid by the agreed wage, and none is agreed",
            remedy="HR agrees a wage for absences (base) in the pay agreement: hr-core pay agreements "
            "import FILE",
        )
    made = unused_leave_pay(
        _unused(leaver), wage, by_law.law.national.overtime_on(month.month.first)
    )
    trace = replace(made.trace, facts=made.trace.facts | {"leaving": leaver.signed.told})
    days = days_text(Fraction(made.trace.facts["days"]))
    return (slip_line(Line(made.kind, trace), f"{days} days of annual leave not taken"),)


def severance_lines(month: PersonMonth) -> tuple[SlipLine, ...]:
    """Raises PayRefusedError, NoLawError and UnverifiedLawError (average wage of the city)."""
    leaver = leaver_of(month)
    if leaver is None or not leaver.leaving.how.times:
        return ()
    by_law, leaving = month.require_law(), leaver.leaving
    place, last = by_law.person, leaving.last_day
    minimum = by_law.law.local.row(place.city, Item.MINIMUM_WAGE, last, place.district)
    months = _wage_months(leaver)
    average = leaving.average_wage_fen
    if average is None:
        average = _average(sum(one.fen for one in months), len(months))
    made = severance(
        Service(leaving.service_from, last, leaving.months_before),
        SeveranceWage(average, minimum.amount or 0),
        leaving.how,
        _local_average(month, last),
        by_law.law.national.severance_on(last),
    )
    trace = _with_average(made.trace, leaver, months, average)
    trace = replace(trace, law=(*trace.law, *by_row(minimum).law))
    found = [slip_line(Line(SEVERANCE, trace), _severance_note(leaver))]
    if leaving.notice_pay:
        found.append(_notice(month, leaver))
    return tuple(found)


def leaving_tax_lines(month: PersonMonth) -> tuple[SlipLine, ...]:
    """Told also when it is zero: what is free of tax is what people ask about."""
    paid = [one for one in month.lines(Stage.APART) if one.code in {SEVERANCE, NOTICE}]
    leaver = leaver_of(month)
    if leaver is None or not paid:
        return ()
    last = leaver.leaving.last_day
    average = _local_average(month, last)
    tables = month.require_law().law.national.income_tax_on(last)
    total = sum(one.amount_fen for one in paid)
    made = severance_tax(total, average.amount or 0, tables)
    named = Step("for_leaving", "amount_of_lines", (), total)
    free, over, *others = made.trace.steps
    over = replace(over, of=("for_leaving", *over.of[1:]))
    trace = replace(
        made.trace,
        steps=(named, free, over, *others),
        lines=tuple(LineInput(code=one.code, amount_fen=one.amount_fen) for one in paid),
        law=(*made.trace.law, *by_row(average).law),
    )
    note = f"free up to {yuan(free.result)}, three average year wages"
    return (slip_line(Line(SEVERANCE_TAX, trace), note, side=Side.DEDUCTED),)


def _unused(leaver: Leaver) -> Unused:
    leaving, leave = leaver.leaving, leaver.leave
    minutes = sum(taken for _, taken in leave.taken)
    before = 0
    if leaving.leave_taken_half_days is not None:
        before = leaving.leave_taken_half_days * Unused.HALF_DAY_MIN - minutes
        if before < 0:
            raise PayRefusedError(
                f"the leaving ({leaver.signed.told}) says that "
                f"{days_text(Fraction(leaving.leave_taken_half_days, 2))} days of annual leave were "
                f"taken this year, and more are stored here: "
                f"{', '.join(str(on) for on, _ in leave.taken)}",
                remedy=f"{_STATE} --leave-taken, or the days are corrected",
            )
    else:
        if missing := _leave_not_known(leaver):
            raise PayRefusedError(
                f"how much annual leave was taken in {', '.join(map(str, missing))} is not known here",
                remedy=f"{_STATE} --leave-taken; or import an opening balance: hr-core import opening",
            )
        if leave.left_half_days is not None:
            before = (leaving.leave_half_days - leave.left_half_days) * Unused.HALF_DAY_MIN
            if before < 0:
                raise PayRefusedError(
                    f"the leaving ({leaver.signed.told}) gives "
                    f"{days_text(Fraction(leaving.leave_half_days, 2))} days of annual leave a year, "
                    f"and {days_text(Fraction(leave.left_half_days, 2))} were left at the opening of "
                    f"{leave.known_from}",
                    remedy=f"{_STATE} --leave-days, or the opening balance is corrected",
                )
    return Unused(
        half_days_a_year=leaving.leave_half_days,
        employed_days=(leaving.last_day - _first_of_year(leaver)).days + 1,
        taken_before_min=before,
        taken=leave.taken,
        earlier_half_days=leave.earlier_half_days,
        origin=leave.origin,
    )


def _leave_not_known(leaver: Leaver) -> list[Month]:
    """Months of the year before the last that neither a slip here nor an opening balance tells."""
    first, leave = _first_of_year(leaver), leaver.leave
    known = {one.month for one in leaver.months}
    since = leave.known_from if leave.left_half_days is not None else None
    return [
        one
        for one in _months_between(Month(first.year, first.month), leaver.leaving.month)
        if one not in known and (since is None or one >= since)
    ]


def _first_of_year(leaver: Leaver) -> date:
    """Of the employment in the year of leaving."""
    return max(leaver.leaving.service_from, date(leaver.leaving.last_day.year, 1, 1))


def _wage_months(leaver: Leaver) -> tuple[PaidMonth, ...]:
    """The whole months of the last twelve. Raises PayRefusedError for one that was not paid here."""
    leaving = leaver.leaving
    if leaving.average_wage_fen is not None:
        return ()
    wanted = [
        one
        for one in _months_between(month_back(leaving.month, _YEAR_MONTHS), leaving.month)
        if leaving.service_from <= one.first
    ]
    known = {one.month: one for one in leaver.months}
    missing = [str(one) for one in wanted if one not in known]
    if missing or not wanted:
        told = ", ".join(missing) or "a whole month before the last"
        raise PayRefusedError(
            f"severance goes by the average wage of the last twelve months, and {told} was not paid here",
            remedy=f"{_STATE} --average-wage",
        )
    return tuple(known[one] for one in wanted)


def _months_between(first: Month, until: Month) -> Iterable[Month]:
    """`until` excluded."""
    at = first
    while at < until:
        yield at
        at = month_back(at, -1)


def _average(total: int, count: int) -> int:
    return (2 * total + count) // (2 * count)


def _with_average(
    trace: Trace, leaver: Leaver, months: tuple[PaidMonth, ...], average: int
) -> Trace:
    """The wage's first operand is what the slips of the months earned, or what the leaving states."""
    first, *others = trace.steps
    steps = Calculation(
        lines=tuple(
            LineInput(code=f"wage of {one.month} ({one.slip})", amount_fen=one.fen)
            for one in months
        )
    )
    if months:
        steps.step("wages_of_months", "amount_of_lines")
        steps.step("average_wage", "multiply_half_up", "wages_of_months", 1, len(months))
    else:
        steps.step("average_wage", "constant", average)
    return replace(
        trace,
        steps=(*steps.steps, replace(first, of=("average_wage", *first.of[1:])), *others),
        lines=steps.inputs.lines,
        facts=trace.facts
        | {
            "average_of": ", ".join(str(one.month) for one in months) or "stated in the leaving",
            "months_before": str(leaver.leaving.months_before),
            "leaving": leaver.signed.told,
        },
    )


def _severance_note(leaver: Leaver) -> str:
    leaving = leaver.leaving
    note = f"{leaving.how}; service from {leaving.service_from}"
    if leaving.service_from < _LAW_SINCE:
        note += ", the years before 2008 by today's law too (art. 97 is not in here)"
    return note


def _notice(month: PersonMonth, leaver: Leaver) -> SlipLine:
    """实施条例 art. 20: by the wage of the month before."""
    by_law, leaving = month.require_law(), leaver.leaving
    before, wage = month_back(leaving.month, 1), leaver.wage_before_fen
    if not wage:
        raise PayRefusedError(
            f"a month in place of notice goes by the wage of {before}, and none was agreed then",
            remedy="HR enters the agreement of that month: hr-core pay agreements import FILE; or the "
            "leaving without the month of notice: hr-core pay leaving add",
        )
    law = by_law.law.national.severance_on(leaving.last_day)
    steps = Calculation()
    steps.step(NOTICE, "constant", wage)
    made = line(
        NOTICE,
        steps,
        by_edition("severance", law),
        formula=f"the agreed wage of {before}",
        facts={
            "exit": str(leaving.how),
            "month": str(before),
            "wage_fen": str(wage),
            "leaving": leaver.signed.told,
        },
    )
    return slip_line(made, f"in place of 30 days' notice, the wage of {before}")


def _local_average(month: PersonMonth, last: date) -> LawRow:
    """Of the year before the last day. Raises NoLawError, UnverifiedLawError, PayRefusedError."""
    by_law = month.require_law()
    city = by_law.person.city
    row = by_law.law.local.row(city, Item.AVERAGE_WAGE, date(last.year - 1, 12, 31))
    if row.amount is None:
        raise PayRefusedError(
            f"{row.version} has no amount",
            remedy="whoever keeps the law imports the row with its amount: hr-core law import",
        )
    return row
