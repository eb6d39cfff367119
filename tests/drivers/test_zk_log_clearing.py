"""A log is deleted only after it was proven, twice, to be stored; else it is whole."""

import asyncio

import pytest

from drivers.contract import LogClearer
from drivers.errors import BlockedError, DeviceMisbehavedError, DriverError
from drivers.zk_pull import log_clearing
from protocols.records import DeviceEvent, Punch
from protocols.zk.commands import Command
from simulators.zk_terminal import Faults, ZkTerminal
from tests.drivers.zk_site import asking, fetched, punches, rows, terminal


async def stored(gate) -> bytes:
    """The cursor of someone who has stored the whole log."""
    return (await fetched(gate))[-1].cursor


def operations(device: ZkTerminal) -> list[int]:
    return [entry.operation for entry in device.operations]


async def test_a_stored_log_is_deleted_and_the_next_punch_arrives() -> None:
    device = terminal(1_500)
    async with asking(device) as gate:
        assert isinstance(gate, LogClearer)
        cursor = await stored(gate)
        cleared = await gate.clear_log(cursor)
        assert (cleared.serial, cleared.rows) == ("CLK0000000001", 1_500)
        assert device.log == []
        assert not device.disabled
        assert operations(device) == [23]
        await device.punch(rows(1)[0])
        told = punches(await fetched(gate, cursor))
    # By the terminal's own operation log, and by what is no longer there.
    assert [type(record) for record in told] == [DeviceEvent, DeviceEvent, Punch]
    assert told[0].code == "log_cleared"


@pytest.mark.parametrize(("known", "whole"), [(0, 5), (4, 5), (0, 300), (100, 300)])
async def test_rows_that_are_not_stored_are_never_deleted(known: int, whole: int) -> None:
    """A few come by rows, many in columns."""
    device = terminal(known)
    async with asking(device) as gate:
        cursor = await stored(gate)
        device.log.extend(rows(whole - known, start=known))
        with pytest.raises(BlockedError) as caught:
            await gate.clear_log(cursor)
    assert caught.value.code == "clear_not_stored"
    assert f"{whole - known} rows" in caught.value.what
    assert len(device.log) == whole


async def test_a_rewritten_log_is_not_the_stored_one() -> None:
    device = terminal(50)
    async with asking(device) as gate:
        cursor = await stored(gate)
        device.log[3] = rows(1, start=900)[0]
        with pytest.raises(BlockedError, match="50 rows"):
            await gate.clear_log(cursor)
    assert len(device.log) == 50


async def test_a_punch_between_the_two_looks_is_found_by_the_second(monkeypatch) -> None:
    device = terminal(50)
    async with asking(device) as gate:
        cursor = await stored(gate)
        disable = device._memory.disable

        def after_someone_punched(seconds: int | None) -> None:
            device.log.extend(rows(1, start=50))
            disable(seconds)

        monkeypatch.setattr(device._memory, "disable", after_someone_punched)
        with pytest.raises(BlockedError) as caught:
            await gate.clear_log(cursor)
    assert caught.value.code == "clear_not_stored"
    assert len(device.log) == 51
    assert not device.disabled


async def test_nobody_can_punch_from_the_second_look_until_it_is_done(monkeypatch) -> None:
    device = terminal(50)
    seen: list[tuple[str, bool]] = []
    for name in ("prepare", "sizes", "clear_log"):
        genuine = getattr(device._memory, name)

        def noting(*args, name=name, genuine=genuine):
            seen.append((name, device.disabled))
            return genuine(*args)

        monkeypatch.setattr(device._memory, name, noting)
    async with asking(device) as gate:
        cursor = await stored(gate)
        seen.clear()
        await gate.clear_log(cursor)
    assert ("clear_log", True) in seen
    states = [disabled for _, disabled in seen]
    assert states == sorted(states), "once it is disabled it stays so until the end"
    assert {"prepare", "sizes"} <= {name for name, disabled in seen if disabled}


@pytest.mark.parametrize("faults", [Faults(count=49), Faults(count=0), Faults(sizes_bytes=4)])
async def test_counts_that_differ_or_say_nothing_stop_it(faults: Faults) -> None:
    device = terminal(50, faults)
    async with asking(device) as gate:
        cursor = await stored(gate)
        with pytest.raises(BlockedError) as caught:
            await gate.clear_log(cursor)
    assert caught.value.code == "clear_count_differs"
    assert len(device.log) == 50


async def test_bytes_that_no_layout_fits_are_never_deleted(monkeypatch) -> None:
    device = terminal(128)
    async with asking(device) as gate:
        cursor = await stored(gate)
        table = bytes(range(256)) * 20
        monkeypatch.setattr(
            device._memory, "table", lambda command: len(table).to_bytes(4, "little") + table
        )
        with pytest.raises(BlockedError) as caught:
            await gate.clear_log(cursor)
    assert caught.value.code == "clear_unreadable"
    assert len(device.log) == 128


async def test_a_model_whose_empty_log_proves_nothing_is_not_cleared() -> None:
    async with asking(terminal(0), profile="zkteco/speedface_h5l") as gate:
        cursor = await stored(gate)
        with pytest.raises(BlockedError) as caught:
            await gate.clear_log(cursor)
    assert caught.value.code in {"clear_no_proof", "clear_count_differs"}


async def test_a_slow_second_look_stops_it(monkeypatch) -> None:
    """Once the terminal has enabled itself, people punch again."""
    device = terminal(5)
    async with asking(device) as gate:
        cursor = await stored(gate)
        monkeypatch.setattr(log_clearing, "CLEARING_S", 0)
        with pytest.raises(BlockedError) as caught:
            await gate.clear_log(cursor)
    assert caught.value.code == "clear_too_slow"
    assert len(device.log) == 5
    assert not device.disabled


async def test_an_unknown_outcome_is_told_and_nobody_stays_locked_out() -> None:
    device = terminal(50)
    async with asking(device, timeout_s=0.3) as gate:
        cursor = await stored(gate)
        device.faults = Faults(cut_on=frozenset({Command.CLEAR_ATTLOG}))
        with pytest.raises(DeviceMisbehavedError) as caught:
            await gate.clear_log(cursor)
    assert caught.value.code == "clear_unconfirmed"
    assert "50 rows" in caught.value.what
    assert "device count" in caught.value.remedy
    assert not device.disabled


async def test_an_order_that_got_lost_is_told_by_the_rows_that_are_still_there() -> None:
    device = terminal(50, Faults())
    async with asking(device, timeout_s=0.3) as gate:
        cursor = await stored(gate)
        device.faults = Faults(silent_on=frozenset({Command.CLEAR_ATTLOG}))
        with pytest.raises(DeviceMisbehavedError) as caught:
            await gate.clear_log(cursor)
    assert caught.value.code == "order_lost"
    assert "delete 50 rows" in caught.value.what
    assert len(device.log) == 50
    assert not device.disabled


async def test_an_order_that_is_only_acknowledged_is_told() -> None:
    device = terminal(50, Faults(ignores=frozenset({Command.CLEAR_ATTLOG})))
    async with asking(device) as gate:
        cursor = await stored(gate)
        with pytest.raises(DeviceMisbehavedError) as caught:
            await gate.clear_log(cursor)
    assert caught.value.code == "clear_not_taken"
    assert "50 rows" in caught.value.what
    assert not device.disabled


@pytest.mark.parametrize("command", [Command.DISABLE_DEVICE, Command.GET_FREE_SIZES])
async def test_a_connection_cut_before_the_order_deletes_nothing(command: int) -> None:
    device = terminal(50)
    async with asking(device) as gate:
        cursor = await stored(gate)
        device.faults = Faults(stuck_disabled=True, cut_on=frozenset({command}))
        with pytest.raises(DriverError):
            await gate.clear_log(cursor)
    assert len(device.log) == 50
    assert not device.disabled


async def test_a_cancellation_in_the_second_phase_deletes_nothing_and_enables() -> None:
    device = terminal(50)
    async with asking(device, timeout_s=30) as gate:
        cursor = await stored(gate)
        disable = device._memory.disable

        def and_hang(seconds: int | None) -> None:
            device.faults = Faults(
                stuck_disabled=True, silent_on=frozenset({Command.GET_FREE_SIZES})
            )
            disable(seconds)

        device._memory.disable = and_hang
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(gate.clear_log(cursor), 0.3)
    assert len(device.log) == 50
    assert not device.disabled
