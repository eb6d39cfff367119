"""What the first page shows: the punches of a day, the defect rates of a month, a pay run."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from msgspec import Struct

from hr_core import views
from hr_core.clock import Month
from hr_core.errors import NoLawError, NothingToComputeError
from hr_core.quality.alert_rules import AlertEdition, load_alert_rules
from hr_core.quality.grades import percent_text
from hr_core.quality.month import Tally
from hr_core.quality.rates_view import RatesView, RateView, rates_of_month
from hr_core.store.events import Kind, latest_punch, raw_events
from hr_core.store.people import load_roster, load_site_zone
from hr_core.store.results import RunRow, SlipRow
from hr_core.views import PunchView
from hr_core.web.errors import NoPageError
from hr_core.web.paging import Paged, paged
from hr_core.web.rate_picture import RatePicture, limit_x, rate_picture
from hr_core.web.run_life_view import RunLife, run_life
from hr_core.web.selection import Selection
from hr_core.web.words import Words
from protocols.identity import event_time

_MOST_RUNS_OFFERED = 36  # three years of months in the chooser; older ones by ?run=
_MOST_NOTES_SHOWN = 50  # a sick counter notes every reading: the first ones tell it


class PunchSection(Struct, frozen=True, kw_only=True):
    """`latest_day`: the last day that has punches, when this one has none."""

    day: date
    is_today: bool
    punches: Paged[PunchView]
    people: int
    unmapped: int
    latest_day: date | None

    @property
    def day_before(self) -> date:
        return self.day - timedelta(days=1)

    @property
    def day_after(self) -> date:
        return self.day + timedelta(days=1)


class RateRow(Struct, frozen=True, kw_only=True):
    view: RateView
    picture: RatePicture | None


class Rates(Struct, frozen=True, kw_only=True):
    """`sums_agree`: people, teams, unattributed = total = the lines and upstream, computed here again."""

    view: RatesView
    people: Paged[RateRow]
    lines: tuple[RateRow, ...]
    line_names_zh: dict[str, str]
    over_limit: int
    total_percent: str
    unattributed_percent: str
    limit_percent: str
    limit_x: str
    line_limit_percent: str
    line_limit_x: str
    sums_agree: bool

    @property
    def notes_shown(self) -> tuple[dict[str, str], ...]:
        return self.view.notes[:_MOST_NOTES_SHOWN]

    @property
    def notes_left_out(self) -> int:
        return max(0, len(self.view.notes) - _MOST_NOTES_SHOWN)


class RateSection(Struct, frozen=True, kw_only=True):
    """`rates` None: not computable, `problem` says why. `latest_month`: the last with readings."""

    month: Month
    in_progress: bool
    rates: Rates | None = None
    problem: NothingToComputeError | NoLawError | None = None
    latest_month: Month | None = None

    @property
    def month_before(self) -> Month:
        last = self.month.first - timedelta(days=1)
        return Month(last.year, last.month)

    @property
    def month_after(self) -> Month:
        return Month(self.month.after.year, self.month.after.month)

    def trouble(self, words: Words) -> str:
        """Why there are no rates, in words; empty when nothing is wrong but nothing is there."""
        match self.problem:
            case None:
                return ""
            case NoLawError() as missing:
                return words("no_law", on=missing.on, item=missing.item)
            case _:
                return words("no_people")


class RunSection(Struct, frozen=True, kw_only=True):
    """`run` None: there is none of the month asked for; `runs` newest first.

    `paid` are the numbers that have a slip; `computed_at` is the site's wall clock.
    """

    runs: tuple[RunRow, ...]
    month: Month
    run: RunRow | None = None
    slips: Paged[SlipRow] | None = None
    paid: frozenset[str] = frozenset()
    open_slips: int = 0
    computed_at: str = ""
    life: RunLife | None = None


class Overview(Struct, frozen=True, kw_only=True):
    selection: Selection
    punches: PunchSection
    rates: RateSection
    run: RunSection


def overview(conn: sa.Connection, selection: Selection, now: datetime, zone: ZoneInfo) -> Overview:
    """Raises NoPageError for a run that does not exist."""
    today = now.astimezone(zone).date()
    run = _run_section(conn, selection, today, zone)
    month = selection.month
    if month is None and selection.run is not None and run.run is not None:
        month = Month.parse(run.run.month)
    day = selection.day or today
    return Overview(
        selection=selection,
        punches=_punch_section(conn, day, selection.punch_page, today),
        rates=_rate_section(conn, month or Month(day.year, day.month), selection.rate_page, today),
        run=run,
    )


def site_zone(conn: sa.Connection) -> ZoneInfo:
    """The site's; before the first import the zone of the latest punch, else UTC."""
    zone = load_site_zone(conn)
    if zone is not None:
        return ZoneInfo(zone)
    latest = latest_punch(conn)
    return ZoneInfo("UTC" if latest is None else latest.zone)


def _punch_section(conn: sa.Connection, day: date, page: int, today: date) -> PunchSection:
    punches = views.punches_of_day(conn, day)
    newest = None if punches else _latest_date(conn, "punch", today)
    return PunchSection(
        day=day,
        is_today=day == today,
        punches=paged(punches, page),
        people=len({punch.number for punch in punches if punch.number is not None}),
        unmapped=sum(punch.number is None for punch in punches),
        latest_day=newest,
    )


def _rate_section(conn: sa.Connection, month: Month, page: int, today: date) -> RateSection:
    in_progress = month == Month(today.year, today.month)
    try:
        view = rates_of_month(conn, month)
        edition = load_alert_rules().on(month.first)
    except (NothingToComputeError, NoLawError) as exc:
        return RateSection(month=month, in_progress=in_progress, problem=exc)
    if not (view.people or view.lines or view.unknown_counters):
        newest = _latest_date(conn, "count", today)
        latest = None if newest is None else Month(newest.year, newest.month)
        return RateSection(
            month=month,
            in_progress=in_progress,
            latest_month=None if latest == month else latest,  # only first readings: none counts
        )
    return RateSection(
        month=month, in_progress=in_progress, rates=_rates(conn, view, edition, page)
    )


def _rates(conn: sa.Connection, view: RatesView, edition: AlertEdition, page: int) -> Rates:
    roster = load_roster(conn)
    limit = edition.of("person").limits_percent[0]
    line_limit = edition.of("line").limits_percent[0]
    people = sorted((_row(one, limit) for one in view.people), key=_worst_first)
    of_owners = _sums((*view.people, *view.teams, view.unattributed))
    of_lines = _sums((*view.lines, view.upstream))
    return Rates(
        view=view,
        people=paged(people, page),
        lines=tuple(_row(one, line_limit) for one in view.lines),
        line_names_zh={code: line.name_zh for code, line in roster.lines.items()} if roster else {},
        over_limit=sum(one.alert for one in view.people),
        total_percent=percent_text(*view.total),
        unattributed_percent=percent_text(*view.unattributed),
        limit_percent=limit,
        limit_x=limit_x(limit),
        line_limit_percent=line_limit,
        line_limit_x=limit_x(line_limit),
        sums_agree=of_owners == tuple(view.total) == of_lines,
    )


def _sums(parts: tuple[RateView | Tally, ...]) -> tuple[int, int]:
    return sum(one.pieces for one in parts), sum(one.rejects for one in parts)


def _row(view: RateView, limit_percent: str) -> RateRow:
    if view.interval_95 is None:
        return RateRow(view=view, picture=None)
    picture = rate_picture(view.pieces, view.rejects, view.interval_95, limit_percent)
    return RateRow(view=view, picture=picture)


def _worst_first(row: RateRow) -> tuple[float, str]:
    """By the lower end of the interval, not by the rate: 1 of 3 pieces is no leader of a list."""
    interval = row.view.interval_95
    return (-2.0 if interval is None else -interval[0], row.view.subject)


def _run_section(
    conn: sa.Connection, selection: Selection, today: date, zone: ZoneInfo
) -> RunSection:
    runs = views.list_runs(conn)
    month = selection.month or Month(today.year, today.month)
    run = _chosen_run(runs, selection)
    offered = tuple(runs[:_MOST_RUNS_OFFERED])
    if run is None:
        return RunSection(runs=offered, month=month)
    slips = views.slips_of_run(conn, run.number)
    return RunSection(
        runs=offered if run in offered else (run, *offered),
        month=month,
        run=run,
        slips=paged(slips, selection.slip_page),
        paid=frozenset(slip.number for slip in slips),
        open_slips=sum(bool(slip.to_clarify) for slip in slips),
        life=run_life(conn, run),
        computed_at=f"{run.created_at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
    )


def _chosen_run(runs: list[RunRow], selection: Selection) -> RunRow | None:
    """The run asked for, else the newest one of the month asked for, else the newest one."""
    if selection.run is not None:
        for run in runs:
            if run.number == selection.run:
                return run
        raise NoPageError("no_run", number=selection.run)
    if selection.month is not None:
        return next((run for run in runs if run.month == str(selection.month)), None)
    return runs[0] if runs else None


def _latest_date(conn: sa.Connection, kind: Kind, today: date) -> date | None:
    """Of the newest event by device time that is not in the future; counts by their UTC date."""
    newest = (
        sa.select(raw_events.c.event_id)
        .where(raw_events.c.kind == kind, raw_events.c.event_id < _first_id_after(today))
        .order_by(raw_events.c.event_id.desc())
        .limit(1)
    )
    found = conn.execute(newest).scalar()
    return None if found is None else event_time(found).date()


def _first_id_after(day: date) -> bytes:
    """The lowest event id of the next day: an id leads with the milliseconds since the year 1."""
    return (day.toordinal() * 86_400_000).to_bytes(6, "big")
