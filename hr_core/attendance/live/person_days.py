"""The days of one person computed from what is stored now, and stored where they differ."""

from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from msgspec.structs import replace

from hr_core.attendance.day import DayResult, DayStatus
from hr_core.attendance.live.completeness import DeviceMark, Horizon, instant, looks_at
from hr_core.attendance.live.day_bounds import window_of
from hr_core.attendance.live.engine import Engine, Subject, compute_days
from hr_core.attendance.live.sources import Devices, Sites, claims_of, punches_of, subject_of
from hr_core.attendance.lots.day_lots import DayLots
from hr_core.attendance.plan.model import PlannedDay
from hr_core.store.attendance_days import (
    StoredDay,
    days_of_person,
    drop_days,
    keep_revision,
    put_days,
)
from hr_core.store.attendance_locks import locked_months, month_of, queue_correction
from hr_core.store.attendance_queue import Wait, add_waits
from hr_core.store.work_plan import plan_of

_ONE_DAY = timedelta(days=1)
_TWO_DAYS = timedelta(days=2)


class Computed(NamedTuple):
    """A day with what it was computed by."""

    plan: PlannedDay
    result: DayResult
    look_at: datetime | None
    closes: datetime
    devices: tuple[DeviceMark, ...]


class Stored(NamedTuple):
    days: int
    changed: int
    queued: int

    def plus(self, other: "Stored") -> "Stored":
        return Stored(
            self.days + other.days, self.changed + other.changed, self.queued + other.queued
        )


class Computation:
    """At one moment, over one transaction; what all people share is read once."""

    def __init__(self, conn: sa.Connection, engines: Mapping[str, Engine], now: datetime) -> None:
        self._conn = conn
        self._engines = engines
        self._now = now
        self.devices = Devices(conn)
        self.sites = Sites(conn)
        self.locked = locked_months(conn)
        self._lots = DayLots(conn, now)

    def today(self, zone: str) -> date:
        return self._now.astimezone(ZoneInfo(zone)).date()

    def days(self, person: str, first: date, until: date) -> dict[date, Computed]:
        """Of the half-open span and of what hangs together with it, up to today.

        Raises NoLawError for a year without calendar; {} for a person who is not here.
        """
        subject = subject_of(self._conn, person)
        if subject is None:
            return {}
        until = min(until, self.today(subject.zone) + _ONE_DAY)
        if first >= until:
            return {}
        plan = plan_of(self._conn, person, first - _ONE_DAY, until + _ONE_DAY)
        whole = self._whole(plan, first, until)
        if whole != (first, until):
            first, until = whole
            plan = plan_of(self._conn, person, first - _ONE_DAY, until + _ONE_DAY)
        return self._computed(subject, plan, first, until)

    def _whole(
        self, plan: Mapping[date, PlannedDay], first: date, until: date
    ) -> tuple[date, date]:
        for name in {day.rules for day in plan.values()} & self._engines.keys():
            begin, end = self._engines[name].whole_periods(first, until)
            first, until = min(first, begin), max(until, end)
        return first, until

    def _computed(
        self, subject: Subject, plan: Mapping[date, PlannedDay], first: date, until: date
    ) -> dict[date, Computed]:
        claims = claims_of(self._conn, subject.person)
        punches = punches_of(self._conn, claims, first - _ONE_DAY, until + _TWO_DAYS)
        places = self.sites.of(subject.person)
        horizons = {}
        for on in plan:
            zone = places.zone_of_person(subject.person, on, subject.zone)
            marks = self.devices.of(subject.person, claims, places, on, zone)
            horizons[on] = Horizon(self._now, zone, marks)
        results = compute_days(subject, plan, punches.facts, self._engines, horizons)
        found = {}
        today = self.today(subject.zone)
        for on, result in results.items():
            if on <= today and (subject.works_on(on) or _has_punches(result)):
                window = window_of(plan[on])
                found[on] = Computed(
                    plan[on],
                    result,
                    looks_at(window, horizons[on]),
                    instant(window[1], ZoneInfo(horizons[on].zone)),
                    tuple(horizons[on].devices),
                )
        return found

    def recompute(self, person: str, days: Mapping[date, str]) -> Stored:
        """Computes the days (with the cause of each) and those whose punches may be theirs, and stores
        what differs. In the caller's write transaction. Raises NoLawError.
        """
        done = changed = queued = 0
        for first, until in _runs(days):
            computed = self.days(person, first - _ONE_DAY, until + _ONE_DAY)
            span = (min(computed, default=first), max(computed, default=until))
            before = days_of_person(
                self._conn, person, min(first, span[0]), max(until, span[1] + _ONE_DAY)
            )
            fresh: list[StoredDay] = []
            for on, one in computed.items():
                known = before.get(on)
                # A neighbour is looked at because a punch may be its own; it is no day without one.
                if known is None and on not in days and not _has_punches(one.result):
                    continue
                done += 1
                cause = days.get(on) or _nearest_cause(days, on)
                if month_of(on) in self.locked:
                    queued += self._queue(person, known, one.result, cause)
                elif known is None or (known.result, known.look_at) != (one.result, one.look_at):
                    changed += known is None or not same(known.result, one.result)
                    fresh.append(self._next(person, known, one, cause))
            put_days(self._conn, fresh)
            changed += self._drop(person, before, computed, days)
        return Stored(done, changed, queued)

    def _drop(
        self,
        person: str,
        before: Mapping[date, StoredDay],
        computed: Mapping[date, Computed],
        days: Collection[date],
    ) -> int:
        """Days that are none any more: without a contract and without a punch."""
        gone = {
            on: known
            for on, known in before.items()
            if on in days and on not in computed and month_of(on) not in self.locked
        }
        for known in gone.values():
            keep_revision(self._conn, known)
            if known.result.overtime_min:
                self._lots.take_back(person, known.result, "no day any more")
        if gone:
            drop_days(self._conn, person, gone.keys())
        return len(gone)

    def _next(self, person: str, known: StoredDay | None, one: Computed, cause: str) -> StoredDay:
        add_waits(
            self._conn,
            [
                Wait(waiting.device, one.closes, person, one.result.day)
                for waiting in one.result.waiting_for
            ],
        )
        if _earns_anew(known, one):
            self._lots.set_right(person, one.result, cause)
        differs = known is None or not same(known.result, one.result)
        if known is not None and differs and _was_over(known):
            keep_revision(self._conn, known)
        revision = 1 if known is None else known.revision + differs
        if known is not None and not differs:
            cause = known.cause
        return StoredDay(
            person=person,
            revision=revision,
            result=one.result,
            computed_at=self._now,
            cause=cause,
            look_at=one.look_at,
        )

    def _queue(self, person: str, known: StoredDay | None, result: DayResult, cause: str) -> int:
        before = None if known is None else known.result
        if before is not None and same(before, result):
            result = before
        queue_correction(self._conn, person, before, result, cause=cause, at=self._now)
        return int(result != before)


def same(one: DayResult, other: DayResult) -> bool:
    """Whether two results say the same of the day. How far a device has come by now is not of it."""
    return replace(one, waiting_for=()) == replace(other, waiting_for=())


def _earns_anew(known: StoredDay | None, one: Computed) -> bool:
    """Whether the lot of a day that is over may hold something else than it earns. A day that waits
    for a device says nothing of it yet.
    """
    if one.look_at is not None or one.result.status is DayStatus.WAITING:
        return False
    if known is None:  # punches of a merged record may have earned the day's lot already
        return one.result.overtime_min > 0 or _has_punches(one.result)
    if _was_over(known):
        return not same(known.result, one.result)
    # What it earned before it waited is not in its last result.
    return max(one.result.overtime_min, known.result.overtime_min) > 0 or known.revision > 1


def _was_over(known: StoredDay) -> bool:
    """What a day looked like while it went on, or while its data came in, is not kept."""
    return known.look_at is None and known.result.status is not DayStatus.WAITING


def _has_punches(result: DayResult) -> bool:
    return bool(result.used or result.ignored)


def _nearest_cause(days: Mapping[date, str], on: date) -> str:
    return days[min(days, key=lambda day: abs((day - on).days))]


def _runs(days: Collection[date]) -> Iterator[tuple[date, date]]:
    """Half-open spans; days near each other go together: they share punches."""
    ordered = sorted(days)
    first = last = ordered[0]
    for day in ordered[1:]:
        if day - last > _TWO_DAYS:
            yield first, last + _ONE_DAY
            first = day
        last = day
    yield first, last + _ONE_DAY
