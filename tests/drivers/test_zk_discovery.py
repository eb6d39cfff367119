"""Finding terminals by serial on the addresses of this machine (127.0.0.0/8 is all ours)."""

import asyncio
import contextlib
import time
from datetime import datetime

import pytest

from drivers.contract import DriverContext, Findable
from drivers.zk_pull import ZkPullConfig, ZkPullDriver
from drivers.zk_pull.discovery import (
    MAX_ADDRESSES,
    TooManyAddressesError,
    addresses,
    find_serial,
    look_around,
)
from edge_agent.system_clock import SystemClock
from protocols.zk.commands import Command
from simulators.zk_terminal.config import Faults, TerminalConfig
from simulators.zk_terminal.terminal import ZkTerminal

NETWORK = "127.0.0.32/28"
CLOCK = SystemClock()


@contextlib.asynccontextmanager
async def plant(port, serials, **faults):
    """Terminals by address, all on the one port that a site uses."""
    async with contextlib.AsyncExitStack() as stack:
        for host, serial in serials.items():
            config = TerminalConfig(clock=datetime.now, serial=serial)
            fault = Faults(**faults.get(serial, {}))
            await stack.enter_async_context(ZkTerminal(config, [], [], fault, listen=(host, port)))
        yield ZkPullConfig(name="gate", host="127.0.0.33", port=port, serial="GATE")


async def around(config, network=NETWORK):
    found = [one async for one in look_around(config, addresses([network]), CLOCK)]
    return {one.host: one for one in found}


def test_the_driver_class_can_be_asked():
    assert isinstance(ZkPullDriver, Findable)


async def test_everyone_who_answers_is_named_once(unused_tcp_port):
    here = {"127.0.0.34": "A1", "127.0.0.40": "GATE"}
    async with plant(unused_tcp_port, here) as config:
        found = await around(config)
    assert {host: one.serial for host, one in found.items()} == here


async def test_the_serial_is_found_at_its_new_address(unused_tcp_port):
    async with plant(unused_tcp_port, {"127.0.0.34": "A1", "127.0.0.41": "GATE"}) as config:
        found = await ZkPullDriver.find(
            config, "GATE", [NETWORK], DriverContext(clock=CLOCK, zone="Asia/Shanghai")
        )
    assert found == config.model_copy(update={"host": "127.0.0.41"})
    assert ZkPullDriver.address(found) == f"127.0.0.41:{unused_tcp_port}"


async def test_nobody_with_that_serial_is_none(unused_tcp_port):
    async with plant(unused_tcp_port, {"127.0.0.34": "A1"}) as config:
        assert await find_serial(config, "GATE", [NETWORK], CLOCK) is None


async def test_one_that_will_not_say_who_it_is_is_named_with_the_reason(unused_tcp_port):
    locked = {"LOCKED": {"refuse_connect": 2032}}
    async with plant(unused_tcp_port, {"127.0.0.34": "LOCKED"}, **locked) as config:
        (found,) = (await around(config)).values()
    assert found.serial is None
    assert found.why_not


async def test_a_silent_one_costs_seconds_not_the_search(unused_tcp_port):
    silent = {"SILENT": {"silent_on": frozenset({Command.CONNECT})}}
    here = {"127.0.0.34": "SILENT", "127.0.0.35": "GATE"}
    async with plant(unused_tcp_port, here, **silent) as config:
        began = time.monotonic()
        assert await find_serial(config, "GATE", [NETWORK], CLOCK)
        assert time.monotonic() - began < 5


async def test_another_protocol_on_the_port_is_no_terminal_and_no_accident(unused_tcp_port):
    async def web(reader, writer):
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(web, "127.0.0.34", unused_tcp_port)
    try:
        config = ZkPullConfig(name="gate", host="127.0.0.33", port=unused_tcp_port)
        (found,) = (await around(config)).values()
        assert found.serial is None
    finally:
        server.close()
        await server.wait_closed()


def test_the_look_is_bounded():
    assert len(addresses(["10.0.0.0/22"])) <= MAX_ADDRESSES
    assert addresses(["10.0.0.0/30", "10.0.0.0/30"]) == ["10.0.0.1", "10.0.0.2"]
    with pytest.raises(TooManyAddressesError):
        addresses(["10.0.0.0/21"])
