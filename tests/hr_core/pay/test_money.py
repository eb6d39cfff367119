"""Fen: exact, rounded half up once."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hr_core.money import MAX_FEN, format_fen, multiply_fen, parse_exact, parse_yuan


@pytest.mark.parametrize(
    ("fen", "numerator", "denominator", "result"),
    [
        (1, 1, 2, 1), (1, 1, 3, 0), (3, 1, 2, 2), (5, 1, 10, 1), (4, 1, 10, 0),
        (-1, 1, 2, -1), (1, -1, 2, -1), (-1, 1, 3, 0), (0, 5, 7, 0), (870000, 1, 174, 5000),
    ],
)  # fmt: skip
def test_half_up_by_magnitude(fen, numerator, denominator, result):
    assert multiply_fen(fen, numerator, denominator) == result


@given(st.integers(-(10**9), 10**9), st.integers(-(10**4), 10**4), st.integers(1, 10**6))
def test_never_more_than_half_a_fen_off(fen, numerator, denominator):
    exact = Fraction(fen * numerator, denominator)
    rounded = multiply_fen(fen, numerator, denominator)
    assert abs(rounded - exact) <= Fraction(1, 2)
    assert multiply_fen(-fen, numerator, denominator) == -rounded


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="not positive"):
        multiply_fen(1, 1, 0)
    with pytest.raises(OverflowError):
        multiply_fen(MAX_FEN, 2, 1)


@pytest.mark.parametrize(
    ("text", "fen"), [("5200.00", 520000), ("5200", 520000), ("0.5", 50), ("-3.07", -307)]
)
def test_yuan_texts(text, fen):
    assert parse_yuan(text) == fen


@pytest.mark.parametrize("text", ["", "5,200", "1.234", "1e3", " 5", "5.", "¥5", "五"])
def test_other_spellings_are_refused(text):
    with pytest.raises(ValueError, match="not an amount"):
        parse_yuan(text)


@given(st.integers(-(10**12), 10**12))
def test_formatting_loses_nothing(fen):
    assert parse_yuan(format_fen(fen).replace("¥", "").replace(",", "")) == fen


def test_format():
    assert format_fen(123456) == "¥1,234.56"
    assert format_fen(-5) == "-¥0.05"


def test_factors_are_exact():
    assert parse_exact("21.75") == Fraction(87, 4)
    with pytest.raises(ValueError, match="decimal number"):
        parse_exact("1/3")
