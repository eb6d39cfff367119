"""Numbers side by side in one large integer give what a loop over them gives."""

from array import array
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocols.column_packing import in_strict_order, numbers_of_steps, step_bytes

A_LANE = st.integers(-(2**62), 2**62 - 1)
NATURAL = st.integers(0, 2**62 - 1) | st.integers(0, 3)
COLUMNS = st.lists(A_LANE, max_size=40) | st.lists(NATURAL, max_size=40)


@given(COLUMNS)
@example([])
@example([0])
@example([0, 0])
@example([2**62 - 1, 0])
@example([0, 2**62 - 1])
def test_the_order_of_a_column_is_that_of_its_numbers(column: list[int]) -> None:
    assert in_strict_order(array("q", column)) == all(one < two for one, two in pairwise(column))


@given(COLUMNS.map(lambda column: sorted(set(column))))
def test_growing_numbers_are_in_order_until_two_are_alike(column: list[int]) -> None:
    assert in_strict_order(array("q", column))
    assert not in_strict_order(array("q", [*column, *column[-1:]])) or not column


@given(COLUMNS)
@example([2**62 - 1, 0, 2**62 - 1])
def test_steps_are_distances_and_lead_back(column: list[int]) -> None:
    rows = len(column)
    packed = step_bytes(array("q", column))
    assert list(numbers_of_steps(packed, rows)) == column
    steps = [*column[:1], *[two - one for one, two in pairwise(column)]]
    by_row = b"".join(step.to_bytes(8, "little", signed=True) for step in steps)
    assert packed == b"".join(by_row[place::8] for place in range(8 if rows else 0))


@pytest.mark.parametrize("rows", [1, 2, 4_999, 5_000])
def test_one_row_out_of_order_is_found_wherever_it_stands(rows: int) -> None:
    times = array("q", range(1_700_000_000_000, 1_700_000_000_000 + rows * 1_000, 1_000))
    assert in_strict_order(times)
    for place in {1, rows // 2, rows - 1} - {0, rows}:
        early = times[:]
        early[place] = early[place - 1]
        assert not in_strict_order(early), place
