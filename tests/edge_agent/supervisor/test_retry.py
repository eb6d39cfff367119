"""The retry plan is bounded and spreads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.supervisor.retry import LONGEST_DELAY_S, retry_delay_s


@pytest.mark.parametrize(
    ("failures", "shortest", "longest"),
    [(1, 1, 2), (2, 2, 4), (3, 4, 8), (8, 128, 256), (9, 150, 300), (1_000_000, 150, 300)],
)
def test_the_delay_doubles_up_to_the_cap(failures, shortest, longest):
    assert retry_delay_s(failures, 0.0) == shortest
    assert retry_delay_s(failures, 0.999_999) == pytest.approx(longest, rel=1e-5)


@given(st.integers(1, 10**9), st.floats(0, 1, exclude_max=True))
def test_no_delay_is_zero_or_over_the_cap(failures, jitter):
    assert 1 <= retry_delay_s(failures, jitter) <= LONGEST_DELAY_S
