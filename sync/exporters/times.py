"""A device's wall clock as other systems want it."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from protocols.records import Flag, Punch

# Times that are certainly not when the person stood there.
WRONG_TIME_FLAGS = frozenset({Flag.CLOCK_SUSPECT, Flag.FUTURE})


def utc_of(wall: datetime, zone: str) -> datetime:
    """The instant of a naive wall clock. Of an hour that occurs twice, the first."""
    return wall.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def wall_of(wall: datetime, zone: str, wanted: str | None) -> datetime:
    """The same instant on the wall clock of zone `wanted`, naive; unchanged where it is None."""
    if wanted is None or wanted == zone:
        return wall
    return utc_of(wall, zone).astimezone(ZoneInfo(wanted)).replace(tzinfo=None)


def has_wrong_time(punch: Punch) -> bool:
    return not WRONG_TIME_FLAGS.isdisjoint(punch.flags)
