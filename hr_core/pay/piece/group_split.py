"""A group's amount to its members by hours x coefficient, to the last fen.

Each gets the whole fen of the exact share, rounded down. The fen that are left go one each to the
largest remainders; of equal remainders to the smaller person key. So the shares always sum to the
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


def split_fen(amount: int, weights: Mapping[str, int]) -> dict[str, Share]:
    """By whole weights of zero and above. Raises ValueError when nobody has one, or below zero."""
    total = sum(weights.values())
    if amount < 0 or total <= 0 or min(weights.values()) < 0:
        raise ValueError(f"{amount} fen cannot be split by weights of {total} in all")
    whole = {person: amount * weight // total for person, weight in weights.items()}
    left = amount - sum(whole.values())
    by_remainder = sorted(weights, key=lambda person: (-(amount * weights[person] % total), person))
    lucky = set(by_remainder[:left])
    return {
        person: Share(fen + (person in lucky), int(person in lucky))
        for person, fen in whole.items()
    }


def whole_weights(
    minutes: Mapping[str, int], coefficients: Mapping[str, Fraction]
) -> dict[str, int]:
    """Minutes x coefficient in parts that make all of them whole."""
    unit = coefficient_unit(coefficients)
    return {person: int(of_one * coefficients[person] * unit) for person, of_one in minutes.items()}


def coefficient_unit(coefficients: Mapping[str, Fraction]) -> int:
    return lcm(*(one.denominator for one in coefficients.values()))
