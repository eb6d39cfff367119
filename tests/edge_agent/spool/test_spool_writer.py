"""The writer thread: it never hangs those who wait, and its log stays short."""

import asyncio
import threading

import pytest

from drivers.contract import Delivery
from edge_agent.spool import writer as writer_module
from edge_agent.spool.checkpoint import Checkpointer
from edge_agent.spool.schema import create_file, prepare
from edge_agent.spool.store import SpoolClosedError
from edge_agent.spool.writer import Writer
from tests.edge_agent.spool.deliveries import ManualClock, append, bulky, punches


class Blocked:
    """A job that holds the writer until it is let go."""

    def __init__(self):
        self.entered, self.go = threading.Event(), threading.Event()

    def __call__(self, connection):
        self.entered.set()
        assert self.go.wait(10)


async def test_a_dead_writer_fails_everyone_and_says_why(spool):
    blocked = Blocked()
    first = asyncio.ensure_future(spool._writer.run(blocked))
    await asyncio.to_thread(blocked.entered.wait)
    deadly = asyncio.ensure_future(spool._writer.run(_end_of_thread))
    await asyncio.sleep(0)
    queued = [
        asyncio.ensure_future(append(spool, Delivery(serial="SN1", records=punches((n,)))))
        for n in range(5)
    ]
    await asyncio.sleep(0)
    blocked.go.set()

    assert await first is None
    for waiting in (deadly, *queued):
        with pytest.raises(SpoolClosedError, match="out of memory") as failed:
            await asyncio.wait_for(waiting, 5)
    assert failed.value.__cause__ is not None
    with pytest.raises(SpoolClosedError):
        await append(spool, Delivery(serial="SN1", records=punches((9,))))


def _end_of_thread(connection):
    raise SystemExit("out of memory")


async def test_progress_moves_while_idle_and_stands_while_stuck(spool, clock, monkeypatch):
    clock.advance(100)
    await spool.cursor("SN1")
    monkeypatch.setattr(writer_module, "IDLE_S", 0.01)
    await append(spool, Delivery(serial="SN1"))
    await _until(lambda: spool.progress() == clock.monotonic())
    clock.advance(100)
    await _until(lambda: spool.progress() == clock.monotonic())  # idle, and alive

    blocked = Blocked()
    stuck = asyncio.ensure_future(spool._writer.run(blocked))
    await asyncio.to_thread(blocked.entered.wait)
    stuck_since = clock.monotonic()
    clock.advance(100)
    await asyncio.sleep(0.05)
    assert spool.progress() <= stuck_since
    blocked.go.set()
    await stuck
    await _until(lambda: spool.progress() == clock.monotonic())


async def test_one_commit_takes_what_queued_during_the_last(spool):
    blocked = Blocked()
    first = asyncio.ensure_future(spool._writer.run(blocked))
    await asyncio.to_thread(blocked.entered.wait)
    queued = [
        asyncio.ensure_future(append(spool, Delivery(serial="SN1", records=punches((n,)))))
        for n in range(50)
    ]
    await asyncio.sleep(0)
    before = spool._writer.commits
    blocked.go.set()
    await asyncio.gather(first, *queued)
    assert spool._writer.commits - before == 2  # the blocked one, then all fifty


async def test_the_log_stays_short_under_a_load_without_pause(path):
    create_file(path)
    prepare(path)
    checkpointer = Checkpointer(path, soft_frames=20, hard_frames=60)
    writer = Writer(path, ManualClock(), checkpointer)
    wal = path.with_name("spool.db-wal")
    longest = 0
    try:
        for round_ in range(400):
            await writer.run(
                lambda connection, n=round_: connection.execute(
                    "INSERT INTO boots VALUES (?, ?, 0)", (n, f"{n}" * 300)
                )
            )
            longest = max(longest, wal.stat().st_size)
    finally:
        writer.close()
        checkpointer.close()
    assert checkpointer.failure is None
    frames_written = 400 * 3
    assert longest < frames_written * 4_096 / 3
    assert longest < 400 * 4_096


async def test_an_idle_spool_moves_its_log_into_the_file(spool, path, monkeypatch):
    monkeypatch.setattr(writer_module, "IDLE_S", 0.01)
    size = path.stat().st_size
    await append(spool, Delivery(serial="SN1", records=bulky(range(500))))
    await append(spool, Delivery(serial="SN1"))  # the writer comes round with the short interval
    await _until(lambda: path.stat().st_size > size)


async def test_a_failing_checkpoint_is_told_and_stores_go_on(spool, monkeypatch):
    monkeypatch.setattr(
        "edge_agent.spool.checkpoint.Checkpointer._checkpoint", _no_room_for_a_checkpoint
    )
    monkeypatch.setattr(writer_module, "IDLE_S", 0.01)
    await append(spool, Delivery(serial="SN1", records=punches(range(5))))
    await _until(lambda: spool._checkpointer.failure is not None)
    assert (await append(spool, Delivery(serial="SN1", records=punches(range(9))))).stored == 4
    assert (
        "SQLITE_FULL" in (await spool.stats()).checkpoint_failure
        or "disk is full" in (await spool.stats()).checkpoint_failure
    )


def _no_room_for_a_checkpoint(self, connection):
    connection.execute("PRAGMA max_page_count = 1")
    connection.execute("CREATE TABLE more AS SELECT randomblob(100000)")


async def _until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)
