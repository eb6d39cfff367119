"""The heartbeat: the snapshot, the watchdog and the gateway's own clock."""

import asyncio
import contextlib
import json
import os
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from drivers.contract import Delivery
from edge_agent.notify import Notifier
from edge_agent.ntp_sync import NtpSync
from edge_agent.pulse import PULSE_S, WRITER_LIMIT_S, Pulse, Watched
from edge_agent.spool import writer
from edge_agent.spool.store import Lane, Spool, SpoolError
from edge_agent.timekeeping import Timekeeper
from protocols.identity import event_id
from protocols.records import Flag, Punch

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
FLOOR = datetime(2026, 1, 1, tzinfo=UTC)
NOW_TO_1970 = datetime(1970, 1, 1, tzinfo=UTC) - NOW


class HandClock:
    """Wall and monotonic time set by hand; sleeping waits for `beat`."""

    def __init__(self, wall):
        self.wall = wall
        self.seconds = 0.0
        self.beats = asyncio.Queue()
        self.asleep = asyncio.Event()

    def now(self):
        return self.wall

    def monotonic(self):
        return self.seconds

    async def sleep(self, seconds):
        self.asleep.set()
        await self.beats.get()

    async def until_asleep(self):
        """The pulse waits for the next beat: whatever the one before asked for is done."""
        async with asyncio.timeout(30):  # against hanging
            await self.asleep.wait()

    def pass_time(self, seconds):
        self.wall += timedelta(seconds=seconds)
        self.seconds += seconds


class Told(Notifier):
    def __init__(self, *, watchdog_s=60):
        super().__init__({})
        self.watchdog_s = watchdog_s
        self.said = []

    def ready(self, status):
        self.said.append("ready")

    def alive(self, status):
        self.said.append("alive")


class StuckWorker:
    def __init__(self, *, stuck):
        self._stuck = stuck

    def stuck(self, now_s):
        return self._stuck

    def report(self):
        from edge_agent.supervisor.states import DeviceState
        from edge_agent.supervisor.worker import DeviceReport

        return DeviceReport(
            name="gate", kind="zk-pull", state=DeviceState.READY, since=NOW, serial="S1",
            profile=None, clock_offset_ms=12, problem=None, failures=0,
        )  # fmt: skip


@pytest.fixture
def clock():
    return HandClock(NOW)


@pytest.fixture
def spool(tmp_path, clock):
    opened = Spool.open(tmp_path / "spool.db", clock=clock, boot_id="boot-1")
    yield opened
    opened.close()


@contextlib.asynccontextmanager
async def beating(spool, clock, timekeeper, tmp_path, *, workers=(), notifier=None, ntp=None):
    pulse = Pulse(
        clock=clock, timekeeper=timekeeper, spool=spool, watched=Watched(workers=lambda: workers), changed=asyncio.Event(),
        notifier=notifier or Told(), gateway="gw", zone="Asia/Shanghai", boot_id="boot-1", snapshot_path=tmp_path / "status.json",
        version="0", ntp=ntp,
    )  # fmt: skip
    task = asyncio.ensure_future(pulse.run())
    await clock.until_asleep()
    try:
        yield pulse
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def beat(clock, seconds=PULSE_S):
    clock.pass_time(seconds)
    clock.asleep.clear()
    clock.beats.put_nowait(None)
    await clock.until_asleep()


def punch(minute):
    return Punch(
        serial="S1", user_id="1", device_time=datetime(2026, 11, 22, 16, minute), state=0, verify=1
    )


async def store(spool, timekeeper, record):
    stamp = timekeeper.stamp()
    await spool.append(
        Delivery(serial="S1", records=[record]), device_name="gate", zone="Asia/Shanghai",
        lane=Lane.PUNCH_LIVE, received_at=stamp.received_at, clock_offset_ms=None,
        flags=stamp.flags,
    )  # fmt: skip


async def test_ready_first_then_alive_and_a_snapshot_each_beat(spool, clock, tmp_path):
    told = Told()
    keeper = Timekeeper(clock, None, FLOOR)
    workers = (StuckWorker(stuck=False),)
    async with beating(spool, clock, keeper, tmp_path, workers=workers, notifier=told):
        assert told.said == ["ready"]
        await beat(clock)
        assert told.said == ["ready", "alive"]
    written = json.loads((tmp_path / "status.json").read_text())
    assert written["time"] == {"trusted": True}
    assert written["devices"][0]["name"] == "gate"
    assert datetime.fromisoformat(written["written_at"]) == NOW + timedelta(seconds=PULSE_S)


async def test_a_stuck_worker_starves_the_watchdog(spool, clock, tmp_path):
    told = Told()
    keeper = Timekeeper(clock, None, FLOOR)
    workers = (StuckWorker(stuck=True),)
    async with beating(spool, clock, keeper, tmp_path, workers=workers, notifier=told):
        await beat(clock)
    assert told.said == ["ready"]


async def test_a_stuck_writer_starves_the_watchdog(spool, clock, tmp_path, monkeypatch):
    told = Told()
    monkeypatch.setattr(spool, "progress", lambda: -WRITER_LIMIT_S - 1)
    async with beating(spool, clock, Timekeeper(clock, None, FLOOR), tmp_path, notifier=told):
        await beat(clock)
    assert told.said == ["ready"]


@pytest.mark.slow
async def test_an_idle_hour_is_fed_all_the_way(spool, clock, tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "IDLE_S", 0.001)  # its idle rounds keep up with the hour
    told = Told()
    async with beating(spool, clock, Timekeeper(clock, None, FLOOR), tmp_path, notifier=told):
        for _ in range(int(3_600 // PULSE_S)):
            clock.pass_time(PULSE_S)
            async with asyncio.timeout(30):  # against hanging
                while spool.progress() < clock.monotonic():
                    await asyncio.sleep(0.001)
            await beat(clock, 0)
    assert told.said.count("alive") == 3_600 // PULSE_S


async def test_a_short_patience_is_fed_in_time(spool, clock, tmp_path):
    told = Told(watchdog_s=4)
    keeper = Timekeeper(clock, None, FLOOR)
    async with beating(spool, clock, keeper, tmp_path, notifier=told) as pulse:
        await beat(clock, 1)
    assert pulse._beat_s == 1
    assert told.said == ["ready", "alive"]


async def test_receipts_of_a_lost_clock_are_kept_and_corrected_by_the_measured_step(
    spool, clock, tmp_path
):
    clock.wall = datetime(1970, 1, 1, 0, 1, tzinfo=UTC)
    keeper = Timekeeper(clock, None, FLOOR)
    async with beating(spool, clock, keeper, tmp_path):
        assert not keeper.trusted
        await store(spool, keeper, punch(0))
        before = await spool.find(event_id(punch(0)))
        assert before.observation.flags == (Flag.GATEWAY_CLOCK_SUSPECT,)
        clock.pass_time(60)
        clock.wall = NOW  # the time service sets the clock a minute after the punch
        await beat(clock, 0)
        after = await spool.find(event_id(punch(0)))
    assert abs(after.observation.received_at - (NOW - timedelta(seconds=60))) < timedelta(seconds=1)
    assert json.loads((tmp_path / "status.json").read_text())["time"] == {"trusted": True}


async def test_a_step_that_could_not_be_applied_is_applied_later(
    spool, clock, tmp_path, monkeypatch
):
    clock.wall = datetime(1970, 1, 1, tzinfo=UTC)
    keeper = Timekeeper(clock, None, FLOOR)
    async with beating(spool, clock, keeper, tmp_path):
        await store(spool, keeper, punch(1))

        async def full(boot_id, step):
            raise SpoolError("disk full", where="here", remedy="free space", code="spool_full")

        with monkeypatch.context() as patched:
            patched.setattr(spool, "correct_received_at", full)
            clock.wall = NOW
            await beat(clock, 0)
        await beat(clock)
        after = await spool.find(event_id(punch(1)))
    assert after.observation.received_at.year == NOW.year


async def test_the_time_service_ends_a_spell_in_the_future(spool, clock, tmp_path):
    """Its file is touched in the very moment in which the clock goes back to the truth."""
    touched = tmp_path / "synchronized"
    touched.touch()
    clock.wall = NOW + timedelta(days=3_650)
    keeper = Timekeeper(clock, NOW, FLOOR)
    await store(spool, keeper, punch(1))
    async with beating(spool, clock, keeper, tmp_path, ntp=NtpSync(touched)):
        await beat(clock)
        clock.wall = NOW
        await beat(clock)
        assert not keeper.trusted  # nobody who knows has said that this is right
        os.utime(touched, (clock.wall.timestamp(), clock.wall.timestamp()))
        await beat(clock)
        assert keeper.trusted


async def test_trust_lost_and_regained_in_one_beat(spool, clock, tmp_path):
    touched = tmp_path / "synchronized"
    clock.wall = NOW + timedelta(days=3_650)
    keeper = Timekeeper(clock, NOW, FLOOR)
    keeper.stamp()
    async with beating(spool, clock, keeper, tmp_path, ntp=NtpSync(touched)):
        clock.wall = NOW
        touched.touch()
        os.utime(touched, (clock.wall.timestamp(), clock.wall.timestamp()))
        await beat(clock)
        assert keeper.trusted


def test_a_synchronisation_is_news_once(tmp_path):
    touched = tmp_path / "synchronized"
    sync = NtpSync(touched)
    assert sync.reference() is None
    touched.touch()
    os.utime(touched, (NOW.timestamp(), NOW.timestamp()))
    assert sync.reference() == NOW
    assert sync.reference() is None


@pytest.mark.parametrize(
    "jump",
    [timedelta(seconds=3), timedelta(hours=-1), timedelta(days=3_650), NOW_TO_1970],
    ids=["ntp", "set back an hour", "ten years", "1970"],
)
async def test_a_jump_is_an_event_and_changes_neither_order_nor_count(spool, clock, tmp_path, jump):
    keeper = Timekeeper(clock, None, FLOOR)
    async with beating(spool, clock, keeper, tmp_path):
        for minute in range(4):
            if minute == 2:
                clock.wall += jump
                await beat(clock, 0)
            clock.pass_time(10)
            await store(spool, keeper, punch(minute))
    seen = [row for row in await spool.peek("core") if isinstance(row.record, Punch)]
    (event,) = [row.record for row in await spool.peek("core") if row.record.serial == "gw"]
    assert event.code == "gateway_clock_step"
    assert abs(event.detail["step_ms"] - jump / timedelta(milliseconds=1)) < 1_000
    assert event.detail["boot_id"] == "boot-1"
    assert [row.record.device_time.minute for row in seen] == [0, 1, 2, 3]
    stored = [await spool.find(event_id(punch(minute))) for minute in range(4)]
    assert {row.boot_id for row in stored} == {"boot-1"}
    ticks = [row.monotonic_ms for row in stored]
    assert [b - a for a, b in pairwise(ticks)] == [10_000] * 3
