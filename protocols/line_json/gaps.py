"""What is missing between the numbers of a source. A gap is a fact, once nobody waits for it any more."""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

# A broker sends again, after what is new, what was under way when a connection broke.
PATIENCE_S: Final = 30.0
MAX_SOURCES: Final = 10_000
_MAX_HOLES: Final = 64  # of one source; the oldest is told early


class Gap(Struct, frozen=True, kw_only=True):
    """`first` to `last`, both missing, of one boot of a source."""

    source: str
    boot: str
    first: int
    last: int


class _Hole(Struct):
    first: int
    last: int
    since_s: float


class _Numbers(Struct):
    boot: str
    highest: int
    holes: list[_Hole]


class GapWatch:
    """`repeats` counts numbers that came a second time, `untracked` messages beyond the cap."""

    def __init__(self) -> None:
        self._sources: dict[str, _Numbers] = {}
        self.repeats = 0
        self.untracked = 0

    def note(self, source: str, boot: str, seq: int, now_s: float) -> list[Gap]:
        """The gaps that are certain by this number: those of a boot that is over."""
        known = self._sources.get(source)
        if known is None:
            if len(self._sources) >= MAX_SOURCES:
                self.untracked += 1
                return []
            self._sources[source] = _Numbers(boot, seq, [])
            return []
        if known.boot != boot:
            ended = [_gap(source, known.boot, hole) for hole in known.holes]
            self._sources[source] = _Numbers(boot, seq, [])
            return ended
        if seq > known.highest:
            if seq > known.highest + 1:
                known.holes.append(_Hole(known.highest + 1, seq - 1, now_s))
            known.highest = seq
        elif not _fill(known.holes, seq):
            self.repeats += 1
        if len(known.holes) > _MAX_HOLES:
            return [_gap(source, boot, known.holes.pop(0))]
        return []

    def due(self, now_s: float) -> list[Gap]:
        """Gaps that stayed open for too long. Each is told once."""
        return list(self._due(now_s))

    def next_due_s(self) -> float | None:
        since = [one.holes[0].since_s for one in self._sources.values() if one.holes]
        return min(since) + PATIENCE_S if since else None

    def _due(self, now_s: float) -> Iterator[Gap]:
        for source, known in self._sources.items():
            while known.holes and known.holes[0].since_s + PATIENCE_S <= now_s:
                yield _gap(source, known.boot, known.holes.pop(0))


def _fill(holes: list[_Hole], seq: int) -> bool:
    for place, hole in enumerate(holes):
        if hole.first <= seq <= hole.last:
            rest = [
                _Hole(first, last, hole.since_s)
                for first, last in ((hole.first, seq - 1), (seq + 1, hole.last))
                if first <= last
            ]
            holes[place : place + 1] = rest
            return True
    return False


def _gap(source: str, boot: str, hole: _Hole) -> Gap:
    return Gap(source=source, boot=boot, first=hole.first, last=hole.last)
