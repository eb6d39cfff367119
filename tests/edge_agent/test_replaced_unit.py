"""Another serial behind a known name: never read until a person orders it; history stays apart."""

import asyncio
import json
import re
from datetime import datetime

import pytest

from edge_agent.cli.app import run as edge_agent
from edge_agent.doctor.findings import Code, Severity
from edge_agent.doctor.units import check_units
from edge_agent.spool.reading import read_ledger
from edge_agent.status.agent import Agent as Process
from edge_agent.supervisor import retry, worker
from edge_agent.supervisor.states import DeviceState
from simulators.zk_terminal.config import TerminalConfig
from simulators.zk_terminal.terminal import ZkTerminal
from tests.edge_agent.agents import rows, running, site_text, spooled, stored, until

OLD, NEW = "CLK-OLD-0001", "CLK-NEW-0002"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(retry, "FIRST_DELAY_S", 0.05)
    monkeypatch.setattr(retry, "LONGEST_DELAY_S", 0.2)
    monkeypatch.setattr(worker, "BLOCKED_DELAY_S", 600.0)  # an order must not wait for it
    monkeypatch.setattr(worker, "ORDER_LOOK_S", 0.05)


def unit(serial, log, port=0):
    config = TerminalConfig(clock=datetime.now, serial=serial)
    return ZkTerminal(config, log, [], listen=("127.0.0.1", port))


def old_unit(port):
    return unit(OLD, rows(20), port)


def new_unit(port):
    return unit(NEW, rows(7, start=datetime(2026, 11, 2, 8)), port)


async def order(folder, *words):
    """`device replace` beside the running agent, in a thread of its own: (exit code)."""
    command = ["device", "replace", *words, "-c", str(folder / "site.toml")]
    return await asyncio.to_thread(edge_agent, command)


def problem(agent):
    return agent.workers[0].report().problem


async def blocked_by(agent, serial):
    await until(
        lambda: problem(agent) is not None and serial in problem(agent).what, what="not stopped"
    )
    assert agent.workers[0].report().state is DeviceState.BLOCKED


async def first_read(folder, port):
    async with old_unit(port), running(folder, site_text(port)) as agent:
        await until(lambda: stored(agent, OLD), what="the first unit was not read")
        await until(lambda: agent.workers[0].report().problem is None, what="not ready")


async def test_another_serial_behind_a_known_name_stops_before_anything_is_read(
    tmp_path, unused_tcp_port
):
    await first_read(tmp_path, unused_tcp_port)
    async with new_unit(unused_tcp_port), running(tmp_path, site_text(unused_tcp_port)) as agent:
        await blocked_by(agent, NEW)
        found = problem(agent)
        assert found.code == "another_serial"
        for fact in (OLD, NEW, f"127.0.0.1:{unused_tcp_port}"):
            assert fact in found.what
        assert f"edge-agent device replace {OLD} {NEW}" in found.remedy
        assert not await stored(agent, NEW)
    assert spooled(tmp_path, "SELECT serial FROM devices") == [(OLD,)]


async def test_it_stops_also_when_units_are_exchanged_under_a_running_agent(
    tmp_path, unused_tcp_port
):
    """The driver connects anew by itself: that must not slip another unit in."""
    async with running(tmp_path, site_text(unused_tcp_port)) as agent:
        async with old_unit(unused_tcp_port):
            await until(lambda: stored(agent, OLD), what="not read")
        async with new_unit(unused_tcp_port):
            await blocked_by(agent, NEW)
            assert agent.workers[0].report().serial == OLD
        assert spooled(tmp_path, "SELECT serial FROM devices") == [(OLD,)]


async def test_a_unit_that_changes_between_question_and_read_is_not_stored(
    tmp_path, unused_tcp_port, monkeypatch
):
    """The driver is asked who answers, and its next connection finds somebody else."""
    async with running(tmp_path, site_text(unused_tcp_port)) as agent:
        (gate,) = agent.workers
        async with old_unit(unused_tcp_port):
            await until(lambda: stored(agent, OLD), what="not read")

            async def not_asked_again(_driver):
                return gate._identity

            monkeypatch.setattr(gate, "_proven", not_asked_again)
        async with new_unit(unused_tcp_port):
            await until(lambda: problem(agent) and NEW in problem(agent).what, what="not refused")
            assert not await stored(agent, NEW)


async def test_the_order_lets_the_new_unit_in_within_seconds_and_history_stays(
    tmp_path, unused_tcp_port, capsys
):
    await first_read(tmp_path, unused_tcp_port)
    async with new_unit(unused_tcp_port), running(tmp_path, site_text(unused_tcp_port)) as agent:
        await blocked_by(agent, NEW)
        assert await order(tmp_path, OLD, NEW, "--json") == 0
        told = json.loads(re.search(r"^\{.*\}$", capsys.readouterr().out, re.MULTILINE)[0])
        assert (told["name"], told["old"], told["new"]) == ("gate", OLD, NEW)
        assert told["ordered_by"]
        assert told["site_file"] is None
        await until(lambda: stored(agent, NEW), what="the order was not seen")
        await until(lambda: problem(agent) is None, what="the problem stays")
        assert (await stored(agent, OLD), await stored(agent, NEW)) == (20, 7)
        batch = await agent.spool.next_batch("core", limit=100)
    (event,) = [one.record for one in batch.observations if one.record.serial == NEW
                and getattr(one.record, "code", "") == "device_replaced"]  # fmt: skip
    assert event.detail["old"] == OLD
    assert event.detail["new"] == NEW
    assert event.detail["ordered_by"] == told["ordered_by"]
    (kept,) = read_ledger(tmp_path / "spool.db")["replacements"]
    assert kept["settled_at"] is not None
    # Said once: the next session begins as any other.
    async with new_unit(unused_tcp_port), running(tmp_path, site_text(unused_tcp_port)) as agent:
        await until(lambda: agent.workers[0].report().serial == NEW, what="not ready")
    assert spooled(tmp_path, "SELECT count(*) FROM pages WHERE device IS NULL") == [(1,)]


async def test_after_the_order_the_old_unit_is_the_stranger_and_undo_brings_it_back(
    tmp_path, unused_tcp_port
):
    await first_read(tmp_path, unused_tcp_port)
    assert await order(tmp_path, OLD, NEW) == 0
    async with old_unit(unused_tcp_port), running(tmp_path, site_text(unused_tcp_port)) as agent:
        await blocked_by(agent, OLD)
        assert await order(tmp_path, NEW, OLD) == 0
        await until(lambda: problem(agent) is None, what="the undo was not seen")
    assert spooled(tmp_path, "SELECT count(*) FROM pages WHERE device IS NULL") == [(0,)], (
        "nothing was replaced in the end"
    )
    assert spooled(tmp_path, "SELECT count(*) FROM replacements") == [(2,)], "kept for ever"


async def test_a_moved_unit_is_looked_for_before_anybody_is_asked(tmp_path, unused_tcp_port):
    """After a restart, and without `serial` in the site file: the spool knows whom to look for."""
    await first_read(tmp_path, unused_tcp_port)
    ours = unit(OLD, rows(25))
    ours.address = ("127.0.0.70", unused_tcp_port)
    site = site_text(unused_tcp_port)
    async with ours, new_unit(unused_tcp_port), running(tmp_path, site) as agent:
        await until(lambda: agent.workers[0].report().moved, what="not followed")

        async def all_read():
            return await stored(agent, OLD) == 25

        await until(all_read, what="not read at its new address")
        assert not await stored(agent, NEW)


async def test_a_renamed_device_takes_its_unit_along(tmp_path, unused_tcp_port):
    await first_read(tmp_path, unused_tcp_port)
    renamed = site_text(unused_tcp_port).replace('name = "gate"', 'name = "north"')
    async with old_unit(unused_tcp_port), running(tmp_path, renamed) as agent:
        await until(lambda: agent.workers[0].report().serial == OLD, what="not read")
        await until(
            lambda: spooled(tmp_path, "SELECT name, serial FROM units") == [("north", OLD)],
            what="the old name keeps the unit",
        )


# what people type


async def refused(folder, capsys, *words):
    assert await order(folder, *words) == 3
    return capsys.readouterr().err


async def test_odd_orders_say_what_to_do(tmp_path, unused_tcp_port, capsys):
    assert await order(tmp_path, OLD, NEW) == 2  # no site file
    (tmp_path / "site.toml").write_text(site_text(unused_tcp_port))
    assert await order(tmp_path, OLD, NEW) == 2
    assert "Start the agent once" in capsys.readouterr().err
    await first_read(tmp_path, unused_tcp_port)
    assert f'did you mean "{OLD}"' in await refused(tmp_path, capsys, "CLK-OLD-001", NEW)
    assert "both are" in await refused(tmp_path, capsys, OLD, f" {OLD} ")
    assert "empty" in await refused(tmp_path, capsys, OLD, "")
    assert OLD in await refused(tmp_path, capsys, "ZZZ", NEW), "the known units are named"
    assert spooled(tmp_path, "SELECT count(*) FROM replacements") == [(0,)]

    assert await order(tmp_path, OLD, NEW) == 0
    capsys.readouterr()
    assert await order(tmp_path, OLD, NEW) == 0
    assert "was ordered before" in capsys.readouterr().out
    again = await refused(tmp_path, capsys, OLD, "THIRD")
    assert f"edge-agent device replace {NEW} THIRD" in again
    assert spooled(tmp_path, "SELECT count(*) FROM replacements") == [(1,)]


async def test_a_unit_that_hangs_elsewhere_is_not_taken_by_a_typing_error(
    tmp_path, unused_tcp_port_factory, capsys
):
    gate, hall = unused_tcp_port_factory(), unused_tcp_port_factory()
    more = f'[[device]]\nname = "hall"\nkind = "zk-pull"\nhost = "127.0.0.1"\nport = {hall}\n'
    text = site_text(gate, more=more)
    async with old_unit(gate), new_unit(hall), running(tmp_path, text) as agent:
        await until(lambda: stored(agent, OLD), what="gate not read")
        await until(lambda: stored(agent, NEW), what="hall not read")
        assert f"{NEW} is read as hall" in await refused(tmp_path, capsys, OLD, NEW)
    (tmp_path / "site.toml").write_text(site_text(gate))
    assert await order(tmp_path, OLD, NEW) == 0, "hall is gone from the site file: it was moved"


async def test_the_serial_in_the_site_file_wins_and_its_line_is_named(
    tmp_path, unused_tcp_port, capsys
):
    text = site_text(unused_tcp_port, more=f'serial = "{OLD}"')
    async with old_unit(unused_tcp_port), running(tmp_path, text) as agent:
        await until(lambda: stored(agent, OLD), what="not read")
    async with new_unit(unused_tcp_port), running(tmp_path, text) as agent:
        await blocked_by(agent, NEW)
        assert problem(agent).code == "wrong_serial"
        assert f"edge-agent device replace {OLD} {NEW}" in problem(agent).remedy
        assert await order(tmp_path, OLD, NEW) == 0
        line = text.splitlines().index(f'serial = "{OLD}"') + 1
        assert f'site.toml:{line} says serial = "{OLD}"' in capsys.readouterr().out
        assert not await stored(agent, NEW)
    async with new_unit(unused_tcp_port), running(tmp_path, text.replace(OLD, NEW)) as agent:
        await until(lambda: stored(agent, NEW), what="not read with the line changed")


async def test_status_and_doctor_show_it(tmp_path, unused_tcp_port, capsys):
    await first_read(tmp_path, unused_tcp_port)
    site = str(tmp_path / "site.toml")
    async with new_unit(unused_tcp_port), running(tmp_path, site_text(unused_tcp_port)) as agent:
        await blocked_by(agent, NEW)
        await until(lambda: NEW in (tmp_path / "status.json").read_text(), what="no snapshot")
        snapshot = json.loads((tmp_path / "status.json").read_text())
        (stranger,) = check_units(None, Process(None, snapshot))
        assert (stranger.code, stranger.severity) == (Code.ANOTHER_SERIAL, Severity.BAD)
        assert OLD in stranger.what
        assert NEW in stranger.what
        assert await asyncio.to_thread(edge_agent, ["status", "-c", site]) == 1
        shown = capsys.readouterr().out
        assert f"edge-agent device replace {OLD} {NEW}" in shown
        assert "Replaced units" not in shown
    assert await order(tmp_path, OLD, NEW) == 0
    capsys.readouterr()
    await asyncio.to_thread(edge_agent, ["status", "-c", site])
    shown = capsys.readouterr().out
    assert f"gate: {OLD} → {NEW}" in shown
    assert "was not read yet" in shown
    ledger = read_ledger(tmp_path / "spool.db")
    (waiting,) = check_units(ledger, Process("it is not", {}))
    assert (waiting.code, waiting.severity) == (Code.DEVICE_REPLACED, Severity.WARN)
