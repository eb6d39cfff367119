"""Pieces with a serial number: whose they are, and who is charged with a defect found later."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from hr_core.quality.presence import NOBODY, Evidence, Owner


class Seen(NamedTuple):
    """A serialised piece at a station: scanned by a person with a badge, at a UTC second."""

    station: str
    at: int
    by: str


class DefectCharge(NamedTuple):
    """The defect counts where and when the piece was produced; finding it is the inspector's work.

    restates: the producer's window had ended by then, so its number gets another revision
    """

    owner: Owner
    station: str
    at: int
    inspector: str
    restates: bool


def charge_defect(produced: Seen, found: Seen, window_end: int) -> DefectCharge:
    """`window_end`: of the window (shift, day) in which the piece was produced."""
    return DefectCharge(
        owner=Owner((produced.by,), Evidence.SERIALISED),
        station=produced.station,
        at=produced.at,
        inspector=found.by,
        restates=found.at >= window_end,
    )


class Share(NamedTuple):
    owner: Owner
    pieces: int


class Split(NamedTuple):
    """`shares` sum up to the counter's delta. `unexplained`: scans that the counter did not see."""

    shares: tuple[Share, ...]
    unexplained: int


def split_by_scans(amount: int, rest: Owner, scans: Iterable[Seen]) -> Split:
    """A delta of `amount` pieces: scanned pieces to who scanned them, the others to `rest`.

    More scans than counted pieces prove that one of the two is wrong: then nobody is credited.
    """
    scanned = Counter(one.by for one in scans)
    total = scanned.total()
    if total > amount:
        return Split((Share(NOBODY, amount),), total - amount)
    shares = [
        Share(Owner((person,), Evidence.SERIALISED), pieces)
        for person, pieces in sorted(scanned.items())
    ]
    return Split((*shares, Share(rest, amount - total)), 0)
