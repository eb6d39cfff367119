"""Damage of every kind: the spool opens, keeps what reads, sets the rest aside, and goes on."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from random import Random

import pytest

from drivers.contract import Delivery
from edge_agent.spool.lanes import Lane
from edge_agent.spool.reading import set_aside_files
from edge_agent.spool.store import ChainHead, PastReading, Spool, SpoolCorruptError, SpoolError
from protocols.records import DeviceEvent, Quarantined
from protocols.uplink import Verdict
from tests.edge_agent.spool.deliveries import (
    BOOT,
    NOON,
    ManualClock,
    answer,
    append,
    bulky,
    ids,
    punch,
    punches,
    sent,
)

LOG, LIVE = range(800), range(3_000, 3_060)


async def fill(path, clock, *, copy_to=None):
    """800 rows in bulk, 60 single ones, quarantine, a batch answered and one in flight."""
    spool = Spool.open(path, clock=clock, boot_id=BOOT)
    try:
        bad = Quarantined(source="SN1", offset=9, reason="day 40", raw=b"\xff" * 40)
        for first in range(0, 800, 200):
            await append(
                spool,
                Delivery(serial="SN1", records=bulky(range(first, first + 200)), cursor=b"end" if first == 600 else b"more",
                         quarantined=(bad,)),
                lane=Lane.PUNCH_BACKLOG,
            )  # fmt: skip
        for number in LIVE:
            await append(
                spool,
                Delivery(
                    serial="SN2",
                    records=(punch(number, "SN2"),),
                    cursor=b"end" if number == LIVE[-1] else b"more",
                ),
            )
        batch = await spool.next_batch("core", limit=300)
        await spool.settle(
            "core", answer(batch, [Verdict.REJECTED, Verdict.KEEP]), batch_hash=b"1" * 32
        )
        await spool.next_batch("core", limit=50)
        if copy_to is not None:  # as a power cut leaves it: most of it in the log
            for suffix in ("", "-wal"):
                shutil.copy(f"{path}{suffix}", f"{copy_to}{suffix}")
    finally:
        spool.close()
    return ids(punches(LOG)) + ids(punches(LIVE, "SN2"))


def damage(file, chance, kind):
    data = bytearray(file.read_bytes())
    if kind == "flips":
        for _ in range(chance.randrange(1, 30)):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    elif kind == "zeroed":
        for _ in range(chance.randrange(1, 6)):
            page = chance.randrange(len(data) // 4_096 + 1) * 4_096
            data[page : page + 4_096] = bytes(len(data[page : page + 4_096]))
    elif kind == "truncated":
        del data[chance.randrange(len(data)) :]
    elif kind == "noise":
        start = chance.randrange(len(data))
        data[start : start + 20_000] = chance.randbytes(len(data[start : start + 20_000]))
    else:
        data[:] = b"PK\x03\x04 another program's file" * 40
    file.write_bytes(data)


async def drain(spool, sink="core"):
    got = []
    while batch := await spool.next_batch(sink, limit=500):
        got += sent(batch)
        await spool.settle(sink, answer(batch), batch_hash=batch.number.to_bytes(32, "big"))
    return got


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Folders with a closed spool and with one cut off, and the ids of their rows."""
    closed, cut = (tmp_path_factory.mktemp(name) / "spool.db" for name in ("closed", "cut"))
    wanted = asyncio.run(fill(closed, ManualClock(), copy_to=cut))
    return {"closed": closed, "cut": cut}, wanted


@pytest.mark.parametrize("kind", ["flips", "zeroed", "truncated", "noise", "foreign"])
@pytest.mark.parametrize(("state", "suffix"), [("closed", ""), ("cut", ""), ("cut", "-wal")])
async def test_it_always_opens_and_never_loses_what_reads(tmp_path, whole, state, suffix, kind):
    folders, wanted = whole
    salvaged = 0
    for seed in range(6):
        path = tmp_path / f"{seed}" / "spool.db"
        path.parent.mkdir()
        for part in ("", "-wal"):
            if (source := folders[state].with_name(f"spool.db{part}")).exists():
                shutil.copy(source, f"{path}{part}")
        damage(path.with_name(f"spool.db{suffix}"), Random(f"{state}{suffix}{kind}{seed}"), kind)
        salvaged += await check(path, set(wanted), seed)
    # A torn end of the log is what a power cut leaves: no damage, and no commit that was synced.
    assert salvaged >= (0 if (suffix, kind) == ("-wal", "truncated") else 4)


async def check(path, wanted, seed):
    spool = Spool.open(path, clock=ManualClock(), boot_id="boot-2", heal=True)
    try:
        if spool.salvaged is not None:
            assert spool.salvaged.set_aside.exists()
            assert spool.salvaged.why
        for device in (await spool.stats()).devices:
            assert device.received == (
                device.stored + device.known + device.quarantined + device.quarantined_again
            ), seed
        here = set(await drain(spool, "other"))
        for serial, rows in (("SN1", ids(punches(LOG))), ("SN2", ids(punches(LIVE, "SN2")))):
            stored = len(here & set(rows))
            # Where a cursor stands, nothing before it is missing.
            if await spool.cursor(serial) == b"end":
                assert stored == len(rows), (seed, serial)
        # What the devices still have comes again, and all of it is there then, once.
        await append(spool, Delivery(serial="SN1", records=bulky(LOG)), lane=Lane.PUNCH_BACKLOG)
        await append(spool, Delivery(serial="SN2", records=punches(LIVE, "SN2")))
        more = await drain(spool, "other")
        assert not here & set(more), seed
        assert wanted <= here | set(more), seed
        await drain(spool)
    finally:
        spool.close()
    Spool.open(path, clock=ManualClock(), boot_id="boot-3").close()
    return spool.salvaged is not None


async def test_a_flipped_byte_of_a_page_costs_that_page_alone(path, clock):
    wanted = await fill(path, clock)
    data = bytearray(path.read_bytes())
    # Somewhere in the middle of the file there are only bodies of the bulk.
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(SpoolCorruptError):
        Spool.open(path, clock=clock, boot_id=BOOT)
    spool = Spool.open(path, clock=clock, boot_id="boot-2", heal=True)
    try:
        report = spool.salvaged
        assert 0 < report.lost["SN1"] <= 200
        assert report.pulled_again == ("SN1",)
        assert not report.sent_again
        assert await spool.cursor("SN1") is None
        assert await spool.cursor("SN2") == b"end", "of a device that lost nothing"
        event = next(
            one.record for one in await spool.peek("x", limit=9_999)
            if isinstance(one.record, DeviceEvent)
        )  # fmt: skip
        assert event.code == "spool_salvaged"
        assert event.detail["lost_rows"] == report.lost["SN1"]
        assert "SN1" in event.detail["lost_of"]
        head = await spool.chain_head("core")
        assert head == ChainHead(number=1, batch_hash=b"1" * 32), "the chain goes on"
        again = await append(spool, Delivery(serial="SN1", records=bulky(LOG)))
        assert again.stored == report.lost["SN1"]
        got = await drain(spool)
        assert len(got) == len(set(got))
        assert set(wanted) - set(got) <= set(wanted[:300]) | set(ids(punches(LIVE, "SN2")))
    finally:
        spool.close()
    (aside,) = set_aside_files(path)
    assert aside.read_bytes() == data


async def test_a_head_is_adopted_once_and_only_after_a_salvage(path, clock):
    await fill(path, clock)
    head = ChainHead(number=7, batch_hash=b"7" * 32)
    spool = Spool.open(path, clock=clock, boot_id=BOOT)
    with pytest.raises(SpoolError):
        await spool.adopt_head("core", head)
    spool.close()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    spool = Spool.open(path, clock=clock, boot_id=BOOT, heal=True)
    try:
        await spool.adopt_head("core", head)
        assert await spool.chain_head("core") == head
        batch = await spool.next_batch("core", limit=3)
        assert (batch.number, batch.previous) == (8, b"7" * 32)
        with pytest.raises(SpoolError):
            await spool.adopt_head("core", head)
    finally:
        spool.close()


@pytest.mark.parametrize("ends", ['{"1":', "[]", '{"1":"4"}', '{"gate":4}', '{"1":-4}'])
@pytest.mark.parametrize("table", ["devices", "read_marks"])
async def test_a_damaged_mark_of_a_read_is_found_and_costs_no_row(path, clock, table, ends):
    """SQLite has no checksums, and the writer would stumble over it at every delivery."""
    spool = Spool.open(path, clock=clock, boot_id=BOOT)
    await spool.append(
        Delivery(serial="SN1", records=punches(range(3)), on_device=3, log_rows=3, cursor=b"end"),
        device_name="gate", zone="UTC", lane=Lane.PUNCH_LIVE, received_at=NOON, clock_offset_ms=0,
        past_reading=PastReading(read_from=NOON, offset_ms=0),
    )  # fmt: skip
    spool.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute(f"UPDATE {table} SET ends = ?", (ends,)).rowcount == 1  # noqa: S608 - our own names
    with pytest.raises(SpoolCorruptError, match="a mark of a read"):
        Spool.open(path, clock=clock, boot_id=BOOT)
    spool = Spool.open(path, clock=clock, boot_id=BOOT, heal=True)
    try:
        assert (spool.salvaged.rows, spool.salvaged.lost) == (3, {})
        appended = await append(spool, Delivery(serial="SN1", records=punches(range(4))))
        assert (appended.stored, appended.known) == (1, 3)
    finally:
        spool.close()


async def test_of_a_file_whose_end_is_cut_off_the_lost_rows_are_named(path, clock):
    """SQLite opens no file that is shorter than its header says, so nothing named what was lost."""
    spool = Spool.open(path, clock=clock, boot_id=BOOT)
    for first in range(0, 1_200, 100):
        await append(spool, Delivery(serial="SN1", records=bulky(range(first, first + 100))))
    spool.close()
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 3 * 4_096)
    spool = Spool.open(path, clock=clock, boot_id=BOOT, heal=True)
    try:
        assert spool.salvaged.lost == {"SN1": 1_200 - spool.salvaged.rows}
        assert 0 < spool.salvaged.rows < 1_200
    finally:
        spool.close()
