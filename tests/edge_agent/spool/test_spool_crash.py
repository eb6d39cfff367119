"""Processes that die, and disks that fill: what was acknowledged is there, the spool goes on."""

import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest

from drivers.contract import Delivery
from edge_agent.spool import schema
from edge_agent.spool.store import Spool, SpoolError, SpoolFullError
from protocols.identity import event_id
from tests.edge_agent.spool.deliveries import (
    BOOT,
    ManualClock,
    answer,
    append,
    bulky,
    ids,
    punches,
    sent,
)

# Appends single punches and pages from several tasks and prints the number of each punch once its
# append has returned; takes and settles batches meanwhile.
APPENDER = """
import asyncio, itertools, sys
from pathlib import Path
from drivers.contract import Delivery
from edge_agent.spool.store import Spool
from edge_agent.system_clock import SystemClock
from protocols.punch_columns import columns_of
from tests.edge_agent.spool.deliveries import answer, append, punches

async def produce(spool, serial, size, form="records", make=tuple):
    start = int(await spool.cursor(serial) or 0)
    for first in itertools.count(start, size):
        numbers = range(first, first + size)
        delivery = Delivery(serial=serial, cursor=str(first + size).encode(),
                            **{form: make(punches(numbers, serial))})
        await append(spool, delivery)
        sys.stdout.write(f"{serial} {first + size}\\n")
        sys.stdout.flush()

async def drain(spool):
    while True:
        batch = await spool.next_batch("core", limit=50)
        if batch is not None:
            await spool.settle("core", answer(batch))
        await asyncio.sleep(0)

async def main():
    spool = Spool.open(Path(sys.argv[1]), clock=SystemClock(), boot_id="child")
    await asyncio.gather(produce(spool, "SN1", 1), produce(spool, "SN2", 1),
                         produce(spool, "SN3", 40),
                         produce(spool, "SN4", 200, "packed", columns_of), drain(spool))

asyncio.run(main())
"""

# Fills a spool until the file may not grow, then is given room and appends again.
FILLER = """
import asyncio, json, resource, sys
from pathlib import Path
from drivers.contract import Delivery
from edge_agent.spool.store import Spool, SpoolError
from edge_agent.system_clock import SystemClock
from tests.edge_agent.spool.deliveries import append, punches

async def main():
    spool = Spool.open(Path(sys.argv[1]), clock=SystemClock(), boot_id="child")
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    done, failures = 0, 0
    while failures < 3:  # in a row: a first one may still make room by moving the log
        delivery = Delivery(serial="SN1", records=punches(range(done, done + 20)), cursor=b"%d" % done)
        try:
            await append(spool, delivery)
            done, failures = done + 20, 0
        except SpoolError as exc:
            error, failures = exc, failures + 1
    cursor = await spool.cursor("SN1")
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    resumed = await append(spool, delivery)
    spool.close()
    print(json.dumps({"done": done, "code": error.code, "remedy": error.remedy,
                      "cursor": cursor.decode(), "resumed": resumed.stored}))

asyncio.run(main())
"""


def start(script, path, repository):
    return subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        cwd=repository,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
async def test_kill_9_loses_nothing_that_was_acknowledged(seed, path, repository):
    """`seed` chooses the instants. Each process continues on the file of the one before."""
    chance = random.Random(seed)
    acknowledged = {"SN1": 0, "SN2": 0, "SN3": 0, "SN4": 0}
    for _ in range(2):
        with start(APPENDER, path, repository) as child:
            lines = [child.stdout.readline() for _ in range(chance.randrange(3, 40))]
            deadline = time.monotonic() + chance.random() * 0.05
            while time.monotonic() < deadline:
                lines.append(child.stdout.readline())
            child.send_signal(signal.SIGKILL)
            lines += child.stdout.read().splitlines()
        for line in lines:
            words = line.split()
            if len(words) == 2:
                acknowledged[words[0]] = max(acknowledged[words[0]], int(words[1]))
    assert all(acknowledged.values()), acknowledged

    spool = Spool.open(path, clock=ManualClock(), boot_id=BOOT)
    try:
        for serial, count in acknowledged.items():
            for record in punches(range(count), serial):
                assert await spool.find(event_id(record)) is not None, (seed, record)
        devices = {device.serial: device for device in (await spool.stats()).devices}
        for serial, device in devices.items():
            # The cursor is what is stored, to the row: one transaction.
            assert device.stored == int(await spool.cursor(serial)) >= acknowledged[serial]
        pending = (await spool.backlog("core")).total
        drained = []
        while batch := await spool.next_batch("core", limit=1_000):
            drained += sent(batch)
            await spool.settle("core", answer(batch))
        assert len(drained) == len(set(drained)) == pending
        stats = await spool.stats()
        assert all(device.acked == device.stored for device in stats.devices)
    finally:
        spool.close()


@pytest.mark.slow
async def test_a_file_that_may_not_grow_fails_the_append_and_recovers_alone(path, repository):
    with start(FILLER, path, repository) as child:
        report = json.loads(child.stdout.read())

    assert child.returncode == 0
    assert report["done"] > 0
    assert report["code"] == "spool_full"
    assert report["remedy"]
    assert int(report["cursor"]) == report["done"] - 20
    assert report["resumed"] == 20
    spool = Spool.open(path, clock=ManualClock(), boot_id=BOOT)
    try:
        assert (await spool.stats()).devices[0].stored == report["done"] + 20
    finally:
        spool.close()


async def test_a_full_database_fails_every_append_of_the_group_then_reopens(spool, path):
    await append(spool, Delivery(serial="SN1", records=punches(range(10))))
    before = spool._writer._connection

    def fill_up(connection):
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    await spool._writer.run(fill_up)
    page = Delivery(serial="SN1", records=bulky(range(10, 2_000)), cursor=b"end")
    with pytest.raises(SpoolFullError) as full:
        await append(spool, page)
    assert full.value.code == "spool_full"
    assert str(path.parent) in full.value.remedy
    assert await spool.cursor("SN1") is None

    # The bound was a property of the connection, so success shows that another one is in use.
    assert (await append(spool, page)).stored == 1_990
    assert spool._writer._connection is not before
    assert await spool.cursor("SN1") == b"end"
    drained = []
    while batch := await spool.next_batch("core", limit=5_000):
        drained += sent(batch)
        await spool.settle("core", answer(batch))
    assert drained == ids(punches(range(2_000)))


async def test_a_crash_before_the_answer_gives_the_same_batch(path, clock, repository):
    spool = Spool.open(path, clock=clock, boot_id=BOOT)
    await append(spool, Delivery(serial="SN1", records=punches(range(9))))
    spool.close()
    script = """
import asyncio, os, sys
from pathlib import Path
from edge_agent.spool.store import Spool
from edge_agent.system_clock import SystemClock
async def main():
    spool = Spool.open(Path(sys.argv[1]), clock=SystemClock(), boot_id="child")
    batch = await spool.next_batch("core", limit=4)
    print(batch.number, *(o.event_id for o in batch.observations), flush=True)
    os._exit(9)
asyncio.run(main())
"""
    with start(script, path, repository) as child:
        number, *members = child.stdout.read().split()

    spool = Spool.open(path, clock=clock, boot_id=BOOT)
    try:
        batch = await spool.next_batch("core", limit=9)
        assert (batch.number, sent(batch)) == (int(number), members)
        assert members == ids(punches(range(4)))
    finally:
        spool.close()


async def test_after_an_io_error_nothing_is_committed_behind_the_log_in_doubt(spool, path):
    """The next commit starts a log of its own: a failed fsync is told once, then forgotten."""
    wal = path.with_name("spool.db-wal")
    await append(spool, Delivery(serial="SN1", records=bulky(range(500))))
    await spool.cursor("SN1")  # the reader's connection keeps the log when the writer's closes
    assert wal.stat().st_size > 100_000

    with pytest.raises(SpoolError) as failed:
        await spool._writer.run(_io_error)
    assert failed.value.code == "spool_io_error"
    assert wal.stat().st_size > 100_000
    assert (await append(spool, Delivery(serial="SN1", records=bulky(range(501))))).stored == 1

    assert wal.stat().st_size < 30_000
    assert (await spool.stats()).devices[0].stored == 501


async def test_a_log_in_doubt_that_cannot_be_moved_takes_no_commit(spool, path, monkeypatch):
    monkeypatch.setattr(schema, "BUSY_TIMEOUT_S", 0.05)
    await append(spool, Delivery(serial="SN1", records=punches(range(5))))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT sum(last_arrival - first_arrival + 1) FROM pages").fetchone()
        await append(spool, Delivery(serial="SN1", records=punches(range(6))))
        for job in (_io_error, lambda connection: None):
            with pytest.raises(SpoolError):
                await spool._writer.run(job)
    assert (await append(spool, Delivery(serial="SN1", records=punches(range(7))))).stored == 1


def _io_error(connection):
    raise sqlite3.OperationalError("disk I/O error")


async def test_a_file_that_went_away_is_an_error_not_a_new_spool(spool, path):
    def break_connection(connection):
        connection.execute("PRAGMA max_page_count = 1")

    await append(spool, Delivery(serial="SN1", records=punches(range(3))))
    await spool._writer.run(break_connection)
    for file in path.parent.glob("spool.db*"):
        file.unlink()
    for _ in range(2):
        with pytest.raises(Exception, match=r"spool\.db"):
            await append(spool, Delivery(serial="SN1", records=bulky(range(3, 3_000))))
    assert not path.exists()


async def test_the_writing_connection_syncs_every_commit_and_never_checkpoints(spool, path):
    def settings(connection):
        return [
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "wal_autocheckpoint")
        ]

    assert await spool._writer.run(settings) == ["wal", 2, 0]
    with closing(schema.connect(path)) as connection:
        assert settings(connection) == ["wal", 2, 0]
