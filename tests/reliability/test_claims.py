"""Each claim at its short scale: it holds, and its weakened variant is seen to fail."""

import os

import pytest

from tests.reliability.outcome import Scale
from tests.reliability.registry import claims

SEED = int(os.environ.get("CLOCKLINE_SEED", "1"))
CLAIMS = claims()


@pytest.mark.slow
@pytest.mark.timeout(600)  # against hanging: a busy machine takes minutes for some
@pytest.mark.parametrize("name", CLAIMS)
def test_the_claim_holds(name):
    outcome = CLAIMS[name].run(SEED, Scale.SHORT)
    print(outcome.line())
    assert outcome.holds, outcome.line()


@pytest.mark.slow
@pytest.mark.timeout(600)  # against hanging: a busy machine takes minutes for some
@pytest.mark.parametrize("name", CLAIMS)
def test_the_weakened_variant_is_caught(name):
    outcome = CLAIMS[name].run(SEED, Scale.SHORT, weakened=True)
    print(outcome.line())
    assert not outcome.holds, outcome.line()
