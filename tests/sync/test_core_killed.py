"""kill -9 of a real core process while a gateway delivers: nothing lost, nothing doubled."""

import asyncio
import contextlib
import os
import random
import sys
import time
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from hr_core.audit.verification import verify_chains
from hr_core.store.events import raw_events
from sync.backoff import Backoff
from tests.hr_core.ingest.batch_samples import observe, punch
from tests.hr_core.signed_batches import CORE_KEY, enrol
from tests.sync.uplink_doubles import ListOutbox, http_to, until, uplink_over

CORE = """
import asyncio, sys
from datetime import UTC, datetime
from hr_core.api.app import create_app
from hr_core.api.server import serve
from hr_core.store.database import open_database
from protocols.signing import SigningKey

class Clock:
    def now(self):
        return datetime.now(UTC)

key = SigningKey(bytes.fromhex(sys.argv[3]))
app = create_app(open_database(sys.argv[1]), clock=Clock(), core_key=key)
asyncio.run(serve(app, "127.0.0.1", int(sys.argv[2]), lambda host, port: print(port, flush=True)))
"""
RECORDS = 1_000
KILLS = 3


class WallClock:
    def now(self):
        return datetime.now(UTC)

    def monotonic(self):
        return time.monotonic()

    async def sleep(self, seconds):
        await asyncio.sleep(seconds)


@contextlib.asynccontextmanager
async def core_process(engine, port=0):
    """Yields the port; kills the process without a warning."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        CORE,
        str(engine.url),
        str(port),
        CORE_KEY.seed.hex(),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield int(await process.stdout.readline())
    finally:
        process.kill()
        await process.communicate()


@pytest.mark.slow
async def test_kill_9_loses_and_doubles_nothing(engine):
    seed = int(os.environ.get("CLOCKLINE_SEED", random.SystemRandom().randrange(2**32)))
    print("CLOCKLINE_SEED =", seed)
    chance = random.Random(seed)
    outbox = ListOutbox(observe(punch(n)) for n in range(RECORDS))
    enrol(engine)
    async with core_process(engine) as port:
        pass  # the port that every later core takes
    async with http_to(f"http://127.0.0.1:{port}") as transport:
        quick = Backoff(first_s=0.02, longest_s=0.05)
        uplink = uplink_over(
            outbox, transport, WallClock(), batch_records=5, idle_s=0.01, backoff=quick
        )
        delivering = asyncio.create_task(uplink.run())
        for _ in range(KILLS):
            async with core_process(engine, port):
                reached = len(outbox.settled) + chance.randrange(5, 200)
                await until(lambda: len(outbox.settled) >= reached, every_s=0.001, within_s=20)  # noqa: B023 - awaited in the loop
                await asyncio.sleep(chance.uniform(0, 0.01))  # into the middle of a batch
        async with core_process(engine, port):
            await until(
                lambda: not outbox.waiting and outbox.in_flight is None, every_s=0.02, within_s=20
            )
        delivering.cancel()
    with engine.connect() as conn:
        stored = conn.execute(sa.select(raw_events.c.event_id)).scalars().all()
        (chain,) = verify_chains(conn)
    assert (chain.faults, chain.stored) == ((), RECORDS)
    acknowledged = [judged.event_id for judged in outbox.settled]
    assert sorted(key.hex() for key in stored) == sorted(acknowledged)
    assert len(set(acknowledged)) == len(acknowledged) == RECORDS
    assert {str(judged.verdict) for judged in outbox.settled} <= {"accepted", "duplicate"}
    assert uplink.state.attempts > uplink.state.batches  # control: kills did cut deliveries
