"""Over any way through the months, what the slips took of a debt and what is left are what was owed."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hr_core.approvals.desk import Actor, approve
from hr_core.approvals.effects import take_effect
from hr_core.clock import Month
from hr_core.errors import RefusedError
from hr_core.law.loading import built_in_law
from hr_core.law.national import national_law
from hr_core.law.rows import Item
from hr_core.pay.claims import ClaimKind, claim_order_on
from hr_core.pay.debts import debts
from hr_core.pay.entry import EntryKind, NewEntry
from hr_core.pay.order_desk import propose_end, propose_order
from hr_core.pay.slip import Slip
from hr_core.pay.taking import MonthLeft, TakingLaw, take_claims
from hr_core.store.attendance_locks import Lock
from hr_core.store.court_orders import CourtOrder
from hr_core.store.database import initialise, writing
from hr_core.store.results import NewRun, RunFindings, add_run
from hr_core.trace.calculation import LineInput
from tests.hr_core.conftest import opened
from tests.hr_core.two_people import entry_by_two, store_lock

AT = datetime(2026, 1, 1, tzinfo=UTC)
DAY = date(2026, 9, 1)
LAW = TakingLaw(
    order=claim_order_on(DAY),
    minimum=built_in_law().row("上海", Item.MINIMUM_WAGE, DAY),
    deduction=national_law().wage_deduction_on(DAY),
    allow_unverified=True,
)
LAST = Month(2026, 12)

amounts = st.integers(1, 900_000)
entered = st.tuples(
    st.integers(1, 9),  # its first month
    st.sampled_from(["damages", "whole", "parts", "monthly", "share"]),
    amounts,
    st.integers(1, 5_000),
)
# A month is computed once or more; only its last run counts, whatever an earlier one would have taken.
nets = st.lists(st.lists(st.integers(0, 1_500_000), max_size=3), min_size=12, max_size=12)


def enter(conn, at, given):
    first, kind, fen, percent = given
    month = f"2026-{first:02d}"
    if kind == "damages":
        entry = NewEntry(
            person="P1", month=month, kind=EntryKind.DAMAGES, name="mould", amount_fen=fen,
            reason="", entered_by="ann", approved_by="bob",
        )  # fmt: skip
        entry_by_two(conn, entry, at=AT)
        return
    figures = {
        "whole": {"total_fen": fen},
        "parts": {"total_fen": fen, "instalment_fen": max(fen // 3, 1), "net_percent": percent},
        "monthly": {"instalment_fen": fen},
        "share": {"net_percent": percent},
    }[kind]
    order = CourtOrder(
        person="P1", kind=list(ClaimKind)[at % 6], court="court", reference=str(at),
        received=DAY, first_month=month, **figures,
    )  # fmt: skip
    decide(conn, propose_order(conn, order, at=AT, by=Actor("ann")))


def decide(conn, number):
    take_effect(conn, approve(conn, number, at=AT, by=Actor("bob")))


def run_month(conn, month, net):
    claims = [one.claim for one in debts(conn, month) if one.claim is not None]
    left = MonthLeft(lines=(LineInput(code="base", amount_fen=net),), wage_fen=net)
    taken = take_claims(left, claims, LAW)
    slip = Slip(number="P1", name="", lines=tuple(one.line for one in taken), to_clarify=())
    run = NewRun(
        month=str(month), scheme="cn", scheme_version="1", created_at=AT, slips=(slip,), days={},
        findings=RunFindings(),
    )  # fmt: skip
    add_run(conn, run)
    return taken


@settings(max_examples=8, deadline=None)
@given(st.lists(entered, max_size=4), nets, st.integers(2, 11))
def test_nothing_of_any_debt_is_lost(some, nets, ends):
    with opened("sqlite://") as engine:
        initialise(engine)
        go_through(engine, some, nets, ends)


def go_through(engine, some, nets, ends):
    with writing(engine) as conn:
        for at, given_one in enumerate(some):
            enter(conn, at, given_one)
        paid: dict[str, int] = {}
        for number, tries in enumerate(nets, 1):
            month = Month(2026, number)
            last = [run_month(conn, month, net) for net in tries][-1:]
            for one in last[0] if last else ():
                paid[one.claim.code] = paid.get(one.claim.code, 0) + one.taken_fen
            if number == ends and any(one.code == "order_1" for one in debts(conn, month)):
                end = propose_end(conn, 1, str(month), at=AT, by=Actor("ann"), reason="lifted")
                decide(conn, end)
            for one in debts(conn, Month(2027, 1)):
                assert one.taken.fen == paid.get(one.code, 0)
                assert one.taken.fen + one.left_fen == one.owed_fen
                assert one.left_fen >= 0
        for (first, kind, fen, _), code in zip(some, codes(some), strict=True):
            (one,) = (one for one in debts(conn, LAST) if one.code == code)
            if kind in {"damages", "whole", "parts"}:
                assert one.owed_fen == fen
            elif kind == "monthly":
                until = min(12, ends) if code == "order_1" and one.ended else 12
                assert one.owed_fen == fen * (until - first + 1)


def codes(some):
    counted = {"damages": 0, "order": 0}
    for _, kind, _, _ in some:
        word = "damages" if kind == "damages" else "order"
        counted[word] += 1
        yield f"{word}_{counted[word]}"


def test_a_month_computed_anew_takes_nothing_that_a_later_locked_one_took(engine):
    with writing(engine) as conn:
        enter(conn, 0, (9, "damages", 300_000, 0))
        for number in (9, 10):
            run_month(conn, Month(2026, number), 1_000_000)
            told = Lock(month=f"2026-{number:02d}", locked_at=AT, locked_by="ann", reason="")
            store_lock(conn, told)
        run_month(conn, Month(2026, 9), 2_000_000)
        (one,) = debts(conn, Month(2026, 11))
    assert (one.taken.fen, one.left_fen) == (300_000, 0)


def test_nobody_approves_an_order_on_the_own_pay_nor_its_end(engine):
    asked = CourtOrder(
        person="P1", kind=ClaimKind.DEBT, court="court", reference="7", received=DAY,
        first_month="2026-10", total_fen=100_000,
    )  # fmt: skip
    with writing(engine) as conn:
        decide(conn, propose_order(conn, asked, at=AT, by=Actor("ann")))
        end = propose_end(conn, 1, "2026-10", at=AT, by=Actor("ann"), reason="paid")
        with pytest.raises(RefusedError, match="is about the pay of P1"):
            take_effect(conn, approve(conn, end, at=AT, by=Actor("P1")))
