"""Alerts of a day: computed from stored readings, joined with what was told before.

What was raised stays raised with the figures that it was sent with; later data add notes. So the
same readings give the same alerts, however often this runs.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from msgspec.structs import replace

from hr_core.audit.log import append
from hr_core.clock import midnight
from hr_core.errors import NotFoundError
from hr_core.people.model import Days, Roster
from hr_core.quality.alert_life import (
    Alert,
    Closing,
    OwnerRule,
    acknowledged,
    cleared,
    closed,
    escalated,
    noted,
    raised,
    suppressed,
)
from hr_core.quality.alert_rules import AlertEdition, load_alert_rules
from hr_core.quality.alert_states import (
    AlertEvent,
    Batch,
    EventKind,
    Status,
    Subject,
    Watched,
    after_batch,
    after_shift,
    restatement,
)
from hr_core.quality.box_swaps import LookedAt, SwapAlarm, joined_swaps, suspected_swaps
from hr_core.quality.month import Series, counted_series
from hr_core.quality.readings import line_facts, readings_between
from hr_core.quality.shift_batches import ShiftCalendar, ShiftDay, shift_batches
from hr_core.store.alerts import save_alerts, stored_alert, stored_alerts
from hr_core.store.box_swaps import save_swaps, swaps_between, swaps_named
from hr_core.store.database import writing
from hr_core.store.line_entries import line_settings, replacements

_DAY = timedelta(days=1)
# A long weekend. After a longer stand the day's first reading is a baseline here, and nowhere else.
_LOOK_BACK = timedelta(days=3)
# People act on alerts by hand: during each of so many computations nobody does. If somebody did, it
# stands, and only what is shown is from just before.
_MOST_COMPUTED = 5

ByShift = tuple[Subject, dict[ShiftDay, list[Batch]]]


class Standing(NamedTuple):
    """A subject's shift as it stands: what is watched and never sent is here."""

    subject: Subject
    shift: str
    status: Status
    pieces: int
    rejects: int
    suspect: str | None


class DayOfAlerts(NamedTuple):
    """`before`: what was stored of the day when this was computed, by identity.

    swaps   new ones, open ones of any day, and what became of those that were open
    """

    alerts: tuple[Alert, ...]
    standing: tuple[Standing, ...]
    swaps: tuple[SwapAlarm, ...]
    before: Mapping[str, Alert]


class Saved(NamedTuple):
    """`acted`: alerts that somebody acknowledged or closed meanwhile; those stand as they are, and
    computing again takes them up.
    """

    stored: int
    acted: tuple[str, ...]


class _ShiftRun(NamedTuple):
    shift: ShiftDay
    state: Watched
    events: tuple[AlertEvent, ...]
    batches: tuple[Batch, ...]


def alerts_of_day(conn: sa.Connection, roster: Roster, day: date, now: datetime) -> DayOfAlerts:
    """Of the shifts that began on `day` (the site's wall clock). Reads only: `save` stores."""
    edition = load_alert_rules().on(day)
    owners = line_settings(conn).owners()
    calendar = ShiftCalendar(roster.shifts, roster.zone)
    moment = int(now.timestamp())
    found, edges = _series_of(conn, roster, (day, now))
    suspected = suspected_swaps(found, calendar, edition, owners)
    known_swaps = swaps_between(conn, *edges)
    looked_at = LookedAt(edges[0] - int(_LOOK_BACK.total_seconds()), *edges)
    runs = [
        run
        for of_one in _batches_of(found, roster, calendar, day).items()
        for run in _shift_runs(of_one, calendar, edition, moment)
    ]
    computed = [alert for run in runs for alert in _alerts_of(run, edition, owners)]
    before = _stored_of_day(conn, roster, day)
    joined = _joined(computed, before, runs, edition)
    told = [
        escalated(
            alert, moment, edition, ShiftDay.parse(alert.shift).place(alert.subject.line), owners
        )
        for alert in suppressed(joined, sent={alert.identity for alert in before})
    ]
    return DayOfAlerts(
        tuple(sorted(told, key=lambda alert: (alert.raised_at, alert.identity))),
        tuple(sorted(map(_standing, runs))),
        tuple(joined_swaps(suspected, known_swaps, replacements(conn), looked_at, moment)),
        {alert.identity: alert for alert in before},
    )


def alerts_stored(engine: sa.Engine, roster: Roster, day: date, now: datetime) -> DayOfAlerts:
    """Computes and saves, again when somebody acted on an alert in between."""
    computed = 0
    while True:
        with engine.connect() as conn:
            found = alerts_of_day(conn, roster, day, now)
        with writing(engine) as conn:
            saved = save(conn, found)
        computed += 1
        if not saved.acted or computed == _MOST_COMPUTED:
            return found


def save(conn: sa.Connection, found: DayOfAlerts) -> Saved:
    """Stores what is new or changed, in the caller's write transaction.

    Never over what somebody did between the computing and this.
    """
    before = found.before
    changed = [one for one in found.alerts if before.get(one.identity) != one]
    acted = tuple(
        one.identity
        for one in changed
        if stored_alert(conn, one.identity) != before.get(one.identity)
    )
    ours = [one for one in changed if one.identity not in acted]
    save_alerts(conn, ours)
    # Nobody acts on these but by an entry, which the next look takes up.
    known_swaps = {one.identity: one for one in swaps_named(conn, found.swaps)}
    swaps = [one for one in found.swaps if known_swaps.get(one.identity) != one]
    save_swaps(conn, swaps)
    return Saved(len(ours) + len(swaps), acted)


def acknowledge_alert(conn: sa.Connection, identity: str, at: int, by: str) -> Alert:
    """Raises NotFoundError, CoreError."""
    alert = acknowledged(_known(conn, identity), at, by)
    save_alerts(conn, [alert])
    _log(conn, "alert.acknowledge", identity, at, by)
    return alert


def hand_over_alert(conn: sa.Connection, identity: str, at: int, by: str, to: str) -> Alert:
    """Raises NotFoundError."""
    told = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
    alert = noted(
        replace(_known(conn, identity), owner=to), f"handed over to {to} by {by} at {told}"
    )
    save_alerts(conn, [alert])
    _log(conn, "alert.hand_over", identity, at, by, {"to": to})
    return alert


def close_alert(conn: sa.Connection, identity: str, closing: Closing) -> Alert:
    """Raises NotFoundError, CoreError without a known cause and a note."""
    alert = _known(conn, identity)
    edition = load_alert_rules().on(ShiftDay.parse(alert.shift).day)
    done = closed(alert, closing, edition)
    save_alerts(conn, [done])
    told = {"cause": closing.cause}
    _log(conn, "alert.close", identity, closing.at, closing.by, told, closing.note.strip())
    return done


def _log(  # noqa: PLR0913 - the columns of a row
    conn: sa.Connection,
    action: str,
    identity: str,
    at: int,
    by: str,
    after: object = None,
    note: str = "",
) -> None:
    append(
        conn, datetime.fromtimestamp(at, UTC), by, action, f"alert {identity}", None, after, note
    )


def _known(conn: sa.Connection, identity: str) -> Alert:
    alert = stored_alert(conn, identity)
    if alert is None:
        raise NotFoundError(
            f"there is no alert {identity!r}",
            remedy="hr-core quality alerts --day … computes and lists them",
        )
    return alert


def _series_of(
    conn: sa.Connection, roster: Roster, when: tuple[date, datetime]
) -> tuple[list[Series], tuple[int, int]]:
    """What was counted around the day, and between which UTC seconds."""
    day, now = when
    start = midnight(day).replace(tzinfo=ZoneInfo(roster.zone)).astimezone(UTC)
    # A window is at most a day long, and a shift that began at 23:59 ends within the next one.
    span = start - _DAY, min(start + 3 * _DAY, now + timedelta(seconds=1))
    readings = readings_between(conn, *span, look_back=_LOOK_BACK)
    facts = line_facts(conn, roster, readings, span)
    found, _ = counted_series(readings, roster.stations, facts)
    edges = int(span[0].timestamp()), int(span[1].timestamp())
    return [series.between(*edges) for series in found], edges


def _batches_of(
    found: Iterable[Series], roster: Roster, calendar: ShiftCalendar, day: date
) -> dict[Subject, dict[ShiftDay, list[Batch]]]:
    by_key = shift_batches(
        found,
        calendar,
        {number: person.shift for number, person in roster.people.items()},
        roster.number_by_badge(Days(day - _DAY, day + 3 * _DAY)),
    )
    by_subject: defaultdict[Subject, dict[ShiftDay, list[Batch]]] = defaultdict(dict)
    for key, batches in sorted(by_key.items()):
        if key.shift.day == day:
            by_subject[key.subject][key.shift] = batches
    return dict(by_subject)


def _shift_runs(
    of_one: ByShift, calendar: ShiftCalendar, edition: AlertEdition, now: int
) -> list[_ShiftRun]:
    """The subject's shifts in their order: the cool-down goes on from one to the next."""
    runs: list[_ShiftRun] = []
    subject, shifts = of_one
    state = Watched(subject=subject, shift="")
    for shift, batches in sorted(shifts.items(), key=lambda item: item[1][0].at):
        state = after_shift(state, shift.name, batches[0].at).state
        events: list[AlertEvent] = []
        for batch in batches:
            state, told = after_batch(state, batch, edition)
            events += told
        end = calendar.end_of(shift)
        if end <= now:
            events += after_shift(state, "", end).events
        runs.append(_ShiftRun(shift, state, tuple(events), tuple(batches)))
    return runs


def _alerts_of(run: _ShiftRun, edition: AlertEdition, owners: Iterable[OwnerRule]) -> list[Alert]:
    place = run.shift.place(run.state.subject.line)
    found: list[Alert] = []
    for event in run.events:
        if event.kind is EventKind.RAISED:
            found.append(raised(event, edition, place, owners))
        elif event.kind is EventKind.CLEARED:
            found = [cleared(alert, event) for alert in found]
    return found


def _stored_of_day(conn: sa.Connection, roster: Roster, day: date) -> list[Alert]:
    start = midnight(day).replace(tzinfo=ZoneInfo(roster.zone))
    since, until = int((start - _DAY).timestamp()), int((start + 3 * _DAY).timestamp())
    return [
        alert
        for alert in stored_alerts(conn, since, until)
        if ShiftDay.parse(alert.shift).day == day
    ]


def _joined(
    computed: Iterable[Alert],
    before: Iterable[Alert],
    runs: Iterable[_ShiftRun],
    edition: AlertEdition,
) -> list[Alert]:
    """What was told before, with what became of it; what is new after it."""
    run_of = {(run.state.subject, run.shift.name): run for run in runs}
    fresh = {alert.identity: alert for alert in computed}
    result: list[Alert] = []
    for told in before:
        now = fresh.pop(told.identity, None)
        run = run_of.get((told.subject, told.shift))
        figures = _figures_at(() if run is None else run.batches, told.raised_at)
        alert = noted(told, restatement(told, *figures, edition))
        if now is not None and now.cleared_at is not None and alert.cleared_at is None:
            alert = replace(alert, cleared_at=now.cleared_at)
        result.append(alert)
    return [*result, *fresh.values()]


def _figures_at(batches: Iterable[Batch], moment: int) -> tuple[int, int]:
    made = [batch for batch in batches if batch.at <= moment]
    return sum(batch.pieces for batch in made), sum(batch.rejects for batch in made)


def _standing(run: _ShiftRun) -> Standing:
    state = run.state
    return Standing(
        state.subject, run.shift.name, state.status, state.pieces, state.rejects, state.suspect
    )
