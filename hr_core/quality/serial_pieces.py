"""Pieces with a serial number: whose they are, and who is charged with a defect found later.

A scanner tells each piece beside the reading that counted it. At a station a piece counts once,
whatever the scanner forgot in between; a reject is charged to who scanned the piece as good.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from hr_core.quality.counters import Delta, DeltaFlag
from hr_core.quality.presence import NOBODY, Evidence, Owner

Place = tuple[str, str]  # (source, tag)


class PieceScan(NamedTuple):
    """A `piece_scanned` event. `badge` "": nobody had signed on. `boot_id` and `seq` are those of
    the reading that counted it; `at` is an aware UTC instant.
    """

    event_id: bytes
    source: str
    tag: str
    metric: str
    code: str
    badge: str
    boot_id: str
    seq: int
    at: datetime


class KnownPiece(NamedTuple):
    """A scan with what earlier ones tell. `again`: read at its station before, so not counted.

    `badge`: of who made it; "" where no badge says.
    """

    scan: PieceScan
    badge: str
    again: bool


def known_pieces(
    scans: Iterable[PieceScan], station_of: Mapping[Place, str]
) -> dict[Place, tuple[KnownPiece, ...]]:
    """`scans` in their order of time, whole for each code. A counter that is in no station is one."""
    seen: set[tuple[str | Place, str, str]] = set()
    maker: dict[str, str] = {}
    found: defaultdict[Place, tuple[KnownPiece, ...]] = defaultdict(tuple)
    for scan in scans:
        place = scan.source, scan.tag
        key = station_of.get(place, place), scan.metric, scan.code
        badge = maker.get(scan.code, "")
        if scan.metric == "pieces":
            maker.setdefault(scan.code, scan.badge)
            badge = scan.badge
        found[place] += (KnownPiece(scan, badge, key in seen),)
        seen.add(key)
    return dict(found)


def with_pieces(deltas: Iterable[Delta], pieces: Iterable[KnownPiece]) -> tuple[Delta, ...]:
    """Every plain delta with who scanned its pieces, less those that were counted before.

    A delta that is in doubt for another reason stays as it is.
    """
    of_boot: defaultdict[str, list[KnownPiece]] = defaultdict(list)
    for piece in pieces:
        of_boot[piece.scan.boot_id].append(piece)
    for of_one in of_boot.values():
        of_one.sort(key=_seq)
    return tuple(_with_pieces(delta, of_boot.get(delta.end.boot_id, ())) for delta in deltas)


def _with_pieces(delta: Delta, of_boot: Sequence[KnownPiece]) -> Delta:
    start = delta.start
    if not of_boot or start is None or start.boot_id != delta.end.boot_id:
        return delta
    if not {DeltaFlag.LATE}.issuperset(delta.flags):
        return delta
    first = bisect_right(of_boot, start.seq, key=_seq)
    inside = of_boot[first : bisect_right(of_boot, delta.end.seq, key=_seq)]
    scanned_by = tuple(one.badge for one in inside if one.badge and not one.again)
    again = sum(one.again for one in inside)
    if not again:
        return delta._replace(scanned_by=scanned_by) if scanned_by else delta
    return delta._replace(
        amount=max(0, delta.amount - again),
        flags=(*delta.flags, DeltaFlag.PIECE_AGAIN),
        otherwise=delta.amount,
        scanned_by=scanned_by,
    )


def _seq(piece: KnownPiece) -> int:
    return piece.scan.seq


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
        owner=Owner((produced.by,), Evidence.PIECE),
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


def split_by_scans(amount: int, rest: Owner, scanned_by: Iterable[str]) -> Split:
    """A delta of `amount` pieces: scanned pieces to who scanned them, the others to `rest`.

    `scanned_by` names the person of each scan.

    More scans than counted pieces prove that one of the two is wrong: then nobody is credited.
    """
    scanned = Counter(scanned_by)
    total = scanned.total()
    if total > amount:
        return Split((Share(NOBODY, amount),), total - amount)
    shares = [
        Share(Owner((person,), Evidence.PIECE), pieces)
        for person, pieces in sorted(scanned.items())
    ]
    return Split((*shares, Share(rest, amount - total)), 0)
