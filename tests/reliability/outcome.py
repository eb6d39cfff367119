"""What a claim says about one run, and how large a run is.

A claim is a module `claims/rNN_name.py` with

    CLAIM = "R1"
    TITLE = "An acknowledged record survives power loss"
    def run(seed: int, scale: Scale, *, weakened: bool = False) -> Outcome: ...

`weakened` is the negative control: the same run over a variant of our processes in which the
protection that the claim is about was taken away (`weakened.py`). It must not hold, or the run could
not have seen a loss.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

T = TypeVar("T")


class Scale(Enum):
    SHORT = "short"  # seconds, in `make test`
    LONG = "long"  # `make soak`

    def pick(self, short: T, long: T) -> T:
        return short if self is Scale.SHORT else long


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """`numbers` are what was measured, by name, in the order in which a person wants them."""

    claim: str
    holds: bool
    numbers: Mapping[str, int | float | str]
    seed: int

    def line(self) -> str:
        verdict = "holds" if self.holds else "FAILS"
        numbers = " ".join(f"{name}={_shown(value)}" for name, value in self.numbers.items())
        return f"{self.claim:<4} {verdict:<7} {numbers} seed={self.seed}"


def _shown(value: float | str) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
