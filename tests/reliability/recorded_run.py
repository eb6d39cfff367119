"""The process whose power is cut: our spool or our core, storing and saying what is durable.

`python -m tests.reliability.recorded_run spool|core FILE ROUNDS SEED` (through `child.py` for the
negative controls). Each line on standard output acknowledges one record: `SERIAL NUMBER`.
"""

import asyncio
import contextlib
import random
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from drivers.contract import Delivery
from edge_agent.spool.checkpoint import Checkpointer
from edge_agent.spool.errors import SpoolError
from edge_agent.spool.lanes import Lane
from edge_agent.spool.store import Spool
from edge_agent.system_clock import SystemClock
from protocols.identity import event_id
from protocols.records import Punch
from protocols.uplink import Answer, Observation, RecordVerdict, Verdict

START = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
SERIALS = ("PC-ONE", "PC-TWO", "PC-LOG")
_STARTS = 5
_MEAN_PAGE = 22
_LIMITS = {"soft_frames": 25, "hard_frames": 80}  # edges within a short run
_CORE_LIMITS = {"every_s": 0.05, "hard_bytes": 80 * 16_384}
_MEAN_BATCH = 6


def punch(serial: str, number: int) -> Punch:
    return Punch(
        serial=serial,
        user_id=str(1000 + number % 50),
        device_time=(START + timedelta(seconds=number)).replace(tzinfo=None),
        state=0,
        verify=1,
        raw=number.to_bytes(40, "big"),
    )


def acknowledge(serial: str, numbers: Iterable[int]) -> None:
    sys.stdout.write("".join(f"{serial} {number}\n" for number in numbers))
    sys.stdout.flush()


async def store(path: Path, rounds: int, seed: int) -> None:
    """Two live devices, one whose log comes in pages, and a sink that takes batches meanwhile."""
    Checkpointer.__init__.__kwdefaults__ |= _LIMITS
    spool = _opened(path)
    draw = random.Random(seed)
    collecting = [
        asyncio.ensure_future(_collect(spool, serial, rounds, draw)) for serial in SERIALS
    ]
    draining = asyncio.ensure_future(_drain(spool))
    await asyncio.gather(*collecting)
    draining.cancel()
    spool.close()


def _opened(path: Path) -> Spool:
    """Tried again like an agent that systemd starts again, where the disk fails at the start."""
    for _ in range(_STARTS):
        with contextlib.suppress(SpoolError):
            return Spool.open(path, clock=SystemClock(), boot_id="recorded")
    raise SystemExit("the spool cannot be opened")


async def _collect(spool: Spool, serial: str, rounds: int, draw: random.Random) -> None:
    """Goes on where a process before it has ended."""
    pages = serial == "PC-LOG"
    first = int(await _cursor(spool, serial) or 0)
    while first < rounds * (_MEAN_PAGE if pages else 1):
        size = draw.randrange(5, 40) if pages else 1
        numbers = range(first, first + size)
        delivery = Delivery(
            serial=serial,
            records=tuple(punch(serial, number) for number in numbers),
            cursor=str(first + size).encode(),
        )
        while not await _append(spool, delivery):
            await asyncio.sleep(0)
        acknowledge(serial, numbers)
        first += size


async def _cursor(spool: Spool, serial: str) -> bytes | None:
    while True:
        with contextlib.suppress(SpoolError):
            return await spool.cursor(serial)


async def _append(spool: Spool, delivery: Delivery) -> bool:
    try:
        await spool.append(
            delivery,
            device_name="gate",
            zone="UTC",
            lane=Lane.PUNCH_LIVE,
            received_at=START,
            clock_offset_ms=None,
        )
    except SpoolError:
        return False  # not acknowledged, so it is delivered again, as a worker does
    return True


async def _drain(spool: Spool) -> None:
    while True:
        try:
            batch = await spool.next_batch("core", limit=20)
            if batch is not None:
                verdicts = tuple(
                    RecordVerdict(event_id=one.event_id, verdict=Verdict.ACCEPTED)
                    for one in batch.observations
                )
                await spool.settle("core", Answer(number=batch.number, verdicts=verdicts))
        except SpoolError:
            continue
        await asyncio.sleep(0.002)


def take(path: Path, rounds: int, seed: int) -> None:
    """The core's side: batch after batch into its database. Goes on where a process before ended."""
    from hr_core.store.checkpoint import Checkpointer as CoreCheckpointer
    from hr_core.store.database import initialise, open_database
    from hr_core.store.log_mover import serving
    from tests.hr_core.ingest.batch_samples import batch_of
    from tests.hr_core.signed_batches import deliver

    CoreCheckpointer.__init__.__kwdefaults__ |= _CORE_LIMITS
    path.touch()
    engine = open_database(f"sqlite:///{path}")
    with serving(engine):
        initialise(engine)
        draw = random.Random(seed)
        first = _events(engine)
        while first < rounds * _MEAN_BATCH:
            numbers = range(first, first + draw.randrange(1, 2 * _MEAN_BATCH))
            first = numbers.stop
            batch = batch_of(*map(_observation, numbers), gateway="gw")
            answer = deliver(engine, batch, at=START)
            assert all(one.verdict is Verdict.ACCEPTED for one in answer.verdicts)
            acknowledge("PC-CORE", numbers)


def _events(engine: sa.Engine) -> int:
    with engine.connect() as conn:
        return int(conn.execute(sa.text("SELECT count(*) FROM raw_events")).scalar_one())


def _observation(number: int) -> Observation:
    record = punch("PC-CORE", number)
    return Observation(
        event_id=event_id(record).hex(), record=record, received_at=START, zone="UTC"
    )


if __name__ == "__main__":
    _, what, file, rounds_, seed_ = sys.argv
    if what == "spool":
        asyncio.run(store(Path(file), int(rounds_), int(seed_)))
    else:
        take(Path(file), int(rounds_), int(seed_))
