"""What is known here of whoever leaves in a month: earlier slips, annual leave taken, opening balances."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta

import sqlalchemy as sa

from hr_core.approvals.desk import approval
from hr_core.attendance.day import DayResult
from hr_core.clock import Month
from hr_core.law.national import Overtime
from hr_core.opening.rows import LeaveOpening, OpeningKind
from hr_core.pay.agreement import on_day
from hr_core.pay.counted_lines import counted_lines
from hr_core.pay.counted_runs import counted_runs, month_back
from hr_core.pay.leave.sick_pay import minutes_on_leave
from hr_core.pay.leaving import LeaveOfYear, Leaver, PaidMonth, SignedLeaving
from hr_core.pay.year_so_far import TAX_LINE
from hr_core.store.attendance_days import days_of_people
from hr_core.store.opening_balances import StoredOpening, openings
from hr_core.store.pay_agreements import agreements_until

ANNUAL = "annual"  # of request_kinds.toml
_YEAR_MONTHS = 12
_BONUS = "annual_bonus_"


def leavers_of(
    conn: sa.Connection,
    month: Month,
    signed: Mapping[str, SignedLeaving],
    days: Mapping[str, Iterable[DayResult]],
    overtime: Overtime,
    *,
    scheme: str | None = None,
) -> dict[str, Leaver]:
    """By person. `days`: the month's own; those of earlier months are read as they are stored."""
    if not signed:
        return {}
    paid = _paid_months(conn, month, signed, scheme)
    leave = _leave_of_year(conn, month, signed, days, overtime)
    before = month.first - timedelta(days=1)
    agreed = agreements_until(conn, before, signed)
    return {
        person: Leaver(
            signed=one,
            months=paid.get(person, ()),
            leave=leave[person],
            wage_before_fen=None
            if (held := on_day(agreed.get(person, ()), before)) is None
            else held.terms.base_fen,
        )
        for person, one in signed.items()
    }


def _paid_months(
    conn: sa.Connection, month: Month, people: Collection[str], scheme: str | None
) -> dict[str, tuple[PaidMonth, ...]]:
    """By the lines that the month's tax counted, and the annual bonus beside them: all that was earned
    as wage (实施条例 art. 27).
    """
    before = [month_back(month, back) for back in range(_YEAR_MONTHS, 0, -1)]
    found: dict[str, dict[Month, PaidMonth]] = {}
    for paid, run in counted_runs(conn, before, scheme).items():
        bonus: dict[str, int] = {}
        for one in counted_lines(conn, [run], (TAX_LINE, _BONUS)):
            if one.person not in people:
                continue
            fen = one.line.amount_fen
            if one.line.code == TAX_LINE:
                fen = sum(line.amount_fen for line in one.line.trace.lines)
                found.setdefault(one.person, {})[paid] = PaidMonth(paid, one.slip, fen)
            else:
                bonus[one.person] = bonus.get(one.person, 0) + fen
        for person, fen in bonus.items():
            if (known := found.get(person, {}).get(paid)) is not None:
                found[person][paid] = PaidMonth(paid, known.slip, known.fen + fen)
    return {person: tuple(months.values()) for person, months in found.items()}


def _leave_of_year(
    conn: sa.Connection,
    month: Month,
    people: Collection[str],
    days: Mapping[str, Iterable[DayResult]],
    overtime: Overtime,
) -> dict[str, LeaveOfYear]:
    first = date(month.year, 1, 1)
    taken: dict[str, dict[date, int]] = {person: {} for person in people}
    stored = days_of_people(conn, people, first, month.first)
    told = [(one.person, one.result) for one in stored]
    told += [(whose, result) for whose in people for result in days.get(whose, ())]
    for owner, result in told:
        if minutes := minutes_on_leave(result, (ANNUAL,), overtime):
            taken[owner][result.day] = minutes
    opened: dict[str, list[StoredOpening]] = {person: [] for person in people}
    for one in openings(conn, kind=OpeningKind.LEAVE, people=people):
        opened[one.row.person].append(one)
    return {
        person: _with_openings(conn, month, tuple(sorted(taken[person].items())), opened[person])
        for person in people
    }


def _with_openings(
    conn: sa.Connection,
    month: Month,
    taken: tuple[tuple[date, int], ...],
    opened: list[StoredOpening],
) -> LeaveOfYear:
    """Openings of years before the month's own last are of leave that was carried over; each counts
    from the first month that is paid here.
    """
    left, earlier, known, origin = None, 0, None, []
    for one in opened:
        balance = one.row.balance
        if not isinstance(balance, LeaveOpening) or balance.leave != ANNUAL:
            continue
        first = Month.parse(approval(conn, one.signed.approval).content["first_month"])
        if first.year != month.year or first > month:
            continue
        origin.append(one.origin)
        known = first if known is None else max(known, first)
        if balance.year == month.year:
            left = balance.half_days
        else:
            earlier += balance.half_days
    since = date(month.year, 1, 1) if known is None else known.first
    return LeaveOfYear(
        taken=tuple((on, minutes) for on, minutes in taken if on >= since),
        known_from=known,
        left_half_days=left,
        earlier_half_days=earlier,
        origin=tuple(origin),
    )
