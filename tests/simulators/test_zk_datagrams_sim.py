"""The simulated terminal over UDP, and the network that spoils its datagrams."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import pairwise

import pytest

from protocols.zk.attendance import AttendanceRow, Layout, encode_attendance
from protocols.zk.commands import EVENT, Command, Reply
from protocols.zk.datagrams import decode_datagram
from protocols.zk.framing import Packet, encode_packet
from protocols.zk.users import User, encode_users
from simulators.zk_terminal import Disturbance, Faults, TerminalConfig, ZkTerminal
from simulators.zk_terminal.network import Way

NOW = datetime(2026, 11, 22, 9, 0)
USERS = [User(uid=number, user_id=str(number)) for number in range(1, 60)]
PUNCH = AttendanceRow(uid=1, user_id="1", time=NOW, state=0, verify=1)
HOST = ("10.0.0.7", 4370)


def sent_through(disturbance: Disturbance, count: int, seed: str = "0") -> Way:
    """What arrives of `count` numbered datagrams; the rest after the hold."""
    arrived: list[int] = []
    way = Way(lambda data, _: arrived.append(int(data)), lambda: disturbance, seed=seed)
    for number in range(count):
        way.carry(b"%d" % number, HOST)
    way.arrived = arrived
    return way


async def arrivals(disturbance: Disturbance, count: int = 2_000, seed: str = "0") -> list[int]:
    way = sent_through(disturbance, count, seed)
    await asyncio.sleep(0.02)
    way.close()
    return way.arrived


async def test_an_undisturbed_way_changes_nothing() -> None:
    assert await arrivals(Disturbance()) == list(range(2_000))


async def test_losses_duplicates_and_swaps_have_their_rates() -> None:
    assert 1_500 < len(await arrivals(Disturbance(lose=0.2))) < 1_700
    assert 2_300 < len(await arrivals(Disturbance(duplicate=0.2))) < 2_500
    swapped = await arrivals(Disturbance(reorder=0.2))
    assert sorted(swapped) == list(range(2_000))
    assert 250 < sum(a > b for a, b in pairwise(swapped)) < 450


async def test_the_same_seed_spoils_the_same_and_another_does_not() -> None:
    bad = Disturbance(lose=0.2, duplicate=0.2, reorder=0.2)
    assert await arrivals(bad, 100, "a") == await arrivals(bad, 100, "a")
    assert await arrivals(bad, 100, "a") != await arrivals(bad, 100, "b")


async def test_the_last_datagram_is_not_held_for_ever() -> None:
    assert await arrivals(Disturbance(reorder=1.0), 1) == [0]


@asynccontextmanager
async def asked(
    faults: Faults | None = None, log: int = 2_000, **config
) -> AsyncIterator["tuple[Host, ZkTerminal]"]:
    settings = TerminalConfig(clock=lambda: NOW, transport="udp", packet_bytes=1024, **config)
    async with ZkTerminal(settings, [PUNCH] * log, list(USERS), faults) as terminal:
        with Host(terminal.address) as host:
            yield host, terminal


class Host(socket.socket):
    """A plain socket that speaks packets; replies of one request are read until its ACK."""

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__(socket.AF_INET, socket.SOCK_DGRAM)
        self.setblocking(False)
        self.connect(address)
        self.session = 0

    async def ask(self, command: int, data: bytes = b"", reply_id: int = 1) -> Packet:
        packet = Packet(command=command, session=self.session, reply_id=reply_id, data=data)
        self.send(encode_packet(packet))
        return await self.packet()

    async def packet(self) -> Packet:
        async with asyncio.timeout(5):
            loop = asyncio.get_running_loop()
            return decode_datagram(await loop.sock_recv(self, 2_000))

    async def login(self) -> Packet:
        answer = await self.ask(Command.CONNECT, reply_id=0)
        self.session = answer.session
        return answer

    async def transfer(self, command: int, data: bytes = b"") -> bytes:
        announced = await self.ask(command, data)
        assert announced.command == Reply.PREPARE_DATA
        total, width = struct.unpack("<II", announced.data)
        parts = [await self.packet() for _ in range(-(-total // width))]
        assert [part.session for part in parts] == list(range(len(parts)))
        assert (await self.packet()).command == Reply.ACK_OK
        return b"".join(part.data for part in parts)


async def test_bare_commands_give_the_real_tables() -> None:
    async with asked(layout=Layout.ATT16, user_width=28, buffered=False) as (host, terminal):
        await host.login()
        log = await host.transfer(Command.ATTLOG_RRQ)
        assert log[4:] == encode_attendance(terminal.log, Layout.ATT16)
        users = await host.transfer(Command.USERTEMP_RRQ, b"\x05")
        assert users[4:] == encode_users(USERS, 28)
        assert (await host.ask(Command.PREPARE_BUFFER, bytes(11))).command == Reply.UNKNOWN_COMMAND


async def test_a_session_ends_with_exit_and_unknown_ones_are_refused() -> None:
    async with asked() as (host, _):
        assert (await host.ask(Command.GET_TIME)).command == Reply.ACK_UNAUTH
        await host.login()
        assert (await host.ask(Command.GET_TIME)).command == Reply.ACK_OK
        assert (await host.ask(Command.EXIT)).command == Reply.ACK_OK
        assert (await host.ask(Command.GET_TIME)).command == Reply.ACK_UNAUTH


async def test_old_sessions_are_forgotten() -> None:
    async with asked() as (host, terminal):
        first = (await host.login()).session
        for _ in range(64):
            await host.login()
        assert terminal.connections == 65
        assert (await host.ask(Command.GET_TIME)).command == Reply.ACK_OK
        host.session = first
        assert (await host.ask(Command.GET_TIME)).command == Reply.ACK_UNAUTH


async def test_damaged_datagrams_get_no_answer() -> None:
    async with asked() as (host, _):
        host.send(b"\xe8\x03rubbish")
        host.send(b"")
        assert (await host.login()).command == Reply.ACK_OK


async def test_a_punch_is_an_event_for_the_session_that_asked() -> None:
    async with asked() as (host, terminal):
        with Host(terminal.address) as other:
            await other.login()
            await host.login()
            await host.ask(Command.REG_EVENT, b"\xff\xff\0\0")
            await terminal.punch(PUNCH)
            event = await host.packet()
            assert (event.command, event.session, event.reply_id) == (EVENT, 1, 0)
            assert (await other.ask(Command.GET_VERSION)).command == Reply.ACK_OK


@pytest.mark.parametrize("way", ["to_terminal", "from_terminal"])
async def test_each_direction_is_spoiled_by_itself(way: str) -> None:
    async with asked(Faults(**{way: Disturbance(lose=1.0)})) as (host, terminal):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await host.login()
        assert terminal.connections == (0 if way == "to_terminal" else 1)
