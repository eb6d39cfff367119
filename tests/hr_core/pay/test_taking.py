"""Claims on a month's pay: nothing is lost, the person keeps what the law leaves, ranks are kept."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hr_core.errors import NoLawError
from hr_core.law.loading import built_in_law
from hr_core.law.national import national_law
from hr_core.law.rows import Item, Status
from hr_core.pay.claims import Claim, ClaimKind, claim_order_on, rank_of
from hr_core.pay.cn.lines import PayRefusedError
from hr_core.pay.taking import MonthLeft, TakingLaw, take_claims
from hr_core.trace.calculation import LineInput, replay

DAY = date(2026, 9, 1)
MINIMUM = built_in_law().row("上海", Item.MINIMUM_WAGE, DAY)
LAW = TakingLaw(
    order=claim_order_on(DAY),
    minimum=MINIMUM,
    deduction=national_law().wage_deduction_on(DAY),
    allow_unverified=True,
)
LOWEST = MINIMUM.amount
FREE = 10**9  # protects nothing


def month(net, wage=None):
    wage = net if wage is None else wage
    lines = (LineInput(code="base", amount_fen=wage), LineInput(code="tax", amount_fen=net - wage))
    return MonthLeft(lines=lines, wage_fen=wage)


def claim(code="order_1", kind=ClaimKind.DEBT, owed=100_000, **more):
    return Claim(code=code, kind=kind, owed_fen=owed, received=DAY, told="court", **more)


def own(owed, code="damages_1"):
    return claim(code, ClaimKind.OWN, owed)


claims = st.builds(
    Claim,
    code=st.just("x"),
    kind=st.sampled_from(ClaimKind),
    owed_fen=st.integers(0, 2_000_000),
    received=st.integers(0, 300).map(lambda days: DAY - timedelta(days=days)),
    told=st.just("court"),
    grows=st.booleans(),
    instalment_fen=st.none() | st.integers(0, 500_000),
    net_percent=st.none() | st.integers(0, 10_000),
    protected_fen=st.none() | st.integers(0, 800_000),
    rank=st.none() | st.integers(0, 9),
)


def numbered(found):
    return [replace(one, code=f"order_{at}") for at, one in enumerate(found)]


@given(
    st.lists(claims, max_size=6).map(numbered),
    st.integers(-100_000, 3_000_000),
    st.integers(0, 3_000_000),
)
def test_taken_and_left_are_what_was_owed_and_the_person_keeps_the_protected(some, net, taxed):
    left, wage = net, net + taxed
    found = take_claims(month(net, wage), some, LAW)
    assert {one.claim.code for one in found} == {one.code for one in some}
    for one in found:
        assert 0 <= one.taken_fen <= max(one.owed_fen, 0)
        assert one.taken_fen + one.left_fen == one.owed_fen >= one.claim.owed_fen
        assert replay(one.line.trace) == one.line.amount_fen == -one.taken_fen
        left -= one.taken_fen
        is_own = one.claim.kind is ClaimKind.OWN
        protected = LOWEST if is_own or one.claim.protected_fen is None else one.claim.protected_fen
        assert not one.taken_fen or left >= protected
    ours = sum(one.taken_fen for one in found if one.claim.kind is ClaimKind.OWN)
    assert ours * 5 <= max(wage, 0)
    ranks = [(rank_of(one.claim, LAW.order), one.claim.received) for one in found]
    assert all(first <= second for first, second in pairwise(ranks))


@given(
    debt=st.integers(1, 3_000_000),
    pays=st.lists(st.integers(0, 2_500_000), min_size=1, max_size=30),
    instalment=st.none() | st.integers(1, 400_000),
)
def test_over_the_months_nothing_of_a_debt_is_lost(debt, pays, instalment):
    for kind in (ClaimKind.OWN, ClaimKind.DEBT):
        left, taken = debt, 0
        for net in pays:
            one = claim("x_1", kind, left, instalment_fen=instalment)
            (done,) = take_claims(month(net), [one], LAW)
            left, taken = done.left_fen, taken + done.taken_fen
            assert taken + left == debt
            assert done.taken_fen <= (instalment or debt)


def test_damages_are_taken_in_parts():
    """5,000 yuan of damages from 5,000 a month: a fifth is 1,000."""
    (one,) = take_claims(month(450_000, 500_000), [own(500_000)], LAW)
    assert (one.taken_fen, one.left_fen, one.short) == (100_000, 400_000, False)
    assert one.line.note.endswith("¥4,000.00 waits")
    low = LOWEST + 30_000
    (one,) = take_claims(month(low), [own(500_000)], LAW)
    assert (one.taken_fen, one.short) == (30_000, True)


def test_two_debts_to_the_employer_share_one_limit():
    first, second = take_claims(month(1_000_001), [own(150_000), own(150_000, "recovery_2")], LAW)
    assert (first.taken_fen, second.taken_fen) == (150_000, 50_000)


def test_scrap_of_the_month_is_in_the_same_fifth():
    pay = replace(month(1_000_000), scrap_fen=50_000)
    (one,) = take_claims(pay, [own(900_000)], LAW)
    assert one.taken_fen == 150_000


def test_maintenance_comes_first_whenever_its_order_came():
    debt = claim("order_1", ClaimKind.DEBT, 200_000)
    support = replace(claim("order_2", ClaimKind.MAINTENANCE, 100_000), received=DAY.replace(day=9))
    pay = month(LOWEST + 130_000)
    found = take_claims(pay, [own(10_000), debt, support], LAW)
    assert [(one.claim.code, one.taken_fen) for one in found] == [
        ("order_2", 100_000),
        ("order_1", 30_000),
        ("damages_1", 0),
    ]
    assert found[2].line.amount_fen == 0
    assert any(one.item == "claim_order" for one in found[0].line.trace.law)


def test_ranks_that_nobody_verified_decide_nothing_by_themselves():
    strict = replace(LAW, allow_unverified=False)
    some = [claim("order_1", ClaimKind.DEBT), claim("order_2", ClaimKind.MAINTENANCE)]
    with pytest.raises(PayRefusedError, match=r"order_2 .maintenance. and order_1 .debt"):
        take_claims(month(LOWEST + 130_000), some, strict)
    enough = take_claims(month(LOWEST + 200_000), some, strict)
    assert [one.taken_fen for one in enough] == [100_000, 100_000]
    assert not any(row.status == "unverified" for one in enough for row in one.line.trace.law)
    told = [replace(one, rank=at) for at, one in enumerate(some)]
    found = take_claims(month(LOWEST + 130_000), told, strict)
    assert [(one.claim.code, one.taken_fen) for one in found] == [
        ("order_1", 100_000),
        ("order_2", 30_000),
    ]


def test_a_share_without_a_sum_grows_each_month_and_waits():
    support = claim(kind=ClaimKind.MAINTENANCE, owed=5_000, net_percent=2_500, grows=True)
    (one,) = take_claims(month(400_001), [replace(support, protected_fen=0)], LAW)
    assert (one.owed_fen, one.taken_fen) == (105_000, 105_000)
    (one,) = take_claims(month(LOWEST + 10_000), [support], LAW)
    due = (LOWEST + 10_000) // 4
    assert (one.owed_fen, one.taken_fen, one.left_fen) == (5_000 + due, 10_000, due - 5_000)


def test_a_court_may_protect_less_than_the_minimum_wage_the_employer_never_may():
    order = claim(owed=FREE, protected_fen=100_000)
    ours = replace(own(FREE), protected_fen=100_000)
    found = take_claims(month(LOWEST), [order, ours], LAW)
    assert [one.taken_fen for one in found] == [LOWEST - 100_000, 0]


def test_before_the_law_there_is_no_order():
    with pytest.raises(NoLawError):
        claim_order_on(date(1994, 12, 31))
    assert claim_order_on(DAY).status is Status.UNVERIFIED
