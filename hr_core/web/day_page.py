"""A person's day: what was planned, pressed and counted, each minute with its reason."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from msgspec import Struct

from hr_core.accounts.model import Account
from hr_core.attendance.day import DayResult, DayStatus
from hr_core.attendance.day_parts import DayInterval
from hr_core.clock import DAY_S, Month, wall_seconds, wall_time
from hr_core.people.model import Days
from hr_core.store.attendance_days import StoredDay, days_of_person
from hr_core.store.event_rows import StoredEvent
from hr_core.store.events import event_by_id
from hr_core.store.people import load_roster
from hr_core.store.results import runs_with_day
from hr_core.store.work_plan import plan_of
from hr_core.web.attendance_sight import sight_of
from hr_core.web.day_picture import Bar, DayPicture, Lane, Mark, day_picture
from hr_core.web.errors import NoPageError
from hr_core.web.month_grid import SIGNS, CellState, GridPerson, cell_state
from hr_core.web.month_page import employee_number
from hr_core.web.selection import Links
from hr_core.web.words import Words
from protocols.records import Punch

_COLOURS = {CellState.OPEN: "warn", CellState.WAITING: "info"}


class MinuteRow(Struct, frozen=True, kw_only=True):
    """`kind` is the style's class; times are empty for minutes that lie at no time of day."""

    start: str
    end: str
    minutes: int
    kind: str
    reason: str
    work_centre: str


class DayPunch(Struct, frozen=True, kw_only=True):
    """`link` is empty for a punch that no device made: an approved request."""

    time: str
    used: bool
    reason: str
    device: str
    method: str
    way: str
    link: str


class DayPage(Struct, frozen=True, kw_only=True):
    """`result` None: the day is not computed yet, and only that can be said."""

    person: GridPerson
    on: date
    result: DayResult | None
    status_text: str
    sign: str
    colour: str
    computed_text: str
    plan_text: str = ""
    notices: tuple[str, ...] = ()
    picture: DayPicture | None = None
    minutes: tuple[MinuteRow, ...] = ()
    punches: tuple[DayPunch, ...] = ()
    slips: tuple[int, ...] = ()

    @property
    def month(self) -> Month:
        return Month(self.on.year, self.on.month)

    @property
    def day_before(self) -> date:
        return self.on - timedelta(days=1)

    @property
    def day_after(self) -> date:
        return self.on + timedelta(days=1)

    @property
    def minutes_sum(self) -> int:
        return sum(row.minutes for row in self.minutes)


def day_page(
    conn: sa.Connection,
    account: Account | None,
    place: tuple[str, date],
    words: Words,
    zone: ZoneInfo,
) -> DayPage:
    """`place`: (person, day). Raises NoPageError for somebody who is not there, or not seen then."""
    key, on = place
    roster = load_roster(conn)
    known = roster is not None and key in roster.people
    if roster is None or not (known and sight_of(conn, account, [on]).covers(key, on)):
        raise NoPageError("no_person", person=key)
    tomorrow = on + timedelta(days=1)
    number = employee_number(roster, key, Days(on, tomorrow))
    person = GridPerson(key=key, number=number, name=roster.people[key].name)
    stored = days_of_person(conn, key, on, tomorrow).get(on)
    if stored is None:
        return DayPage(
            person=person,
            on=on,
            result=None,
            status_text=words("not_computed"),
            sign="◐",
            colour="info",
            computed_text=words("not_computed_do"),
        )
    return _computed(conn, person, stored, words, zone)


def _computed(
    conn: sa.Connection, person: GridPerson, stored: StoredDay, words: Words, zone: ZoneInfo
) -> DayPage:
    day = stored.result
    state = cell_state(day)
    punches = _punches(conn, day, words, zone)
    at = stored.computed_at.astimezone(zone)
    return DayPage(
        person=person,
        on=day.day,
        result=day,
        status_text=status_text(day, words),
        sign=SIGNS.get(state, "●"),
        colour=_COLOURS.get(state, "ok"),
        computed_text=words("day_computed_at", at=f"{at:%Y-%m-%d %H:%M:%S}")
        + (f" · {words('day_revision', number=stored.revision)}" if stored.revision > 1 else ""),
        plan_text=" · ".join((day.shift, *day.plan)) if day.shift else "",
        notices=tuple(_notices(day, words, zone)),
        picture=_picture(day, _planned(conn, person, day.day, words), punches, words),
        minutes=tuple(_minute_row(one, words) for one in day.intervals),
        punches=tuple(shown for _, shown in punches),
        slips=tuple(runs_with_day(conn, person.key, day.day)),
    )


def status_text(day: DayResult, words: Words) -> str:
    if day.status is DayStatus.PRESENT and day.keys_contradict:
        return words.of("day_status", day.status)
    return words.of("day_result", day.status)


def _notices(day: DayResult, words: Words, zone: ZoneInfo) -> Iterable[str]:
    effect = words("not_judged" if day.status is DayStatus.WAITING else "may_change")
    for device in day.waiting_for:
        if device.since is None:
            yield words("waiting_for_unheard", device=device.device, effect=effect)
        else:
            since = f"{device.since.astimezone(zone):%Y-%m-%d %H:%M:%S}"
            yield words("waiting_for", device=device.device, since=since, effect=effect)
    for leave in day.leave:
        yield words("on_leave", kind=words.of("leave", leave.kind), request=leave.request)
    for done in day.corrections:
        yield words(
            "day_corrected",
            kind=words.of("correction", done.kind),
            request=done.request,
            reason=done.reason,
            by=done.approved_by,
        )
    for flag in day.flags:
        yield words.of("day_flag", flag)


def _punches(
    conn: sa.Connection, day: DayResult, words: Words, zone: ZoneInfo
) -> list[tuple[datetime, DayPunch]]:
    """Every punch that the day knows, in the order of the terminals' clocks."""
    reasons = dict.fromkeys(day.used, "") | {one.event_id: one.reason for one in day.ignored}
    found = []
    for event_id, reason in reasons.items():
        stored = None if ":" in event_id else event_by_id(conn, bytes.fromhex(event_id))
        said = words.of("ignored", reason) if reason else ""
        used = event_id in day.used
        if stored is None or not isinstance(stored.record, Punch):
            at = _time_of_request(day, event_id)
            shown = DayPunch(
                time=f"{at:%H:%M:%S}", used=used, reason=said, device=words("by_request"),
                method="", way=event_id, link="",
            )  # fmt: skip
        else:
            at = stored.record.device_time
            shown = _shown(stored, stored.record, (used, said), words, zone)
        found.append((at, shown))
    return sorted(found, key=lambda one: (one[0], one[1].link))


def _time_of_request(day: DayResult, event_id: str) -> datetime:
    """An added punch is at one of the day's ends, or its time is told by its request alone."""
    ends = [at for at in (day.arrived, day.left) if at is not None]
    at = (
        ends[0]
        if event_id in day.used[:1] and ends
        else (ends or [day.day.toordinal() * DAY_S])[-1]
    )
    return wall_time(at)


def _shown(
    stored: StoredEvent, punch: Punch, judged: tuple[bool, str], words: Words, zone: ZoneInfo
) -> DayPunch:
    received = stored.received_at.astimezone(zone)
    ingested = stored.ingested_at.astimezone(zone)
    used, reason = judged
    return DayPunch(
        time=f"{punch.device_time:%H:%M:%S}",
        used=used,
        reason=reason,
        device=punch.serial,
        method=words.of("method", punch.method),
        way=words(
            "way_of",
            gateway=stored.gateway,
            received=f"{received:%m-%d %H:%M:%S}",
            ingested=f"{ingested:%m-%d %H:%M:%S}",
        ),
        link=Links(words.language).event(stored.event_id.hex()),
    )


def _minute_row(one: DayInterval, words: Words) -> MinuteRow:
    return MinuteRow(
        start="" if one.start is None else f"{wall_time(one.start):%H:%M}",
        end="" if one.end is None else f"{wall_time(one.end):%H:%M}",
        minutes=one.minutes,
        kind=_kind(one),
        reason=words.of("minute_why", one.why),
        work_centre=one.work_centre or "",
    )


def _kind(one: DayInterval) -> str:
    return {"break": "break", "leave": "leave"}.get(one.why, one.counts)


def _planned(conn: sa.Connection, person: GridPerson, on: date, words: Words) -> tuple[Bar, ...]:
    """As the plan stands now: it may be newer than the result."""
    planned = plan_of(conn, person.key, on, on + timedelta(days=1)).get(on)
    if planned is None or not planned.due:
        return ()
    midnight = on.toordinal() * DAY_S
    return tuple(
        Bar(
            start=midnight + shift.start_min * 60,
            end=midnight + shift.end_min * 60,
            kind="planned",
            title=f"{words.label(shift.name, shift.name_zh)} {shift.hours()}",
        )
        for shift in planned.shifts
    )


def _picture(
    day: DayResult,
    planned: tuple[Bar, ...],
    punches: list[tuple[datetime, DayPunch]],
    words: Words,
) -> DayPicture | None:
    rows = [
        (number, one)
        for number, one in enumerate(day.intervals, 1)
        if one.start is not None and one.end is not None
    ]
    bars = tuple(
        Bar(
            start=one.start or 0,
            end=one.end or 0,
            kind=_kind(one),
            title=f"{wall_time(one.start or 0):%H:%M}–{wall_time(one.end or 0):%H:%M} "
            f"{words.of('minute_why', one.why)}",
            link=f"#m{number}",
        )
        for number, one in rows
    )
    marks = tuple(
        Mark(
            at=wall_seconds(at),
            kind="used" if shown.used else "unused",
            title=f"{shown.time} {shown.device} {shown.reason}".strip(),
            link=f"#p{number}",
        )
        for number, (at, shown) in enumerate(punches, 1)
    )
    return day_picture(
        (
            Lane(label=words("planned"), bars=planned),
            Lane(label=words("punch_lane"), marks=marks),
            Lane(label=words("counted"), bars=bars),
        )
    )
