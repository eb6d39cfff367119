"""Which shift a punch belongs to, by the roster and the shifts' windows. Wall seconds."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from hr_core.attendance.presence import HoursFrom, Pairing
from hr_core.clock import DAY_S


class ShiftType(Struct, frozen=True, kw_only=True):
    """`start` and `end` in seconds of the day; an end at or before the start is the next day's.
    `before` and `after` widen the window in which a punch is its own. Hours in seconds; a grace of
    None says that nobody asks.
    """

    name: str
    start: int
    end: int
    before: int = 0
    after: int = 0
    pairing: Pairing = Pairing.ALTERNATE
    hours_from: HoursFrom = HoursFrom.FIRST_AND_LAST
    mark_on_holidays: bool = False
    late_grace: int | None = None
    early_exit_grace: int | None = None
    half_day_below: int = 0
    absent_below: int = 0
    process_after: date = date.min
    complete_until: int = 0


class Assignment(Struct, frozen=True, kw_only=True):
    """`first` None: the shift of a person for whom nothing is assigned. `last` None: open."""

    shift: str
    first: date | None = None
    last: date | None = None
    site: "Site | None" = None


class Site(Struct, frozen=True):
    latitude: float
    longitude: float
    radius_m: float


class Occurrence(Struct, frozen=True, kw_only=True):
    """A shift on its day. The window's ends belong to it."""

    shift: ShiftType
    assignment: Assignment
    day: date
    start: int
    end: int
    opens: int
    closes: int


def occurrence(shift: ShiftType, assignment: Assignment, day: date) -> Occurrence:
    midnight = day.toordinal() * DAY_S
    start = midnight + shift.start
    end = midnight + shift.end + (DAY_S if shift.end <= shift.start else 0)
    return Occurrence(
        shift=shift,
        assignment=assignment,
        day=day,
        start=start,
        end=end,
        opens=start - shift.before,
        closes=end + shift.after,
    )


def occurrences(
    shifts: Iterable[ShiftType], assignments: Sequence[Assignment], days: Iterable[date]
) -> list[Occurrence]:
    """In order, with windows that would overlap cut at the end of the earlier shift."""
    by_name = {shift.name: shift for shift in shifts}
    found = sorted(
        (
            occurrence(by_name[assignment.shift], assignment, day)
            for day in days
            for assignment in _on(assignments, day)
            if assignment.shift in by_name
        ),
        key=lambda one: (one.start, one.end),
    )
    for index in range(1, len(found)):
        before, after = found[index - 1], found[index]
        opens = max(after.opens, before.end)
        if before.closes > after.opens:
            found[index] = replace(after, opens=opens)
            found[index - 1] = replace(before, closes=min(before.closes, opens))
    return found


def _on(assignments: Sequence[Assignment], day: date) -> Iterator[Assignment]:
    assigned = [
        one
        for one in assignments
        if one.first is not None and one.first <= day and (one.last is None or day <= one.last)
    ]
    yield from assigned or (one for one in assignments if one.first is None)


def resolve(
    at: int, shifts: Iterable[ShiftType], assignments: Sequence[Assignment]
) -> Occurrence | None:
    """The first shift in whose window the punch lies."""
    today = at // DAY_S
    days = [date.fromordinal(today + offset) for offset in (-2, -1, 0, 1, 2)]
    for one in occurrences(shifts, assignments, days):
        if one.opens <= at <= one.closes:
            return one
    return None


def resolve_again(
    known: Occurrence | None,
    at: int,
    shifts: Iterable[ShiftType],
    assignments: Sequence[Assignment],
    *,
    marked: bool,
) -> Occurrence | None:
    """After the plan changed: a punch of a day that was already marked keeps the shift it was
    marked with, or the mark would no longer agree with its punches.
    """
    return known if marked else resolve(at, shifts, assignments)
