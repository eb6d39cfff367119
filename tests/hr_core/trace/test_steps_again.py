"""Steps computed again with other inputs than those that they were made of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hr_core.trace.calculation import (
    Calculation,
    DayInput,
    Inputs,
    LineInput,
    amount_of_steps,
    replay,
)
from tests.hr_core.pay.diff.slip_samples import base, bonus, overtime, pension, tax

MINUTES = st.lists(st.integers(0, 1_000), max_size=4)


def given_inputs(minutes, fen):
    return Inputs(
        days=tuple(DayInput(str(at), one, ()) for at, one in enumerate(minutes)),
        lines=(LineInput(code="base", amount_fen=fen),),
    )


@given(minutes=MINUTES, fen=st.integers(-(10**9), 10**9))
def test_they_give_what_a_calculation_from_the_start_gives(minutes, fen):
    inputs = given_inputs(minutes, fen)
    for line in (base(fen), pension(fen), overtime(base_fen=fen), tax(base(1)), bonus(7)):
        again = Calculation(**inputs._asdict())
        for step in line.trace.steps:
            again.step(step.name, step.operation, *step.of)
        assert amount_of_steps(line.trace.steps, inputs) == again.steps[-1].result
        own = Inputs(lines=line.trace.lines, entries=line.trace.entries)
        assert amount_of_steps(line.trace.steps, own) == replay(line.trace)


def test_what_steps_cannot_hold_is_told_by_its_error():
    with pytest.raises(OverflowError):
        amount_of_steps(tax(base()).trace.steps, given_inputs([], 10**18))
