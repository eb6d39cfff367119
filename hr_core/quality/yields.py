"""Rates of a process as exact fractions: PPM, first-pass and rolled yield, OEE.

Sums first, then one division: rates are never averaged, and nothing is rounded before a
comparison. A rate of nothing is None, not zero.
"""

from collections.abc import Iterable
from fractions import Fraction
from math import prod

from msgspec import Struct


def rate(pieces: int, of_them: int) -> Fraction | None:
    """None where there is no rate: no piece, or more of them than pieces."""
    return Fraction(of_them, pieces) if 0 <= of_them <= pieces and pieces else None


def ppm(pieces: int, rejects: int) -> Fraction | None:
    """Defectives per million pieces."""
    share = rate(pieces, rejects)
    return None if share is None else share * 1_000_000


class Yield(Struct, frozen=True, kw_only=True):
    """What became of the pieces that a process started.

    A reworked piece is good in the end and yet not first-pass good.
    """

    started: int
    first_time_good: int
    reworked_good: int
    scrapped: int

    def _share(self, pieces: int) -> Fraction | None:
        return rate(self.started, pieces)

    @property
    def first_pass(self) -> Fraction | None:
        return self._share(self.first_time_good)

    @property
    def final(self) -> Fraction | None:
        return self._share(self.first_time_good + self.reworked_good)

    @property
    def scrap_ratio(self) -> Fraction | None:
        return self._share(self.scrapped)

    @property
    def rework_ratio(self) -> Fraction | None:
        return self._share(self.reworked_good)

    def defect_rate(self, *, rework_counts: bool) -> Fraction | None:
        """What is graded: first-pass rejects, or scrap alone where the site decided so."""
        return self._share(self.scrapped + (self.reworked_good if rework_counts else 0))


def rolled_yield(first_pass: Iterable[Fraction]) -> Fraction:
    """The product along the routing: the chance of a piece to pass every step at once."""
    return prod(first_pass, start=Fraction(1))


class Oee(Struct, frozen=True, kw_only=True):
    """Overall equipment effectiveness of a span; times in seconds."""

    planned_s: Fraction
    run_s: Fraction
    ideal_cycle_s: Fraction
    total: int
    good: int

    @property
    def availability(self) -> Fraction | None:
        return self.run_s / self.planned_s if self.planned_s else None

    @property
    def performance(self) -> Fraction | None:
        return self.total * self.ideal_cycle_s / self.run_s if self.run_s else None

    @property
    def quality(self) -> Fraction | None:
        return rate(self.total, self.good)

    @property
    def value(self) -> Fraction | None:
        """Availability x performance x quality; equal to good x ideal cycle / planned time."""
        return self.good * self.ideal_cycle_s / self.planned_s if self.planned_s else None
