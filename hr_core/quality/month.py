"""A month's readings to rates per person, team and line. Sums of pieces and rejects, never means."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from hr_core.people.model import Station
from hr_core.quality.attribution import Stretch, stretches
from hr_core.quality.corrections import Correction
from hr_core.quality.counter_facts import Gap, ReviewItem, gaps, review
from hr_core.quality.counters import CounterKey, CounterRules, Delta, Reading, Replacement
from hr_core.quality.deltas import deltas
from hr_core.quality.line_settings import NO_SETTINGS, CounterPlace, LineSettings
from hr_core.quality.presence import TEAM_PREFIX, UNATTRIBUTED, Timeline
from hr_core.quality.serial_pieces import KnownPiece, with_pieces

NO_PRESENCE = Timeline(())


class Tally(NamedTuple):
    pieces: int = 0
    rejects: int = 0


class CounterNote(NamedTuple):
    """A reading that did not count plainly: shown so that a person can look at it."""

    counter: CounterKey
    item: ReviewItem


class LineFacts(Struct, frozen=True, kw_only=True):
    """What is known beside the readings: by counter who was there, which boxes were replaced, and
    which serialised pieces were read.
    """

    settings: LineSettings = NO_SETTINGS
    present: Mapping[CounterPlace, Timeline] = {}
    replacements: Mapping[CounterPlace, Sequence[Replacement]] = {}
    pieces: Mapping[CounterPlace, Sequence[KnownPiece]] = {}


NO_FACTS = LineFacts()


class Series(Struct, frozen=True, kw_only=True):
    """One counter of a station, with all of its deltas (those before the window too).

    `code` of the station in the line file; without one the box is taken for the station.
    """

    counter: CounterKey
    station: Station
    deltas: tuple[Delta, ...]
    present: Timeline
    code: str = ""
    silence_s: int | None = None
    line_total: bool = True

    def between(self, since: int, until: int) -> "Series":
        """The deltas whose later reading lies in the half-open window."""
        inside = tuple(delta for delta in self.deltas if since <= delta.end.at < until)
        return replace(self, deltas=inside)

    def gaps(self) -> tuple[Gap, ...]:
        return gaps(self.deltas, silence_s=self.silence_s)


class QualityMonth(Struct, frozen=True, kw_only=True):
    """`unknown_counters`: readings of (source, tag) that no station of the people file names;
    they are not counted, because an infeed and an outfeed of one line would count twice.
    `unknown_badges`: badges that map to no person; their work stands under unattributed.
    `corrections` by subject are in the tallies, not in the stretches.
    `unowned`: the stretches behind `unattributed`; `upstream`: counted at stations before the one that counts for the line.
    """

    by_person: dict[str, Tally]
    by_team: dict[str, Tally]
    unattributed: Tally
    by_line: dict[str, Tally]
    upstream: Tally
    stretches: dict[str, tuple[Stretch, ...]]
    unowned: tuple[Stretch, ...]
    line_work: dict[str, tuple[Stretch, ...]]
    station_codes: dict[CounterPlace, str]
    notes: tuple[CounterNote, ...]
    gaps: dict[str, tuple[Gap, ...]]
    unknown_counters: dict[tuple[str, str], int]
    unknown_badges: dict[str, int]
    corrections: dict[str, tuple[Correction, ...]] = {}

    def payable(self, number: str) -> tuple[Stretch, ...]:
        """What pay may use: work that something else than a plan says is this person's."""
        return tuple(one for one in self.stretches.get(number, ()) if one.payable)

    @property
    def total(self) -> Tally:
        return _sum([*self.by_line.values(), self.upstream])


def counted_series(
    readings: Mapping[CounterKey, Iterable[Reading]],
    stations: Iterable[Station],
    facts: LineFacts = NO_FACTS,
) -> tuple[list[Series], dict[tuple[str, str], int]]:
    """Every counter of a station with its deltas, and the readings of unknown counters."""
    station_of = {(station.source, station.tag): station for station in stations}
    setting_of = facts.settings.station_of()
    found: list[Series] = []
    unknown: dict[tuple[str, str], int] = {}
    for counter in sorted(readings, key=_text_key):
        place = (counter.source, counter.tag)
        station, setting = station_of.get(place), setting_of.get(place)
        if station is None:
            unknown[place] = unknown.get(place, 0) + len(list(readings[counter]))
            continue
        rules = CounterRules(
            station.modulus,
            station.max_rate_per_s,
            station.retentive,
            signed=setting is not None and setting.signed,
        )
        made = deltas(readings[counter], rules, facts.replacements.get(place, ()))
        pieces = facts.pieces.get(place, ())
        found.append(
            Series(
                counter=counter,
                station=station,
                deltas=with_pieces(
                    made, (one for one in pieces if one.scan.metric == counter.metric)
                ),
                present=facts.present.get(place, NO_PRESENCE),
                code=counter.source if setting is None else setting.code,
                silence_s=None if setting is None else setting.silence_s,
                line_total=setting is None or setting.line_total,
            )
        )
    return found, unknown


def compute_quality(
    readings: Mapping[CounterKey, Iterable[Reading]],
    stations: Iterable[Station],
    number_by_badge: dict[str, str],
    since: int,
    until: int,
    facts: LineFacts = NO_FACTS,
) -> QualityMonth:
    """`since` and `until` bound the deltas by their later reading (UTC seconds, half-open);
    earlier readings serve as their starting points only.
    """
    everything, unknown_counters = counted_series(readings, stations, facts)
    inside = [series.between(since, until) for series in everything]
    found = [
        (series, stretch)
        for series in inside
        for stretch in stretches(series.counter, series.deltas, number_by_badge, series.present)
    ]
    notes = tuple(
        CounterNote(series.counter, item) for series in inside for item in review(series.deltas)
    )
    line_gaps: defaultdict[str, tuple[Gap, ...]] = defaultdict(tuple)
    for series in inside:
        line_gaps[series.station.line] += series.gaps()
    return _tallied(found, (notes, dict(line_gaps), unknown_counters))


def _tallied(
    found: list[tuple[Series, Stretch]],
    beside: tuple[tuple[CounterNote, ...], dict[str, tuple[Gap, ...]], dict[tuple[str, str], int]],
) -> QualityMonth:
    by_owner: defaultdict[str, list[Stretch]] = defaultdict(list)
    by_team: defaultdict[str, list[Stretch]] = defaultdict(list)
    by_line: defaultdict[str, list[Stretch]] = defaultdict(list)
    upstream: list[Stretch] = []
    unattributed: list[Stretch] = []
    unknown_badges: defaultdict[str, int] = defaultdict(int)
    for series, stretch in found:
        (by_line[series.station.line] if series.line_total else upstream).append(stretch)
        if len(stretch.owner.people) > 1:
            by_team[stretch.owner.name].append(stretch)
        elif stretch.number is not None:
            by_owner[stretch.number].append(stretch)
        else:
            unattributed.append(stretch)
            if stretch.badge is not None:
                unknown_badges[stretch.badge] += stretch.amount
    notes, line_gaps, unknown_counters = beside
    return QualityMonth(
        by_person={number: tally(of_one) for number, of_one in by_owner.items()},
        by_team={team: tally(of_one) for team, of_one in by_team.items()},
        unattributed=tally(unattributed),
        by_line={line: tally(of_one) for line, of_one in by_line.items()},
        upstream=tally(upstream),
        unowned=tuple(unattributed),
        line_work={line: tuple(of_one) for line, of_one in by_line.items()},
        station_codes={
            (series.counter.source, series.counter.tag): series.code for series, _ in found
        },
        stretches={owner: tuple(of_one) for owner, of_one in {**by_owner, **by_team}.items()},
        notes=notes,
        gaps=line_gaps,
        unknown_counters=unknown_counters,
        unknown_badges=dict(unknown_badges),
    )


def with_corrections(quality: QualityMonth, rows: Iterable[Correction]) -> QualityMonth:
    """Each one changes its subject and its line alike, so that the sums still agree."""
    by_subject: defaultdict[str, tuple[Correction, ...]] = defaultdict(tuple)
    people, teams, lines = dict(quality.by_person), dict(quality.by_team), dict(quality.by_line)
    unattributed = quality.unattributed
    for row in rows:
        by_subject[row.subject] += (row,)
        lines[row.line] = _plus(lines.get(row.line, Tally()), row)
        if row.subject == UNATTRIBUTED:
            unattributed = _plus(unattributed, row)
        else:
            group = teams if row.subject.startswith(TEAM_PREFIX) else people
            group[row.subject] = _plus(group.get(row.subject, Tally()), row)
    return replace(
        quality,
        by_person=people,
        by_team=teams,
        by_line=lines,
        unattributed=unattributed,
        corrections=dict(by_subject),
    )


def _plus(counted: Tally, row: Correction) -> Tally:
    return Tally(counted.pieces + row.pieces, counted.rejects + row.rejects)


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
