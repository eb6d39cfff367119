"""A stretch of time to figures: per line, hour, person and source, from one set of deltas.

Every counted delta is one owner's and one station's, so people + teams + unattributed = the lines
and the stations before them, whatever the evidence.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from msgspec import Struct

from hr_core.quality.attribution import Attributed, attribute
from hr_core.quality.month import Series, Tally
from hr_core.quality.presence import Evidence, Owner

HOUR_S = 3_600


class Counted(NamedTuple):
    """A delta that counts, with where it belongs."""

    series: Series
    made: Attributed

    @property
    def line(self) -> str:
        return self.series.station.line

    @property
    def at(self) -> int:
        return self.made.delta.end.at

    @property
    def tally(self) -> Tally:
        amount = self.made.delta.amount
        return Tally(amount, 0) if self.series.counter.metric == "pieces" else Tally(0, amount)


class Window(NamedTuple):
    """UTC seconds, half-open."""

    since: int
    until: int

    def holds(self, at: int) -> bool:
        return self.since <= at < self.until


class Watch(NamedTuple):
    """When sources have to speak, and for how long each may say nothing before that is a gap."""

    window: Window
    silence_s: Mapping[str, int]


class OwnerFigures(Struct, frozen=True, kw_only=True):
    """`evidence`: pieces by how they were attributed, strongest first."""

    owner: Owner
    tally: Tally
    evidence: dict[Evidence, int]


class ShiftFigures(Struct, frozen=True, kw_only=True):
    """Over [since, until) in UTC seconds, by the later reading of each delta.

    by_hour     line -> n-th hour of the stretch -> tally; an hour without a delta is missing
    last_at     source -> its newest reading, also one from before the stretch
    heard       lines of which a reading lies inside the stretch
    gap_s       source -> seconds without any reading, where that was longer than the silence allowed
    """

    by_line: dict[str, Tally]
    by_hour: dict[str, dict[int, Tally]]
    owners: tuple[OwnerFigures, ...]
    last_at: dict[str, int]
    heard: frozenset[str]
    gap_s: dict[str, int]

    @property
    def unattributed(self) -> Tally:
        return next((one.tally for one in self.owners if not one.owner.people), Tally())


def counted_work(found: Iterable[Series], number_by_badge: Mapping[str, str]) -> list[Counted]:
    return [
        Counted(series, made)
        for series in found
        for made in attribute(series.deltas, number_by_badge, series.present)
    ]


def shift_figures(
    everything: Iterable[Series],
    sources: Mapping[str, Sequence[int]],
    number_by_badge: Mapping[str, str],
    window: Window,
    watch: Watch,
) -> ShiftFigures:
    """`sources`: the times of all readings of each, whatever they count."""
    inside = [series.between(*window) for series in everything]
    work = counted_work(inside, number_by_badge)
    of_lines = [one for one in work if one.series.line_total]
    return ShiftFigures(
        by_line=_summed((one.line, one.tally) for one in of_lines),
        by_hour=_by_hour(of_lines, window),
        owners=_owners(work),
        last_at={source: max(of_one) for source, of_one in sources.items() if of_one},
        heard=frozenset(one.station.line for one in inside if one.deltas),
        gap_s={
            source: _gap_s(of_one, watch.window, watch.silence_s[source])
            for source, of_one in sources.items()
        },
    )


def _summed(parts: Iterable[tuple[str, Tally]]) -> dict[str, Tally]:
    sums: dict[str, Tally] = {}
    for key, tally in parts:
        sums[key] = _plus(sums.get(key, Tally()), tally)
    return sums


def _by_hour(work: Iterable[Counted], window: Window) -> dict[str, dict[int, Tally]]:
    hours: defaultdict[str, dict[int, Tally]] = defaultdict(dict)
    for one in work:
        hour = (one.at - window.since) // HOUR_S
        of_line = hours[one.line]
        of_line[hour] = _plus(of_line.get(hour, Tally()), one.tally)
    return dict(hours)


def _owners(work: Iterable[Counted]) -> tuple[OwnerFigures, ...]:
    people: dict[tuple[str, ...], Tally] = {}
    evidence: defaultdict[tuple[str, ...], Counter[Evidence]] = defaultdict(Counter)
    for one in work:
        who = one.made.owner.people
        people[who] = _plus(people.get(who, Tally()), one.tally)
        evidence[who][one.made.owner.evidence] += one.tally.pieces
    return tuple(
        OwnerFigures(
            owner=Owner(who, max(evidence[who])),
            tally=tally,
            evidence={kind: pieces for kind, pieces in sorted(evidence[who].items(), reverse=True) if pieces},
        )
        for who, tally in sorted(people.items())
    )  # fmt: skip


def _gap_s(times: Iterable[int], window: Window, silence_s: int) -> int:
    """Silences longer than allowed, from the start of the window to its end."""
    inside = sorted(at for at in times if window.since < at < window.until)
    silences = (after - before for before, after in pairwise([window.since, *inside, window.until]))
    return sum(silence for silence in silences if silence > silence_s)


def _plus(one: Tally, other: Tally) -> Tally:
    return Tally(one.pieces + other.pieces, one.rejects + other.rejects)
