"""Yuan of cases as exact fen and back: a case's figure is read by its decimal text."""

from fractions import Fraction

from hr_core.cases.case_input import Json, number


def exactly(value: Json) -> Fraction:
    return Fraction(str(number(value)))


def fen_of(value: Json) -> int:
    """Half up where a case has more than two decimals."""
    fen = exactly(value) * 100
    rounded = (2 * abs(fen) + 1) // 2
    return rounded if fen >= 0 else -rounded


def rate_of(value: Json) -> Fraction:
    """Of a percentage, not below zero."""
    rate = exactly(value) / 100
    if rate < 0:
        raise ValueError
    return rate


def yuan(fen: int) -> float:
    return fen / 100
