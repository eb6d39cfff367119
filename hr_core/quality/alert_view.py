"""Alerts of a day as commands and pages show them; every row becomes JSON as it stands."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from msgspec import Struct

from hr_core.quality.alert_desk import DayOfAlerts, Standing
from hr_core.quality.alert_life import Alert
from hr_core.quality.alert_rules import AlertEdition
from hr_core.quality.alert_states import Status
from hr_core.quality.box_swaps import SwapAlarm
from hr_core.quality.grades import percent_text


class EscalationView(Struct, frozen=True, kw_only=True):
    at: str
    role: str
    owner: str | None


class AlertView(Struct, frozen=True, kw_only=True):
    """Times are UTC. `hidden_by`: kept back below this alert of the line, which lists it in `hides`.

    status      open, acknowledged or closed
    """

    alert: str
    kind: str
    subject: str
    line: str
    shift: str
    level: int
    limit_percent: str
    pieces: int
    rejects: int
    percent: str
    status: str
    role: str
    owner: str | None
    raised_at: str
    cleared_at: str | None
    acknowledged_at: str | None
    acknowledged_by: str | None
    closed_at: str | None
    closed_by: str | None
    cause: str | None
    note: str | None
    seconds_to_acknowledge: int | None
    seconds_to_close: int | None
    escalations: tuple[EscalationView, ...]
    hidden_by: str | None
    hides: tuple[str, ...]
    notes: tuple[str, ...]
    rule_version: str


class StandingView(Struct, frozen=True, kw_only=True):
    """A person or line in a shift: `watch` is over the plain limit and not sent."""

    kind: str
    subject: str
    line: str
    shift: str
    status: str
    pieces: int
    rejects: int
    percent: str
    suspect: str | None


class SwapView(Struct, frozen=True, kw_only=True):
    """A box that seems to have been swapped; either of `commands` enters it, which closes this."""

    alert: str
    source: str
    tag: str
    line: str
    shift: str
    status: str
    last_at: str
    last_value: int
    last_event: str
    first_at: str
    first_value: int
    first_event: str
    role: str
    owner: str | None
    commands: tuple[str, str]
    closed_at: str | None
    closed_by: str
    closing: str


class AlertsView(Struct, frozen=True, kw_only=True):
    """`standing`: subjects that are not ok, or whose data are suspect.

    swaps   of shifts of the day, and whatever is still open
    """

    day: str | None
    policy: str
    rule_version: str
    alerts: tuple[AlertView, ...]
    standing: tuple[StandingView, ...]
    swaps: tuple[SwapView, ...]

    @property
    def needs_a_look(self) -> bool:
        """Somebody has to act: an alert nobody took, or data nobody can judge by."""
        untaken = any(one.status == "open" and one.hidden_by is None for one in self.alerts)
        suspect = any(one.suspect for one in self.standing)
        return untaken or suspect or any(one.status == "open" for one in self.swaps)


def alerts_view(day: date, found: DayOfAlerts, edition: AlertEdition, zone: ZoneInfo) -> AlertsView:
    of_day = f"{day.isoformat()}/"
    swaps = [one for one in found.swaps if one.open or one.shift.startswith(of_day)]
    shown = [one for one in found.standing if one.status is not Status.OK or one.suspect]
    return AlertsView(
        day=day.isoformat(),
        policy=edition.policy,
        rule_version=edition.version,
        alerts=tuple(map(alert_view, found.alerts)),
        standing=tuple(map(_standing, shown)),
        swaps=tuple(swap_view(one, zone) for one in swaps),
    )


def open_alerts_view(
    found: Iterable[Alert], swaps: Iterable[SwapAlarm], edition: AlertEdition, zone: ZoneInfo
) -> AlertsView:
    """Whatever the day: everything that still waits for its cause and note."""
    return AlertsView(
        day=None,
        policy=edition.policy,
        rule_version=edition.version,
        alerts=tuple(map(alert_view, found)),
        standing=(),
        swaps=tuple(swap_view(one, zone) for one in swaps),
    )


def swap_view(alarm: SwapAlarm, zone: ZoneInfo) -> SwapView:
    return SwapView(
        alert=alarm.identity,
        source=alarm.source,
        tag=alarm.tag,
        line=alarm.line,
        shift=alarm.shift,
        status="open" if alarm.open else "closed",
        last_at=_text(alarm.last_at),
        last_value=alarm.last_value,
        last_event=alarm.last_event,
        first_at=_text(alarm.first_at),
        first_value=alarm.first_value,
        first_event=alarm.first_event,
        role=alarm.role,
        owner=alarm.owner,
        commands=alarm.commands(zone),
        closed_at=_moment(alarm.closed_at),
        closed_by=alarm.closed_by,
        closing=alarm.closing,
    )


def alert_view(alert: Alert) -> AlertView:
    taken = "acknowledged" if alert.acknowledged_at is not None else "open"
    return AlertView(
        alert=alert.identity,
        kind=alert.subject.kind,
        subject=alert.subject.code,
        line=alert.subject.line,
        shift=alert.shift,
        level=alert.level,
        limit_percent=alert.limit_percent,
        pieces=alert.pieces,
        rejects=alert.rejects,
        percent=percent_text(alert.pieces, alert.rejects),
        status=taken if alert.open else "closed",
        role=alert.role,
        owner=alert.owner,
        raised_at=_text(alert.raised_at),
        cleared_at=_moment(alert.cleared_at),
        acknowledged_at=_moment(alert.acknowledged_at),
        acknowledged_by=alert.acknowledged_by,
        closed_at=_moment(alert.closed_at),
        closed_by=alert.closed_by,
        cause=alert.cause,
        note=alert.note,
        seconds_to_acknowledge=alert.time_to_acknowledge,
        seconds_to_close=alert.time_to_close,
        escalations=tuple(
            EscalationView(at=_text(step.at), role=step.role, owner=step.owner)
            for step in alert.escalations
        ),
        hidden_by=alert.hidden_by,
        hides=alert.hides,
        notes=alert.notes,
        rule_version=alert.rule_version,
    )


def _standing(one: Standing) -> StandingView:
    return StandingView(
        kind=one.subject.kind,
        subject=one.subject.code,
        line=one.subject.line,
        shift=one.shift,
        status=one.status,
        pieces=one.pieces,
        rejects=one.rejects,
        percent=percent_text(one.pieces, one.rejects),
        suspect=one.suspect,
    )


def _moment(seconds: int | None) -> str | None:
    return None if seconds is None else _text(seconds)


def _text(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
