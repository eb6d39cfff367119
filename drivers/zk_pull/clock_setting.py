"""Setting a terminal's clock: only when it is off, and never backwards across punches."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from drivers.contract import ClockState, Delivery
from drivers.errors import BlockedError, DeviceMisbehavedError
from drivers.zk_pull.orders import carry_out
from drivers.zk_pull.terminal import Terminal
from protocols.records import ClockReading, Punch
from protocols.zk.administration import set_time

_TAKEN_S = 2.0  # a clock of whole seconds, and a second for the way: more was not our time
_READS = 3  # of a log that grows meanwhile; more and somebody punches all the time

_HOLDS = range(2000, 2100)  # the years of the packed clock

LogReader = Callable[[], AsyncIterator[Delivery]]
Counter = Callable[[], Awaitable[int | None]]


def clock_state(reading: ClockReading | None, zone: ZoneInfo) -> ClockState:
    if reading is None:
        return ClockState(reading=None, offset_s=None)
    offset = reading.device_time - _wall(reading.gateway_time, zone)
    return ClockState(reading=reading, offset_s=offset.total_seconds())


def is_within(state: ClockState, tolerance_s: float) -> bool:
    return state.offset_s is not None and abs(state.offset_s) <= tolerance_s


async def newest_punch(
    read_log: LogReader, count: Counter, *, must: bool, where: str
) -> Punch | None:
    """Of a log that did not grow while it was read; raises BlockedError when that cannot be had
    and it `must`.
    """
    for _ in range(_READS):
        before = await count()
        newest, readable = await _read(read_log())
        if not must:
            return newest
        if not readable:
            raise BlockedError(
                "no layout fits the log, so its newest punch is not known",
                where=where,
                remedy="Report the bytes that `device pull` shows; --allow-backwards sets the "
                "clock anyway",
                code="log_unreadable",
            )
        if await count() == before:
            return newest
    raise BlockedError(
        "people punch right now, so the newest punch is not known",
        where=where,
        remedy="Try again in a quiet minute",
        code="log_grows",
    )


def refuse_backwards(time: datetime, newest: Punch | None, *, where: str) -> None:
    """Raises BlockedError when `newest` is later than `time`."""
    if newest is None or time >= newest.device_time:
        return
    raise BlockedError(
        f"the clock would go back to {time}, across the punch of user {newest.user_id} at "
        f"{newest.device_time}",
        where=where,
        remedy="Nothing was written. Compare the site's zone and the gateway's clock first; "
        "--allow-backwards sets it all the same",
        code="clock_backwards",
    )


async def write_clock(
    terminal: Terminal, time: datetime, zone: ZoneInfo, *, where: str
) -> ClockState:
    """Writes `time`, and proves that the terminal took it; what it shows then."""

    async def taken() -> bool:
        return is_within(clock_state(await terminal.read_clock(), zone), _TAKEN_S)

    await carry_out(
        terminal.runner,
        set_time(time),
        aim=f"set the clock to {time}",
        look="Compare the clock on the terminal",
        where=where,
        done=taken,
    )
    after = clock_state(await terminal.read_clock(), zone)
    if not is_within(after, _TAKEN_S):
        shown = "no valid date" if after.reading is None else str(after.reading.device_time)
        raise DeviceMisbehavedError(
            f"the terminal accepted {time} and then shows {shown}",
            where=where,
            remedy="A time server or a time zone set on the terminal may undo it: look into its "
            "date menu",
            code="clock_not_taken",
        )
    return after


def site_time(terminal: Terminal, zone: ZoneInfo, *, where: str) -> datetime:
    """The site's wall clock to the nearest second, which is all that the terminal can hold.

    Raises BlockedError while the gateway's own clock cannot be right.
    """
    time = (_wall(terminal.clock.now(), zone) + timedelta(seconds=0.5)).replace(microsecond=0)
    if time.year not in _HOLDS:
        raise BlockedError(
            f"the gateway's own clock shows {time}",
            where=where,
            remedy="Nothing was written. Set the gateway's clock first: timedatectl set-ntp true",
            code="gateway_clock",
        )
    return time


async def _read(deliveries: AsyncIterator[Delivery]) -> tuple[Punch | None, bool]:
    """The newest punch, and whether the log could be read at all."""
    newest: Punch | None = None
    held_back = False
    async for delivery in deliveries:
        held_back = bool(delivery.quarantined) and not delivery.log_rows
        for record in delivery.every_record():
            if isinstance(record, Punch) and (
                newest is None or record.device_time > newest.device_time
            ):
                newest = record
    return newest, not held_back


def _wall(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)
