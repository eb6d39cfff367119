"""Shifts are read from punches alone."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.demo.shift_fit import TEMPLATES, fitting_shift

MONDAY = datetime(2026, 10, 12)


def rota(start_hour, hours, *, states, days=10):
    """Five days on, two off: (wall clock, state) as a terminal logs them."""
    for day in range(days):
        if day % 7 < 5:
            begin = MONDAY + timedelta(days=day, hours=start_hour, minutes=-5)
            yield begin, states[0]
            yield begin + timedelta(hours=hours, minutes=9), states[1]


@pytest.mark.parametrize("states", [(0, 1), (255, 255), (0, 0)])
@pytest.mark.parametrize(
    ("start", "hours", "code"), [(6, 12, "day-long"), (8, 9, "office"), (18, 12, "night")]
)
def test_a_steady_rota_is_recognised_with_and_without_direction_keys(start, hours, code, states):
    assert fitting_shift(list(rota(start, hours, states=states))).code == code


def test_one_punch_is_an_arrival():
    assert fitting_shift([(MONDAY.replace(hour=18, minute=20), 255)]).code == "night"


@given(
    st.lists(
        st.tuples(st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)), st.integers(0, 255)),
        min_size=1,
        max_size=40,
    ),
    st.randoms(use_true_random=False),
)
def test_the_order_of_the_rows_does_not_matter(punches, randomness):
    shuffled = punches[:]
    randomness.shuffle(shuffled)
    assert fitting_shift(shuffled) is fitting_shift(punches)
    assert fitting_shift(punches) in TEMPLATES
