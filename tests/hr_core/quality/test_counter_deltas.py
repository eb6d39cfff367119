"""Counter readings to deltas: the published cases and the rules' edges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hr_core.quality.counters import CounterRules, DeltaFlag, Reading
from hr_core.quality.deltas import deltas


def readings(samples):
    """[(second, value, boot?), …] in the counter's own order."""
    return [
        Reading(
            f"e{at}-{value}-{rest[0] if rest else 'b'}", at, rest[0] if rest else "b", at, value
        )
        for at, value, *rest in samples
    ]


def total(found):
    return sum(delta.amount for delta in found)


def flags(found):
    return {flag for delta in found for flag in delta.flags} - {DeltaFlag.BASELINE}


@pytest.mark.parametrize(
    ("samples", "modulus", "amount", "flag"),
    [
        ([(0, 100), (60, 160)], 65536, 60, None),
        ([(0, 65530), (10, 4)], 65536, 10, None),
        ([(0, 4294967295), (1, 4)], 4294967296, 5, None),
        ([(0, 9900), (600, 100)], 10000, 200, None),
        ([(0, 5000), (10, 3)], 65536, 3, "reset"),
        ([(0, 65000), (200, 10)], 65536, 546, "ambiguous"),
        ([(0, 65530, "boot1"), (10, 4, "boot2")], 65536, 4, "restart"),
        ([(0, 812), (5, 0), (65, 0)], None, 0, "reset"),
        ([(0, 10), (5, 15), (5, 15), (9, 20)], 65536, 10, None),
        ([(0, 4711)], 65536, 0, None),
    ],
)
def test_the_cases_at_five_pieces_a_second(samples, modulus, amount, flag):
    found = deltas(readings(samples), CounterRules(modulus, 5))
    assert total(found) == amount
    assert flags(found) == ({flag} if flag else set())


def test_arrival_order_does_not_matter():
    late = [Reading("c", 9, "b", 3, 20), Reading("a", 0, "b", 1, 10), Reading("b", 5, "b", 2, 15)]
    assert [delta.amount for delta in deltas(late, CounterRules(65536, 5))] == [0, 5, 5]


def test_the_first_reading_is_nobodys_work():
    (only,) = deltas(readings([(0, 4711)]), CounterRules())
    assert (only.amount, only.flags) == (0, (DeltaFlag.BASELINE,))


def test_silence_longer_than_a_whole_wrap_is_a_lower_bound():
    found = deltas(readings([(0, 100), (4000, 200)]), CounterRules(65536, 20))
    assert (total(found), flags(found)) == (100, {DeltaFlag.GAP_EXCEEDS_WRAP})


@pytest.mark.parametrize(("retentive", "amount"), [(True, 30), (False, 130), (None, 30)])
def test_a_restart_counts_what_the_counter_can_prove(retentive, amount):
    """Not knowing whether the counter survived, the smaller explanation is taken."""
    samples = [(0, 100, "boot1"), (10, 130, "boot2")]
    found = deltas(readings(samples), CounterRules(retentive=retentive))
    assert total(found) == amount
    assert flags(found) == {DeltaFlag.RESTART}


def test_a_noise_spike_is_not_counted_and_leaves_no_trace_in_the_sum():
    found = deltas(readings([(0, 100), (5, 99999), (10, 110), (15, 115)]), CounterRules(None, 5))
    assert [delta.amount for delta in found] == [0, 0, 10, 5]
    assert flags(found) == {DeltaFlag.IMPLAUSIBLE}


def test_a_jump_that_goes_on_is_a_new_baseline():
    found = deltas(readings([(0, 100), (5, 99999), (10, 100004)]), CounterRules(None, 5))
    assert [delta.amount for delta in found] == [0, 0, 5]
    assert flags(found) == {DeltaFlag.JUMP}


def test_a_jump_that_nothing_confirms_yet_is_not_counted():
    found = deltas(readings([(0, 100), (5, 99999)]), CounterRules(None, 5))
    assert (total(found), flags(found)) == (0, {DeltaFlag.IMPLAUSIBLE})


growth = st.lists(st.integers(0, 50), min_size=1, max_size=30)


@given(growth, st.integers(0, 65535), st.randoms())
def test_a_wrapping_counter_sums_to_what_was_made(steps, start, random):
    value, rows = start, [Reading("e0", 0, "b", 0, start)]
    for index, step in enumerate(steps, 1):
        value = (value + step) % 65536
        rows.append(Reading(f"e{index}", index * 10, "b", index, value))
    shuffled = rows + rows[:3]
    random.shuffle(shuffled)
    assert total(deltas(shuffled, CounterRules(65536, 5))) == sum(steps)


@given(st.lists(st.tuples(st.integers(0, 999), st.sampled_from("ab")), max_size=20))
def test_deltas_are_never_negative_and_one_per_reading(rows):
    given_readings = [
        Reading(f"e{index}", index, boot, index, value) for index, (value, boot) in enumerate(rows)
    ]
    found = deltas(given_readings, CounterRules(1000, 5))
    assert len(found) == len(given_readings)
    assert all(delta.amount >= 0 for delta in found)


def test_a_silence_that_just_fits_a_whole_wrap_is_flagged():
    """At 10 a second, 99 s (and one for rounding) reach 1,000; 98 s do not."""
    rules = CounterRules(1000, 10)
    assert flags(deltas(readings([(0, 1), (99, 5)]), rules)) == {DeltaFlag.GAP_EXCEEDS_WRAP}
    assert flags(deltas(readings([(0, 1), (98, 5)]), rules)) == set()
