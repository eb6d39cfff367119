"""A group's amount to its members by hours x coefficient, to the last fen.

Each gets the whole fen of the exact share, rounded down. The fen that are left go one each to the
largest remainders; of equal remainders to the person key that sorts first. So the shares always sum to the
amount, and nobody is more than one fen away from the exact share.
"""

from collections.abc import Mapping
from fractions import Fraction
from math import lcm
from typing import NamedTuple


class Share(NamedTuple):
    """`last_fen` 1 for whoever got one of the fen that were left."""

    fen: int
    last_fen: int


Key = tuple[
    str, int
]  # a person, and which of the member's rows: a coefficient may change in the month


def split_fen(amount: int, weights: Mapping[Key, int]) -> dict[Key, Share]:
    """By whole weights of zero and above. Raises ValueError when nobody has one, or below zero."""
    total = sum(weights.values())
    if amount < 0 or total <= 0 or min(weights.values()) < 0:
        raise ValueError(f"{amount} fen cannot be split by weights of {total} in all")
    whole = {key: amount * weight // total for key, weight in weights.items()}
    left = amount - sum(whole.values())
    by_remainder = sorted(weights, key=lambda key: (-(amount * weights[key] % total), key))
    lucky = set(by_remainder[:left])
    return {key: Share(fen + (key in lucky), int(key in lucky)) for key, fen in whole.items()}


def whole_weights(
    minutes: Mapping[Key, int], coefficients: Mapping[Key, Fraction]
) -> dict[Key, int]:
    """Minutes x coefficient in parts that make all of them whole."""
    unit = coefficient_unit(coefficients)
    return {key: int(of_one * coefficients[key] * unit) for key, of_one in minutes.items()}


def coefficient_unit(coefficients: Mapping[Key, Fraction]) -> int:
    return lcm(*(one.denominator for one in coefficients.values()))
