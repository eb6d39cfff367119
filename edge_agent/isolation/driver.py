"""A driver of ours in front of a driver in a process of its own."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from functools import cache
from typing import ClassVar, Literal

from typing_extensions import override

from drivers.catalog import built_in_kinds
from drivers.contract import (
    Delivery,
    DeviceConfig,
    Driver,
    DriverContext,
    Identity,
    LogCount,
    Manifest,
)
from drivers.errors import BlockedError, DeviceMisbehavedError, DriverError, LinkDownError
from edge_agent.isolation.messages import (
    Acknowledge,
    Answer,
    Answered,
    Ask,
    Failed,
    Next,
    Open,
    Page,
    Shut,
    Start,
    config_values,
)
from edge_agent.isolation.process import DriverProcess


class DriverBugError(Exception):
    """The driver raised what it should not; its traceback is in the log as `driver_said`."""


def is_isolated(config: DeviceConfig) -> bool:
    """As the site file says; else third parties' drivers are, and ours are not."""
    if config.isolation is None:
        return config.kind not in built_in_kinds()
    return config.isolation == "process"


@cache
def isolated(driver: type[Driver]) -> type[Driver]:
    """`driver`, each of its devices in a process of its own."""
    fitted: type[Driver] = type(
        f"Isolated{driver.__name__}", (_Isolated,), {"manifest": driver.manifest}
    )
    return fitted


class _Isolated(Driver):
    """The process starts with the first call and ends with `aclose`. A call that is cancelled may go
    on there; whoever gives up closes, and what does not close is killed.
    """

    manifest: ClassVar[Manifest]

    def __init__(self, config: DeviceConfig, context: DriverContext) -> None:
        self._config = config
        self._context = context
        self._where = f"{config.name} ({config.kind})"
        self._process: DriverProcess | None = None
        self._numbers: dict[int, tuple[int, Delivery]] = {}  # by id: what may be acknowledged

    @override
    async def identity(self) -> Identity:
        answer = await self._ask("identity")
        if answer.identity is None:
            raise self._misshapen("no identity")
        return answer.identity

    @override
    async def count(self) -> LogCount:
        answer = await self._ask("count")
        if answer.count is None:
            raise self._misshapen("no count")
        return answer.count

    @override
    def fetch(self, cursor: bytes | None) -> AsyncIterator[Delivery]:
        return self._stream("fetch", cursor)

    @override
    def live(self) -> AsyncIterator[Delivery]:
        return self._stream("live", None)

    @override
    async def acknowledge(self, delivery: Delivery) -> None:
        number, _ = self._numbers.pop(id(delivery), (None, None))
        if number is None:
            return
        process = await self._running()
        call = process.next_call()
        self._checked(await process.ask(call, Acknowledge(call=call, number=number)))

    @override
    async def aclose(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await process.end()

    async def _ask(self, method: Literal["identity", "count"]) -> Answered:
        process = await self._running()
        call = process.next_call()
        answer = self._checked(await process.ask(call, Ask(call=call, method=method)))
        if not isinstance(answer, Answered):
            raise self._misshapen("a page nobody asked for")
        return answer

    async def _stream(
        self, method: Literal["fetch", "live"], cursor: bytes | None
    ) -> AsyncGenerator[Delivery, None]:
        process = await self._running()
        stream = process.next_call()
        await process.tell(Open(stream=stream, method=method, cursor=cursor))
        try:
            while True:
                call = process.next_call()
                answer = self._checked(await process.ask(call, Next(call=call, stream=stream)))
                if not isinstance(answer, Page):
                    return
                # Of the pages of one stream only the last can still be acknowledged.
                self._numbers = {id(answer.delivery): (answer.number, answer.delivery)}
                yield answer.delivery
        finally:
            if self._process is process:
                with contextlib.suppress(DeviceMisbehavedError):  # ended, and the stream with it
                    await process.tell(Shut(stream=stream))

    async def _running(self) -> DriverProcess:
        if self._process is None:
            start = Start(
                kind=self._config.kind,
                config=config_values(self._config),
                zone=self._context.zone,
                memory_bytes=self._config.process_memory_mb * 1024 * 1024,
            )
            self._process = await DriverProcess.start(
                start, name=self._config.name, clock=self._context.clock
            )
        return self._process

    def _checked(self, answer: Answer) -> Answered | Page:
        """Raises what the driver raised."""
        if not isinstance(answer, Failed):
            return answer
        if answer.kind == "bug":
            raise DriverBugError(answer.what)
        kinds: dict[str, type[DriverError]] = {
            "link": LinkDownError,
            "misbehaved": DeviceMisbehavedError,
            "blocked": BlockedError,
        }
        raise kinds[answer.kind](
            answer.what, where=answer.where, remedy=answer.remedy, code=answer.code
        )

    def _misshapen(self, what: str) -> BlockedError:
        return BlockedError(
            f"the driver's process answered {what}",
            where=self._where,
            remedy="Report it to the author of the driver's package",
            code="driver_misshapen",
        )
