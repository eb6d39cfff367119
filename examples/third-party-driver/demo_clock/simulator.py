"""A demo clock on a real socket: `python -m demo_clock.simulator --port 5600 --records 20`."""

import argparse
import asyncio
from collections.abc import Callable
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
        await self.stop()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, host, port)
        self.address = self._server.sockets[0].getsockname()[:2]

    async def stop(self) -> None:
        """Also drops whoever is connected, as pulling the plug does. Safe to call twice."""
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


def made_up(records: int) -> list[str]:
    """`records` punches, six minutes apart, the last one now."""
    end = datetime.now().replace(microsecond=0)
    times = [end - timedelta(minutes=6 * back) for back in reversed(range(records))]
    return [f"{1001 + n % 20}|{time.isoformat()}|{n % 2}|1" for n, time in enumerate(times)]


async def _serve_until_stopped(port: int, records: int) -> None:
    clock = DemoClock(made_up(records))
    await clock.start(port=port)
    print("listening {}:{}".format(*clock.address), flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await clock.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A simulated demo clock.")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--records", type=int, default=20)
    asked = parser.parse_args()
    try:
        asyncio.run(_serve_until_stopped(asked.port, asked.records))
    except KeyboardInterrupt:
        print("stopped")
