from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hr_core.attendance.time_bank import Lot, Use, Withdrawal, settle

MAY = date(2026, 5, 1)
H = 3600


def lot(name, earned, hours, last_day=None):
    return Lot(id=name, earned=earned, seconds=hours * H, source=f"ot-{name}", last_day=last_day)


def leave(name, day, hours):
    return Withdrawal(id=name, day=day, seconds=hours * H)


def test_the_oldest_lot_goes_first_and_each_lot_names_its_leave():
    lots = [lot("b", MAY + timedelta(days=3), 4), lot("a", MAY, 2)]

    bank = settle(lots, [leave("x", MAY + timedelta(days=9), 3)], MAY + timedelta(days=10))

    assert [state.uses for state in bank.lots] == [(Use("x", 2 * H),), (Use("x", H),)]
    assert bank.balance == 3 * H
    assert bank.uncovered == ()


def test_a_lot_lapses_after_its_last_day_and_is_due_to_be_paid():
    lots = [lot("a", MAY, 2, last_day=MAY + timedelta(days=30))]

    assert settle(lots, [], MAY + timedelta(days=30)).balance == 2 * H
    after = settle(lots, [], MAY + timedelta(days=31))
    assert (after.balance, after.lots[0].lapsed) == (0, 2 * H)


def test_leave_before_the_time_was_earned_is_not_covered():
    bank = settle([lot("a", MAY + timedelta(days=2), 8)], [leave("x", MAY, 1)], date(2026, 6, 1))

    assert bank.uncovered == (Use("x", H),)
    assert bank.balance == 8 * H


def test_what_lies_ahead_is_not_in_the_balance():
    bank = settle([lot("a", MAY + timedelta(days=2), 8)], [leave("x", MAY, 1)], MAY)

    assert bank.lots == ()
    assert settle([], [leave("x", MAY + timedelta(days=1), 1)], MAY).uncovered == ()


def test_two_lots_with_one_id_are_refused():
    with pytest.raises(ValueError, match="one id"):
        settle([lot("a", MAY, 1), lot("a", MAY, 1)], [], MAY)


days = st.integers(0, 40).map(lambda n: MAY + timedelta(days=n))


@given(
    st.lists(st.tuples(days, st.integers(1, 12), st.none() | days), max_size=8),
    st.lists(st.tuples(days, st.integers(1, 12)), max_size=8),
    days,
)
def test_no_second_is_lost_or_used_twice(earned, taken, on):
    lots = [lot(str(n), day, hours, last) for n, (day, hours, last) in enumerate(earned)]
    leaves = [leave(str(n), day, hours) for n, (day, hours) in enumerate(taken)]

    bank = settle(lots, leaves, on)

    for state in bank.lots:
        assert sum(use.seconds for use in state.uses) + state.left + state.lapsed == (
            state.lot.seconds
        )
    used = sum(use.seconds for state in bank.lots for use in state.uses)
    uncovered = sum(use.seconds for use in bank.uncovered)
    assert used + uncovered == sum(one.seconds for one in leaves if one.day <= on)
