"""The exact gate against the float formula, and the interval's own properties."""

import math
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hr_core.quality.grades import Shared, contested, load_grades, separable
from hr_core.quality.intervals import (
    Z_ONE_SIDED,
    Z_TWO_SIDED,
    exceeds,
    spans,
    surely_exceeds,
    wilson,
)

EDITION = load_grades().on(date(2026, 10, 1))
counts = st.integers(1, 20_000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))
limits = st.integers(1, 99).map(lambda percent: Fraction(percent, 100))
zs = st.sampled_from([*Z_ONE_SIDED.values(), *Z_TWO_SIDED.values()])


@given(counts, limits, zs)
def test_the_exact_gate_is_the_lower_bound(count, limit, z):
    pieces, rejects = count
    low = wilson(pieces, rejects, z).low
    if not math.isclose(low, limit, rel_tol=1e-9):
        assert surely_exceeds(pieces, rejects, limit, z) == (low > limit)


@given(counts, limits, zs)
def test_an_edge_inside_the_interval_is_spanned(count, edge, z):
    pieces, rejects = count
    low, high = wilson(pieces, rejects, z)
    if not (math.isclose(low, edge, rel_tol=1e-9) or math.isclose(high, edge, rel_tol=1e-9)):
        assert spans(pieces, rejects, edge, z) == (low < edge < high)


@given(counts, zs)
def test_the_interval_holds_the_rate_and_stays_within_a_share(count, z):
    pieces, rejects = count
    low, high = wilson(pieces, rejects, z)
    assert 0 <= low <= rejects / pieces <= high <= 1


def test_none_where_it_has_no_meaning():
    assert wilson(0, 0) is None
    assert wilson(10, 12) is None


def test_the_constants_are_those_of_the_normal_distribution():
    from statistics import NormalDist

    for table, tail in ((Z_ONE_SIDED, 1), (Z_TWO_SIDED, 2)):
        for confidence, z in table.items():
            exact = NormalDist().inv_cdf(1 - (100 - int(confidence)) / 100 / tail)
            assert float(z) == pytest.approx(exact, abs=1e-14)


def test_the_plain_rule_does_not_round():
    three = Fraction(3, 100)
    assert not exceeds(967, 29, three)
    assert exceeds(966, 29, three)
    assert not exceeds(0, 0, three)


@pytest.mark.parametrize(
    ("pieces", "rejects", "one_grade"),
    [
        (1000, 30, False),  # 2.1-4.3 %: B and C
        (10_000, 50, True),
        (148, 0, False),  # Wilson's upper bound is 2.53 %
        (200, 0, True),
        (0, 0, False),
        (10, 12, False),
    ],
)
def test_a_grade_is_separable_when_its_interval_lies_within(pieces, rejects, one_grade):
    assert separable(pieces, rejects, EDITION) is one_grade


@pytest.mark.parametrize(
    ("stations", "differs"),
    [
        ([], False),
        ([Shared(1000, 2000, 100, 10)], True),  # (19 + 5) / (1000 + 50) = 2.29 %: B, not A
        ([Shared(1000, 2000, 100, 2)], False),
        ([Shared(500, 1500, 100, 9), Shared(500, 1500, 1, 1)], True),  # thirds, exact
        ([Shared(0, 0, 100, 50)], False),
    ],
)
def test_a_grade_is_contested_when_unattributed_work_would_change_it(stations, differs):
    assert contested(1000, 19, stations, EDITION) is differs


def test_nothing_made_is_not_contested():
    assert contested(0, 0, [Shared(0, 0, 9, 9)], EDITION) is False
