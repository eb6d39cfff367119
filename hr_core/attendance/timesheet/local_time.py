"""Instants against a site's own clock. Instants are UTC seconds: a span is true at DST edges."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hr_core.clock import DAY_S


class LocalTime:
    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)

    def date_of(self, instant: int) -> date:
        return self._local(instant).date()

    def at(self, on: date, second: int = 0) -> int:
        """The instant at which the wall clock shows `second` of the day; DAY_S is the midnight
        after. A time that the clock skips is the one before the gap, carried on.
        """
        days, second = divmod(second, DAY_S)
        moment = datetime.combine(on + timedelta(days=days), time.min, self._zone)
        moment = moment.replace(hour=second // 3600, minute=second % 3600 // 60, second=second % 60)
        return int(moment.timestamp())

    def change_on(self, day: date) -> int:
        """Seconds by which the local day is longer (below zero: shorter) than 24 hours."""
        return self.at(day + timedelta(days=1)) - self.at(day) - DAY_S

    def comes_twice(self, instant: int) -> bool:
        """Whether the wall clock shows this time again, before or after: which one a device meant
        cannot be read from what it wrote.
        """
        shown = self._local(instant)
        return shown.replace(fold=0).utcoffset() != shown.replace(fold=1).utcoffset()

    def shows(self, on: date, second: int) -> bool:
        """False for a time that the clock skips."""
        at = self.at(on, second)
        return self.date_of(at) == on and self._second(at) == second

    def _second(self, instant: int) -> int:
        shown = self._local(instant)
        return shown.hour * 3600 + shown.minute * 60 + shown.second

    def iso(self, instant: int) -> str:
        return self._local(instant).isoformat()

    def _local(self, instant: int) -> datetime:
        return datetime.fromtimestamp(instant, UTC).astimezone(self._zone)
