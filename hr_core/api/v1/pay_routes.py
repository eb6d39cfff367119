"""Payslips of a run, their export and traces: the people whom the account sees, less the fields that
it does not (accounts.field_policy). A manager sees whose days are open, and no amount.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter
from starlette.responses import Response

from hr_core import views
from hr_core.accounts.acting import own_keys
from hr_core.accounts.field_policy import Field, Sight, masked, sight_of
from hr_core.accounts.model import Right
from hr_core.accounts.visible import sees_trials
from hr_core.api.v1 import answers as of
from hr_core.api.v1.asking import Ask, needs
from hr_core.api.v1.openapi import answers
from hr_core.api.v1.parameters import PersonKey, RunNumber
from hr_core.api.v1.problem import NO_STORE, not_found
from hr_core.api.v1.reading import visible_keys
from hr_core.api.v1.sending import seen_person, sent
from hr_core.clock import Month
from hr_core.errors import NotFoundError
from hr_core.pay.debts import DAMAGES, ORDER, RECOVERY, REPAID, SCRAP
from hr_core.pay.slip import SlipLine
from hr_core.people.number_of_day import NumbersOfDays
from hr_core.spreadsheet import csv_text
from hr_core.store.pay_run_steps import is_issued
from hr_core.store.results import RunRow, lines_of, run_by_number
from hr_core.trace.explain import explain

router = APIRouter(tags=["pay"])

PayAsk = Annotated[Ask, needs(Right.PAY_READ)]
_CLAIMS = (DAMAGES, ORDER, RECOVERY, REPAID, SCRAP)
_COLUMNS = ["person", "employee_number", "name", "line", "side", "amount_fen"]


@router.get("/pay/runs/{run}/slips", **answers(of.PaidPeople, right=Right.PAY_READ))
def slips_of_run(ask: PayAsk, run: RunNumber) -> Response:
    """The payslips of a run, of the people whom the account sees today."""
    found = _run(ask, run)
    return sent(of.PaidPeople(run=run, month=found.month, people=tuple(_people(ask, found))))


@router.get("/pay/runs/{run}/slips.csv", **answers(of.PaidPeople, right=Right.PAY_READ))
def export_of_run(ask: PayAsk, run: RunNumber) -> Response:
    """The same as a table (CSV, UTF-8), a row for each line; a masked amount is an empty cell."""
    rows = [
        [one.person, one.employee_number, one.name, line.code, line.side, line.amount_fen]
        for one in _people(ask, _run(ask, run))
        for line in one.lines
    ]
    text = csv_text([_COLUMNS, *rows]).removeprefix("\ufeff")  # for programs, whatever opens it
    return Response(text, 200, NO_STORE, media_type="text/csv; charset=utf-8")


@router.get(
    "/pay/runs/{run}/slips/{person:path}/trace", **answers(of.SlipTrace, right=Right.PAY_READ)
)
def trace(ask: PayAsk, run: RunNumber, person: PersonKey) -> Response:
    """Where each amount of a payslip comes from."""
    one = seen_person(ask.conn, ask.seen, person)
    try:
        found = explain(ask.conn, run, one.number)
    except NotFoundError as exc:
        raise not_found("payslip") from exc
    sight = _sight(ask, one.number)
    if not _shown(ask, run, one.number):
        raise not_found("payslip")
    plain = masked(msgspec.to_builtins(found), sight)
    private = _private(lines_of(ask.conn, run, one.number), sight)
    return sent(
        of.SlipTrace(
            run=run,
            month=found.month,
            person=one.number,
            name=found.name,
            total_fen=plain["total_fen"],
            lines=_without(plain["lines"], private),
            masked=tuple(sorted(sight.fields)),
        )
    )


def _people(ask: Ask, run: RunRow) -> Iterator[of.PaidPerson]:
    seen = visible_keys(ask.conn, ask.seen)
    slips = [
        slip
        for slip in views.slips_of_run(ask.conn, run.number)
        if slip.number in seen and _shown(ask, run.number, slip.number)
    ]
    numbers = NumbersOfDays.load(ask.conn, {slip.number for slip in slips})
    last = Month.parse(run.month).after - timedelta(days=1)
    for slip in slips:
        sight = _sight(ask, slip.number)
        lines = lines_of(ask.conn, run.number, slip.number)
        private = _private(lines, sight)
        whole = of.PaidPerson(
            person=slip.number,
            employee_number=numbers.on(slip.number, last),
            name=slip.name,
            total_fen=slip.total_fen,
            lines=tuple(
                of.PaidLine(
                    code=line.code,
                    label=line.label,
                    label_zh=line.label_zh,
                    side=line.side,
                    amount_fen=line.amount_fen,
                )
                for line in lines
                if line.code not in private
            ),
            days_to_clarify=len(slip.to_clarify),
            masked=tuple(sorted(sight.fields)),
        )
        yield _masked(whole, sight)


def _private(lines: Iterable[SlipLine], sight: Sight) -> frozenset[str]:
    """Codes of lines that whoever sees no amounts does not see at all: that there is a court's order,
    a claim or a single sum, and what for, is as private as how much.
    """
    if Field.AMOUNTS not in sight.fields:
        return frozenset()
    return frozenset(
        line.code
        for line in lines
        if line.trace.entries or any(name in line.code for name in _CLAIMS)
    )


def _without(lines: list[dict[str, Any]], private: frozenset[str]) -> tuple[dict[str, Any], ...]:
    """Also where another line names one that it rests on."""
    return tuple(
        line | {"lines": [one for one in line["lines"] if one["code"] not in private]}
        for line in lines
        if line["line"] not in private
    )


def _masked(one: of.PaidPerson, sight: Sight) -> of.PaidPerson:
    return msgspec.convert(masked(msgspec.to_builtins(one), sight), of.PaidPerson)


def _shown(ask: Ask, run: int, person: str) -> bool:
    """The own slip of a run that nobody approved is none yet, but for who computes runs."""
    if sees_trials(ask.account) or person not in own_keys(ask.conn, ask.account):
        return True
    return is_issued(ask.conn, run)


def _sight(ask: Ask, person: str) -> Sight:
    return sight_of(ask.account, own=person in own_keys(ask.conn, ask.account))


def _run(ask: Ask, number: int) -> RunRow:
    """Raises ProblemError 404."""
    found = run_by_number(ask.conn, number)
    if found is None:
        raise not_found("pay run")
    return found
