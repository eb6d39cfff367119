"""A terminal that takes no punches for a while takes them again, however the while ends."""

import asyncio

import pytest

from drivers.contract import Pausable
from drivers.errors import DeviceMisbehavedError, DriverError, LinkDownError
from protocols.zk.commands import Command
from simulators.zk_terminal import Faults, TerminalDisabledError
from tests.drivers.zk_site import asking, fetched, rows, terminal


async def test_nobody_punches_inside_and_everybody_after() -> None:
    device = terminal(5)
    async with asking(device) as gate:
        assert isinstance(gate, Pausable)
        async with gate.disabled(30):
            assert device.disabled
            with pytest.raises(TerminalDisabledError):
                await device.punch(rows(1)[0])
            assert (await fetched(gate))[-1].on_device == 5
        assert not device.disabled
        await device.punch(rows(1)[0])


async def test_nothing_disables_unasked() -> None:
    device = terminal(5, Faults(stuck_disabled=True), clock_offset_s=60)
    async with asking(device) as gate:
        await fetched(gate)
        await gate.users()
        await gate.set_clock(tolerance_s=2, allow_backwards=False)
        assert not device.disabled


async def test_an_error_inside_enables() -> None:
    device = terminal(5, Faults(stuck_disabled=True))
    async with asking(device) as gate:
        with pytest.raises(ZeroDivisionError):
            async with gate.disabled(30):
                raise ZeroDivisionError
        assert not device.disabled


async def test_a_cancellation_in_the_middle_of_a_download_enables() -> None:
    device = terminal(500, Faults(stuck_disabled=True, silent_on=frozenset({Command.READ_CHUNK})))
    async with asking(device, timeout_s=30) as gate:
        inside = asyncio.Event()

        async def work() -> None:
            async with gate.disabled(30):
                inside.set()
                await fetched(gate)

        task = asyncio.ensure_future(work())
        await inside.wait()
        await asyncio.sleep(0.05)
        assert device.disabled
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not device.disabled


async def test_cancelling_twice_does_not_stop_the_enabling() -> None:
    device = terminal(5, Faults(stuck_disabled=True))
    async with asking(device) as gate:
        inside = asyncio.Event()

        async def work() -> None:
            async with gate.disabled(30):
                inside.set()
                await asyncio.sleep(60)

        task = asyncio.ensure_future(work())
        await inside.wait()
        task.cancel()
        while not task.done():
            await asyncio.sleep(0)
            task.cancel()
        assert task.cancelled()
        assert not device.disabled


async def test_a_cancellation_while_disabling_is_awaited_enables() -> None:
    """The order may have arrived although its answer did not."""
    device = terminal(5, Faults(stuck_disabled=True))
    async with asking(device, timeout_s=30) as gate:
        await gate.identity()
        answers = device._memory.disable

        async def work() -> None:
            async with gate.disabled(30):
                pytest.fail("never got inside")

        task = asyncio.ensure_future(work())
        device._memory.disable = lambda seconds: (answers(seconds), task.cancel())
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not device.disabled


@pytest.mark.parametrize("command", [Command.DISABLE_DEVICE, Command.GET_FREE_SIZES])
async def test_a_cut_connection_enables_over_a_new_one(command: int) -> None:
    device = terminal(5, Faults(stuck_disabled=True, cut_on=frozenset({command})))
    async with asking(device) as gate:
        with pytest.raises(LinkDownError):
            async with gate.disabled(30):
                await gate.count()
        assert not device.disabled
        assert device.connections == 2


async def test_a_terminal_that_cannot_be_enabled_says_both_failures() -> None:
    device = terminal(5, Faults(stuck_disabled=True))
    async with asking(device) as gate:

        async def work() -> None:
            async with gate.disabled(30):
                device.faults = Faults(
                    cut_on=frozenset({Command.GET_FREE_SIZES}), refuse_connect=2032
                )
                await gate.count()

        with pytest.raises(DeviceMisbehavedError) as caught:
            await work()
        assert caught.value.code == "not_enabled"
        assert "closed the connection" in caught.value.what
        assert "2032" in caught.value.what
        assert "unstick" in caught.value.remedy
        assert device.disabled
        device.faults = Faults()
        await gate.enable()
        assert not device.disabled


async def test_a_cancellation_stays_one_when_enabling_fails() -> None:
    device = terminal(5)
    async with asking(device) as gate:

        async def work() -> None:
            async with gate.disabled(30):
                await device.stop()
                await asyncio.sleep(60)

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(work(), 0.3)


async def test_a_refused_order_is_a_plain_error() -> None:
    device = terminal(5)
    device._memory.disable = lambda seconds: None
    async with asking(device) as gate:
        handlers = "simulators.zk_terminal.conversation.Conversation._disable"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(handlers, lambda self, packet: self._unknown(packet))
            with pytest.raises(DriverError) as caught:
                async with gate.disabled(30):
                    pytest.fail("never got inside")
        assert caught.value.code == "unknown_command"


async def test_a_terminal_that_is_away_is_told_as_such() -> None:
    device = terminal(5)
    async with asking(device) as gate:
        await device.stop()
        with pytest.raises(LinkDownError) as caught:
            async with gate.disabled(30):
                pytest.fail("never got inside")
        assert caught.value.code == "link_refused"


async def test_unlock_and_restart() -> None:
    device = terminal(5)
    async with asking(device) as gate:
        await gate.unlock(3)
        assert device.door_tenths == [30]
        async with gate.disabled(30):
            await gate.restart()
        assert [entry.operation for entry in device.operations] == [29, 1, 0]
        assert (await gate.identity()).serial == "CLK0000000001"


async def test_a_restart_of_a_terminal_that_is_away_is_no_success() -> None:
    device = terminal(5)
    async with asking(device) as gate:
        await device.stop()
        with pytest.raises(LinkDownError):
            await gate.restart()


async def test_a_restart_that_nobody_hears_is_not_told_as_done() -> None:
    device = terminal(5, Faults(silent_on=frozenset({Command.RESTART})))
    async with asking(device, timeout_s=0.2) as gate:
        with pytest.raises(DeviceMisbehavedError, match="still answers") as caught:
            await gate.restart()
    assert caught.value.code == "order_unknown"


async def test_a_restart_without_any_answer_is_a_success() -> None:
    device = terminal(5)

    def silent_from_restart_on(command: int) -> bool:
        if command == Command.RESTART:
            device._memory.stays_silent = lambda command: True
        return command == Command.RESTART

    device._memory.stays_silent = silent_from_restart_on
    async with asking(device, timeout_s=0.2) as gate:
        await gate.restart()
