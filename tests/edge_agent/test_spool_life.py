"""The agent and its spool: no room pauses the pulling and it goes on alone; damage never stops a start."""

import asyncio
import time
from datetime import datetime

import pytest

from edge_agent import caretaker
from edge_agent.spool import room
from edge_agent.supervisor.states import DeviceState
from simulators.zk_terminal.config import TerminalConfig
from simulators.zk_terminal.terminal import ZkTerminal
from tests.edge_agent.agents import rows, running, site_text, stored, until

SERIAL = "LIFE1"


@pytest.fixture
async def terminal():
    async with ZkTerminal(TerminalConfig(clock=datetime.now, serial=SERIAL), rows(50), []) as zk:
        yield zk


async def test_no_room_pauses_the_pulling_until_there_is_some_within_ten_seconds(
    tmp_path, terminal, monkeypatch
):
    full = True
    measured = room.measure

    def on_a_disk_that_is_full(connection, path, max_bytes):
        found = measured(connection, path, max_bytes)
        return room.Room(
            used_bytes=found.used_bytes, file_bytes=found.file_bytes, max_bytes=max_bytes,
            disk_bytes=0 if full else found.disk_bytes, reserve_bytes=found.reserve_bytes,
        )  # fmt: skip

    monkeypatch.setattr("edge_agent.spool.housekeeping.measure", on_a_disk_that_is_full)
    monkeypatch.setattr(caretaker, "LOOK_S", 0.5)
    async with running(tmp_path, site_text(terminal.address[1])) as agent:
        (gate,) = agent.workers
        await until(
            lambda: (
                gate.report().problem is not None and gate.report().problem.code == "spool_full"
            ),
            what="the worker should say that there is no room",
        )
        await asyncio.sleep(1)
        before = await stored(agent, SERIAL)
        full, freed_at = False, time.monotonic()
        await until(lambda: gate.report().state is DeviceState.READY, what="ready again")
        assert time.monotonic() - freed_at < 10
        await until(lambda: _all(agent, before), what="the log should be read")


async def _all(agent, before):
    count = await stored(agent, SERIAL)
    return count == 50 >= before


async def test_an_agent_on_a_damaged_spool_starts_and_reads_the_terminal_again(tmp_path, terminal):
    text = site_text(terminal.address[1])
    async with running(tmp_path, text) as agent:
        await until(lambda: _all(agent, 0), what="the log should be read")
    spool = tmp_path / "spool.db"
    data = bytearray(spool.read_bytes())
    data[: len(data) * 2 // 3] = b"\xa5" * (len(data) * 2 // 3)
    spool.write_bytes(data)
    async with running(tmp_path, text) as agent:
        assert agent.spool.salvaged is not None
        await until(lambda: _all(agent, 0), what="all of it is here again")
    (aside,) = tmp_path.glob("spool.db.damaged-*")
    assert aside.read_bytes() == data
