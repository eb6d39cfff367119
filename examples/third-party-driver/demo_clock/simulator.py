"""A demo clock on a real socket: `edge-agent simulate demo-clock --port 5600 --records 20`."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Self


class DemoClock:
    """Serves `rows` (lines as in `wire.py`, without line end), which may grow meanwhile."""

    def __init__(
        self,
        rows: list[str] | None = None,
        *,
        serial: str = "DC-0001",
        now: Callable[[], datetime] = datetime.now,
    ) -> None:
        self.rows = rows if rows is not None else []
        self.serial = serial
        self.address = ("127.0.0.1", 0)
        self._now = now
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.vanish()

    @property
    def config(self) -> dict[str, object]:
        """The keys of a [[device]] that lead here."""
        host, port = self.address
        return {"host": host, "port": port, "timeout_s": 1}

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, host, port)
        self.address = self._server.sockets[0].getsockname()[:2]

    async def produce(self) -> None:
        """Somebody punches."""
        self.rows.append(f"007|{self._now().replace(microsecond=0).isoformat()}|0|1")

    async def come_back(self) -> None:
        await self.start(*self.address)

    async def vanish(self) -> None:
        """Drops whoever is connected, as pulling the plug does. Safe to call twice."""
        if self._server is None:
            return
        self._server.close()
        for writer in self._open:
            writer.transport.abort()
        await self._server.wait_closed()
        self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while line := await reader.readline():
                writer.write(self.answer(line.decode("ascii", "replace").strip()).encode())
                await writer.drain()
        except ConnectionError:
            pass  # the host left
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    def answer(self, command: str) -> str:
        match command:
            case "WHO":
                return f"SERIAL {self.serial}\n"
            case "TIME":
                return f"TIME {self._now().replace(microsecond=0).isoformat()}\n"
            case "COUNT":
                return f"COUNT {len(self.rows)}\n"
            case "LOG":
                return "".join(f"{row}\n" for row in (*self.rows, f"END {len(self.rows)}"))
            case _:
                return "WHAT\n"


def made_up(records: int, end: datetime, seed: int = 0) -> list[str]:
    """`records` punches, six minutes apart, the last one at `end`."""
    draw = random.Random(seed)
    end = end.replace(microsecond=0)
    times = [end - timedelta(minutes=6 * back) for back in reversed(range(records))]
    return [f"{1001 + draw.randrange(20)}|{t.isoformat()}|{draw.randrange(2)}|1" for t in times]


@asynccontextmanager
async def simulate(
    *, host: str, port: int, records: int, seed: int, now: Callable[[], datetime]
) -> AsyncIterator[DemoClock]:
    """What `edge-agent simulate demo-clock` serves and `edge-agent driver check` asks."""
    clock = DemoClock(made_up(records, now(), seed), now=now)
    await clock.start(host, port)
    try:
        yield clock
    finally:
        await clock.vanish()
