"""`edge-agent device live`: what a device says, as it happens. Nothing is stored."""

from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.cli.device_session import Target, ZoneOption, with_driver
from edge_agent.cli.options import ConfigOption, JsonLinesOption
from edge_agent.errors import ExitCode

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncGenerator

    from drivers.contract import Delivery, Driver
    from drivers.errors import DriverError
    from edge_agent.cli.live_lines import LiveLines

_POLL_S = 60.0  # for a device that gives no hints: somebody is looking
_LONGEST_DELAY_S = 15.0  # and does not want to wait for minutes after the cable is back
_LAST_READ_S = 30.0


def live(
    target: Target,
    *,
    config_file: ConfigOption = None,
    as_json: JsonLinesOption = False,
    zone: ZoneOption = None,
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="End after so long instead of on Ctrl-C.")
    ] = None,
) -> int:
    """Show each punch as it happens, also those of a break of the line. Nothing is stored."""
    from edge_agent.cli.live_lines import lines_to_standard_output

    lines = lines_to_standard_output(as_json=as_json)

    async def show(driver: "Driver") -> int:
        return await _LiveView(driver, lines, target).run(seconds)

    return with_driver(target, config_file, zone, show, listening=True)


class _LiveView:
    def __init__(self, driver: "Driver", lines: "LiveLines", target: str) -> None:
        from edge_agent.following import Follower

        self._driver = driver
        self._lines = lines
        self._target = target
        self._follower = Follower(driver, poll_s=_POLL_S)
        self._lost: DriverError | None = None

    async def run(self, seconds: float | None) -> int:
        """Until Ctrl-C, SIGTERM or so many seconds. Raises DriverError that waiting cannot mend."""
        import asyncio

        stop = _stop_signal()
        stopped = asyncio.ensure_future(stop.wait())
        begin = asyncio.ensure_future(self._begin())
        await asyncio.wait({begin, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            begin.cancel()
            await asyncio.wait({begin})
            self._lines.end()
            return ExitCode.OK
        begin.result()
        work = asyncio.ensure_future(self._follow())
        beat = asyncio.ensure_future(self._beat())
        await asyncio.wait({work, stopped}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in (stopped, beat, work):
            task.cancel()
        await asyncio.wait({stopped, beat, work})
        try:
            if not work.cancelled():
                work.result()
            if not stop.is_set():
                await self._last_read()
        finally:
            self._lines.end()
        degraded = self._lines.summary.degraded or self._lost is not None
        return ExitCode.DEGRADED if degraded else ExitCode.OK

    async def _begin(self) -> None:
        """Must succeed: a wrong address will not get better. What is there is no news."""
        there = await self._follower.begin()
        self._lines.note(f"listening to {self._target}; {there:,} records were there before")
        if self._follower.undecoded:
            self._lines.note(
                f"note: {self._follower.undecoded:,} of them cannot be decoded; see device pull"
            )

    async def _follow(self) -> None:
        """For ever."""
        import asyncio

        from drivers.errors import DeviceMisbehavedError, LinkDownError
        from edge_agent.supervisor.retry import retry_delay_s

        failures = 0
        while True:
            try:
                if self._lost is not None:
                    await self._driver.identity()
                    await self._show(self._follower.read())
                    self._lines.note(f"connected again to {self._target}; the gap is filled")
                    self._lost, failures = None, 0
                await self._show(self._follower.listen())
            except (LinkDownError, DeviceMisbehavedError) as error:
                failures += 1
                if self._lost is None:
                    self._lines.note(f"line broken, trying again: {error}")
                self._lost = error
                await asyncio.sleep(min(retry_delay_s(failures, 0.0), _LONGEST_DELAY_S))

    async def _show(self, deliveries: "AsyncGenerator[Delivery, None]") -> None:
        from contextlib import aclosing

        from edge_agent.cli.device_rows import rows_of

        async with aclosing(deliveries):
            async for delivery in deliveries:
                for row in rows_of(delivery):
                    self._lines.row(row)

    async def _last_read(self) -> None:
        """Whoever punched just before the time was up is shown too."""
        import asyncio

        from drivers.errors import DriverError

        try:
            async with asyncio.timeout(_LAST_READ_S):
                await self._show(self._follower.read())
        except TimeoutError:
            self._lines.note(f"the last read of {self._target} took too long")
        except DriverError as error:
            self._lost = error
            self._lines.note(f"the last read failed: {error}")
        else:
            self._lost = None

    async def _beat(self) -> None:
        import asyncio

        while True:
            await asyncio.sleep(1)
            state = "waiting for the line" if self._lost else "listening"
            self._lines.beat(f"{state}, {self._lines.summary.records:,} rows. Ctrl-C ends it")


def _stop_signal() -> "asyncio.Event":
    import asyncio
    import signal

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop
