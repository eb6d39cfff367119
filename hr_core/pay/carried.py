"""What other months bring into a person's month: claims that wait, pay that is owed back, corrections."""

from collections import defaultdict
from collections.abc import Iterable

import sqlalchemy as sa
from msgspec import Struct

from hr_core.clock import Month
from hr_core.pay.claims import Claim
from hr_core.pay.debts import Owed, OwedBack, debts, owed_back
from hr_core.pay.slip import SlipLine
from hr_core.pay.stage import Stage


class CarriedOver(Struct, frozen=True, kw_only=True):
    """`lines`: corrections of earlier months, each with what it counts as. `reversing`: the slip takes
    the place of one that was paid: its corrections and the `fixed` lines, whose money a court has, are
    those of the old one, and `scrap_later_fen` of the month's scrap was taken by later slips.
    """

    claims: tuple[Claim, ...] = ()
    back: tuple[OwedBack, ...] = ()
    lines: tuple[tuple[Stage, SlipLine], ...] = ()
    fixed: tuple[SlipLine, ...] = ()
    reversing: bool = False
    scrap_later_fen: int = 0


def read_carried(
    conn: sa.Connection,
    month: Month,
    *,
    scheme: str | None = None,
    owed: Iterable[Owed] | None = None,
) -> dict[str, CarriedOver]:
    """By person; who has none is left out. Without corrections: those are computed (retro_months).
    `owed`: the debts of the month, where the caller has them.
    """
    claims: defaultdict[str, list[Claim]] = defaultdict(list)
    back: defaultdict[str, list[OwedBack]] = defaultdict(list)
    for debt in debts(conn, month, scheme=scheme) if owed is None else owed:
        if debt.claim is not None:
            claims[debt.person].append(debt.claim)
    for one in owed_back(conn, month, scheme=scheme):
        if one.left_fen > 0:
            back[one.person].append(one)
    return {
        person: CarriedOver(claims=tuple(claims[person]), back=tuple(back[person]))
        for person in sorted({*claims, *back})
    }
