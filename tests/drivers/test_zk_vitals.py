"""What the ZK driver notices beside records, on a simulated terminal."""

import pytest

from drivers.errors import DriverError
from drivers.vitals import Memory, Observed
from protocols.zk.commands import Command
from simulators.zk_terminal import Disturbance, Faults
from tests.drivers.test_zk_layout_pin import becomes
from tests.drivers.zk_site import Layout, asking, fetched, terminal


async def memories(device, **config) -> dict[str, Memory]:
    async with asking(device, **config) as gate:
        assert isinstance(gate, Observed)
        assert gate.vitals().memories == ()  # nobody has looked
        await fetched(gate)
        return {memory.name: memory for memory in gate.vitals().memories}


async def test_how_full_a_terminal_is() -> None:
    found = await memories(terminal(90, record_capacity=100, user_capacity=200))
    assert (found["punches"].used, found["punches"].capacity) == (90, 100)
    assert found["punches"].percent == 90
    assert (found["users"].used, found["users"].capacity) == (50, 200)
    assert found["fingers"].percent is None
    assert found["faces"].percent is None


async def test_rows_that_were_read_are_better_than_a_count_of_zero() -> None:
    found = await memories(terminal(90, Faults(count=0), record_capacity=100))
    assert found["punches"].percent == 90


@pytest.mark.parametrize("faults", [Faults(sizes_bytes=4), Faults(sizes_bytes=80)])
async def test_a_terminal_that_does_not_tell_is_unknown(faults: Faults) -> None:
    found = await memories(terminal(90, faults, record_capacity=100), profile="zkteco/k40")
    assert found["faces"].percent is None
    if faults.sizes_bytes == 4:
        assert found["users"].used is None
        assert found["punches"].used == 90  # what was read is known


async def test_a_good_line() -> None:
    async with asking(terminal(3_000)) as gate:
        await fetched(gate)
        line = gate.vitals().line
    assert line.stream
    assert (line.connections, line.losses, line.repeats, line.timeouts) == (1, 0, 0, 0)
    assert line.wrong_checksums == 0
    assert line.packets > line.requests > 10


async def test_a_lossy_line_over_udp() -> None:
    network = Disturbance(lose=0.2)
    device = terminal(
        2_000,
        Faults(to_terminal=network, from_terminal=network),
        transport="udp",
        packet_bytes=1024,
    )
    async with asking(device, transport="udp", timeout_s=0.24) as gate:
        await fetched(gate)
        line = gate.vitals().line
    assert not line.stream
    assert line.repeats > line.requests / 10


async def test_silence_and_broken_connections_are_counted_over_all_of_them() -> None:
    device = terminal(50, Faults(silent_on=frozenset({Command.GET_FREE_SIZES})))
    async with asking(device, timeout_s=0.05) as gate:
        for _ in range(2):
            with pytest.raises(DriverError):
                await fetched(gate)
        await device.stop()
        with pytest.raises(DriverError):
            await fetched(gate)
        line = gate.vitals().line
    assert line.connections == 3
    assert line.timeouts == 2
    assert line.losses == 1


async def test_a_log_of_another_layout_is_an_alarm_until_it_fits_again() -> None:
    device = terminal(90)
    async with asking(device) as gate:
        cursor = (await fetched(gate))[-1].cursor
        assert gate.vitals().alarms == ()
        becomes(device, Layout.ATT49, 90)
        await gate.acknowledge((await fetched(gate, cursor))[-1])
        await fetched(gate, cursor)  # the same bytes again are not handed over, and still wrong
        (alarm,) = gate.vitals().alarms
        assert alarm.code == "log_layout_changed"
        becomes(device, Layout.ATT40, 90)
        await fetched(gate, cursor)
        assert gate.vitals().alarms == ()
