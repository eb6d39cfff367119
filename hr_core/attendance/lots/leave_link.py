"""Approved leave of the kind 调休 takes its time from the lots; its reversal gives it back."""

import sqlalchemy as sa

from hr_core.attendance.hours.planned import leave_minutes
from hr_core.attendance.lots.booking import Act, give_back, lots_of, take
from hr_core.attendance.lots.ledger import Entry
from hr_core.attendance.plan.request import Leave, Request, RequestState, Reversal
from hr_core.store.person_records import merged_into
from hr_core.store.work_plan import plan_of

COMPENSATORY = "compensatory"  # in hr_core/data/request_kinds.toml


def book_decision(conn: sa.Connection, decided: Request, act: Act) -> list[Entry]:
    """In the transaction of the decision, so that leave which no lot covers is not approved. Raises
    TimeOffError, NoLawError (a day whose calendar is not out yet).
    """
    if decided.state is not RequestState.APPROVED:
        return []
    person = merged_into(conn).get(decided.person, decided.person)
    match decided.body:
        case Leave(leave=kind) if kind == COMPENSATORY:
            return _take(conn, person, decided, act)
        case Reversal(of=number):
            name = leave_name(number)
            uses = (use.leave for lot in lots_of(conn, person) for use in lot.uses)
            return give_back(conn, person, name, act) if name in uses else []
        case _:
            return []


def leave_name(request: int) -> str:
    """As the ledger names the leave of a request."""
    return f"request {request}"


def _take(conn: sa.Connection, person: str, decided: Request, act: Act) -> list[Entry]:
    plan = plan_of(conn, person, *decided.body.days)
    booked: list[Entry] = []
    for day, planned in sorted(plan.items()):
        minutes = leave_minutes(planned, decided.id)
        if minutes:
            booked += take(conn, person, leave_name(decided.id), day, minutes, act)
    return booked
