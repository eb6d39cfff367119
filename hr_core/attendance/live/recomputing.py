"""The recomputer: takes what arrived, marks what it touches, computes what is marked.

One step is one short write transaction, so that ingest waits for little and whatever a crash leaves
undone is still marked. Two recomputers at once (a command beside the server) do the same work once:
a step holds the database's write lock from reading to storing.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from hr_core.attendance.day import OPEN
from hr_core.attendance.live.beginning import begin_days
from hr_core.attendance.live.changes import last_change, touch_changes
from hr_core.attendance.live.engine import Engine
from hr_core.attendance.live.person_days import Computation, Stored
from hr_core.attendance.live.rule_sets import (
    calendars_signature,
    imported_versions,
    load_engines,
    signature,
)
from hr_core.attendance.live.sources import people_of, watermarks_by_device
from hr_core.attendance.rule_sets.errors import NoRuleSetError
from hr_core.errors import NoLawError
from hr_core.store.attendance_days import attendance_days
from hr_core.store.attendance_queue import (
    ArrivedPunch,
    Mark,
    all_wait,
    arrivals_wait,
    enter_dates,
    mark_of,
    older_punches,
    see,
    seen,
    set_mark,
    settle,
    take_arrivals,
    touch,
    touch_stored,
    touch_waiting,
    touched,
)
from hr_core.store.database import writing
from hr_core.store.people import people
from hr_core.store.retired_devices import retired

# Punches of one step for each second of its budget: some 40 us to enter one, and many at once write
# few pages.
_PUNCHES_A_SECOND = 40_000
_MARKS_AT_ONCE = 500
# Days of people that begin in one step: some 10 ms of marks.
_BEGUN_AT_ONCE = 1_000
# How long a step may keep a gateway's batch waiting.
STEP_S = 0.05
_COMPUTE_S = 0.25  # of a command, which a person waits for
# Days begin and windows close by the minute.
_CLOCK_EVERY = timedelta(seconds=20)
_INDEXED = "indexed"
_DONE = "done"
_RULES = "rules"
_CHANGES = "changes"
_ONE_DAY = timedelta(days=1)
_NEVER = datetime.max.replace(tzinfo=UTC) - _ONE_DAY

_log = logging.getLogger("hr_core.attendance")


class Step(NamedTuple):
    """`entered` punches, `days` computed, of which `changed` differed or were `queued` as corrections
    of a locked month; `more`: something is left to do.
    """

    entered: int
    days: int
    changed: int
    queued: int
    more: bool


class Recomputer:
    def __init__(
        self,
        engine: sa.Engine,
        *,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        engines: Mapping[str, Engine] | None = None,
        rest: Callable[[], None] = lambda: None,
    ) -> None:
        """`rest` is called between two transactions of a long piece of work."""
        self._engine = engine
        self._now = now
        self._monotonic = monotonic
        self._rest = rest
        self._engines = engines or {}
        self._imported: tuple[str, ...] | None = None
        self._fixed = engines is not None
        self._clock_seen: datetime | None = None
        self._not_indexed = True
        self._beginning = False

    def catch_up(
        self, *, budget_s: float = _COMPUTE_S, told: Callable[[int], None] = lambda _punches: None
    ) -> Step:
        """Steps until nothing is left; what all of them did. `told` hears how many punches are
        entered. Raises StorageError.
        """
        total = step = self.step(budget_s=budget_s)
        while step.more:
            self._rest()
            step = self.step(budget_s=budget_s)
            total = Step(
                entered=total.entered + step.entered,
                days=total.days + step.days,
                changed=total.changed + step.changed,
                queued=total.queued + step.queued,
                more=step.more,
            )
            told(total.entered)
        return total

    def idle(self) -> bool:
        """Whether a step would find nothing. Asks without the write lock."""
        now = self._now()
        if self._beginning or self._clock_is_due(now):
            return False
        with self._engine.connect() as conn:
            return not (
                arrivals_wait(conn) or touched(conn, 1) or watermarks_by_device(conn) != seen(conn)
            )

    def step(self, *, budget_s: float = STEP_S) -> Step:
        """`budget_s` is for punches and days: what each step does besides does not eat it up on a busy
        machine. Raises StorageError.
        """
        with writing(self._engine) as conn:
            self._load_rules(conn)
            now = self._now()
            most = max(1, int(budget_s * _PUNCHES_A_SECOND))
            begun = self._monotonic()
            entered, fresh = self._enter(conn, most)
            entering_s = self._monotonic() - begun
            self._watch(conn)
            self._follow_changes(conn)
            if self._clock_is_due(now):
                self._by_the_clock(conn, now)
                self._clock_seen = now
            marks = fresh or touched(conn, _MARKS_AT_ONCE)
            if self._beginning:
                # All begin before the first is computed: a month of one person is some 30 statements,
                # and so is each part of it. What was just punched does not wait.
                marks = fresh if self._begin_days(conn, now) else marks
            computation = Computation(conn, self._engines, now)
            done = Stored(0, 0, 0)
            until = self._monotonic() + budget_s - entering_s
            for person, days in _by_person(marks).items():
                if done.days and self._monotonic() > until:
                    break
                one = self._recompute(computation, person, days)
                settle(conn, person, days)
                done = done.plus(one)
            more = arrivals_wait(conn) or bool(touched(conn, 1))
        return Step(entered, *done, more or self._not_indexed or self._beginning)

    def compute(
        self,
        wanted: Sequence[str],
        first: date,
        until: date,
        told: Callable[[int], None] = lambda _people: None,
    ) -> Stored:
        """Days of the half-open span of these people, whether marked or not. `told` hears how many
        people are done. Raises NoLawError, StorageError.
        """
        days = {first + timedelta(days=n): "asked for" for n in range((until - first).days)}
        total, at = Stored(0, 0, 0), 0
        while at < len(wanted):
            begun = self._monotonic()
            with writing(self._engine) as conn:
                self._load_rules(conn)
                computation = Computation(conn, self._engines, self._now())
                while at < len(wanted) and self._monotonic() - begun <= _COMPUTE_S:
                    total = total.plus(computation.recompute(wanted[at], days))
                    settle(conn, wanted[at], days)
                    at += 1
            told(at)
            self._rest()
        return total

    def _load_rules(self, conn: sa.Connection) -> None:
        """Anew when a rule set was imported since."""
        if not self._fixed and (found := imported_versions(conn)) != self._imported:
            self._imported = found
            self._engines = load_engines(conn)
            self._clock_seen = None

    def _recompute(self, computation: Computation, person: str, days: Mapping[date, str]) -> Stored:
        try:
            return computation.recompute(person, days)
        except (NoLawError, NoRuleSetError) as exc:
            # A clock of 2000 or 2099: the punch is kept and listed as distrusted; no day is made.
            _log.warning("days of %s are not computed: %s", person, exc)
            return Stored(0, 0, 0)

    def _enter(self, conn: sa.Connection, most: int) -> tuple[int, list[Mark]]:
        """Punches that came, first those of now, then those that were here before the index was."""
        if mark_of(conn, _INDEXED) is None and all_wait(conn):
            set_mark(conn, _INDEXED, _DONE)
        punches = take_arrivals(conn, most)
        enter_dates(conn, punches)
        marks = people_of(conn, punches)
        touch(conn, marks)
        entered = len(punches)
        if not punches:
            older = self._enter_older(conn, most)
            touch(conn, people_of(conn, older))
            return len(older), []
        return entered, marks if len(marks) <= _MARKS_AT_ONCE else []

    def _enter_older(self, conn: sa.Connection, most: int) -> list[ArrivedPunch]:
        at = mark_of(conn, _INDEXED)
        if at == _DONE:
            self._not_indexed = False
            return []
        older = older_punches(conn, bytes.fromhex(at or ""), most)
        enter_dates(conn, older)
        self._not_indexed = bool(older)
        set_mark(conn, _INDEXED, older[-1].event_id.hex() if older else _DONE)
        return older

    def _watch(self, conn: sa.Connection) -> None:
        """Watermarks that moved since: days that waited, or, where one was taken back, days that
        were judged too soon.
        """
        before, gone = seen(conn), retired(conn)
        for device, until in watermarks_by_device(conn).items():
            known = before.get(device)
            if device in before and until == known:
                continue
            if known is not None and (until is None or until < known):
                since = (until or datetime.min.replace(tzinfo=UTC) + _ONE_DAY).date() - _ONE_DAY
                open_ones = [str(status) for status in OPEN]
                there = attendance_days.c
                touch_stored(
                    conn,
                    f"watermark {device}",
                    sa.and_(there.day >= since, there.status.in_(open_ones)),
                )
            if until is not None:
                # What a device that is gone could tell of a day ends before the day may.
                touch_waiting(conn, device, until if device not in gone else _NEVER)
            see(conn, device, until)

    def _follow_changes(self, conn: sa.Connection) -> None:
        """What was changed before the first step is in what is computed anyway."""
        known, last = mark_of(conn, _CHANGES), last_change(conn)
        if known is None:
            set_mark(conn, _CHANGES, str(last))
        elif int(known) < last:
            set_mark(conn, _CHANGES, str(touch_changes(conn, int(known))))

    def _clock_is_due(self, now: datetime) -> bool:
        return self._clock_seen is None or now - self._clock_seen >= _CLOCK_EVERY

    def _by_the_clock(self, conn: sa.Connection, now: datetime) -> None:
        """Windows that closed, days that began, rules that came with an update."""
        touch_stored(conn, "window closed", attendance_days.c.look_at <= now)
        self._begin_days(conn, now)
        rules = f"{signature(self._engines)} {calendars_signature(conn)}"
        known = mark_of(conn, _RULES)
        if known != rules:
            if known is not None:
                touch_stored(conn, f"rules {rules}", sa.true())
            set_mark(conn, _RULES, rules)

    def _begin_days(self, conn: sa.Connection, now: datetime) -> bool:
        """A bounded number in one step. Whether more are left for the next one."""
        left = _BEGUN_AT_ONCE
        for zone in sorted(conn.execute(sa.select(people.c.zone).distinct()).scalars()):
            left = begin_days(conn, zone, now.astimezone(ZoneInfo(zone)).date(), left)
        self._beginning = left <= 0
        return self._beginning


def _by_person(marks: Iterable[Mark]) -> dict[str, dict[date, str]]:
    found: defaultdict[str, dict[date, str]] = defaultdict(dict)
    for mark in marks:
        found[mark.person][mark.day] = mark.cause
    return dict(found)
