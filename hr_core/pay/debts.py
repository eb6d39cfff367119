"""What people owe and are owed beside their wage: read anew for each month from what was entered, ordered
and reversed, less what the counted slips of the other months took or paid back.

Nothing of it is stored as a balance. So nothing can be lost: for each debt, what the slips took and
what is left are what was owed.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from typing import NamedTuple

import sqlalchemy as sa
from msgspec import Struct

from hr_core.clock import Month
from hr_core.pay.claims import Claim, ClaimKind
from hr_core.pay.counted_lines import counted_lines
from hr_core.pay.counted_runs import counted_runs, is_locked, month_back, runs_after
from hr_core.pay.entry import EntryKind, PayEntry
from hr_core.pay.piece.late_scrap import LateScrap
from hr_core.pay.piece.scrap import CODE as SCRAP_LINE
from hr_core.store.court_orders import StoredOrder, orders
from hr_core.store.pay_entries import entries_until
from hr_core.store.pay_reversals import Reversal, reversals
from hr_core.store.results import run_by_number

ORDER, DAMAGES, RECOVERY, REPAID = "order_", "damages_", "recovery_", "repaid_"
# Behind it the month whose line `scrap` did not take all.
SCRAP = "scrap_"
# A debt of more than ten years is nobody's to take back by payroll.
_MOST_MONTHS = 120


class TakenSoFar(Struct, frozen=True, kw_only=True):
    """Fen, and by month and slip. `due`: what an order that is a share of the net pay asked for."""

    fen: int = 0
    due: int = 0
    parts: tuple[tuple[str, str, int], ...] = ()


class Owed(Struct, frozen=True, kw_only=True):
    """A debt up to a month: `owed_fen` in all, `taken` by the slips of other months. `claim` None:
    nothing is taken for it in the month.
    """

    person: str
    code: str
    told: str
    owed_fen: int
    taken: TakenSoFar
    claim: Claim | None
    ended: str = ""

    @property
    def left_fen(self) -> int:
        return self.owed_fen - self.taken.fen


class OwedBack(Struct, frozen=True, kw_only=True):
    """A payslip that was too small, less what was paid since."""

    person: str
    code: str
    reversal: Reversal
    paid: TakenSoFar

    @property
    def left_fen(self) -> int:
        return self.reversal.difference_fen - self.paid.fen


def debts(
    conn: sa.Connection, month: Month, *, scheme: str | None = None, person: str | None = None
) -> list[Owed]:
    """By person: what is owed up to and with the month."""
    taken = taken_elsewhere(conn, month, (ORDER, DAMAGES, RECOVERY, SCRAP), scheme)
    found = [
        *_of_orders(conn, month, taken),
        *_of_entries(conn, month, taken),
        *_of_reversals(conn, month, taken),
        *_of_scrap(conn, _runs_before(conn, month, scheme), taken),
    ]
    mine = (one for one in found if person in (None, one.person))
    return sorted(mine, key=lambda one: (one.person, one.code))


def owed_back(conn: sa.Connection, month: Month, *, scheme: str | None = None) -> list[OwedBack]:
    taken = taken_elsewhere(conn, month, (REPAID,), scheme)
    return [
        OwedBack(
            person=one.person,
            code=f"{REPAID}{one.number}",
            reversal=one,
            paid=taken.get((one.person, f"{REPAID}{one.number}"), TakenSoFar()),
        )
        for one in reversals(conn)
        if one.difference_fen > 0 and Month.parse(one.month) < month
    ]


def taken_elsewhere(
    conn: sa.Connection, month: Month, prefixes: tuple[str, ...], scheme: str | None = None
) -> dict[tuple[str, str], TakenSoFar]:
    """By person and code of the line, from the counted slips of the months before, and from approved
    ones behind: a month that is computed anew must not take what a later one took already.
    """
    found: defaultdict[tuple[str, str], TakenSoFar] = defaultdict(TakenSoFar)
    runs = _runs_before(conn, month, scheme) | runs_after(conn, month, scheme)
    for paid, run in runs.items():
        for one in counted_lines(conn, [run], prefixes):
            key, fen = (one.person, one.line.code), abs(one.line.amount_fen)
            due = sum(step.result for step in one.line.trace.steps if step.name == "due")
            so_far = found[key]
            found[key] = TakenSoFar(
                fen=so_far.fen + fen,
                due=so_far.due + due,
                parts=(*so_far.parts, (str(paid), one.slip, fen)),
            )
    return dict(found)


def _runs_before(conn: sa.Connection, month: Month, scheme: str | None) -> dict[Month, int]:
    before = [month_back(month, back) for back in range(_MOST_MONTHS, 0, -1)]
    return counted_runs(conn, before, scheme)


def _of_orders(
    conn: sa.Connection, month: Month, taken: Mapping[tuple[str, str], TakenSoFar]
) -> Iterator[Owed]:
    for one in orders(conn):
        first = Month.parse(one.order.first_month)
        if first > month:
            continue
        so_far = taken.get((one.order.person, one.code), TakenSoFar())
        last = min(month, Month.parse(one.last_month)) if one.last_month else month
        owed = _owed_by(one, first, last, so_far)
        ended = bool(one.last_month) and last < month
        yield Owed(
            person=one.order.person,
            code=one.code,
            told=one.told,
            owed_fen=owed,
            taken=so_far,
            claim=None if ended else _claim_of(one, owed - so_far.fen),
            ended=f"after {one.last_month}: {one.why_ended}" if ended else "",
        )


def _owed_by(one: StoredOrder, first: Month, last: Month, so_far: TakenSoFar) -> int:
    order = one.order
    if order.total_fen is not None:
        return order.total_fen
    if order.instalment_fen is not None:
        months = (last.year - first.year) * 12 + last.month - first.month + 1
        return order.instalment_fen * max(months, 0)
    return so_far.due


def _claim_of(one: StoredOrder, left: int) -> Claim | None:
    order = one.order
    grows = order.total_fen is None
    by_share = grows and order.instalment_fen is None
    if left <= 0 and not by_share:
        return None
    return Claim(
        code=one.code,
        kind=order.kind,
        owed_fen=left,
        received=order.received,
        told=one.told,
        grows=grows,
        instalment_fen=order.instalment_fen,
        net_percent=order.net_percent if by_share or not grows else None,
        protected_fen=order.protected_fen,
        rank=order.rank,
    )


def _of_entries(
    conn: sa.Connection, month: Month, taken: Mapping[tuple[str, str], TakenSoFar]
) -> Iterator[Owed]:
    for one in entries_until(conn, EntryKind.DAMAGES, str(month)):
        code = f"{DAMAGES}{one.number}"
        so_far = taken.get((one.person, code), TakenSoFar())
        left = one.amount_fen - so_far.fen
        yield Owed(
            person=one.person,
            code=code,
            told=one.name,
            owed_fen=one.amount_fen,
            taken=so_far,
            claim=_own(code, left, Month.parse(one.month).first, one.name, one)
            if left > 0
            else None,
        )


def _of_reversals(
    conn: sa.Connection, month: Month, taken: Mapping[tuple[str, str], TakenSoFar]
) -> Iterator[Owed]:
    for one in reversals(conn):
        if one.difference_fen >= 0 or Month.parse(one.month) >= month:
            continue
        code = f"{RECOVERY}{one.number}"
        so_far = taken.get((one.person, code), TakenSoFar())
        left = -one.difference_fen - so_far.fen
        told = (
            f"too much was paid in {one.month} (run {one.run}, reversal {one.number}: {one.reason})"
        )
        yield Owed(
            person=one.person,
            code=code,
            told=told,
            owed_fen=-one.difference_fen,
            taken=so_far,
            claim=_own(code, left, one.at.date(), told) if left > 0 else None,
        )


def _of_scrap(
    conn: sa.Connection,
    runs: Mapping[Month, int],
    taken: Mapping[tuple[str, str], TakenSoFar],
) -> Iterator[Owed]:
    """What a month's scrap is worth, less what its slip took: above its cap, or told after it was paid."""
    month_of = {run: month for month, run in runs.items()}
    found: dict[tuple[str, Month], _Scrap] = {}
    for one in counted_lines(conn, month_of, (SCRAP_LINE,)):
        if one.line.code == SCRAP_LINE:
            worth = int(one.line.trace.facts["worth_fen"])
            scrap = _Scrap(worth, -one.line.amount_fen, f"above its cap ({one.slip})")
            found[one.person, month_of[one.run]] = scrap
    late = LateScrap(conn)
    for month, run in runs.items():
        row = run_by_number(conn, run)
        if row is None or not is_locked(conn, month):
            continue
        for person, worth in late.worth_now(month, row.created_at).items():
            known = found.get((person, month), _Scrap(0, 0, ""))
            if worth != known.worth or (person, f"{SCRAP}{month}") in taken:
                found[person, month] = _Scrap(worth, known.taken, f"told after run {run}")
    for (person, month), scrap in found.items():
        owed = max(scrap.worth - scrap.taken, 0)
        code = f"{SCRAP}{month}"
        so_far = taken.get((person, code), TakenSoFar())
        if not owed and not so_far.fen:
            continue
        left = owed - so_far.fen
        told = f"scrap of {month} {scrap.told}"
        yield Owed(
            person=person,
            code=code,
            told=told,
            owed_fen=owed,
            taken=so_far,
            claim=_own(code, left, month.first, told) if left > 0 else None,
        )


class _Scrap(NamedTuple):
    """Fen of a person's month, and what its own slip took."""

    worth: int
    taken: int
    told: str


def _own(code: str, left: int, since: date, told: str, entry: PayEntry | None = None) -> Claim:
    return Claim(
        code=code,
        kind=ClaimKind.OWN,
        owed_fen=left,
        received=since,
        told=told,
        entry=None if entry is None else entry.as_input(),
    )
