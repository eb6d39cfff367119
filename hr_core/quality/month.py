"""A month's readings to rates per person and line. Sums of pieces and rejects, never means."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from msgspec import Struct

from hr_core.people.model import Station
from hr_core.quality.attribution import Stretch, stretches
from hr_core.quality.counters import CounterKey, CounterRules, DeltaFlag, Reading
from hr_core.quality.deltas import deltas

_NORMAL = frozenset({DeltaFlag.BASELINE, DeltaFlag.LATE, DeltaFlag.REPLACED})


class Tally(NamedTuple):
    pieces: int = 0
    rejects: int = 0


class CounterNote(NamedTuple):
    """A reading that did not count plainly: shown so that a person can look at it."""

    counter: CounterKey
    event_id: str
    flag: DeltaFlag


class QualityMonth(Struct, frozen=True, kw_only=True):
    """`unknown_counters`: readings of (source, tag) that no station of the people file names;
    they are not counted, because an infeed and an outfeed of one line would count twice.
    `unknown_badges`: badges that map to no person; their work stands under unattributed.
    """

    by_person: dict[str, Tally]
    by_team: dict[str, Tally]
    unattributed: Tally
    by_line: dict[str, Tally]
    stretches: dict[str, tuple[Stretch, ...]]
    notes: tuple[CounterNote, ...]
    unknown_counters: dict[tuple[str, str], int]
    unknown_badges: dict[str, int]

    def payable(self, number: str) -> tuple[Stretch, ...]:
        """What pay may use: work that something else than a plan says is this person's."""
        return tuple(one for one in self.stretches.get(number, ()) if one.payable)

    @property
    def total(self) -> Tally:
        return _sum(self.by_line.values())


def compute_quality(
    readings: Mapping[CounterKey, Iterable[Reading]],
    stations: Iterable[Station],
    number_by_badge: dict[str, str],
    since: int,
    until: int,
) -> QualityMonth:
    """`since` and `until` bound the deltas by their later reading (UTC seconds, half-open);
    earlier readings serve as their starting points only.
    """
    station_of = {(station.source, station.tag): station for station in stations}
    pieces: list[tuple[str, Stretch]] = []
    notes: list[CounterNote] = []
    unknown_counters: dict[tuple[str, str], int] = {}
    for counter in sorted(readings, key=_text_key):
        station = station_of.get((counter.source, counter.tag))
        if station is None:
            place = (counter.source, counter.tag)
            unknown_counters[place] = unknown_counters.get(place, 0) + len(list(readings[counter]))
            continue
        rules = CounterRules(station.modulus, station.max_rate_per_s, station.retentive)
        counted = [
            delta for delta in deltas(readings[counter], rules) if since <= delta.end.at < until
        ]
        notes += [
            CounterNote(counter, delta.end.event_id, flag)
            for delta in counted
            for flag in delta.flags
            if flag not in _NORMAL
        ]
        found = stretches(counter, counted, number_by_badge)
        pieces += [(station.line, stretch) for stretch in found]
    return _tallied(pieces, tuple(notes), unknown_counters)


def _tallied(
    found: list[tuple[str, Stretch]],
    notes: tuple[CounterNote, ...],
    unknown_counters: dict[tuple[str, str], int],
) -> QualityMonth:
    by_owner: defaultdict[str | None, list[Stretch]] = defaultdict(list)
    by_team: defaultdict[str, list[Stretch]] = defaultdict(list)
    by_line: defaultdict[str, list[Stretch]] = defaultdict(list)
    unknown_badges: defaultdict[str, int] = defaultdict(int)
    for line, stretch in found:
        by_line[line].append(stretch)
        if len(stretch.owner.people) > 1:
            by_team[stretch.owner.name].append(stretch)
            continue
        by_owner[stretch.number].append(stretch)
        if stretch.number is None and stretch.badge is not None:
            unknown_badges[stretch.badge] += stretch.amount
    unattributed = by_owner.pop(None, [])
    owned = {number: tuple(of_one) for number, of_one in by_owner.items() if number is not None}
    return QualityMonth(
        by_person={number: tally(of_one) for number, of_one in owned.items()},
        by_team={team: tally(of_one) for team, of_one in by_team.items()},
        unattributed=tally(unattributed),
        by_line={line: tally(of_one) for line, of_one in by_line.items()},
        stretches=owned,
        notes=notes,
        unknown_counters=unknown_counters,
        unknown_badges=dict(unknown_badges),
    )


def tally(of_one: Iterable[Stretch]) -> Tally:
    pieces = rejects = 0
    for stretch in of_one:
        if stretch.counter.metric == "pieces":
            pieces += stretch.amount
        else:
            rejects += stretch.amount
    return Tally(pieces, rejects)


def _sum(tallies: Iterable[Tally]) -> Tally:
    pieces = rejects = 0
    for one in tallies:
        pieces += one.pieces
        rejects += one.rejects
    return Tally(pieces, rejects)


def _text_key(counter: CounterKey) -> tuple[str, str, str, str]:
    return counter.source, counter.tag, counter.metric, counter.reject_code or ""
