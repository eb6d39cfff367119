"""Setting a terminal's clock over real sockets: only when it is off, never across punches."""

from datetime import datetime, timedelta

import pytest

from drivers.contract import ClockKeeper
from drivers.errors import BlockedError, DeviceMisbehavedError
from protocols.zk.attendance import AttendanceRow
from protocols.zk.commands import Command
from simulators.zk_terminal import Faults
from tests.drivers.zk_site import SITE_NOW, asking, fetched, rows, terminal


def punch(time: datetime) -> AttendanceRow:
    return AttendanceRow(uid=1, user_id="001", time=time)


@pytest.mark.parametrize("offset_s", [-75, 0, 3600])
async def test_the_clock_is_shown_with_its_offset(offset_s: int) -> None:
    async with asking(terminal(5, clock_offset_s=offset_s)) as gate:
        assert isinstance(gate, ClockKeeper)
        state = await gate.read_clock()
    assert state.reading.device_time == SITE_NOW + timedelta(seconds=offset_s)
    assert state.offset_s == pytest.approx(offset_s, abs=0.5)


@pytest.mark.parametrize("offset_s", [-86_400, -3, 3, 60])
async def test_a_clock_that_is_off_is_set_and_proven(offset_s: int) -> None:
    device = terminal(5, clock_offset_s=offset_s)
    async with asking(device) as gate:
        change = await gate.set_clock(tolerance_s=2.0, allow_backwards=False)
    assert change.written == device.local_time == SITE_NOW
    assert change.before.offset_s == pytest.approx(offset_s, abs=0.5)
    assert abs(change.after.offset_s) < 1
    assert change.newest_punch.device_time == device.log[-1].time
    assert [entry.operation for entry in device.operations] == [21]


@pytest.mark.parametrize(("offset_s", "tolerance_s"), [(2, 2.5), (-1, 2), (0, 0.5), (59, 60)])
async def test_within_the_tolerance_nothing_is_written(offset_s: int, tolerance_s: float) -> None:
    device = terminal(5, clock_offset_s=offset_s)
    async with asking(device) as gate:
        change = await gate.set_clock(tolerance_s=tolerance_s, allow_backwards=False)
    assert change.written is None
    assert change.after == change.before
    assert device.operations == []
    assert device.local_time == SITE_NOW + timedelta(seconds=offset_s)


async def test_never_backwards_across_a_punch() -> None:
    """The newest punch need not be the last row: a clock that stepped leaves it in the middle."""
    newest = SITE_NOW + timedelta(minutes=50)
    device = terminal(
        [*rows(3), punch(newest), punch(SITE_NOW - timedelta(hours=1))], clock_offset_s=3600
    )
    async with asking(device) as gate:
        with pytest.raises(BlockedError, match="user 001") as caught:
            await gate.set_clock(tolerance_s=2.0, allow_backwards=False)
        assert caught.value.code == "clock_backwards"
        assert str(newest) in caught.value.what
        assert "--allow-backwards" in caught.value.remedy
        assert device.operations == []
        change = await gate.set_clock(tolerance_s=2.0, allow_backwards=True)
    assert change.written == device.local_time == SITE_NOW
    assert change.newest_punch.device_time == newest


async def test_a_long_log_is_looked_at_too() -> None:
    """It comes in columns."""
    times = [SITE_NOW + timedelta(seconds=second - 100) for second in range(500)]
    async with asking(terminal([punch(time) for time in times], clock_offset_s=3600)) as gate:
        with pytest.raises(BlockedError) as caught:
            await gate.set_clock(tolerance_s=2.0, allow_backwards=False)
    assert caught.value.code == "clock_backwards"
    assert str(times[-1]) in caught.value.what


async def test_a_punch_of_this_very_second_is_not_crossed() -> None:
    async with asking(terminal([punch(SITE_NOW)], clock_offset_s=600)) as gate:
        change = await gate.set_clock(tolerance_s=2.0, allow_backwards=False)
    assert change.written == SITE_NOW


async def test_an_empty_log_holds_nothing_up() -> None:
    async with asking(terminal(0, clock_offset_s=600)) as gate:
        change = await gate.set_clock(tolerance_s=2.0, allow_backwards=False)
    assert (change.written, change.newest_punch) == (SITE_NOW, None)


async def test_a_log_that_grows_while_it_is_read_is_read_again(monkeypatch) -> None:
    device = terminal(5, clock_offset_s=3600)
    late = punch(SITE_NOW + timedelta(minutes=59))
    async with asking(device) as gate:
        read = gate.fetch
        reads = 0

        async def while_someone_punches(cursor):
            nonlocal reads
            reads += 1
            async for delivery in read(cursor):
                yield delivery
            if reads == 1:
                await device.punch(late)

        monkeypatch.setattr(gate, "fetch", while_someone_punches)
        with pytest.raises(BlockedError) as caught:
            await gate.set_clock(tolerance_s=2.0, allow_backwards=False)
    assert reads == 2
    assert caught.value.code == "clock_backwards"


async def test_a_log_that_never_rests_is_told(monkeypatch) -> None:
    device = terminal(5, clock_offset_s=3600)
    async with asking(device) as gate:
        read = gate.fetch

        async def while_people_punch(cursor):
            async for delivery in read(cursor):
                yield delivery
            await device.punch(rows(1)[0])

        monkeypatch.setattr(gate, "fetch", while_people_punch)
        with pytest.raises(BlockedError) as caught:
            await gate.set_clock(tolerance_s=2.0, allow_backwards=False)
    assert caught.value.code == "log_grows"
    assert device.operations == []


async def test_a_log_that_no_layout_fits_hides_its_newest_punch(monkeypatch) -> None:
    device = terminal(128, clock_offset_s=60)
    table = bytes(range(256)) * 20
    monkeypatch.setattr(
        device._memory, "table", lambda command: len(table).to_bytes(4, "little") + table
    )
    async with asking(device) as gate:
        with pytest.raises(BlockedError) as caught:
            await gate.set_clock(tolerance_s=2.0, allow_backwards=False)
        assert caught.value.code == "log_unreadable"
        assert device.operations == []
        assert (await gate.set_clock(tolerance_s=2.0, allow_backwards=True)).written == SITE_NOW


async def test_a_terminal_that_does_not_take_the_time_is_told() -> None:
    device = terminal(5, Faults(ignores=frozenset({Command.SET_TIME})), clock_offset_s=-600)
    async with asking(device) as gate:
        with pytest.raises(DeviceMisbehavedError) as caught:
            await gate.set_clock(tolerance_s=2.0, allow_backwards=False)
    assert caught.value.code == "clock_not_taken"
    assert str(device.local_time) in caught.value.what


async def test_a_connection_cut_at_the_order_is_told_and_the_next_try_finds_it_done() -> None:
    device = terminal(5, Faults(cut_on=frozenset({Command.SET_TIME})), clock_offset_s=-600)
    async with asking(device) as gate:
        with pytest.raises(DeviceMisbehavedError, match="not known whether"):
            await gate.set_clock(tolerance_s=2.0, allow_backwards=False)
        device.faults = Faults()
        assert (await gate.set_clock(tolerance_s=2.0, allow_backwards=False)).written is None
        (*_, last) = await fetched(gate)
    assert last.on_device == 5
