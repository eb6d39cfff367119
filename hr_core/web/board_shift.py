"""Which shift the board shows: the one that was asked for, the one that runs, else the last one."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from hr_core.clock import midnight
from hr_core.people.model import Shift
from hr_core.quality.live_counts import Span
from hr_core.web.errors import NoPageError

# Before yesterday's shift begins there is nothing that "the last shift" could mean.
_DAYS_AROUND = (-2, -1, 0, 1, 2)


class DatedShift(NamedTuple):
    """A shift on the day on which it begins.

    hours   as the shift is defined
    span    what counts as its work: also what is made before and after, as far as a punch would
            still belong to it and no other shift has begun or is still on
    """

    shift: Shift
    day: date
    hours: Span
    span: Span


class ShownShift(NamedTuple):
    """`shown` None: no shift is known. `next_at`: of the next one, when none runs now."""

    shown: DatedShift | None
    next_at: datetime | None = None


def shown_shift(
    shifts: dict[str, Shift], code: str | None, day: date | None, now: datetime, zone: ZoneInfo
) -> ShownShift:
    """`code` and `day` as asked for. Raises NoPageError for a shift that is not known.

    Of shifts that run at once the one that began last is shown, and after its end what is made
    until `span` ends still counts.
    """
    if code is not None and code not in shifts:
        raise NoPageError("no_shift_of", shift=code)
    wanted = shifts if code is None else {code: shifts[code]}
    if not wanted:
        return ShownShift(None)
    today = now.astimezone(zone).date()
    around = _around(shifts.values(), day or today, zone)
    found = [one for one in around if one.shift.code in wanted]
    if day is not None:
        of_day = [one for one in found if one.day == day]
        return ShownShift(_running(of_day, now) or min(of_day, key=_start))
    running = _running(found, now)
    coming = [one.hours.since for one in found if one.hours.since > now]
    if running is None:
        ended = [one for one in found if one.span.until <= now]
        return ShownShift(max(ended, key=_start), min(coming))
    over = now >= running.hours.until
    return ShownShift(running, min(coming) if over else None)


def _running(found: Sequence[DatedShift], now: datetime) -> DatedShift | None:
    """Within its hours, else within what still counts as its work."""
    in_hours = [one for one in found if one.hours.since <= now < one.hours.until]
    in_span = [one for one in found if one.span.since <= now < one.span.until]
    return max(in_hours or in_span, key=_start, default=None)


def _around(shifts: Iterable[Shift], day: date, zone: ZoneInfo) -> list[DatedShift]:
    known = list(shifts)
    hours = [
        (shift, day + timedelta(days=offset), _hours(shift, day + timedelta(days=offset), zone))
        for shift in known
        for offset in _DAYS_AROUND
    ]
    every = [span for _, _, span in hours]
    return [DatedShift(shift, on, own, _work_span(shift, own, every)) for shift, on, own in hours]


def _hours(shift: Shift, day: date, zone: ZoneInfo) -> Span:
    since, until = (
        (midnight(day) + timedelta(minutes=minutes)).replace(tzinfo=zone).astimezone(UTC)
        for minutes in (shift.start_min, shift.end_min)
    )
    return Span(since, until)


def _work_span(shift: Shift, own: Span, every: Iterable[Span]) -> Span:
    others = list(every)
    before = [one.until for one in others if one.until <= own.since]
    after = [one.since for one in others if one.since >= own.until]
    earliest = own.since - timedelta(minutes=shift.early_in_min)
    latest = own.until + timedelta(minutes=shift.late_out_min)
    return Span(max([earliest, *before]), min([latest, *after]))


def _start(one: DatedShift) -> tuple[datetime, str]:
    return one.hours.since, one.shift.code
