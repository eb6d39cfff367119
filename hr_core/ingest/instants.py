"""From the wall clock of a zone to instants: what lies within one hour is as far from UTC, mostly."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hr_core.store.database import to_microseconds

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - device clocks are naive
MICROSECOND = timedelta(microseconds=1)
_HOUR = timedelta(hours=1)
_HOUR_US = _HOUR // MICROSECOND
# What a datetime in UTC holds.
_FIRST = to_microseconds(datetime.min.replace(tzinfo=UTC))
_LAST = to_microseconds(datetime.max.replace(tzinfo=UTC))


class Instants:
    """Of one zone. Times are whole microseconds since 1970, of the wall clock and of UTC."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self._shifts: dict[int, int | None] = {}

    def of(self, wall: int) -> int | None:
        """None: the calendar ends before that instant. Of two that a wall clock repeats, the first."""
        hour = wall // _HOUR_US
        try:
            shift = self._shifts[hour]
        except KeyError:
            shift = self._shifts[hour] = self._within(hour)
        if shift is None:
            shift = self._shift(EPOCH + wall * MICROSECOND)
        at = wall - shift
        return at if _FIRST <= at <= _LAST else None

    def _within(self, hour: int) -> int | None:
        """The distance from UTC during that hour; None when it changes."""
        first = EPOCH + hour * _HOUR
        shift = self._shift(first)
        return shift if shift == self._shift(first + (_HOUR - MICROSECOND)) else None

    def _shift(self, wall: datetime) -> int:
        offset = self.zone.utcoffset(wall)
        assert offset is not None  # noqa: S101 - a ZoneInfo knows it of every datetime
        return offset // MICROSECOND
