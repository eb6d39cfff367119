"""The process of one driver, as the agent sees it: started, asked, watched, killed."""

import asyncio
import contextlib
import itertools
import os
import signal
import socket
import sys
from typing import Final

import msgspec
import structlog

from drivers.errors import DeviceMisbehavedError
from drivers.ports import Clock
from edge_agent.isolation.messages import (
    LENGTH_BYTES,
    Alive,
    Answer,
    Close,
    Order,
    OversizedError,
    Said,
    Start,
    frame,
    frame_length,
    read_said,
)
from edge_agent.isolation.output import OutputLog

# No sign of life for so long is a hang, also where a driver may rightly wait for days. A vendor's
# blocking call is given as much time as a page of any other driver.
SILENT_LIMIT_S: Final = 600.0
_LOOK_EVERY_S: Final = 1.0
# Less than the supervisor's patience with a driver that closes.
CLOSE_S: Final = 1.5
_OUT_OF_MEMORY: Final = 71  # child.OUT_OF_MEMORY, without importing the child

_REMEDY = "It is started again by itself; if it repeats, report it to the author of the driver"
_NOT_INHERITED = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "CREDENTIALS_DIRECTORY")

log = structlog.get_logger()


class DriverProcess:
    """Build with `start`. Every method raises DeviceMisbehavedError once the process has ended."""

    def __init__(
        self, process: asyncio.subprocess.Process, link: socket.socket, where: str, clock: Clock
    ) -> None:
        self._process = process
        self._link = link
        self._where = where
        self._clock = clock
        self._heard_s = clock.monotonic()
        self._calls = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._killed_because: tuple[str, str] | None = None
        self._ended: DeviceMisbehavedError | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    async def start(cls, start: Start, *, name: str, clock: Clock) -> "DriverProcess":
        where = f"{name} ({start.kind})"
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "edge_agent.isolation.child", str(theirs.fileno())),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                pass_fds=(theirs.fileno(),),
                env={key: os.environ[key] for key in os.environ if key not in _NOT_INHERITED},
                start_new_session=True,  # Ctrl-C is for the agent, which says goodbye properly
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        started = cls(process, ours, where, clock)
        output = OutputLog(log.bind(device=name, driver=start.kind), clock)
        assert process.stdout is not None  # noqa: S101 - asked for above
        started._tasks = [
            asyncio.create_task(started._listen(), name=f"driver process {name}"),
            asyncio.create_task(started._watch(), name=f"driver watch {name}"),
            asyncio.create_task(output.drain(process.stdout), name=f"driver output {name}"),
        ]
        await started.tell(start)
        return started

    @property
    def pid(self) -> int:
        return self._process.pid

    def next_call(self) -> int:
        return next(self._calls)

    async def tell(self, order: Order) -> None:
        if self._ended is not None:
            raise self._ended
        with contextlib.suppress(OSError):  # it has ended; `_listen` knows, or soon will
            await asyncio.get_running_loop().sock_sendall(self._link, frame(order))

    async def ask(self, call: int, order: Order) -> Answer:
        """`order` carries the number `call`."""
        waiting: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[call] = waiting
        try:
            await self.tell(order)
            return await waiting
        finally:
            self._waiting.pop(call, None)

    async def end(self) -> None:
        """Lets it say goodbye, for CLOSE_S; then it is killed. Never raises."""
        try:
            with contextlib.suppress(TimeoutError, DeviceMisbehavedError):
                async with asyncio.timeout(CLOSE_S):
                    await self.tell(Close())
                    await self._process.wait()
        finally:
            self._kill()
            for task in self._tasks:
                task.cancel()
            self._link.close()
            await self._process.wait()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _kill(self) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def _listen(self) -> None:
        """Until the process ends, or says what it must not."""
        try:
            while True:
                length = frame_length(await self._exactly(LENGTH_BYTES))
                self._take(read_said(await self._exactly(length)))
        except (EOFError, OSError):
            pass
        except (OversizedError, msgspec.MsgspecError) as exc:
            self._give_up(
                f"handed over something that does not fit the contract ({exc})", "driver_misshapen"
            )
        code = await self._process.wait()
        what, word = self._killed_because or _how_it_ended(code)
        self._ended = DeviceMisbehavedError(
            f"the driver's process {what}", where=self._where, remedy=_REMEDY, code=word
        )
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(self._ended)

    def _take(self, said: Said) -> None:
        self._heard_s = self._clock.monotonic()
        if isinstance(said, Alive):
            return
        waiting = self._waiting.get(said.call)
        if waiting is not None and not waiting.done():  # else nobody waits for it any more
            waiting.set_result(said)

    async def _watch(self) -> None:
        while True:
            await self._clock.sleep(_LOOK_EVERY_S)
            silent_s = self._clock.monotonic() - self._heard_s
            if silent_s > SILENT_LIMIT_S:
                self._give_up(
                    f"gave no sign of life for {silent_s:.0f} s and was killed", "driver_hung"
                )
                return

    def _give_up(self, why: str, code: str) -> None:
        self._killed_because = (why, code)
        self._kill()

    async def _exactly(self, size: int) -> bytes:
        received = bytearray()
        while len(received) < size:
            loop = asyncio.get_running_loop()
            piece = await loop.sock_recv(self._link, min(size - len(received), 1 << 20))
            if not piece:
                raise EOFError
            received += piece
        return bytes(received)


def _how_it_ended(code: int) -> tuple[str, str]:
    if code == _OUT_OF_MEMORY:
        return "used up its memory (`process_memory_mb`)", "driver_out_of_memory"
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}", "driver_process_ended"
    return f"ended by itself with exit code {code}", "driver_process_ended"
