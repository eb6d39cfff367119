"""Compensatory time, lot by lot: nothing is lost, used twice or changed in silence."""

import random
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hr_core.attendance.lots import drawing
from hr_core.attendance.lots.drawing import Rate, TimeOffError
from hr_core.attendance.lots.ledger import balance, fold
from hr_core.attendance.lots.rules import Order
from tests.hr_core.attendance.lots.lot_samples import Book, D, origin

DAY = timedelta(days=1)
OLDEST, EXPIRING = Order.OLDEST_FIRST, Order.EXPIRING_FIRST


def book(*earned):
    """`earned`: (days after D, minutes, last day)."""
    found = Book()
    for after, minutes, last in earned:
        one = origin(D + after * DAY, last, events=(f"e{after}",))
        found.write(drawing.earn(None, one, minutes), one.day)
    return found


def taken(drafts):
    return [(draft.lot[:10], draft.minutes) for draft in drafts]


def test_the_oldest_lot_goes_first_and_names_its_leave():
    ledger = book((7, 240, None), (0, 120, None))

    drafts = drawing.use(fold(ledger.entries), "leave 9", D + 10 * DAY, 180, OLDEST)
    ledger.write(drafts, D + 8 * DAY)

    first, second = fold(ledger.entries)
    assert taken(drafts) == [("2026-05-02", 120), ("2026-05-09", 60)]
    assert (first.uses[0].leave, first.left_min, second.left_min) == ("leave 9", 0, 180)
    assert first.origin.events == ("e0",)


def test_by_rule_the_lot_that_expires_first_goes_first():
    ledger = book((0, 120, None), (7, 240, D + 30 * DAY), (8, 60, D + 20 * DAY))
    lots = fold(ledger.entries)

    assert taken(drawing.use(lots, "l", D + 9 * DAY, 200, EXPIRING)) == [
        ("2026-05-10", 60), ("2026-05-09", 140),
    ]  # fmt: skip
    assert taken(drawing.use(lots, "l", D + 9 * DAY, 60, OLDEST)) == [("2026-05-02", 60)]


def test_more_than_there_is_is_refused_with_what_stands_in_the_way():
    lots = fold(book((0, 120, D + 5 * DAY), (20, 60, None), (3, 30, None)).entries)

    with pytest.raises(TimeOffError) as caught:
        drawing.use(lots, "l", D + 10 * DAY, 60, OLDEST)

    assert caught.value.short_min == 30
    assert "120 min of 2026-05-02 ended on 2026-05-07" in str(caught.value)
    assert "60 min of 2026-05-22 were not earned yet" in str(caught.value)


def test_the_last_day_can_still_be_taken_and_the_next_not():
    lots = fold(book((0, 120, D + 5 * DAY)).entries)

    assert drawing.use(lots, "l", D + 5 * DAY, 120, OLDEST)
    with pytest.raises(TimeOffError):
        drawing.use(lots, "l", D + 6 * DAY, 1, OLDEST)
    assert drawing.expire(lots, D + 5 * DAY) == []
    assert taken(drawing.expire(lots, D + 6 * DAY)) == [("2026-05-02", 120)]


def test_expired_time_is_paid_first_and_moves_out_of_expired():
    ledger = book((0, 120, D + 5 * DAY), (7, 240, None))
    ledger.write(drawing.expire(fold(ledger.entries), D + 6 * DAY), D + 6 * DAY)
    lots = fold(ledger.entries)
    rates = {lot.lot: Rate(percent=200, source="art. 44(2)") for lot in lots}

    ledger.write(drawing.pay_out(lots, rates, 150, D + 9 * DAY), D + 9 * DAY)

    first, second = fold(ledger.entries)
    assert (first.expired_min, first.paid_min, first.left_min) == (0, 120, 0)
    assert (second.paid_min, second.left_min) == (30, 210)
    assert second.payments[0].rate_percent == 200
    assert second.payments[0].note == "art. 44(2)"
    assert fold(ledger.entries, D + 8 * DAY)[0].expired_min == 120  # as it was then


def test_a_day_that_earns_less_than_was_taken_shows_a_shortfall():
    ledger = book((0, 120, None))
    ledger.write(drawing.use(fold(ledger.entries), "l", D + DAY, 100, OLDEST), D)
    (lot,) = fold(ledger.entries)

    drafts = drawing.earn(lot, origin(events=("late",)), 30)
    ledger.write(drafts, D + 2 * DAY)

    assert [(draft.kind, draft.minutes) for draft in drafts] == [
        ("adjusted", -90), ("shortfall", 70),
    ]  # fmt: skip
    (lot,) = fold(ledger.entries)
    assert (lot.earned_min, lot.used_min, lot.left_min, lot.owed_min) == (30, 100, 0, 70)
    assert lot.origin.events == ("late",)
    assert "100 min are taken, 30 min are earned" in drafts[1].note
    assert drawing.earn(lot, lot.origin, 30) == []  # the same again


def test_growth_heals_a_shortfall_as_far_as_it_was_not_settled():
    ledger = book((0, 120, None))
    ledger.write(drawing.use(fold(ledger.entries), "l", D + DAY, 100, OLDEST), D)
    ledger.write(drawing.earn(fold(ledger.entries)[0], origin(), 30), D)
    healed = Book()
    healed.entries = list(ledger.entries)
    healed.write(drawing.earn(fold(healed.entries)[0], origin(), 120), D)
    assert (fold(healed.entries)[0].owed_min, fold(healed.entries)[0].left_min) == (0, 20)

    ledger.write(drawing.settle(fold(ledger.entries)[0], "taken off October's pay"), D)
    assert fold(ledger.entries)[0].owed_min == 0
    with pytest.raises(TimeOffError, match="no open shortfall"):
        drawing.settle(fold(ledger.entries)[0], "again")
    ledger.write(drawing.earn(fold(ledger.entries)[0], origin(), 120), D)
    assert fold(ledger.entries)[0].left_min == 90  # 70 were made good: they are the person's again


def test_leave_given_back_heals_the_shortfall_it_had_made():
    ledger = book((0, 120, None))
    ledger.write(drawing.use(fold(ledger.entries), "l", D + DAY, 100, OLDEST), D)
    ledger.write(drawing.earn(fold(ledger.entries)[0], origin(), 30), D)
    ledger.write(drawing.give_back(fold(ledger.entries), "l"), D)

    (lot,) = fold(ledger.entries)
    assert (lot.left_min, lot.owed_min) == (30, 0)


def test_expired_time_that_was_never_earned_is_nobodys_debt():
    ledger = book((0, 120, D))
    ledger.write(drawing.expire(fold(ledger.entries), D + DAY), D + DAY)
    ledger.write(drawing.earn(fold(ledger.entries)[0], origin(last_day=D), 50), D + DAY)

    (lot,) = fold(ledger.entries)
    assert (lot.earned_min, lot.expired_min, lot.owed_min, lot.left_min) == (50, 50, 0, 0)


def test_leave_that_was_not_taken_goes_back_where_it_came_from():
    ledger = book((0, 60, D + 3 * DAY), (1, 60, None))
    ledger.write(drawing.use(fold(ledger.entries), "l", D + 2 * DAY, 90, OLDEST), D)
    ledger.write(drawing.give_back(fold(ledger.entries), "l"), D + 9 * DAY)

    lots = fold(ledger.entries)
    assert [(lot.left_min, lot.uses) for lot in lots] == [(60, ()), (60, ())]
    assert taken(drawing.expire(lots, D + 9 * DAY)) == [("2026-05-02", 60)]
    with pytest.raises(TimeOffError, match="no lot was used"):
        drawing.give_back(lots, "l")


def test_nothing_and_too_much_are_refused():
    lots = fold(book((0, 60, None)).entries)
    rates = {lot.lot: Rate(percent=200, source="s") for lot in lots}

    with pytest.raises(TimeOffError, match="nothing to book"):
        drawing.use(lots, "l", D, 0, OLDEST)
    with pytest.raises(TimeOffError, match="hold 60"):
        drawing.pay_out(lots, rates, 61, D)
    with pytest.raises(ValueError, match="-1 minutes"):
        drawing.earn(None, origin(), -1)
    assert drawing.earn(None, origin(), 0) == []


def test_two_contracts_of_one_day_are_two_lots():
    ledger = Book()
    for contract in ("A", "B"):
        ledger.write(drawing.earn(None, origin(contract=contract), 60), D)

    assert [lot.lot for lot in fold(ledger.entries)] == [
        "2026-05-02/rest_day/A", "2026-05-02/rest_day/B",
    ]  # fmt: skip


def test_an_entry_without_its_lot_is_a_fault():
    ledger = book((0, 60, None))
    ledger.write(drawing.use(fold(ledger.entries), "l", D, 60, OLDEST), D)

    with pytest.raises(ValueError, match="never earned"):
        fold(ledger.entries[1:])


# (what, days after D, minutes, a number to choose by)
steps = st.lists(
    st.tuples(
        st.sampled_from(["earn", "use", "back", "pay", "expire", "settle"]),
        st.integers(0, 30),
        st.integers(1, 300),
        st.integers(0, 5),
    ),
    max_size=30,
)


def drafts_of(step, lots, booked, number):
    what, after, minutes, choice = step
    day = D + after * DAY
    match what:
        case "earn":
            one = origin(day, None if choice < 3 else day + choice * DAY)
            known = {lot.lot: lot for lot in lots}
            return drawing.earn(known.get(one.lot), one, minutes - 1)
        case "use":
            return drawing.use(lots, f"l{number}", day, minutes, Order(list(Order)[choice % 2]))
        case "back":
            leaves = [use.leave for lot in lots for use in lot.uses]
            return drawing.give_back(lots, leaves[choice % len(leaves)]) if leaves else []
        case "pay":
            rates = {lot.lot: Rate(percent=200, source="s") for lot in lots}
            return drawing.pay_out(lots, rates, minutes, booked)
        case "expire":
            return drawing.expire(lots, booked)
        case _:
            owing = [lot for lot in lots if lot.owed_min]
            return drawing.settle(owing[0], "paid") if owing else []


@settings(max_examples=150)
@given(steps, st.randoms(use_true_random=False))
def test_at_each_date_all_that_was_earned_is_somewhere(walk, rng):
    ledger, refused = Book(), 0
    for number, step in enumerate(walk):
        booked = D + number // 2 * DAY
        try:
            drafts = drafts_of(step, fold(ledger.entries), booked, number)
        except TimeOffError:
            refused += 1
            continue
        ledger.write(drafts, booked)
    for number in range(len(walk) // 2 + 1):
        on = D + number * DAY
        lots = fold(ledger.entries, on)
        for lot in lots:
            assert lot.earned_min + lot.shortfall_min == (
                lot.used_min + lot.paid_min + lot.expired_min + lot.left_min
            )
            parts = (lot.earned_min, lot.used_min, lot.paid_min, lot.expired_min, lot.left_min)
            assert min(*parts, lot.shortfall_min, lot.owed_min) >= 0
            assert not (lot.owed_min and lot.left_min)
        total = balance(lots)
        assert total.earned_min + total.shortfall_min == (
            total.used_min + total.paid_min + total.expired_min + total.left_min
        )
        shuffled = random.Random(rng.random()).sample(ledger.entries, len(ledger.entries))
        assert fold(shuffled, on) == lots


@given(st.permutations(range(6)), st.integers(1, 400), st.sampled_from(Order))
def test_it_does_not_matter_in_which_order_lots_are_given(order, minutes, rule):
    lots = fold(book(*((n, 60 + n, D + (40 - n) * DAY) for n in range(6))).entries)
    mixed = [lots[index] for index in order]
    try:
        expected = drawing.use(lots, "l", D + 10 * DAY, minutes, rule)
    except TimeOffError:
        with pytest.raises(TimeOffError):
            drawing.use(mixed, "l", D + 10 * DAY, minutes, rule)
    else:
        assert drawing.use(mixed, "l", D + 10 * DAY, minutes, rule) == expected
