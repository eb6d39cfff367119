"""Wall-clock arithmetic: months, days, and the plain seconds in which attendance is computed.

A wall second counts from midnight of day 0 of the proleptic calendar in the site's own wall clock:
`date.toordinal() * 86400 + second of the day`. No zone is in it, as none is in a punch.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple, Self
from zoneinfo import ZoneInfo

from typing_extensions import override

DAY_S = 86_400
DAY_MIN = 1_440

_MONTH = re.compile(r"(\d{4})-(\d{2})")
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


class Month(NamedTuple):
    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """From "2026-10". Raises ValueError for other spellings."""
        match = _MONTH.fullmatch(text)
        if match is None or not 1 <= int(match[2]) <= 12 or not 1900 <= int(match[1]) <= 9998:
            raise ValueError(f"{text!r} is not a month like 2026-10")
        return cls(int(match[1]), int(match[2]))

    @property
    def first(self) -> date:
        return date(self.year, self.month, 1)

    @property
    def after(self) -> date:
        """The first day that no longer belongs to the month."""
        return date(self.year + self.month // 12, self.month % 12 + 1, 1)

    def days(self) -> Iterator[date]:
        for ordinal in range(self.first.toordinal(), self.after.toordinal()):
            yield date.fromordinal(ordinal)

    def instants(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """The half-open month in UTC, as the zone's wall clock bounds it."""
        return (
            midnight(self.first).replace(tzinfo=zone).astimezone(UTC),
            midnight(self.after).replace(tzinfo=zone).astimezone(UTC),
        )

    @override
    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"


def midnight(day: date) -> datetime:
    """Naive: of a wall clock."""
    return datetime.combine(day, datetime.min.time())


class SystemClock:
    """The only place where the core reads the time; everything else gets it as an argument."""

    def now(self) -> datetime:
        """Aware UTC."""
        return datetime.now(UTC)


def wall_seconds(moment: datetime) -> int:
    """Of a naive wall-clock time; fractions of a second are cut."""
    second = (moment.hour * 60 + moment.minute) * 60 + moment.second
    return moment.toordinal() * DAY_S + second


def wall_time(seconds: int) -> datetime:
    """The naive wall-clock time of a wall second."""
    ordinal, second = divmod(seconds, DAY_S)
    return midnight(date.fromordinal(ordinal)) + timedelta(seconds=second)


def parse_time_of_day(text: str) -> int:
    """Minutes after midnight of "08:00". Raises ValueError for other spellings."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a time of day like 08:00")
    return int(match[1]) * 60 + int(match[2])


def format_time_of_day(minutes: int) -> str:
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"
