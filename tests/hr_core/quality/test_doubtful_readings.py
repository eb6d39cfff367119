"""Torn reads, swapped boxes, late readings: what waits, what is asked, what is never a delta."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hr_core.quality.counter_facts import coverage, gaps, review, window_flag
from hr_core.quality.counters import CounterRules, DeltaFlag, Reading, Replacement
from hr_core.quality.deltas import deltas

U32 = CounterRules(1 << 32, 5)


def asked_for(made):
    """What of the review list someone must answer: another box, or the same one begun again?"""
    asked = {DeltaFlag.RESTART, DeltaFlag.RESET, DeltaFlag.SWAP_SUSPECTED}
    return tuple(item for item in review(made) if item.flag in asked)


def rows(*samples, boot="b", serial=None):
    return [
        Reading(f"{boot}{serial}{at}/{value}", at, boot, at, value, None, at, serial)
        for at, value in samples
    ]


def found(readings, rules=U32, replacements=()):
    return [(one.amount, one.flags) for one in deltas(readings, rules, replacements)][1:]


@pytest.mark.parametrize(
    ("torn", "next_value"),
    [
        (0, 65537),  # the high word is old: 0x0000, the low one new: 0x0000
        (131071, 65537),  # the high word is new: 0x0001, the low one old: 0xFFFF
        (2, 65539),
    ],
)
def test_a_torn_read_is_decided_by_the_next_reading(torn, next_value):
    before, first = rows((0, 65535), (1, torn)), rows((0, 65535), (1, torn), (2, next_value))
    held = found(before)[0]
    assert held[0] == 0
    assert held[1] in {(DeltaFlag.HELD,), (DeltaFlag.IMPLAUSIBLE,)}
    assert found(first) == [(0, (DeltaFlag.TORN,)), (next_value - 65535, ())]


def test_a_reset_at_a_carry_is_a_reset_once_the_next_reading_says_so():
    assert found(rows((0, 65535), (1, 0)))[0] == (0, (DeltaFlag.HELD,))
    assert found(rows((0, 65535), (1, 0), (2, 3))) == [(0, (DeltaFlag.RESET,)), (3, ())]


def test_a_fall_far_from_a_carry_does_not_wait():
    assert found(rows((0, 812), (5, 2))) == [(2, (DeltaFlag.RESET,))]


def test_a_sixteen_bit_counter_is_one_register_and_cannot_be_torn():
    rules = CounterRules(65536, 5)
    assert found(rows((0, 65534), (1, 0), (2, 3)), rules) == [(2, ()), (3, ())]


def test_a_fall_that_the_next_reading_contradicts_is_noise():
    assert found(rows((0, 5000), (1, 3), (2, 5004))) == [
        (0, (DeltaFlag.IMPLAUSIBLE,)),
        (4, ()),
    ]


def test_without_a_rate_the_smaller_explanation_of_a_torn_pattern_is_taken():
    rules = CounterRules(1 << 32)
    readings = rows((0, 65535), (1, 0), (2, 65537))
    assert found(readings, rules) == [(0, (DeltaFlag.TORN,)), (2, ())]


def test_the_other_explanation_is_shown_for_review():
    (item,) = review(deltas(rows((0, 65000), (200, 10)), CounterRules(65536, 5)))
    assert (item.flag, item.amount, item.otherwise) == (DeltaFlag.AMBIGUOUS, 546, 10)
    assert "boot id" in item.remedy


# -- swapped boxes -------------------------------------------------------------------------------

OLD = rows((0, 900), (60, 960), serial="A1")
NEW = rows((120, 40), (180, 55), boot="n", serial="B2")
ENTRY = Replacement(at=100, author="ann", reason="box burnt")


def test_another_serial_without_an_entry_is_never_a_delta_and_alarms():
    made = deltas(OLD + NEW, U32)
    assert [one.amount for one in made] == [0, 60, 0, 15]
    assert [alarm.flag for alarm in asked_for(made)] == [DeltaFlag.SWAP_SUSPECTED]
    assert "line replace" in asked_for(made)[0].remedy


def test_an_entry_starts_a_new_series_and_ends_the_alarm():
    made = deltas(OLD + NEW, U32, [ENTRY])
    assert [one.amount for one in made] == [0, 60, 0, 15]
    assert asked_for(made) == ()
    assert [(gap.since, gap.until, gap.reason, gap.pieces) for gap in gaps(made)] == [
        (60, 120, "replaced", None)
    ]


def test_an_entry_separates_equal_boots_and_sequence_numbers():
    old, new = rows((0, 10), (60, 20)), rows((120, 12), (180, 14))
    new = [one._replace(seq=one.seq - 120) for one in new]
    made = deltas(new + old, U32, [ENTRY])
    assert [(one.end.at, one.amount) for one in made] == [(0, 0), (60, 10), (120, 0), (180, 2)]


@pytest.mark.parametrize(
    ("value", "flags"),
    [
        (40, (DeltaFlag.RESTART,)),
        (4000, (DeltaFlag.RESTART, DeltaFlag.SWAP_SUSPECTED)),  # 60 s make 305 at most
    ],
)
def test_a_new_boot_without_an_entry_asks(value, flags):
    made = deltas(
        rows((0, 960)) + rows((60, value), boot="n"), CounterRules(1 << 32, 5, retentive=False)
    )
    assert made[-1].flags == flags
    assert made[-1].amount == (40 if value == 40 else 0)
    assert made[-1].lost_unknown
    assert asked_for(made)


def test_a_lower_value_without_an_entry_asks():
    assert [one.flag for one in asked_for(deltas(rows((0, 5000), (60, 3)), U32))] == ["reset"]


def test_a_lower_value_that_cannot_have_been_made_since_is_another_box():
    made = deltas(rows((0, 5000), (60, 4000)), CounterRules(1 << 16, 5))  # 305 at most
    assert (made[-1].amount, made[-1].otherwise) == (0, 4000)
    assert made[-1].flags == (DeltaFlag.RESET, DeltaFlag.SWAP_SUSPECTED)


def test_a_retentive_counter_that_lost_its_value_says_both():
    rules = CounterRules(None, 5, retentive=True)
    made = deltas(rows((0, 500)) + rows((60, 9), boot="n"), rules)
    assert (made[-1].amount, made[-1].flags) == (9, (DeltaFlag.RESTART, DeltaFlag.RESET))


# -- late, gaps, order ---------------------------------------------------------------------------


def test_a_late_reading_splits_its_window_and_is_no_wrap():
    late = rows((0, 10), (5, 15), (9, 20))
    late[1] = late[1]._replace(received_at=60)
    made = deltas(late, CounterRules(65536, 5))
    assert [(one.amount, one.flags) for one in made[1:]] == [(5, (DeltaFlag.LATE,)), (5, ())]
    assert review(made) == ()


def test_a_backlog_that_arrives_in_order_is_not_late():
    backlog = [one._replace(received_at=999) for one in rows((0, 10), (5, 15), (9, 20))]
    assert all(DeltaFlag.LATE not in one.flags for one in deltas(backlog, U32))


def test_silence_is_a_gap_only_where_the_counter_reports_steadily():
    made = deltas(rows((0, 0), (60, 5), (1000, 9)), U32)
    assert gaps(made) == ()
    (gap,) = gaps(made, silence_s=300)
    assert (gap.since, gap.until, gap.reason, gap.pieces) == (60, 1000, "silent", 4)


def test_coverage_counts_overlapping_gaps_once():
    made = gaps(deltas(rows((0, 0), (400, 5), (1000, 9)), U32), silence_s=300)
    assert coverage(made + made, 0, 2000) == pytest.approx(0.5)
    assert coverage(made, 500, 1000) == 0
    assert coverage((), 0, 100) == 1
    assert coverage(made, 9, 9) == 1


def test_two_counters_that_disagree():
    assert window_flag(10, 12) == "rejects_exceed_pieces"
    assert window_flag(10, 10) is None


reading = st.builds(
    lambda at, boot, seq, value, received, serial: Reading(
        f"{at}/{boot}/{seq}/{value}/{serial}", at, boot, seq, value, None, received, serial
    ),
    st.integers(0, 300),
    st.sampled_from("ab"),
    st.integers(0, 9),
    st.integers(65_400, 65_700) | st.integers(0, 140_000),
    st.none() | st.integers(0, 400),
    st.sampled_from([None, None, "A1", "B2"]),
)
rules = st.builds(
    CounterRules,
    st.sampled_from([None, 1000, 65536, 1 << 32]),
    st.sampled_from([None, 5, 1000]),
    st.sampled_from([None, True, False]),
    st.booleans(),
)


@given(
    st.lists(reading, max_size=12), rules, st.sets(st.integers(0, 300), max_size=2), st.randoms()
)
def test_any_order_of_arrival_gives_the_same_deltas(readings, given_rules, swaps, dice):
    """Same readings, same entries: same deltas, never negative, one for each reading."""
    entries = [Replacement(at=at, author="a", reason="r") for at in sorted(swaps)]
    unique = {one.event_id: one for one in readings}.values()
    made = deltas(unique, given_rules, entries)
    shuffled = [*unique, *list(unique)[:3]]
    dice.shuffle(shuffled)
    dice.shuffle(entries)
    assert deltas(shuffled, given_rules, entries) == made
    assert len(made) == len(unique)
    assert all(one.amount >= 0 for one in made)
    assert all(one.amount == 0 for one in made if not one.counted)


@given(st.lists(st.integers(0, 5), min_size=3, max_size=30), st.integers(0, 1 << 18), st.data())
def test_a_true_counter_survives_one_torn_read(steps, start, data):
    """A 32-bit counter read each second; once, its words come from two neighbouring values."""
    values = [start]
    for step in steps:
        values.append(values[-1] + step)
    at = data.draw(st.integers(1, len(values) - 2))
    old, new = values[at - 1], values[at]
    torn = (old & 0xFFFF0000 | new & 0xFFFF, new & 0xFFFF0000 | old & 0xFFFF)
    seen = list(values)
    seen[at] = data.draw(st.sampled_from(torn))
    made = deltas(rows(*enumerate(seen)), U32)
    assert sum(one.amount for one in made) == values[-1] - values[0]
