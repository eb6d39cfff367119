"""The alert of one subject in one shift as a pure state machine: ok, watch, alert, cleared.

Batch by batch: a state and a batch give the next state and what is to be told. `watch` is the
plain limit, shown and never sent; an alert is sent once per subject, shift and level. Suspect data
raise and clear nothing, and say so. An alert is never unsent: what later data change is a note.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple, Protocol

from msgspec import Struct
from msgspec.structs import replace

from hr_core.quality.alert_rules import AlertEdition, SubjectKind
from hr_core.quality.counter_facts import window_flag


class Status(StrEnum):
    OK = "ok"
    WATCH = "watch"
    ALERT = "alert"
    CLEARED = "cleared"


class EventKind(StrEnum):
    WATCHING = "watching"
    RAISED = "raised"
    CLEARED = "cleared"
    SUSPECT = "data_suspect"
    TRUSTED = "data_trusted"


class Subject(NamedTuple):
    """A person on a line, or a line itself (then `code` and `line` are the same)."""

    kind: SubjectKind
    code: str
    line: str


class Batch(NamedTuple):
    """What a subject made since the last batch; `at` in UTC seconds.

    suspect     why these figures are not to be believed (a gap, a quarantined counter)
    """

    at: int
    pieces: int
    rejects: int
    suspect: str | None = None


class Watched(Struct, frozen=True, kw_only=True):
    """A subject's shift so far.

    raised      levels that were sent in this shift
    raised_at   when each level was sent last, also in the shift before: the cool-down
    recent      the last batches, just enough for `recent_pieces`
    """

    subject: Subject
    shift: str
    status: Status = Status.OK
    pieces: int = 0
    rejects: int = 0
    raised: frozenset[int] = frozenset()
    raised_at: dict[int, int] = {}
    recent: tuple[tuple[int, int], ...] = ()
    suspect: str | None = None


class AlertEvent(NamedTuple):
    """`pieces` and `rejects` of the shift to date; `reason` in words of ours."""

    kind: EventKind
    subject: Subject
    shift: str
    at: int
    pieces: int
    rejects: int
    level: int = 0
    limit_percent: str = ""
    reason: str = ""


class Outcome(NamedTuple):
    state: Watched
    events: tuple[AlertEvent, ...] = ()


def after_batch(state: Watched, batch: Batch, edition: AlertEdition) -> Outcome:
    pieces, rejects = state.pieces + batch.pieces, state.rejects + batch.rejects
    counted = replace(
        state,
        pieces=pieces,
        rejects=rejects,
        recent=_recent((*state.recent, (batch.pieces, batch.rejects)), edition.recent_pieces),
        suspect=batch.suspect or window_flag(pieces, rejects),
    )
    told = _trust(state, counted, batch.at)
    if counted.suspect is not None:
        return Outcome(counted, told)
    judged = _raised(counted, batch.at, edition) or _quiet(counted, batch.at, edition)
    return Outcome(judged.state, told + judged.events)


def after_shift(state: Watched, next_shift: str, at: int) -> Outcome:
    """The end of the shift ends an alert; only the cool-down goes on into the next one."""
    fresh = Watched(subject=state.subject, shift=next_shift, raised_at=state.raised_at)
    if state.status is not Status.ALERT:
        return Outcome(fresh)
    return Outcome(fresh, (_event(EventKind.CLEARED, state, at, reason="shift_end"),))


def replay(
    subject: Subject, shift: str, batches: Iterable[Batch], edition: AlertEdition
) -> Outcome:
    """A whole shift from its batches, in their order of time."""
    state = Watched(subject=subject, shift=shift)
    events: list[AlertEvent] = []
    for batch in sorted(batches, key=lambda one: one.at):
        state, told = after_batch(state, batch, edition)
        events += told
    return Outcome(state, tuple(events))


class Sent(Protocol):
    """What was told: an event or the alert that came of it."""

    @property
    def subject(self) -> Subject: ...
    @property
    def level(self) -> int: ...
    @property
    def pieces(self) -> int: ...
    @property
    def rejects(self) -> int: ...


def restatement(sent: Sent, pieces: int, rejects: int, edition: AlertEdition) -> str | None:
    """The note on a sent alert whose window now has other figures; None when it has the same."""
    if (sent.pieces, sent.rejects) == (pieces, rejects):
        return None
    still = edition.level(sent.subject.kind, pieces, rejects) >= sent.level
    verdict = "it would be raised again" if still else "it would not be raised"
    return f"restated: {sent.rejects}/{sent.pieces} when it was sent, now {rejects}/{pieces}; {verdict}"


def _trust(before: Watched, now: Watched, at: int) -> tuple[AlertEvent, ...]:
    if now.suspect == before.suspect:
        return ()
    if now.suspect is None:
        return (_event(EventKind.TRUSTED, now, at, reason=before.suspect or ""),)
    return (_event(EventKind.SUSPECT, now, at, reason=now.suspect),)


def _raised(state: Watched, at: int, edition: AlertEdition) -> Outcome | None:
    level = edition.level(state.subject.kind, state.pieces, state.rejects)
    last = state.raised_at.get(level)
    cooling = last is not None and at - last < edition.cool_down_min * 60
    if level == 0 or level <= max(state.raised, default=0) or cooling:
        return None
    rules = edition.of(state.subject.kind)
    event = _event(EventKind.RAISED, state, at, reason=edition.policy)._replace(
        level=level, limit_percent=rules.limits_percent[level - 1]
    )
    levels = range(1, level + 1)  # a jump over several is sent once, as the highest
    raised = replace(
        state,
        status=Status.ALERT,
        raised=state.raised.union(levels),
        raised_at=state.raised_at | dict.fromkeys(levels, at),
    )
    return Outcome(raised, (event,))


def _quiet(state: Watched, at: int, edition: AlertEdition) -> Outcome:
    """No new alert: whether an open one ends, and whether the plain limit is to be watched."""
    if state.status is Status.ALERT:
        if not _clear(state, edition):
            return Outcome(state)
        event = _event(EventKind.CLEARED, state, at, reason="recent_pieces")
        return Outcome(replace(state, status=Status.CLEARED), (event,))
    if edition.over(state.subject.kind, state.pieces, state.rejects):
        if state.status is Status.WATCH:
            return Outcome(state)
        watching = replace(state, status=Status.WATCH)
        return Outcome(watching, (_event(EventKind.WATCHING, state, at),))
    status = Status.CLEARED if state.raised else Status.OK
    return Outcome(replace(state, status=status))


def _clear(state: Watched, edition: AlertEdition) -> bool:
    pieces = sum(made for made, _ in state.recent)
    rejects = sum(bad for _, bad in state.recent)
    limit = edition.of(state.subject.kind).clear_below
    under = rejects * limit.denominator < limit.numerator * pieces
    return under and pieces >= edition.recent_pieces


def _recent(batches: tuple[tuple[int, int], ...], wanted: int) -> tuple[tuple[int, int], ...]:
    pieces = sum(made for made, _ in batches)
    first = 0
    while pieces - batches[first][0] >= wanted:
        pieces -= batches[first][0]
        first += 1
    return batches[first:]


def _event(kind: EventKind, state: Watched, at: int, *, reason: str = "") -> AlertEvent:
    return AlertEvent(
        kind, state.subject, state.shift, at, state.pieces, state.rejects, reason=reason
    )
