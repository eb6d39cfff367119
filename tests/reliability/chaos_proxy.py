"""A TCP proxy that misbehaves, in a process of its own.

Knobs are set while it runs, by JSON lines on its standard input; each is answered with its counts.
`speaks="http"` understands requests and answers, so that it can swallow, repeat or refuse them.
"""

import argparse
import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

_READ_BYTES = 65_536


@dataclass(frozen=True, kw_only=True)
class Knobs:
    """The default forwards everything.

    refuse               connections are closed as soon as they are accepted
    half_open            nothing is forwarded any more, both sides stay connected
    delay_s              before each piece is forwarded
    throttle_bytes_s     each direction of each connection is at most so fast
    reset_after_bytes    a connection is reset after so many bytes from the target
    swallow_responses    so many answers reach nobody: the client is cut off (http)
    duplicate_requests   so many requests reach the target twice (http)
    answer_status        the target is not asked; the client gets this status (http) …
    retry_after_s        … with this Retry-After …
    answer_times         … so many times; None: until it is changed
    """

    refuse: bool = False
    half_open: bool = False
    delay_s: float = 0.0
    throttle_bytes_s: int | None = None
    reset_after_bytes: int | None = None
    swallow_responses: int = 0
    duplicate_requests: int = 0
    answer_status: int | None = None
    retry_after_s: int | None = None
    answer_times: int | None = None


@dataclass(kw_only=True)
class Counts:
    connections: int = 0
    cut: int = 0
    requests: int = 0
    swallowed: int = 0
    duplicated: int = 0
    answered: int = 0


class ChaosProxy:
    """The running proxy as a claim drives it."""

    def __init__(self, process: asyncio.subprocess.Process, address: tuple[str, int]) -> None:
        self._process = process
        self.host, self.port = address

    async def set(self, **knobs: Any) -> Counts:
        """These knobs, all others as they are by default."""
        return await self._order({"knobs": asdict(Knobs(**knobs))})

    async def cut(self) -> Counts:
        """Resets every open connection."""
        return await self._order({"cut": True})

    async def lead_to(self, host: str, port: int) -> Counts:
        """New connections go there from now on."""
        return await self._order({"target": [host, port]})

    async def counts(self) -> Counts:
        return await self._order({})

    async def _order(self, order: dict[str, Any]) -> Counts:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        await self._process.stdin.drain()
        return Counts(**json.loads(await self._process.stdout.readline()))


@contextlib.asynccontextmanager
async def chaos_proxy(
    host: str, port: int, *, speaks: Literal["tcp", "http"] = "tcp"
) -> AsyncIterator[ChaosProxy]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.reliability.chaos_proxy", host, str(port), speaks),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        bound = int(await process.stdout.readline())
        yield ChaosProxy(process, ("127.0.0.1", bound))
    finally:
        # Its input ends: it stops by itself, also when this process dies.
        assert process.stdin is not None
        process.stdin.close()
        await process.communicate()


class _Proxy:
    def __init__(self, target: tuple[str, int], *, http: bool) -> None:
        self._target = target
        self._http = http
        self._knobs = Knobs()
        self._counts = Counts()
        self._open: set[asyncio.StreamWriter] = set()
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()

    def obey(self, order: dict[str, Any]) -> dict[str, int]:
        if "knobs" in order:
            self._knobs = Knobs(**order["knobs"])
            self._changed.set()
            self._changed = asyncio.Event()
        if "target" in order:
            host, port = order["target"]
            self._target = (host, port)
        if order.get("cut"):
            self._reset_all()
        return asdict(self._counts)

    async def serve(self, client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._counts.connections += 1
        self._open.add(answers)
        requests: asyncio.StreamWriter | None = None
        try:
            if self._knobs.refuse:
                self._counts.cut += 1
                return
            target, requests = await asyncio.open_connection(*self._target)
            self._open.add(requests)
            if self._http:
                await self._exchange(client, answers, target, requests)
            else:
                await self._forward_both(client, answers, target, requests)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # one side left, so does the other; or the proxy ends
        finally:
            for side in (answers, requests):
                if side is not None:
                    self._open.discard(side)
                    side.transport.abort()
            self._tasks.discard(task)

    async def close(self) -> None:
        self._reset_all()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _reset_all(self) -> None:
        self._counts.cut += len(self._open) // 2
        for side in list(self._open):
            side.transport.abort()

    async def _forward_both(
        self,
        client: asyncio.StreamReader,
        answers: asyncio.StreamWriter,
        target: asyncio.StreamReader,
        requests: asyncio.StreamWriter,
    ) -> None:
        ways = [
            asyncio.ensure_future(self._forward(client, requests, counted=False)),
            asyncio.ensure_future(self._forward(target, answers, counted=True)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _forward(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, counted: bool
    ) -> None:
        passed = 0
        while piece := await source.read(_READ_BYTES):
            await self._hold()
            limit = self._knobs.reset_after_bytes if counted else None
            if limit is not None and passed + len(piece) >= limit:
                sink.write(piece[: max(0, limit - passed)])
                await sink.drain()
                self._counts.cut += 1
                return
            passed += len(piece)
            await self._pour(piece, sink)

    async def _pour(self, piece: bytes, sink: asyncio.StreamWriter) -> None:
        speed = self._knobs.throttle_bytes_s
        step = len(piece) if speed is None else max(1, speed // 10)
        for start in range(0, len(piece), step):
            sink.write(piece[start : start + step])
            await sink.drain()
            if speed is not None:
                await asyncio.sleep(0.1)

    async def _hold(self) -> None:
        await asyncio.sleep(self._knobs.delay_s)
        while self._knobs.half_open:
            await self._changed.wait()

    async def _exchange(
        self,
        client: asyncio.StreamReader,
        answers: asyncio.StreamWriter,
        target: asyncio.StreamReader,
        requests: asyncio.StreamWriter,
    ) -> None:
        """One request after the other, each known as a whole."""
        while True:
            request = await _message(client)
            self._counts.requests += 1
            await self._hold()
            if (canned := self._canned()) is not None:
                answers.write(canned)
                await answers.drain()
                continue
            if self._knobs.duplicate_requests:
                self._spend("duplicate_requests")
                self._counts.duplicated += 1
                requests.write(request)
                await requests.drain()
                await _message(target)
            await self._pour(request, requests)
            answer = await _message(target)
            if self._knobs.swallow_responses:
                self._spend("swallow_responses")
                self._counts.swallowed += 1
                return
            await self._pour(answer, answers)

    def _canned(self) -> bytes | None:
        knobs = self._knobs
        if knobs.answer_status is None or knobs.answer_times == 0:
            return None
        if knobs.answer_times is not None:
            self._spend("answer_times")
        self._counts.answered += 1
        after = "" if knobs.retry_after_s is None else f"Retry-After: {knobs.retry_after_s}\r\n"
        return f"HTTP/1.1 {knobs.answer_status} x\r\n{after}Content-Length: 0\r\n\r\n".encode()

    def _spend(self, knob: str) -> None:
        self._knobs = replace(self._knobs, **{knob: getattr(self._knobs, knob) - 1})


async def _message(source: asyncio.StreamReader) -> bytes:
    """A request or an answer of HTTP/1.1 with a Content-Length, as it came."""
    head = await source.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    return head + await source.readexactly(length)


async def _serve(host: str, port: int, *, http: bool) -> None:
    proxy = _Proxy((host, port), http=http)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(proxy.obey(json.loads(line))), flush=True)
    server.close()
    await proxy.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("speaks", choices=["tcp", "http"])
    order = parser.parse_args()
    asyncio.run(_serve(order.host, order.port, http=order.speaks == "http"))
