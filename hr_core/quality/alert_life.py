"""A raised alert until it is closed: owner, acknowledgement, escalation, cause.

Pure: times are UTC seconds that come in. It stays open until a cause code and a note are stored.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from hr_core.errors import CoreError
from hr_core.quality.alert_rules import AlertEdition, EscalationStep
from hr_core.quality.alert_states import AlertEvent, EventKind, Subject


class OwnerRule(Struct, frozen=True, kw_only=True):
    """Who answers for a role: everywhere, or only on a line, in a shift, on days of a roster."""

    role: str
    owner: str
    line: str | None = None
    shift: str | None = None
    since: date | None = None
    until: date | None = None  # the last day

    def fits(self, role: str, line: str, shift: str, day: date) -> bool:
        return (
            self.role == role
            and self.line in {None, line}
            and self.shift in {None, shift}
            and (self.since is None or self.since <= day)
            and (self.until is None or day <= self.until)
        )

    @property
    def precision(self) -> tuple[bool, bool, bool]:
        """A day of a roster says more than a line, a line more than a shift."""
        dated = self.since is not None or self.until is not None
        return dated, self.line is not None, self.shift is not None


class Place(NamedTuple):
    """Where an alert belongs: the line, the shift's code, and the day that the shift began."""

    line: str
    shift: str
    day: date


def owner_of(rules: Iterable[OwnerRule], role: str, place: Place) -> str | None:
    """By the most precise rule; None when no rule names anybody, which is itself to be reported."""
    fitting = [rule for rule in rules if rule.fits(role, *place)]
    if not fitting:
        return None
    return max(fitting, key=lambda rule: (rule.precision, rule.owner)).owner


class Escalation(Struct, frozen=True, kw_only=True):
    at: int
    role: str
    owner: str | None


class Alert(Struct, frozen=True, kw_only=True):
    """`hides`: the alerts of people that this line's alert kept back, by their identity.

    hidden_by   the identity of the line's alert that keeps this one back; None: it was sent
    """

    identity: str
    subject: Subject
    shift: str
    level: int
    limit_percent: str
    pieces: int
    rejects: int
    raised_at: int
    rule_version: str
    role: str
    owner: str | None
    hidden_by: str | None = None
    hides: tuple[str, ...] = ()
    escalations: tuple[Escalation, ...] = ()
    notes: tuple[str, ...] = ()
    cleared_at: int | None = None
    acknowledged_at: int | None = None
    acknowledged_by: str | None = None
    closed_at: int | None = None
    closed_by: str | None = None
    cause: str | None = None
    note: str | None = None

    @property
    def open(self) -> bool:
        return self.closed_at is None

    def active_at(self, moment: int) -> bool:
        ends = [end for end in (self.cleared_at, self.closed_at) if end is not None]
        return self.raised_at <= moment and all(moment < end for end in ends)

    @property
    def time_to_acknowledge(self) -> int | None:
        return None if self.acknowledged_at is None else self.acknowledged_at - self.raised_at

    @property
    def time_to_close(self) -> int | None:
        return None if self.closed_at is None else self.closed_at - self.raised_at


def identity_of(subject: Subject, shift: str, level: int) -> str:
    """One alert for each: a recomputation finds the one that it raised before."""
    return f"{subject.kind}/{subject.code}/{shift}/{level}"


def raised(
    event: AlertEvent, edition: AlertEdition, place: Place, rules: Iterable[OwnerRule]
) -> Alert:
    role = edition.of(event.subject.kind).role
    return Alert(
        identity=identity_of(event.subject, event.shift, event.level),
        subject=event.subject,
        shift=event.shift,
        level=event.level,
        limit_percent=event.limit_percent,
        pieces=event.pieces,
        rejects=event.rejects,
        raised_at=event.at,
        rule_version=edition.version,
        role=role,
        owner=owner_of(rules, role, place),
    )


def suppressed(alerts: Iterable[Alert], sent: Collection[str] = ()) -> list[Alert]:
    """People's alerts below an active alert of their line are kept back and listed there.

    `sent`: identities that were told before; those stay told.
    """
    known = list(alerts)
    lines = [alert for alert in known if alert.subject.kind == "line"]
    judged = [
        alert
        if alert.subject.kind == "line" or alert.identity in sent
        else _kept_back(alert, lines)
        for alert in known
    ]
    below: defaultdict[str, list[str]] = defaultdict(list)
    for alert in judged:
        if alert.hidden_by is not None:
            below[alert.hidden_by].append(alert.identity)
    return [
        replace(alert, hides=tuple(below[alert.identity])) if alert.identity in below else alert
        for alert in judged
    ]


def _kept_back(alert: Alert, lines: Iterable[Alert]) -> Alert:
    above = [
        line.identity
        for line in lines
        if line.subject.line == alert.subject.line and line.active_at(alert.raised_at)
    ]
    return replace(alert, hidden_by=above[0] if above else None)


def due_escalations(
    alert: Alert, now: int, steps: Iterable[EscalationStep]
) -> tuple[EscalationStep, ...]:
    """The steps whose time has come and that were not taken: nobody acknowledged."""
    if alert.acknowledged_at is not None or not alert.open or alert.hidden_by is not None:
        return ()
    taken = len(alert.escalations)
    ordered = sorted(steps, key=lambda step: step.after_min)
    due = [step for step in ordered if now - alert.raised_at >= step.after_min * 60]
    return tuple(due[taken:])


def escalated(
    alert: Alert, now: int, edition: AlertEdition, place: Place, rules: Iterable[OwnerRule]
) -> Alert:
    known = tuple(rules)
    taken = [
        Escalation(at=now, role=step.role, owner=owner_of(known, step.role, place))
        for step in due_escalations(alert, now, edition.escalation)
    ]
    return replace(alert, escalations=(*alert.escalations, *taken)) if taken else alert


def acknowledged(alert: Alert, at: int, by: str) -> Alert:
    """The first acknowledgement counts; a second one changes nothing. Raises CoreError."""
    _must_be_open(alert)
    if alert.acknowledged_at is not None:
        return alert
    return replace(alert, acknowledged_at=at, acknowledged_by=by)


def cleared(alert: Alert, event: AlertEvent) -> Alert:
    """The rate came down or the shift ended; the alert stays open until its cause is stored."""
    if event.kind is not EventKind.CLEARED or alert.cleared_at is not None:
        return alert
    return replace(alert, cleared_at=event.at)


def noted(alert: Alert, note: str | None) -> Alert:
    """With the note of a restatement (alert_states.restatement), once."""
    if note is None or note in alert.notes:
        return alert
    return replace(alert, notes=(*alert.notes, note))


class Closing(NamedTuple):
    at: int
    by: str
    cause: str
    note: str


def closed(alert: Alert, closing: Closing, edition: AlertEdition) -> Alert:
    """Closing acknowledges as well. Raises CoreError without a known cause and a note."""
    _must_be_open(alert)
    known = [cause.code for cause in edition.cause]
    if closing.cause not in known:
        raise CoreError(
            f"alert {alert.identity}: {closing.cause!r} is no cause code",
            remedy=f"use one of {', '.join(known)}",
        )
    if not closing.note.strip():
        raise CoreError(
            f"alert {alert.identity} needs a note to be closed",
            remedy="say what was found and done: --note '…'",
        )
    seen = acknowledged(alert, closing.at, closing.by)
    return replace(
        seen,
        closed_at=closing.at,
        closed_by=closing.by,
        cause=closing.cause,
        note=closing.note.strip(),
    )


def _must_be_open(alert: Alert) -> None:
    if not alert.open:
        raise CoreError(
            f"alert {alert.identity} was closed by {alert.closed_by} (cause {alert.cause})",
            remedy="a closed alert stays as it is; a new one is raised when the rate is over again",
        )
