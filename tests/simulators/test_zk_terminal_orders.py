"""The simulated terminal carries out orders, and its faults in them do what they say."""

import struct
from datetime import datetime, timedelta

import pytest

from protocols.zk.clock import pack_time
from protocols.zk.commands import Command, Reply
from protocols.zk.oplog import decode_operations
from protocols.zk.users import User, encode_users
from simulators.zk_terminal import Faults, TerminalDisabledError, ZkTerminal
from tests.simulators.test_zk_terminal import NOW, buffer_request, rows, terminal
from tests.simulators.zk_host import zk_host

OPERATION_LOG = buffer_request(Command.OPLOG_RRQ)


def codes(device: ZkTerminal) -> list[int]:
    return [entry.operation for entry in device.operations]


async def test_orders_are_carried_out_and_noted() -> None:
    user = encode_users([User(uid=9, user_id="90", name="Eve")], 72, passwords={9: "42"})
    async with terminal(3) as device, zk_host(device) as host:
        await host.login()
        orders = [
            (Command.SET_TIME, struct.pack("<I", pack_time(NOW + timedelta(days=1)))),
            (Command.USER_WRQ, user),
            (Command.DELETE_USER, struct.pack("<H", 1)),
            (Command.UNLOCK, struct.pack("<I", 50)),
            (Command.CLEAR_ATTLOG, b""),
        ]
        for command, data in orders:
            assert (await host.ask(command, data)).command == Reply.ACK_OK
        assert codes(device) == [21, 30, 9, 29, 23]
        assert device.log == []
        assert [held.uid for held in device.users] == [2, 3, 4, 5, 9]
        assert device.passwords == {9: "42"}
        assert device.door_tenths == [50]
        answer = await host.ask(Command.PREPARE_BUFFER, OPERATION_LOG)
    events = list(decode_operations(answer.data[4:], serial="S1"))
    assert [event.detail["operation"] for event in events] == codes(device)
    assert events[0].device_time == NOW + timedelta(days=1)


@pytest.mark.parametrize(
    ("command", "data"),
    [(Command.USER_WRQ, b"short"), (Command.DELETE_USER, b"\xee\xee"), (Command.DELETE_USER, b"")],
)
async def test_orders_that_make_no_sense_are_refused(command: int, data: bytes) -> None:
    async with terminal(3) as device, zk_host(device) as host:
        await host.login()
        assert (await host.ask(command, data)).command == Reply.ACK_ERROR
        assert codes(device) == []


@pytest.mark.parametrize("stuck", [False, True])
async def test_disabled_ends_by_itself_unless_it_is_stuck(*, stuck: bool) -> None:
    now = [NOW]
    async with terminal(0, Faults(stuck_disabled=stuck)) as device, zk_host(device) as host:
        object.__setattr__(device._memory.config, "clock", lambda: now[0])
        await host.login()
        await host.ask(Command.DISABLE_DEVICE, struct.pack("<I", 60))
        now[0] += timedelta(seconds=59)
        with pytest.raises(TerminalDisabledError):
            await device.punch(rows(1)[0])
        now[0] += timedelta(seconds=1)
        assert device.disabled is stuck
        await host.ask(Command.ENABLE_DEVICE)
        await device.punch(rows(1)[0])


@pytest.mark.parametrize("data", [b"", bytes(4)])
async def test_disabled_without_seconds_lasts_and_outlives_the_session(data: bytes) -> None:
    async with terminal(0) as device:
        async with zk_host(device) as host:
            await host.login()
            await host.ask(Command.DISABLE_DEVICE, data)
        object.__setattr__(device._memory.config, "clock", lambda: datetime(2030, 1, 1))
        assert device.disabled


async def test_a_restart_has_no_answer_and_ends_the_session() -> None:
    async with terminal(3) as device, zk_host(device) as host:
        await host.login()
        await host.ask(Command.DISABLE_DEVICE, b"")
        assert await host.ask(Command.RESTART) is None
        assert codes(device) == [1, 0]
        assert not device.disabled


async def test_cut_on_carries_the_order_out() -> None:
    faults = Faults(cut_on=frozenset({Command.CLEAR_ATTLOG}))
    async with terminal(3, faults) as device, zk_host(device) as host:
        await host.login()
        assert await host.ask(Command.CLEAR_ATTLOG) is None
        assert device.log == []


async def test_ignores_acknowledges_and_does_nothing() -> None:
    faults = Faults(ignores=frozenset({Command.CLEAR_ATTLOG}))
    async with terminal(3, faults) as device, zk_host(device) as host:
        await host.login()
        assert (await host.ask(Command.CLEAR_ATTLOG)).command == Reply.ACK_OK
        assert len(device.log) == 3


async def test_a_terminal_without_an_operation_log_refuses_it() -> None:
    async with terminal(3, operation_log=False) as device, zk_host(device) as host:
        await host.login()
        answer = await host.ask(Command.PREPARE_BUFFER, OPERATION_LOG)
        assert answer.command == Reply.ACK_ERROR
