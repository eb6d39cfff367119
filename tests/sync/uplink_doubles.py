"""An outbox in memory, a clock that does not wait, a TCP proxy and a web server that misbehave."""

import asyncio
import contextlib
from collections import deque
from datetime import timedelta
from typing import NamedTuple

from protocols.batch_chain import NO_BATCH, ChainHead
from protocols.uplink import Answer, Observation, Verdict
from sync.errors import ChainForkError
from sync.http import HttpTransport
from sync.identity import GatewayIdentity
from sync.sealing import Sealer
from sync.uplink import Uplink, UplinkSettings
from tests.hr_core.ingest.batch_samples import GATEWAY, NOW
from tests.hr_core.signed_batches import CORE_KEY, key_of

IDENTITY = GatewayIdentity(gateway=GATEWAY, key=key_of(), core_public=CORE_KEY.public)


class Pending(NamedTuple):
    number: int
    observations: tuple[Observation, ...]
    previous: bytes = NO_BATCH.batch_hash
    salt: bytes = bytes(32)
    watermarks: tuple = ()


class Rewound(NamedTuple):
    batches: int
    rows: int


class ListOutbox:
    """One sink. `handed` holds every batch as it was given out, resends included."""

    def __init__(self, observations=()):
        self.waiting = deque(observations)
        self.in_flight = None
        self.number = 0
        self.handed = []
        self.settled = []
        self.chain = []  # (head, observations) of every answered batch
        self.rewound = []

    async def next_batch(self, sink, *, limit):
        assert sink == "core"
        if self.in_flight is None and self.waiting:
            self.number += 1
            taken = tuple(self.waiting.popleft() for _ in range(min(limit, len(self.waiting))))
            head = await self.chain_head(sink)
            salt = self.number.to_bytes(32, "big")
            self.in_flight = Pending(self.number, taken, head.batch_hash, salt)
        if self.in_flight is not None:
            self.handed.append(self.in_flight)
        return self.in_flight

    async def settle(self, sink, answer: Answer, *, batch_hash):
        assert answer.number == self.in_flight.number
        by_id = {one.event_id: one for one in self.in_flight.observations}
        for judged in answer.verdicts:
            if judged.verdict is Verdict.KEEP:
                self.waiting.append(by_id[judged.event_id])
        self.settled.extend(answer.verdicts)
        head = ChainHead(number=answer.number, batch_hash=batch_hash)
        self.chain.append((head, self.in_flight.observations))
        self.in_flight = None

    async def chain_head(self, sink):
        return self.chain[-1][0] if self.chain else NO_BATCH

    async def rewind(self, sink, head):
        if head not in [NO_BATCH, *(known for known, _ in self.chain)]:
            raise ChainForkError("foreign", where="outbox", remedy="look", code="chain_fork")
        later = [rows for known, rows in self.chain if known.number > head.number]
        later += [self.in_flight.observations] if self.in_flight else []
        self.chain = [link for link in self.chain if link[0].number <= head.number]
        self.waiting.extendleft(row for rows in reversed(later) for row in reversed(rows))
        self.in_flight, self.number = None, head.number
        self.rewound.append(head)
        return Rewound(len(later), sum(map(len, later)))

    async def join(self, sink, head):
        if self.number:
            return False
        self.number = head.number
        self.chain.append((head, ()))
        return True


class InstantClock:
    """Sleeping costs no time and is written down; after `patience` sleeps the test has failed."""

    def __init__(self, patience=50):
        self.slept = []
        self._patience = patience

    def now(self):
        return NOW + timedelta(seconds=sum(self.slept))

    def monotonic(self):
        return sum(self.slept)

    async def sleep(self, seconds):
        self.slept.append(seconds)
        assert len(self.slept) <= self._patience, "the uplink does not get on"
        await asyncio.sleep(0)


async def until(condition, *, every_s=0, within_s=5):
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(every_s)


def uplink_over(outbox, transport, clock=None, *, jitter=0.0, **settings):
    return Uplink(
        outbox,
        transport,
        UplinkSettings(**settings),
        sealer=Sealer(IDENTITY, site="plant"),
        clock=clock or InstantClock(),
        random=lambda: jitter,
    )


@contextlib.asynccontextmanager
async def http_to(url, identity=IDENTITY, *, timeout_s=5.0):
    transport = HttpTransport(url, identity, timeout_s=timeout_s)
    try:
        yield transport
    finally:
        await transport.aclose()


@contextlib.asynccontextmanager
async def listening(handle):
    """Serves `handle(reader, writer)` on a free loopback port; yields the port."""
    tasks = set()

    async def serve(reader, writer):
        tasks.add(asyncio.current_task())
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await handle(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


async def read_request(reader):
    """(head, body) of one HTTP/1.1 request with a Content-Length."""
    head = await reader.readuntil(b"\r\n\r\n")
    lengths = [
        int(line.partition(b":")[2])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    ]
    return head, await reader.readexactly(sum(lengths))


@contextlib.asynccontextmanager
async def answering(*replies):
    """A web server that gives each raw reply once, then repeats the last. Yields (url, bodies).

    A callable reply is `async (head, body, writer)`.
    """
    left = deque(replies)
    bodies = []

    async def handle(reader, writer):
        head, body = await read_request(reader)
        bodies.append(body)
        reply = left.popleft() if len(left) > 1 else left[0]
        if callable(reply):
            await reply(head, body, writer)
        else:
            writer.write(reply)
            await writer.drain()

    async with listening(handle) as port:
        yield f"http://127.0.0.1:{port}", bodies


@contextlib.asynccontextmanager
async def swallowing_proxy(target_port, swallow):
    """Forwards each request; drops the answers to the first `swallow` batches. Yields
    (url, bodies of the batches).
    """
    batches = b"post /api/v1/batches"
    requests = []

    async def handle(reader, writer):
        while True:
            head, body = await read_request(reader)
            is_batch = head.lower().startswith(batches)
            if is_batch:
                requests.append(body)
            upstream, out = await asyncio.open_connection("127.0.0.1", target_port)
            out.write(head + body)
            answer_head, answer = await read_request(upstream)  # the core's answer: same framing
            out.close()
            await out.wait_closed()
            if is_batch and len(requests) <= swallow:
                return
            writer.write(answer_head + answer)
            await writer.drain()

    async with listening(handle) as port:
        yield f"http://127.0.0.1:{port}", requests


def reply(status, body=b"", **headers):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body
