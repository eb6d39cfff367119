"""The line board's values from what is stored, computed now."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from msgspec import structs

from hr_core.people.model import Line, Roster
from hr_core.quality import control_charts
from hr_core.quality.alert_rules import AlertEdition, SubjectKind, load_alert_rules
from hr_core.quality.control_charts import Sample
from hr_core.quality.counter_facts import window_flag
from hr_core.quality.grades import GradeEdition, grade_of, load_grades, separable
from hr_core.quality.live_counts import Span
from hr_core.quality.live_line import LiveLine, LiveSpan
from hr_core.quality.month import Tally
from hr_core.quality.presence import Evidence
from hr_core.quality.shift_figures import (
    HOUR_S,
    OwnerFigures,
    ShiftFigures,
    Watch,
    Window,
    shift_figures,
)
from hr_core.quality.windows import state_of
from hr_core.store.people import load_roster
from hr_core.web.board_alerts import open_alerts, swap_rows, work_of
from hr_core.web.board_books import Books, books_of
from hr_core.web.board_choice import BoardChoice
from hr_core.web.board_shift import DatedShift, shown_shift
from hr_core.web.errors import NoPageError
from hr_core.web.line_board import (
    AlertRow,
    Cause,
    Chart,
    ChartLimits,
    ChartPoint,
    LineBoard,
    LineTile,
    PersonRow,
    ShiftHead,
    ShiftName,
    Source,
    TileState,
    TrendPoint,
    worst_first,
)

_TREND_HOURS = 8
_FEWEST_SAMPLES = 2  # one point is its own centre: no limits can be drawn from it

_EVIDENCE = {
    Evidence.PIECE: "piece",
    Evidence.BADGE: "badge",
    Evidence.LOGIN: "login",
    Evidence.ROSTER: "roster",
}


class _Rules(NamedTuple):
    grades: GradeEdition
    alerts: AlertEdition


class _Look(NamedTuple):
    """Everything that one board is made of."""

    roster: Roster
    shift: DatedShift
    figures: ShiftFigures
    silence_s: Mapping[str, int]
    rules: _Rules
    books: Books
    now: datetime

    @property
    def seen_until(self) -> datetime:
        """As far as anything has to be known: a line may stand still after its shift."""
        return min(self.now, self.shift.hours.until)


class StoredBoard:
    """A `BoardSource` over the core's database."""

    def __init__(self, live: LiveLine) -> None:
        self._live = live

    def __call__(self, conn: sa.Connection, choice: BoardChoice, now: datetime) -> LineBoard:
        """Raises NoPageError for a line or shift that is not known."""
        roster = load_roster(conn)
        rules = _Rules(load_grades().on(now.date()), load_alert_rules().on(now.date()))
        if roster is None:
            return _without_shift(rules.alerts, now)
        if choice.line is not None and choice.line not in roster.lines:
            raise NoPageError("no_line", line=choice.line)
        zone = ZoneInfo(roster.zone)
        shown = shown_shift(roster.shifts, choice.shift, choice.day, now, zone)
        if shown.shown is None:
            return _without_shift(rules.alerts, now)
        seen = self._live.look(conn, roster, shown.shown.span, now)
        books = books_of(conn, roster, shown.shown)
        look = _looked(roster, shown.shown, seen, (rules, books), now)
        board = _board(look, choice, shown.next_at, open_alerts(conn, roster))
        return structs.replace(board, swaps=swap_rows(conn, zone))


def _looked(
    roster: Roster, shift: DatedShift, seen: LiveSpan, beside: tuple[_Rules, Books], now: datetime
) -> _Look:
    hours, silence_s = _window(shift.hours), seen.silence_s()
    over = max(hours.since, min(hours.until, int(now.timestamp())))
    watch = Watch(Window(hours.since, over), silence_s)
    figures = shift_figures(seen.parts, seen.times, watch)
    return _Look(roster, shift, figures, silence_s, *beside, now)


def _window(span: Span) -> Window:
    since, until = (int(one.timestamp()) for one in span)
    return Window(since, until)


def _without_shift(alerts: AlertEdition, now: datetime) -> LineBoard:
    return LineBoard(
        made_at=now,
        shift=None,
        person_limit_percent=alerts.of("person").limits_percent[0],
        line_limit_percent=alerts.of("line").limits_percent[0],
    )


def _board(
    look: _Look, choice: BoardChoice, next_at: datetime | None, alerts: Sequence[AlertRow]
) -> LineBoard:
    tiles = tuple(_tile(look, line) for line in _lines(look.roster))
    people = worst_first([_person(look, one) for one in look.figures.owners if one.owner.people])
    return LineBoard(
        made_at=look.now,
        shift=_head(look),
        shifts=tuple(
            ShiftName(one.code, one.name, one.name_zh) for one in look.roster.shifts.values()
        ),
        next_shift_at=next_at,
        person_limit_percent=look.rules.alerts.of("person").limits_percent[0],
        line_limit_percent=look.rules.alerts.of("line").limits_percent[0],
        tiles=tiles,
        alerts=(*alerts, *_watches(look, tiles, people, alerts)),
        chart=_chart(look, choice, tiles),
        people=tuple(people),
        unattributed=work_of(look.figures.unattributed) if look.figures.heard else None,
        sources=_sources(look),
        corrections=look.books.corrections,
        causes=tuple(Cause(one.code, one.label, one.label_zh) for one in look.rules.alerts.cause),
    )  # fmt: skip


def _head(look: _Look) -> ShiftHead:
    newest = max(look.figures.last_at.values(), default=None)
    shift = look.shift.shift
    return ShiftHead(
        code=shift.code,
        name=shift.name,
        name_zh=shift.name_zh,
        day=look.shift.day,
        hours=look.shift.hours,
        span=look.shift.span,
        status=state_of(
            int(look.shift.span.until.timestamp()),
            int(look.now.timestamp()),
            locked=look.books.locked,
        ),
        month=look.books.month,
        revision=look.books.revision,
        delay_s=None if newest is None else max(0, int(look.seen_until.timestamp()) - newest),
    )


def _lines(roster: Roster) -> list[Line]:
    """Those that have a counter; another one can never have a number."""
    counted = {station.line for station in roster.stations}
    return [line for code, line in sorted(roster.lines.items()) if code in counted]


def _tile(look: _Look, line: Line) -> LineTile:
    heard = line.code in look.figures.heard
    tally = look.figures.by_line.get(line.code, Tally())
    silent = _silent(look, line.code)
    doubt = window_flag(*tally)
    state = _state(look, "line", tally)
    if silent or doubt or not heard:
        state = TileState.INCOMPLETE
    last_at = [look.figures.last_at[one] for one in _sources_of(look.roster, line.code)
               if one in look.figures.last_at]  # fmt: skip
    return LineTile(
        line=line.code,
        name=line.name,
        name_zh=line.name_zh,
        state=state,
        work=work_of(tally) if heard else None,
        last_count_at=datetime.fromtimestamp(max(last_at), UTC) if last_at else None,
        silent=silent,
        doubts=(doubt,) if doubt else (),
        trend=_trend(look, line.code),
    )


def _state(look: _Look, kind: SubjectKind, tally: Tally) -> TileState:
    if tally == Tally():
        return TileState.IDLE
    if look.rules.alerts.level(kind, *tally):
        return TileState.ALERT
    return TileState.WATCH if look.rules.alerts.over(kind, *tally) else TileState.OK


def _silent(look: _Look, line: str) -> tuple[tuple[str, datetime | None], ...]:
    """Sources of the line that have said nothing for longer than a box may."""
    until = int(look.seen_until.timestamp())
    found: list[tuple[str, datetime | None]] = []
    for source in _sources_of(look.roster, line):
        last = look.figures.last_at.get(source)
        if last is None:
            found.append((source, None))
        elif last < until - look.silence_s[source]:
            found.append((source, datetime.fromtimestamp(last, UTC)))
    return tuple(found)


def _sources_of(roster: Roster, line: str) -> list[str]:
    return sorted({station.source for station in roster.stations if station.line == line})


def _hours_seen(look: _Look) -> int:
    elapsed = int((min(look.now, look.shift.span.until) - look.shift.span.since).total_seconds())
    return max(0, -(-elapsed // HOUR_S))


def _trend(look: _Look, line: str) -> tuple[TrendPoint, ...]:
    hours = look.figures.by_hour.get(line, {})
    last = _hours_seen(look)
    shown = range(max(0, last - _TREND_HOURS), last)
    return tuple(TrendPoint(*hours[at]) if at in hours else TrendPoint(None, None) for at in shown)


def _chart(look: _Look, choice: BoardChoice, tiles: Sequence[LineTile]) -> Chart | None:
    """Of the line that was asked for, else of the worst one."""
    if not tiles:
        return None
    line = choice.line or max(tiles, key=_lower_bound).line
    hours = look.figures.by_hour.get(line, {})
    at_work = [(at, tally) for at, tally in sorted(hours.items()) if 0 <= tally.rejects <= tally.pieces and tally.pieces]  # fmt: skip
    samples = [Sample(tally.rejects, tally.pieces) for _, tally in at_work]
    if len(samples) < _FEWEST_SAMPLES:
        return Chart(line=line, limits=choice.limits, centre=None, sigma_z=None, points=())
    sigma_z, laney = control_charts.laney_chart(samples)
    drawn = laney if choice.limits is ChartLimits.LANEY else control_charts.chart("p", samples)
    points = tuple(
        ChartPoint(
            span=_hour_span(look.shift.span, at),
            pieces=tally.pieces,
            rejects=tally.rejects,
            lower=limits.lower,
            upper=limits.upper,
            out=("beyond_limit",) if number in drawn.out else (),
        )
        for number, ((at, tally), limits) in enumerate(zip(at_work, drawn.limits, strict=True), 1)
    )
    return Chart(
        line=line, limits=choice.limits, centre=float(drawn.centre), sigma_z=sigma_z, points=points
    )


def _hour_span(shift: Span, hour: int) -> Span:
    since = int(shift.since.timestamp()) + hour * HOUR_S
    until = min(since + HOUR_S, int(shift.until.timestamp()))
    return Span(datetime.fromtimestamp(since, UTC), datetime.fromtimestamp(until, UTC))


def _lower_bound(tile: LineTile) -> float:
    return -1.0 if tile.work is None or tile.work.interval is None else tile.work.interval[0]


def _person(look: _Look, figures: OwnerFigures) -> PersonRow:
    """One person, or a team whose pieces nobody can tell apart: shown, not graded."""
    people = figures.owner.people
    alone = len(people) == 1
    names = [look.roster.people[one].name if one in look.roster.people else one for one in people]
    return PersonRow(
        number="+".join(people),
        name=" + ".join(names),
        work=work_of(figures.tally),
        grade=grade_of(*figures.tally, look.rules.grades).grade if alone else None,
        separable=separable(*figures.tally, look.rules.grades),
        state=_state(look, "person", figures.tally) if alone else TileState.OK,
        team=not alone,
        evidence=tuple(
            (_EVIDENCE[kind], pieces)
            for kind, pieces in figures.evidence.items()
            if kind in _EVIDENCE
        ),
    )


def _watches(
    look: _Look,
    tiles: Iterable[LineTile],
    people: Iterable[PersonRow],
    alerts: Iterable[AlertRow],
) -> tuple[AlertRow, ...]:
    """Whose plain rate is over the limit, and no alert says so: to look at, nobody is called."""
    lines = [_watch(look, "line", tile, (tile.line, tile.name, tile.name_zh)) for tile in tiles]
    persons = [
        _watch(look, "person", row, (row.number, row.name, row.name))
        for row in people
        if not row.team
    ]
    known = {(one.kind, one.subject) for one in alerts}
    return tuple(
        one for one in lines + persons if one is not None and (one.kind, one.subject) not in known
    )


def _watch(
    look: _Look, kind: SubjectKind, subject: LineTile | PersonRow, called: tuple[str, str, str]
) -> AlertRow | None:
    code, name, name_zh = called
    if subject.work is None or subject.state not in {TileState.WATCH, TileState.ALERT}:
        return None
    return AlertRow(
        identity=f"{kind}/{code}",
        kind=kind,
        subject=code,
        name=name,
        name_zh=name_zh,
        line=code if kind == "line" else "",
        watch=True,
        work=subject.work,
        limit_percent=look.rules.alerts.of(kind).limits_percent[0],
        span=look.shift.span,
        since=None,
    )


def _sources(look: _Look) -> tuple[Source, ...]:
    return tuple(
        Source(
            source=source,
            lines=_lines_of(look.roster, source),
            last_at=None if last is None else datetime.fromtimestamp(last, UTC),
            gap_s=look.figures.gap_s[source],
        )
        for source in sorted(look.figures.gap_s)
        for last in (look.figures.last_at.get(source),)
    )


def _lines_of(roster: Roster, source: str) -> tuple[str, ...]:
    stations: Iterable[str] = (one.line for one in roster.stations if one.source == source)
    return tuple(sorted(set(stations)))
