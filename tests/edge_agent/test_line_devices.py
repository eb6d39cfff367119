"""Devices of a line under the running agent: what they send is stored, over unplugging too."""

import asyncio

import pytest

from edge_agent.supervisor import retry
from protocols.records import Count, DeviceEvent
from simulators.modbus_rtu import ModbusRtuLine
from simulators.modbus_units import CounterUnit
from simulators.serial_lines import LineSender
from tests.edge_agent.agents import running

SITE = """\
[site]
name = "site-1"
zone = "Asia/Shanghai"
[gateway]
name = "gw-test"
state_dir = "."
"""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(retry, "FIRST_DELAY_S", 0.1)


async def stored(agent):
    return [one.record for one in await agent.spool.peek("core", limit=1_000)]


async def pieces_of(agent, source):
    return [
        (record.boot_id, record.value)
        for record in await stored(agent)
        if isinstance(record, Count) and record.source == source
    ]


async def eventually(condition, what):
    async with asyncio.timeout(20):
        while not await condition():
            await asyncio.sleep(0.02)
    return what


async def test_pieces_before_and_after_a_replug_are_stored_in_two_boots(tmp_path):
    link = tmp_path / "by-id"
    async with LineSender(link=link) as box:
        text = f'{SITE}[[device]]\nname = "press"\nkind = "pulse-counter"\nport = "{link}"\n'
        async with running(tmp_path / "agent", f'{text}tag = "press"\n') as agent:

            async def seen(count):
                async def is_seen():
                    return len(await pieces_of(agent, "press")) >= count

                await eventually(is_seen, count)

            await seen(1)  # the reading of 0 with which a boot begins
            await asyncio.sleep(0.4)  # a silence: what comes next begins a line
            await box.say("P")
            await box.say("P")
            await seen(3)
            await box.unplug()
            await asyncio.sleep(0.3)
            await box.plug()
            await seen(4)
            await asyncio.sleep(0.4)
            await box.say("P")
            await seen(5)
            told = await pieces_of(agent, "press")
    boots = list(dict.fromkeys(boot for boot, _ in told))
    assert len(boots) == 2
    assert [value for _, value in told] == [0, 1, 2, 0, 1]


async def test_two_devices_of_one_line_and_one_dead_unit(tmp_path):
    units = {17: CounterUnit(pieces=100), 18: CounterUnit(pieces=200)}
    async with ModbusRtuLine(units, link=tmp_path / "line") as line:
        devices = "".join(
            f'[[device]]\nname = "{name}"\nkind = "modbus-rtu"\nport = "{line.port}"\n'
            f"timeout_s = 0.3\npoll_s = 0.1\ncounters = [{counters}]\n"
            for name, counters in {
                "presses": '{unit = 17, tag = "press", pieces = 0}, {unit = 9, tag = "gone", pieces = 0}',
                "saws": '{unit = 18, tag = "saw", pieces = 0}',
                "dead": '{unit = 11, tag = "dead", pieces = 0}',
            }.items()
        )
        async with running(tmp_path / "agent", SITE + devices) as agent:

            async def both(press, saw):
                async def is_seen():
                    values = [
                        {value for _, value in await pieces_of(agent, name)}
                        for name in ("presses", "saws")
                    ]
                    return press in values[0] and saw in values[1]

                await eventually(is_seen, (press, saw))

            await both(100, 200)
            for number in range(1, 4):
                units[17].pieces, units[18].pieces = 100 + number, 200 + number
                await both(100 + number, 200 + number)
            events = [one for one in await stored(agent) if isinstance(one, DeviceEvent)]
            assert ("presses", "gone") in {(one.serial, one.detail["tag"]) for one in events}
            (dead,) = (worker for worker in agent.workers if worker.report().name == "dead")
            assert dead.report().problem.code == "unit_silent"
