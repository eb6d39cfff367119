"""The readings behind a number of the board: counter by counter, from which to which event."""

from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from msgspec import Struct

from hr_core.people.model import Days, Roster
from hr_core.quality.attribution import Stretch, stretches
from hr_core.quality.counters import DeltaFlag
from hr_core.quality.live_line import LiveLine
from hr_core.quality.month import Series, tally
from hr_core.store.people import load_roster
from hr_core.web.board_alerts import work_of
from hr_core.web.board_choice import WorkChoice
from hr_core.web.errors import NoPageError
from hr_core.web.line_board import Work

_MOST_ROWS = 500  # a sick counter flags every reading: the first ones tell it


class WorkRow(Struct, frozen=True, kw_only=True):
    """`amount` None: these readings count nothing, and `flags` say why."""

    source: str
    tag: str
    metric: str
    line: str
    owner: str
    first_event: str
    last_event: str
    first_value: int
    last_value: int
    readings: int
    amount: int | None
    flags: tuple[str, ...]


class WorkPage(Struct, frozen=True, kw_only=True):
    choice: WorkChoice
    name: str
    since: str
    until: str
    work: Work
    rows: tuple[WorkRow, ...]
    left_out: int


def work_page(
    conn: sa.Connection, live: LiveLine, choice: WorkChoice, now: datetime, zone: ZoneInfo
) -> WorkPage:
    """Raises NoPageError before the first import, and for a stretch that is none or too long."""
    roster = load_roster(conn)
    if roster is None or not 0 < choice.hours <= MOST_HOURS:
        raise NoPageError("no_work_of", since=choice.span.since.date())
    since, until = (int(one.timestamp()) for one in choice.span)
    seen = live.look(conn, roster, choice.span, now)
    of_counters = [
        one.between(since, until)
        for one in seen.series
        if choice.line in {None, one.station.line} and choice.source in {None, one.counter.source}
    ]
    counted = [
        (one.station.line, made) for one in of_counters for made in _made(one, roster, choice)
    ]
    rows = [_row(line, made) for line, made in counted]
    if choice.person is None and not choice.nobody:
        rows += [row for one in of_counters for row in _uncounted(one)]
    stamps = [f"{one.astimezone(zone):%Y-%m-%d %H:%M:%S}" for one in choice.span]
    return WorkPage(
        choice=choice,
        name=_name(roster, choice),
        since=stamps[0],
        until=stamps[1],
        work=work_of(tally(made for _, made in counted)),
        rows=tuple(rows[:_MOST_ROWS]),
        left_out=max(0, len(rows) - _MOST_ROWS),
    )


MOST_HOURS = 7 * 24  # a longer look belongs to the month's rates


def _made(one: Series, roster: Roster, choice: WorkChoice) -> list[Stretch]:
    badges = roster.number_by_badge(Days.of_span(*choice.span, roster.zone))
    found = stretches(one.counter, one.deltas, badges, one.present)
    if choice.nobody:
        return [made for made in found if not made.owner.people]
    if choice.person is not None:
        return [made for made in found if "+".join(made.owner.people) == choice.person]
    return found


def _row(line: str, made: Stretch) -> WorkRow:
    return WorkRow(
        source=made.counter.source,
        tag=made.counter.tag,
        metric=made.counter.metric,
        line=line,
        owner=" + ".join(made.owner.people),
        first_event=made.first_event,
        last_event=made.last_event,
        first_value=made.first_value,
        last_value=made.last_value,
        readings=made.readings,
        amount=made.amount,
        flags=tuple(flag.value for flag in made.flags),
    )


def _uncounted(one: Series) -> list[WorkRow]:
    """Readings that count nothing, as long as that is news: every counter has a first one."""
    return [
        WorkRow(
            source=one.counter.source,
            tag=one.counter.tag,
            metric=one.counter.metric,
            line=one.station.line,
            owner="",
            first_event=(delta.start or delta.end).event_id,
            last_event=delta.end.event_id,
            first_value=(delta.start or delta.end).value,
            last_value=delta.end.value,
            readings=2 if delta.start else 1,
            amount=None,
            flags=tuple(flag.value for flag in delta.flags),
        )
        for delta in one.deltas
        if not delta.counted and DeltaFlag.BASELINE not in delta.flags
    ]


def _name(roster: Roster, choice: WorkChoice) -> str:
    people = (choice.person or "").split("+")
    return " + ".join(roster.people[one].name for one in people if one in roster.people)
