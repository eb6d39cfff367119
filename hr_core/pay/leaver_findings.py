"""Of whom a run pays a last slip without what a leaver is owed: told by name, with the command that mends it."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import sqlalchemy as sa

from hr_core.attendance.lots.booking import lots_of
from hr_core.clock import Month
from hr_core.pay.month_inputs import MonthInputs
from hr_core.pay.scheme import SchemeEdition
from hr_core.people.records import Employment, Kind
from hr_core.store.results import WithoutSlip


def leavings_to_check(
    conn: sa.Connection, inputs: MonthInputs, edition: SchemeEdition
) -> Iterator[WithoutSlip]:
    for number in sorted(inputs.roster.people):
        last = last_day_in(inputs.contracts.get(number, ()), inputs.month)
        signed = inputs.leavings.get(number)
        if signed is not None and signed.leaving.last_day != last:
            yield WithoutSlip(
                number=number,
                why=f"a leaving on {signed.leaving.last_day} is approved ({signed.told}), and the "
                f"contract ends {'not in this month' if last is None else f'on {last}'}: nothing of it "
                "is on a slip. HR sets one of them right: hr-core pay leaving add, hr-core people leave",
            )
        if last is None:
            continue
        if signed is None:
            yield WithoutSlip(
                number=number,
                why=f"left on {last}, and no leaving is approved: unused annual leave and severance "
                "are not on the last slip. HR enters how it ended: hr-core pay leaving add",
            )
        elif edition.law is None:
            yield WithoutSlip(
                number=number,
                why=f"left on {last}; this scheme pays without law: unused annual leave and severance "
                "are not on the slip",
            )
        left = sum(lot.left_min for lot in lots_of(conn, number))
        if left:
            yield WithoutSlip(
                number=number,
                why=f"left on {last} with {left} minutes of time off in lieu: no line pays them. HR books "
                f"them as paid (hr-core timeoff pay-out {number}) and enters the sum: hr-core pay entries "
                "add",
            )


def last_day_in(contracts: Sequence[Employment], month: Month) -> date | None:
    """Of the own contracts, where no other goes on the next day; None: nobody leaves in the month."""
    own = [one for one in contracts if one.kind is Kind.EMPLOYEE]
    ends = [one.valid_until for one in own if one.valid_until is not None]
    for until in sorted(ends, reverse=True):
        last = until - timedelta(days=1)
        goes_on = any(one.days.covers(until) for one in own)
        if month.first <= last < month.after and not goes_on:
            return last
    return None
