"""Defect rates of a month as pages and commands show them: figures with all that judges them.

Amounts are exact counts with a text beside them; every row becomes JSON as it stands.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from hr_core.clock import Month
from hr_core.pay.run import imported_roster
from hr_core.people.model import Roster
from hr_core.quality.alert_rules import AlertEdition, SubjectKind, load_alert_rules
from hr_core.quality.attribution import Stretch, evidence_mix
from hr_core.quality.corrections import Correction
from hr_core.quality.counter_facts import coverage
from hr_core.quality.grades import (
    GradeEdition,
    Shared,
    contested,
    grade_of,
    load_grades,
    percent_text,
    separable,
)
from hr_core.quality.intervals import wilson
from hr_core.quality.month import QualityMonth, Tally, tally
from hr_core.quality.readings import quality_of_month
from hr_core.quality.windows import coverage_text, figure_evidence


class CorrectionView(Struct, frozen=True, kw_only=True):
    """`concerns`: the month of the work, an earlier one where that was paid already."""

    number: str
    concerns: str
    pieces: int
    rejects: int
    author: str
    approver: str
    reason: str


class RateView(Struct, frozen=True, kw_only=True):
    """`interval_95` is Wilson's, as shares; `separable` false when it spans several grades.

    alert       the plain limit is exceeded, however few the pieces: `quality alerts` calls it watch
    evidence    pieces by how they were attributed, strongest first
    contested   the grade would change if the unattributed work were shared among the people
    coverage    the share of the month without a gap of a counter, as exact text
    corrections are included in the figures
    """

    subject: str
    name: str
    pieces: int
    rejects: int
    percent: str
    grade: str | None
    reason: str
    interval_95: tuple[float, float] | None
    separable: bool
    alert: bool
    evidence: dict[str, int] = {}
    contested: bool = False
    coverage: str = "1/1"
    corrections: tuple[CorrectionView, ...] = ()


class RatesView(Struct, frozen=True, kw_only=True):
    """People + teams + unattributed = total = the lines + upstream, always.

    upstream    counted at stations before the one that counts for its line
    """

    month: str
    grade_version: str
    alert_version: str
    people: tuple[RateView, ...]
    teams: tuple[RateView, ...]
    unattributed: Tally
    total: Tally
    lines: tuple[RateView, ...]
    upstream: Tally
    unknown_badges: dict[str, int]
    unknown_counters: tuple[dict[str, str | int], ...]
    notes: tuple[dict[str, str], ...]

    @property
    def needs_a_look(self) -> bool:
        return bool(self.unknown_badges or self.unknown_counters or self.notes)


class _RateRules(Struct, frozen=True):
    """The dated rules that a rate is shown with."""

    grades: GradeEdition
    alerts: AlertEdition


def rates_of_month(conn: sa.Connection, month: Month) -> RatesView:
    """Defect rates per person, team and line, computed now from the raw readings."""
    roster = imported_roster(conn)
    return rates_of(quality_of_month(conn, roster, month), roster, month)


def rates_of(quality: QualityMonth, roster: Roster, month: Month) -> RatesView:
    rules = _RateRules(load_grades().on(month.first), load_alert_rules().on(month.first))
    names = {number: person.name for number, person in roster.people.items()}
    start, end = month.instants(ZoneInfo(roster.zone))
    span = int(start.timestamp()), int(end.timestamp())
    lines = []
    for line, found in sorted(quality.by_line.items()):
        seen = coverage_text(coverage(quality.gaps.get(line, ()), *span))
        rate = _rate((line, roster.lines[line].name), found, "line", rules)
        lines.append(replace(rate, coverage=seen))
    return RatesView(
        month=str(month),
        grade_version=rules.grades.version,
        alert_version=rules.alerts.version,
        people=_rates_of(quality.by_person, names, quality, rules),
        teams=_rates_of(quality.by_team, {}, quality, rules),
        unattributed=quality.unattributed,
        total=quality.total,
        lines=tuple(lines),
        upstream=quality.upstream,
        unknown_badges=quality.unknown_badges,
        unknown_counters=tuple(
            {"source": source, "tag": tag, "readings": readings}
            for (source, tag), readings in sorted(quality.unknown_counters.items())
        ),
        notes=tuple(
            {
                "source": note.counter.source,
                "tag": note.counter.tag,
                "metric": note.counter.metric,
                "event_id": note.item.event_id,
                "flag": note.item.flag,
            }
            for note in quality.notes
        ),
    )


def _rates_of(
    tallies: Mapping[str, Tally], names: Mapping[str, str], quality: QualityMonth, rules: _RateRules
) -> tuple[RateView, ...]:
    at_station = shares_of_stations(quality)
    return tuple(
        replace(
            _rate((owner, names.get(owner, owner)), found, "person", rules),
            evidence=figure_evidence(evidence_mix(quality.stretches.get(owner, ()))),
            corrections=tuple(map(_correction, quality.corrections.get(owner, ()))),
            contested=contested(*found, at_station.get(owner, ()), rules.grades),
        )
        for owner, found in sorted(tallies.items())
    )


def _correction(row: Correction) -> CorrectionView:
    return CorrectionView(
        number=row.identity,
        concerns=row.concerns,
        pieces=row.pieces,
        rejects=row.rejects,
        author=row.author,
        approver=row.approver,
        reason=row.reason,
    )


def shares_of_stations(quality: QualityMonth) -> dict[str, list[Shared]]:
    """Of each owner at each station: what is his, what is somebody's, what is nobody's."""

    def by_station(found: Iterable[Stretch]) -> dict[str, Tally]:
        groups: defaultdict[str, list[Stretch]] = defaultdict(list)
        for one in found:
            groups[quality.station_codes[one.counter.source, one.counter.tag]].append(one)
        return {code: tally(of_one) for code, of_one in groups.items()}

    lost = by_station(quality.unowned)
    known = by_station(one for found in quality.stretches.values() for one in found)
    return {
        owner: [
            Shared(own.pieces, known[code].pieces, *lost.get(code, Tally()))
            for code, own in by_station(found).items()
        ]
        for owner, found in quality.stretches.items()
    }


def _rate(subject: tuple[str, str], found: Tally, kind: SubjectKind, rules: _RateRules) -> RateView:
    code, name = subject
    pieces, rejects = found
    grading = grade_of(pieces, rejects, rules.grades)
    interval = wilson(pieces, rejects)
    return RateView(
        subject=code,
        name=name,
        pieces=pieces,
        rejects=rejects,
        percent=percent_text(pieces, rejects),
        grade=grading.grade,
        reason=grading.reason,
        interval_95=None if interval is None else (interval.low, interval.high),
        separable=separable(pieces, rejects, rules.grades),
        alert=rules.alerts.over(kind, pieces, rejects),
    )
