"""How long claims will take: month by month, as long as the pay stays what it was last."""

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from hr_core.clock import Month
from hr_core.errors import NotFoundError
from hr_core.law.imported import law_of
from hr_core.law.national import national_law
from hr_core.law.rows import Item
from hr_core.pay.agreement import on_day
from hr_core.pay.claims import Claim, claim_order_on
from hr_core.pay.counted_lines import counted_lines
from hr_core.pay.counted_runs import counted_runs, month_back
from hr_core.pay.debts import DAMAGES, ORDER, RECOVERY, REPAID, SCRAP, debts
from hr_core.pay.retro import RETRO, SETTLED
from hr_core.pay.slip import Side, SlipLine
from hr_core.pay.taking import MonthLeft, TakingLaw, take_claims
from hr_core.store.pay_agreements import agreements_until
from hr_core.trace.calculation import LineInput

# Claims without an end would go on for ever; ten years tell enough.
MOST_MONTHS = 120
_NOT_EVERY_MONTH = (DAMAGES, ORDER, RECOVERY, REPAID, SCRAP, RETRO, SETTLED)
_LOOK_BACK = 12


class PlannedPart(Struct, frozen=True, kw_only=True):
    month: str
    code: str
    taken_fen: int
    left_fen: int


def plan(conn: sa.Connection, person: str, month: Month) -> tuple[PlannedPart, ...]:
    """From `month` on. Raises NotFoundError for a person without a slip in the year before."""
    claims = [one.claim for one in debts(conn, month, person=person) if one.claim is not None]
    if not claims:
        return ()
    lines = _last_slip(conn, person, month)
    agreed = on_day(agreements_until(conn, month.first, {person}).get(person, ()), month.first)
    if agreed is None:
        raise NotFoundError(
            f"no pay agreement of {person} holds on {month.first}",
            remedy="HR enters one: hr-core pay agreements import FILE",
        )
    left = MonthLeft(
        lines=tuple(
            LineInput(code=one.code, amount_fen=one.amount_fen)
            for one in lines
            if one.side is not Side.EMPLOYER
        ),
        wage_fen=sum(one.amount_fen for one in lines if one.side is Side.EARNED),
    )
    law = _law(conn, agreed.terms.city, agreed.terms.district, month.first)
    return planned(left, claims, law, month)


def planned(
    left: MonthLeft, claims: Sequence[Claim], law: TakingLaw, first: Month
) -> tuple[PlannedPart, ...]:
    """Until nothing is left, or nothing more would be taken."""
    found: list[PlannedPart] = []
    month, waiting = first, list(claims)
    while waiting and len(found) < MOST_MONTHS * len(claims):
        taken = take_claims(left, waiting, law)
        found += [
            PlannedPart(
                month=str(month),
                code=one.claim.code,
                taken_fen=one.taken_fen,
                left_fen=one.left_fen,
            )
            for one in taken
        ]
        ends = [one for one in taken if not one.claim.grows]
        if not any(one.taken_fen for one in ends):
            break
        waiting = [
            replace(one.claim, owed_fen=one.left_fen + _grown(one.claim))
            for one in taken
            if one.left_fen or one.claim.grows
        ]
        month = month_back(month, -1)
    return tuple(found)


def _grown(claim: Claim) -> int:
    """What the next month adds; a share of the net pay adds itself when it is taken."""
    return (claim.instalment_fen or 0) if claim.grows else 0


def _last_slip(conn: sa.Connection, person: str, month: Month) -> list[SlipLine]:
    months = [month_back(month, back) for back in range(_LOOK_BACK, 0, -1)]
    for run in reversed(list(counted_runs(conn, months).values())):
        found = [one.line for one in counted_lines(conn, [run]) if one.person == person]
        if found:
            return [one for one in found if not one.code.startswith(_NOT_EVERY_MONTH)]
    raise NotFoundError(
        f"{person} has no slip in the year before {month}", remedy="plan after the first run"
    )


def _law(conn: sa.Connection, city: str, district: str, on: date) -> TakingLaw:
    return TakingLaw(
        order=claim_order_on(on),
        minimum=law_of(conn, allow_unverified=True).row(city, Item.MINIMUM_WAGE, on, district),
        deduction=national_law().wage_deduction_on(on),
        allow_unverified=True,
    )
