"""Open alerts as rows of the board, and what people do about them there."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from hr_core.errors import CoreError, NotFoundError
from hr_core.people.model import Roster
from hr_core.quality.alert_desk import acknowledge_alert, close_alert, hand_over_alert
from hr_core.quality.alert_life import Alert, Closing
from hr_core.quality.alert_rules import load_alert_rules
from hr_core.quality.intervals import wilson
from hr_core.quality.live_counts import Span
from hr_core.quality.month import Tally
from hr_core.quality.shift_batches import ShiftDay
from hr_core.store.alerts import stored_alert, stored_alerts
from hr_core.store.box_swaps import open_swaps
from hr_core.store.database import writing
from hr_core.store.people import load_roster
from hr_core.web.line_board import AlertRow, SwapRow, Work

# What an alert's pieces are looked for in: the shift to date, and no shift is longer.
_LONGEST_SHIFT = timedelta(hours=16)


class AlertActError(Exception):
    """What was asked cannot be done; `field` of the form is to blame (None: no such open alert)."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class AlertDesk(Protocol):
    """What people do about the alert of an identity; `by` and `to` are employee identitys.

    Each raises AlertActError and then has changed nothing.
    """

    def acknowledge(self, alert: str, *, by: str, at: datetime) -> None: ...

    def close(self, alert: str, *, by: str, at: datetime, cause: str, note: str) -> None: ...

    def hand_over(self, alert: str, *, by: str, at: datetime, to: str) -> None: ...


class StoredAlerts:
    """The `AlertDesk` over the core's database. Everybody who acts has to be on the roster."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def acknowledge(self, alert: str, *, by: str, at: datetime) -> None:
        with writing(self._engine) as conn:
            _known_people(conn, by=by)
            _open(conn, alert)
            acknowledge_alert(conn, alert, int(at.timestamp()), by)

    def close(self, alert: str, *, by: str, at: datetime, cause: str, note: str) -> None:
        with writing(self._engine) as conn:
            _known_people(conn, by=by)
            _open(conn, alert)
            try:
                close_alert(conn, alert, Closing(int(at.timestamp()), by, cause, note))
            except NotFoundError:
                raise
            except CoreError as exc:  # the alert is open and a note is there: the cause is unknown
                raise AlertActError(str(exc), field="cause") from exc

    def hand_over(self, alert: str, *, by: str, at: datetime, to: str) -> None:
        with writing(self._engine) as conn:
            _known_people(conn, by=by, to=to)
            _open(conn, alert)
            hand_over_alert(conn, alert, int(at.timestamp()), by, to)


def open_alerts(conn: sa.Connection, roster: Roster) -> list[AlertRow]:
    """Lines first, then the longest open; what a line's alert stands for is listed there."""
    found = [_row(one, roster) for one in stored_alerts(conn) if one.hidden_by is None]
    return sorted(found, key=lambda row: row.kind != "line")


def swap_rows(conn: sa.Connection, zone: ZoneInfo) -> tuple[SwapRow, ...]:
    return tuple(
        SwapRow(
            source=alarm.source,
            tag=alarm.tag,
            line=alarm.line,
            span=Span(
                datetime.fromtimestamp(alarm.last_at, UTC),
                datetime.fromtimestamp(alarm.first_at, UTC) + timedelta(seconds=1),
            ),
            command=alarm.commands(zone)[0],
        )
        for alarm in open_swaps(conn)
    )


def work_of(tally: Tally) -> Work:
    return Work(pieces=tally.pieces, rejects=tally.rejects, interval=wilson(*tally))


def _row(alert: Alert, roster: Roster) -> AlertRow:
    names = {number: person.name for number, person in roster.people.items()}
    code = alert.subject.code
    line = roster.lines.get(code) if alert.subject.kind == "line" else None
    raised_at = datetime.fromtimestamp(alert.raised_at, UTC)
    return AlertRow(
        identity=alert.identity,
        kind=alert.subject.kind,
        subject=code,
        name=line.name if line else _called(code, names),
        name_zh=line.name_zh if line else _called(code, names),
        line=alert.subject.line,
        watch=False,
        work=work_of(Tally(alert.pieces, alert.rejects)),
        limit_percent=alert.limit_percent,
        span=Span(raised_at - _LONGEST_SHIFT, raised_at + timedelta(minutes=1)),
        since=raised_at,
        owner=_called(alert.owner, names) if alert.owner else "",
        acknowledged_at=_instant(alert.acknowledged_at),
        acknowledged_by=_called(alert.acknowledged_by, names) if alert.acknowledged_by else "",
        escalates_at=_escalates_at(alert),
        escalated=len(alert.escalations),
        cleared_at=_instant(alert.cleared_at),
        hides=tuple(_called(one.split("/")[1], names) for one in alert.hides),
    )


def _escalates_at(alert: Alert) -> datetime | None:
    """When it goes to the next role if nobody acknowledges."""
    edition = load_alert_rules().on(ShiftDay.parse(alert.shift).day)
    steps = sorted(step.after_min for step in edition.escalation)[len(alert.escalations) :]
    if not steps:
        return None
    return datetime.fromtimestamp(alert.raised_at, UTC) + timedelta(minutes=steps[0])


def _called(code: str, names: Mapping[str, str]) -> str:
    """A person by name, also each of a team; a role or a name stays as it is."""
    people = code.removeprefix("team:").split("+")
    return " + ".join(names.get(one, one) for one in people)


def _instant(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _known_people(conn: sa.Connection, **numbers: str) -> None:
    roster = load_roster(conn)
    for field, number in numbers.items():
        if roster is None or number not in roster.people:
            raise AlertActError(f"nobody has the number {number!r}", field=field)


def _open(conn: sa.Connection, identity: str) -> Alert:
    alert = stored_alert(conn, identity)
    if alert is None or not alert.open:
        raise AlertActError(f"no open alert {identity!r}")
    return alert
