"""A stretch of time to figures: per line, hour, person and source, from one set of deltas.

Every counted delta is one owner's and one station's, so people + teams + unattributed = the lines
and the stations before them, whatever the evidence.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from msgspec import Struct

from hr_core.quality.attribution import attribute
from hr_core.quality.month import Series, Tally
from hr_core.quality.presence import Evidence, Owner

HOUR_S = 3_600


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


class SeriesFigures(Struct, frozen=True, kw_only=True):
    """What one counter adds to the figures; `line_total` false: not to its line's."""

    line: str
    line_total: bool
    heard: bool
    by_hour: dict[int, Tally]
    by_people: dict[tuple[str, ...], Tally]
    evidence: dict[tuple[str, ...], Counter[Evidence]]


def series_figures(
    series: Series, number_by_badge: Mapping[str, str], window: Window
) -> SeriesFigures:
    inside = series.between(*window)
    by_hour: dict[int, Tally] = {}
    by_people: dict[tuple[str, ...], Tally] = {}
    evidence: defaultdict[tuple[str, ...], Counter[Evidence]] = defaultdict(Counter)
    for made in attribute(inside.deltas, number_by_badge, inside.present):
        amount = made.delta.amount
        tally = Tally(amount, 0) if series.counter.metric == "pieces" else Tally(0, amount)
        hour = (made.delta.end.at - window.since) // HOUR_S
        by_hour[hour] = _plus(by_hour.get(hour, Tally()), tally)
        who = made.owner.people
        by_people[who] = _plus(by_people.get(who, Tally()), tally)
        evidence[who][made.owner.evidence] += tally.pieces
    return SeriesFigures(
        line=series.station.line,
        line_total=series.line_total,
        heard=bool(inside.deltas),
        by_hour=by_hour,
        by_people=by_people,
        evidence=dict(evidence),
    )


def shift_figures(
    parts: Sequence[SeriesFigures], sources: Mapping[str, Sequence[int]], watch: Watch
) -> ShiftFigures:
    """`sources`: the times of all readings of each, whatever they count."""
    of_lines = [part for part in parts if part.line_total]
    by_hour: defaultdict[str, dict[int, Tally]] = defaultdict(dict)
    for part in of_lines:
        of_line = by_hour[part.line]
        for hour, tally in part.by_hour.items():
            of_line[hour] = _plus(of_line.get(hour, Tally()), tally)
    return ShiftFigures(
        by_line={line: _sum(hours.values()) for line, hours in by_hour.items()},
        by_hour=dict(by_hour),
        owners=_owners(parts),
        last_at={source: max(of_one) for source, of_one in sources.items() if of_one},
        heard=frozenset(part.line for part in parts if part.heard),
        gap_s={
            source: _gap_s(of_one, watch.window, watch.silence_s[source])
            for source, of_one in sources.items()
        },
    )


def _owners(parts: Iterable[SeriesFigures]) -> tuple[OwnerFigures, ...]:
    people: dict[tuple[str, ...], Tally] = {}
    evidence: defaultdict[tuple[str, ...], Counter[Evidence]] = defaultdict(Counter)
    for part in parts:
        for who, tally in part.by_people.items():
            people[who] = _plus(people.get(who, Tally()), tally)
            evidence[who].update(part.evidence[who])
    return tuple(
        OwnerFigures(
            owner=Owner(who, max(evidence[who])),
            tally=tally,
            evidence={kind: made for kind, made in sorted(evidence[who].items(), reverse=True) if made},
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


def _sum(tallies: Iterable[Tally]) -> Tally:
    total = Tally()
    for tally in tallies:
        total = _plus(total, tally)
    return total
