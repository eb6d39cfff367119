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


def as_asked(found: Json, expect: Json) -> Json:
    """`null` asks for nothing: a figure of zero, or a line of zeros, is nothing."""
    if expect is None and not _figures(found):
        return None
    if isinstance(expect, dict) and isinstance(found, dict):
        return {key: as_asked(one, expect.get(key, one)) for key, one in found.items()}
    return found


def _figures(found: Json) -> bool:
    if isinstance(found, dict):
        return any(_figures(one) for one in found.values())
    return bool(found)
