"""Charts and yields where the published cases do not reach."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hr_core.quality.control_charts import Sample, chart, laney_chart, laney_sigma_z
from hr_core.quality.drift_charts import BernoulliCusum, cusum
from hr_core.quality.yields import Oee, ppm, rate, rolled_yield

STEADY = [Sample(5, 100)] * 10


def test_a_constant_process_has_no_spread_and_its_limits_are_not_narrowed():
    sigma_z, made = laney_chart(STEADY)
    assert sigma_z == 0
    assert made.limits == chart("p", STEADY).limits
    _, narrow = laney_chart(STEADY, narrow=True)
    assert narrow.limits[0] == pytest.approx((0.05, 0.05))


def test_limits_are_clipped_to_what_a_share_can_be():
    low = chart("p", [Sample(1, 20), Sample(0, 20)])
    assert low.limits[0].lower == 0
    high = chart("p", [Sample(19, 20), Sample(20, 20)])
    assert high.limits[0].upper == 1


def test_np_counts_pieces_and_agrees_with_p():
    samples = [Sample(d, 50) for d in (12, 15, 8, 10, 4, 22)]
    p, np = chart("p", samples), chart("np", samples)
    assert np.centre == p.centre * 50
    assert np.limits[0] == pytest.approx([50 * at for at in p.limits[0]])
    assert np.out == p.out


@pytest.mark.parametrize("kind", ["np", "c"])
def test_a_count_chart_refuses_samples_of_different_sizes(kind):
    with pytest.raises(ValueError, match="use a p or u chart"):
        chart(kind, [Sample(1, 50), Sample(1, 60)])


def test_nothing_inspected_is_no_chart():
    with pytest.raises(ValueError, match="at least one sample"):
        chart("p", [Sample(0, 0)])


def test_an_empty_sample_is_neither_in_nor_out():
    made = chart("p", [*STEADY, Sample(0, 0), Sample(60, 100)])
    assert made.out == (12,)


def test_a_point_on_the_limit_is_not_out():
    """U = 4 and n = 1: the limit 4 + 3 x 2 = 10 is hit exactly, which floats may miss."""
    samples = [Sample(10, 1)] + [Sample(3, 1)] * 6
    assert chart("u", samples).centre == 4
    assert chart("u", samples).out == ()
    assert chart("u", [Sample(11, 1), *samples[1:-1], Sample(2, 1)]).out == (1,)


def test_one_sample_has_no_moving_range():
    assert laney_sigma_z([Sample(5, 100)], Fraction(1, 20)) == 0
    assert laney_sigma_z([Sample(0, 100)] * 3, Fraction(0)) == 0


@given(st.lists(st.tuples(st.integers(1, 400), st.integers(0, 400)), min_size=1, max_size=30))
def test_the_exact_verdict_agrees_with_the_drawn_limits(rows):
    samples = [Sample(min(n, d), n) for n, d in rows]
    made = chart("p", samples)
    for number, (sample, limits) in enumerate(zip(samples, made.limits, strict=True), 1):
        point = sample.found / sample.size
        if min(abs(point - limits.lower), abs(point - limits.upper)) > 1e-9:
            beyond = not limits.lower <= point <= limits.upper
            assert (number in made.out) == beyond


def test_the_bernoulli_steps_of_two_to_five_percent():
    steps = BernoulliCusum.between(Fraction(2, 100), Fraction(5, 100))
    assert float(steps.for_reject) == pytest.approx(0.9163, abs=5e-5)
    assert float(steps.for_good) == pytest.approx(-0.03109, abs=5e-6)
    assert steps.after(Fraction(0), good=500, rejects=1) == steps.for_reject
    with pytest.raises(ValueError, match="rising rates"):
        BernoulliCusum.between(Fraction(5, 100), Fraction(2, 100))


def test_the_sum_of_a_cusum_is_in_standard_deviations():
    found = cusum(
        [Fraction(14)], centre=Fraction(10), sd=Fraction(2), k=Fraction(1, 2), h=Fraction(1)
    )
    assert (found.upper, found.signal_upper_at) == ((Fraction(3, 2),), (1,))


def test_a_rate_of_nothing_is_none():
    assert rate(0, 0) is None
    assert rate(10, 12) is None
    assert ppm(0, 0) is None
    assert rolled_yield([]) == 1


@pytest.mark.parametrize(("planned", "run", "total"), [(0, 0, 0), (0, 5, 9), (9, 0, 9), (9, 9, 0)])
def test_oee_says_none_where_it_would_divide_by_nothing(planned, run, total):
    oee = Oee(
        planned_s=Fraction(planned), run_s=Fraction(run), ideal_cycle_s=Fraction(1), total=total,
        good=total,
    )  # fmt: skip
    parts = (oee.availability, oee.performance, oee.quality)
    assert (None in parts) == (0 in {planned, run, total})
    assert (oee.value is None) == (planned == 0)


def test_rates_are_never_averaged():
    """95 % of 1,000 and 50 % of 2 are not 72.5 %."""
    assert rate(1002, 950 + 1) == Fraction(951, 1002)
    assert math.isclose(float(rolled_yield([Fraction(19, 20), Fraction(1, 2)])), 0.475)
