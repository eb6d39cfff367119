"""Everybody has a row for each day, with or without a punch: from the first of the month of the
oldest punch on, at most some two months back.
"""

from datetime import date, timedelta

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from hr_core.store.attendance_queue import first_and_last_date, mark_of, set_mark, touch_people_of

# This month and the one before, whole: what is still to be paid. Older months come by a pay run.
MOST_DAYS_BACK = 62
_ONE_DAY = timedelta(days=1)


class _Begun(Struct, frozen=True):
    """Days of a zone's people that are begun, both included. `day`: the one in work, begun for everybody
    up to the key `after`.
    """

    since: date
    through: date
    day: date | None = None
    after: str = ""

    def next_day(self, first: date, today: date) -> date | None:
        """Today before the past."""
        if self.day is not None:
            return self.day
        if self.through < today:
            return self.through + _ONE_DAY
        return self.since - _ONE_DAY if first < self.since else None


def begin_days(conn: sa.Connection, zone: str, today: date, most: int) -> int:
    """Marks the next days, at most `most` of all people together; gives what is left of `most`: nothing
    means that there may be more. In a write transaction.
    """
    name = f"day {zone}"
    first = _first_day(conn, today)
    begun = before = _read(mark_of(conn, name), first, today)
    while most > 0 and (day := begun.next_day(first, today)) is not None:
        people = touch_people_of(conn, zone, day, "day began", after=begun.after, most=most)
        if len(people) < most:
            begun = _Begun(min(begun.since, day), max(begun.through, day))
        else:
            begun = replace(begun, day=day, after=people[-1])
        most -= max(1, len(people))
    if begun != before:
        set_mark(conn, name, msgspec.json.encode(begun).decode())
    return most


def _first_day(conn: sa.Connection, today: date) -> date:
    span = first_and_last_date(conn)
    oldest = today if span is None else min(span[0], today)
    return max(oldest.replace(day=1), today - timedelta(days=MOST_DAYS_BACK))


def _read(known: str | None, first: date, today: date) -> _Begun:
    if known is None:
        return _Begun(first, first - _ONE_DAY)
    if known.startswith("{"):
        return msgspec.json.decode(known, type=_Begun)
    return _Begun(today.replace(day=1), date.fromisoformat(known))  # of a core before this one
