"""What the lack of a punch may mean: nothing while a device that may hold one was not read so far."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from hr_core.attendance.day import UNCLEAR, DayResult, DayStatus
from hr_core.attendance.day_parts import DayFlag, WaitingDevice
from hr_core.clock import wall_time


class DeviceMark(NamedTuple):
    """The device's records are complete until then, aware UTC (hr_core.store.watermarks); None:
    nothing is known. From `retired` on (aware UTC) nobody uses it, and it tells nothing more.
    """

    device: str
    complete_until: datetime | None
    retired: datetime | None = None

    def covers(self, closes: datetime) -> bool:
        """Whether it has told all that it can of a day that closes then."""
        if self.retired is not None:
            closes = min(closes, self.retired)
        return self.complete_until is not None and self.complete_until >= closes


class Horizon(NamedTuple):
    """From where a day is looked at: `now` aware UTC, the zone of the person's site on the day, and
    all devices at which the person may have punched.
    """

    now: datetime
    zone: str
    devices: Sequence[DeviceMark] = ()


def judged(result: DayResult, window: tuple[int, int], horizon: Horizon) -> DayResult:
    """`window` in wall seconds. Absence is told only when every device was read past its end."""
    zone = ZoneInfo(horizon.zone)
    opens, closes = (instant(at, zone) for at in window)
    flags = list(result.flags)
    if opens.astimezone(zone).utcoffset() != closes.astimezone(zone).utcoffset():
        flags.append(DayFlag.DST)
    if horizon.now < closes:
        status = DayStatus.NOT_OVER if result.status in UNCLEAR else result.status
        return replace(result, status=status, flags=tuple(flags))
    nothing_owed = result.status in {DayStatus.OFF, DayStatus.ON_LEAVE, DayStatus.ON_TRIP}
    waiting = tuple(
        WaitingDevice(device=mark.device, since=mark.complete_until)
        for mark in (() if nothing_owed else horizon.devices)
        if not mark.covers(closes)
    )
    status = result.status
    if status in UNCLEAR and waiting:
        status = DayStatus.WAITING
    elif status is DayStatus.NO_RECORD and horizon.devices:
        status = DayStatus.ABSENT
    if status in UNCLEAR and not horizon.devices:
        flags.append(DayFlag.NO_DEVICE)
    return replace(result, status=status, waiting_for=waiting, flags=tuple(flags))


def instant(at: int, zone: ZoneInfo) -> datetime:
    """Of a wall second, aware UTC; where the clock is put back, the earlier one."""
    return wall_time(at).replace(tzinfo=zone).astimezone(UTC)


def looks_at(window: tuple[int, int], horizon: Horizon) -> datetime | None:
    """When the day has to be looked at again if nothing comes: its window's end, unless it is over."""
    closes = instant(window[1], ZoneInfo(horizon.zone))
    return closes if horizon.now < closes else None
