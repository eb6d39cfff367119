"""Counted pieces of a month by owner, day, goods and kind of time.

A piece belongs to the minute of the reading that counted it: to the shift day whose intervals hold that
minute, else to the calendar day; in overtime when that interval counts as overtime. Only what something
else than a plan says is somebody's is paid (hr_core.quality.presence.LEAST_PAYABLE).
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from hr_core.attendance.calendar import DayKind
from hr_core.attendance.day import DayResult
from hr_core.clock import Month, wall_seconds, wall_time
from hr_core.pay.piece.made import Made
from hr_core.pay.piece.prices import Assignment, Goods, PriceBook, Rejects
from hr_core.pay.slip import work_input
from hr_core.quality.attribution import Attributed, attribute, joined
from hr_core.quality.counters import CounterKey
from hr_core.quality.month import Series
from hr_core.quality.presence import LEAST_PAYABLE


class Moment(NamedTuple):
    """`overtime`: the kind of the day in whose overtime minutes it lies."""

    day: date
    overtime: DayKind | None


class Hours:
    """One person's days: to which day a minute of the wall clock belongs, and as what."""

    def __init__(self, days: Iterable[DayResult]) -> None:
        spans = [
            (one.start, one.end, day, one.counts == "overtime")
            for day in days
            for one in day.intervals
            if one.start is not None and one.end is not None
        ]
        self._spans = sorted(spans, key=lambda one: one[0])
        self._starts = [one[0] for one in self._spans]

    def at(self, second: int) -> Moment:
        found = bisect_right(self._starts, second) - 1
        if found >= 0:
            _, end, day, overtime = self._spans[found]
            if second < end:
                # On a free day every minute is overtime, also one that no rule counted as such.
                free = day.kind is not DayKind.WORKDAY
                return Moment(day.day, day.kind if overtime or free else None)
        return Moment(wall_time(second).date(), None)


class Clock(NamedTuple):
    """What tells an owner's day and hours. `zones` of people; others have that of the site. `paid` by
    the piece.
    """

    hours: Mapping[str, Hours]
    zones: Mapping[str, ZoneInfo]
    site: ZoneInfo
    paid: frozenset[str]

    def moment(self, people: Sequence[str], second: int) -> tuple[Moment, datetime]:
        """Of several people that of the first who was at work then; and the wall clock."""
        at = datetime.fromtimestamp(second, UTC)
        found = None
        for person in people:
            wall = at.astimezone(self.zones.get(person, self.site)).replace(tzinfo=None)
            hours = self.hours.get(person)
            moment = Moment(wall.date(), None) if hours is None else hours.at(wall_seconds(wall))
            if found is None or (moment.overtime and not found.overtime):
                found = moment
        wall = at.astimezone(self.site).replace(tzinfo=None)
        return found or Moment(wall.date(), None), wall


class Counted(NamedTuple):
    """By owner (one person, or several who worked together). `unassigned`: pieces of counters that make
    nothing paid by the piece, by station.
    """

    by_owner: dict[tuple[str, ...], tuple[Made, ...]]
    unassigned: dict[str, int]


class _Key(NamedTuple):
    owner: tuple[str, ...]
    moment: Moment
    goods: Goods


def counted_pieces(
    series: Iterable[Series],
    number_by_badge: Mapping[str, str],
    book: PriceBook,
    clock: Clock,
    month: Month,
) -> Counted:
    """`series` with the deltas of the month and of the day after it, whose first hours are the month's
    last night shift. Work of people who are all paid by the month is left out.
    """
    found: defaultdict[tuple[_Key, CounterKey], list[Attributed]] = defaultdict(list)
    unassigned: defaultdict[str, int] = defaultdict(int)
    for one in series:
        for part in attribute(one.deltas, number_by_badge, one.present):
            if part.owner.evidence < LEAST_PAYABLE or clock.paid.isdisjoint(part.owner.people):
                continue
            moment, wall = clock.moment(part.owner.people, part.delta.end.at)
            if (moment.day.year, moment.day.month) != month or not part.delta.amount:
                continue
            made = book.assigned(one.code, one.station.line, wall)
            if made is None:
                unassigned[one.code] += part.delta.amount if one.counter.metric == "pieces" else 0
            elif _counts(made, one.counter):
                key = _Key(part.owner.people, moment, made.goods)
                found[key, one.counter].append(part)
    return Counted(_made(found), {code: count for code, count in unassigned.items() if count})


def _counts(made: Assignment, counter: CounterKey) -> bool:
    return counter.metric == "pieces" or made.rejects is Rejects.TAKEN_OFF


def _made(
    found: Mapping[tuple[_Key, CounterKey], list[Attributed]],
) -> dict[tuple[str, ...], tuple[Made, ...]]:
    work: defaultdict[_Key, list[tuple[CounterKey, list[Attributed]]]] = defaultdict(list)
    for (key, counter), parts in found.items():
        work[key].append((counter, parts))
    by_owner: defaultdict[tuple[str, ...], tuple[Made, ...]] = defaultdict(tuple)
    for key in sorted(work, key=lambda one: (one.owner, one.moment.day, one.goods)):
        stretches = [stretch for counter, parts in work[key] for stretch in joined(counter, parts)]
        by_owner[key.owner] += (
            Made(
                day=key.moment.day,
                goods=key.goods,
                overtime=key.moment.overtime,
                work=tuple(work_input(one) for one in stretches),
            ),
        )
    return dict(by_owner)
