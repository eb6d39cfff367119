import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.backoff import Backoff

PLAN = Backoff(first_s=1, longest_s=120, refused_s=600, longest_retry_after_s=3600)
JITTER = st.floats(min_value=0, max_value=1, exclude_max=True)


@pytest.mark.parametrize(
    ("failures", "least", "most"),
    [(1, 0.5, 1), (2, 1, 2), (3, 2, 4), (7, 32, 64), (8, 60, 120), (50, 60, 120), (10**9, 60, 120)],
)
def test_the_wait_doubles_up_to_its_cap(failures, least, most):
    assert PLAN.after_failure(failures, jitter=0) == least
    assert PLAN.after_failure(failures, jitter=0.999_999) == pytest.approx(most, rel=1e-4)


@given(st.integers(min_value=1, max_value=10**6), JITTER)
def test_every_wait_is_bounded_and_never_zero(failures, jitter):
    assert 0.5 <= PLAN.after_failure(failures, jitter=jitter) <= 120
    assert 300 <= PLAN.after_refusal(jitter=jitter) <= 600


@pytest.mark.parametrize(
    ("failures", "asked", "wait"),
    [
        (1, 30, 30),
        (1, None, 0.5),
        (1, 0, 0.5),
        (20, 30, 60),
        (1, 10**9, 3600),
        (1, float("inf"), 3600),
    ],
)
def test_what_the_core_asks_for_is_the_least_wait(failures, asked, wait):
    assert PLAN.after_busy(failures, asked, jitter=0) == wait
