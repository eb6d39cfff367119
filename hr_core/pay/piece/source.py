"""Line sources of piece pay: what was made, the top-up to the minimum wage, scrap."""

from datetime import date

from hr_core.attendance.day import DayResult, DayStatus
from hr_core.law.rows import Item, LawRow
from hr_core.pay.leave.sick_pay import SICK, all_day
from hr_core.pay.person_month import PersonMonth, Stage
from hr_core.pay.piece.made import What, of_what
from hr_core.pay.piece.person_pieces import lines_of
from hr_core.pay.piece.scrap import ScrapTerms, scrap_line
from hr_core.pay.piece.top_up import top_up_line
from hr_core.pay.slip import SlipLine
from hr_core.pay.taking import OWN_RULE


def piece_lines(month: PersonMonth) -> tuple[SlipLine, ...]:
    """Raises NoPriceError, PayRefusedError."""
    return () if month.pieces is None else lines_of(month.pieces)


def top_up_lines(month: PersonMonth) -> tuple[SlipLine, ...]:
    """Of whoever is paid by pieces; days that nobody owes a wage for earn no minimum."""
    if not any(one.terms.by_piece for one in month.agreements):
        return ()
    by_law = month.require_law()
    owed = sum(_owed(month, on) for on in by_law.facts.days.all)
    line = top_up_line(
        month.lines(Stage.WAGE),
        sum(one.employee.fen for one in by_law.shares),
        _minimum(month),
        owed,
        len(by_law.facts.days.all),
    )
    return () if line is None else (line,)


def scrap_lines(month: PersonMonth) -> tuple[SlipLine, ...]:
    """After other damages of the month: they share one cap."""
    scrapped = () if month.pieces is None else of_what(month.pieces.made, What.SCRAP)
    if month.pieces is None or not scrapped:
        return ()
    damages = [one for one in month.lines(Stage.AFTER_TAX) if one.trace.rule == OWN_RULE]
    taken = scrap_line(
        scrapped,
        month.lines(Stage.WAGE),
        ScrapTerms(
            book=month.pieces.terms.book,
            minimum=_minimum(month),
            law=month.require_law().law.national.wage_deduction_on(month.month.first),
            own_shares_fen=-month.fen(Stage.SHARES),
            already_fen=-sum(one.amount_fen for one in damages),
            later_fen=month.carried.scrap_later_fen,
        ),
    )
    return () if taken is None else (taken.line,)


def _minimum(month: PersonMonth) -> LawRow:
    """Raises NoLawError, UnverifiedLawError."""
    by_law = month.require_law()
    person, first = by_law.person, month.month.first
    return by_law.law.local.row(person.city, Item.MINIMUM_WAGE, first, person.district)


def _owed(month: PersonMonth, on: date) -> bool:
    """Employed, and neither proven absent nor on leave without pay or sick; an open day is owed."""
    by_law = month.require_law()
    if not by_law.person.work.employed(on) or on in by_law.facts.unpaid_leave:
        return False
    day = next((one for one in month.days if one.day == on), None)
    return day is None or _earns(day)


def _earns(day: DayResult) -> bool:
    return day.status is not DayStatus.ABSENT and not all_day(day, (SICK,))
