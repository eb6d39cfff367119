"""The rest of protocol.md section 14: each knob of the simulated terminal does what it says."""

import asyncio
import struct
import time
from datetime import datetime, timedelta

import pytest

from protocols.zk.attendance import AttendanceRow, Layout, encode_attendance
from protocols.zk.clock import pack_time, unpack_time
from protocols.zk.commands import EVENT, Command, Reply
from protocols.zk.events import parse_attlog_event
from protocols.zk.framing import Packet, TcpFramer, encode_packet, encode_tcp, has_right_checksum
from protocols.zk.users import User, decode_users
from simulators.zk_terminal import Disturbance, Faults, TerminalConfig, ZkTerminal
from simulators.zk_terminal.connection import Connection
from simulators.zk_terminal.network import Way
from tests.simulators.zk_host import ZkHost, zk_host

NOW = datetime(2026, 11, 22, 9, 0)
ALL_EVENTS = b"\xff\xff\0\0"


def rows(count: int) -> list[AttendanceRow]:
    first = datetime(2026, 11, 1)
    return [
        AttendanceRow(uid=7, user_id="1007", time=first + timedelta(minutes=n), work_code=12)
        for n in range(count)
    ]


def terminal(count: int = 3, faults: Faults | None = None, **config) -> ZkTerminal:
    settings = {"clock": lambda: NOW} | config
    return ZkTerminal(TerminalConfig(**settings), rows(count), [], faults)


async def table(host: ZkHost, command: int = Command.ATTLOG_RRQ, *, chunk: int = 1 << 20) -> bytes:
    """A whole table, its size word first."""
    answer = await host.ask(Command.PREPARE_BUFFER, struct.pack("<BHII", 1, command, 0, 0))
    if answer.command == Reply.DATA:
        return answer.data
    await host.send(Command.READ_CHUNK, struct.pack("<II", 0, chunk))
    parts = [packet.data for packet in await host.rest() if packet.command == Reply.DATA]
    return b"".join(parts)


# bytes


@pytest.mark.parametrize(("join_frames", "frames"), [(1, [1] * 6), (4, [4, 2]), (99, [6])])
async def test_frames_of_one_answer_leave_in_one_write(
    join_frames: int, frames: list[int], monkeypatch
) -> None:
    written: list[int] = []
    write = Connection._write

    async def noting(self: Connection, data: bytes) -> None:
        written.append(len(list(TcpFramer().feed(data))))
        await write(self, data)

    async with terminal(100, Faults(join_frames=join_frames)) as device, zk_host(device) as host:
        await host.login()
        await host.ask(Command.PREPARE_BUFFER, struct.pack("<BHII", 1, 13, 0, 0))
        monkeypatch.setattr(Connection, "_write", noting)
        await host.send(Command.READ_CHUNK, struct.pack("<II", 0, 4_004))
        assert len(await host.rest()) == 6, "announcement, four times data, ACK"
    assert written[:-1] == frames


async def test_packets_may_be_as_large_as_a_chunk() -> None:
    async with terminal(1_600, packet_bytes=65_536) as device, zk_host(device) as host:
        await host.login()
        await host.ask(Command.PREPARE_BUFFER, struct.pack("<BHII", 1, 13, 0, 0))
        await host.send(Command.READ_CHUNK, struct.pack("<II", 0, 64_004))
        announced, only, _ = await host.rest()
    assert struct.unpack("<II", announced.data) == (64_004, 65_536)
    assert len(only.data) == 64_004


@pytest.mark.parametrize("every", [1, 3])
async def test_each_nth_packet_has_a_wrong_checksum(every: int) -> None:
    sent: list[bytes] = []
    async with terminal(5, Faults(wrong_checksum_every=every)) as device:
        reader, writer = await asyncio.open_connection(*device.address)
        session = 0
        for number in range(6):
            command = Command.CONNECT if number == 0 else Command.GET_TIME
            body = struct.pack("<4H", command, 0, session, number)
            checksum = encode_packet_checksum(body)
            writer.write(
                b"\x50\x50\x82\x7d" + struct.pack("<I", 8) + body[:2] + checksum + body[4:]
            )
            _, length = struct.unpack("<4sI", await reader.readexactly(8))
            sent.append(await reader.readexactly(length))
            session = struct.unpack_from("<H", sent[0], 4)[0]
        writer.transport.abort()
    right = [has_right_checksum(packet) for packet in sent]
    assert right == [bool(number % every) for number in range(1, 7)]


def encode_packet_checksum(body: bytes) -> bytes:
    """By the definition: the complement of the sum of words with their carries."""
    total = sum(struct.unpack("<4H", body))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("<H", ~total & 0xFFFF)


async def test_a_slow_terminal_takes_its_time_for_each_answer() -> None:
    async with terminal(3, Faults(latency_s=0.05)) as device, zk_host(device) as host:
        started = time.monotonic()
        await host.login()
        await host.ask(Command.GET_TIME)
        assert time.monotonic() - started >= 0.1


# datagrams, exactly


async def arrived(disturbance: Disturbance) -> list[int]:
    numbers: list[int] = []
    way = Way(lambda data, _: numbers.append(int(data)), lambda: disturbance, seed="0")
    for number in range(1, 11):
        way.carry(b"%d" % number, ("10.0.0.7", 4370))
    await asyncio.sleep(0.02)
    way.close()
    return numbers


async def test_exactly_the_named_datagrams_are_lost_doubled_or_swapped() -> None:
    lost = await arrived(Disturbance(lose_nth=frozenset({1, 4})))
    assert lost == [2, 3, 5, 6, 7, 8, 9, 10]
    doubled = await arrived(Disturbance(duplicate_nth=frozenset({2, 10})))
    assert doubled == [1, 2, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10]
    swapped = await arrived(Disturbance(reorder_nth=frozenset({3, 10})))
    assert swapped == [1, 2, 4, 3, 5, 6, 7, 8, 9, 10]


async def test_over_udp_a_packet_is_never_larger_than_a_datagram() -> None:
    config = TerminalConfig(clock=lambda: NOW, transport="udp", packet_bytes=65_536)
    async with ZkTerminal(config, rows(100), []) as device:
        assert device._memory.packet_bytes == 1_024


# connections


async def test_after_n_connections_it_hangs_until_it_is_switched_off() -> None:
    async with terminal(3, Faults(hang_after=2)) as device:
        async with zk_host(device) as first, zk_host(device) as second:
            assert (await first.login()).command == Reply.ACK_OK
            assert (await second.login()).command == Reply.ACK_OK
            async with zk_host(device) as third:
                for host in (third, first):
                    await host.send(Command.CONNECT)
                    with pytest.raises(TimeoutError):
                        await asyncio.wait_for(host.packet(), 0.05)
        await device.stop()
        await device.start()
        async with zk_host(device) as host:
            assert (await host.login()).command == Reply.ACK_OK


@pytest.mark.parametrize("answers", ["answers", ""])
async def test_an_order_to_restart_is_seldom_answered(answers: str) -> None:
    async with terminal(3, answers_restart=bool(answers)) as device, zk_host(device) as host:
        await host.login()
        answer = await host.ask(Command.RESTART)
        assert (answer and answer.command) == (Reply.ACK_OK if answers else None)
        assert [entry.operation for entry in device.operations] == [1, 0]


async def test_a_refusal_of_auth_demands_auth() -> None:
    async with terminal(3, Faults(refuse_auth=2032)) as device, zk_host(device) as host:
        assert (await host.login()).command == Reply.ACK_UNAUTH
        assert (await host.ask(Command.AUTH, bytes(4))).command == Reply.AUTH_LOCKED


# events


@pytest.mark.parametrize("length", [10, 12, 14, 32, 36, 37, 52])
async def test_events_have_the_form_of_the_firmware(length: int) -> None:
    (row,) = rows(1)
    async with terminal(0, event_bytes=length) as device, zk_host(device) as host:
        await host.login()
        await host.ask(Command.REG_EVENT, ALL_EVENTS)
        await device.punch(row)
        event = await host.packet()
    assert (event.command, event.session, len(event.data)) == (EVENT, 1, length)
    (told,) = parse_attlog_event(event.data)
    assert (told.time, told.verify, told.state) == (row.time, row.verify, row.state)
    assert (told.uid, told.user_id) == ((7, None) if length in {10, 14} else (None, "1007"))
    assert told.work_code == (12 if length in {14, 36, 37, 52} else None)


async def test_several_people_are_one_event_and_unknown_lengths_are_possible() -> None:
    async with terminal(0, event_bytes=32) as device, zk_host(device) as host:
        await host.login()
        await host.ask(Command.REG_EVENT, ALL_EVENTS)
        await device.punch(*rows(3))
        told = parse_attlog_event((await host.packet()).data)
    assert [row.time for row in told] == [row.time for row in rows(3)]
    assert device.log == rows(3)
    async with terminal(0, event_bytes=23) as device, zk_host(device) as host:
        await host.login()
        await host.ask(Command.REG_EVENT, ALL_EVENTS)
        await device.punch(*rows(1))
        assert (await host.packet()).data == b"1007".ljust(23, b"\0")


async def test_an_event_that_the_form_cannot_hold_is_no_punch() -> None:
    letters = AttendanceRow(uid=1, user_id="A7-b", time=NOW)
    async with terminal(0, event_bytes=12) as device:
        with pytest.raises(ValueError, match="A7-b"):
            await device.punch(letters)
        assert device.log == []


@pytest.mark.parametrize("steals", ["steals", ""])
async def test_a_second_session_steals_the_events(steals: str) -> None:
    faults = Faults(newest_hears_events=bool(steals))
    async with terminal(0, faults) as device, zk_host(device) as one, zk_host(device) as two:
        for host in (one, two):
            await host.login()
            await host.ask(Command.REG_EVENT, ALL_EVENTS)
        await device.punch(*rows(1))
        assert (await two.packet()).command == EVENT
        assert len(await one.rest()) == (0 if steals else 1)


# the clock


async def test_the_clock_drifts_until_it_is_set_and_then_anew() -> None:
    place = [NOW]
    async with terminal(0, clock=lambda: place[0], clock_drift_ppm=1_000) as device:
        place[0] += timedelta(seconds=10_000)
        assert device.local_time == place[0] + timedelta(seconds=10)
        async with zk_host(device) as host:
            await host.login()
            await host.ask(Command.SET_TIME, struct.pack("<I", pack_time(place[0])))
            assert device.local_time == place[0]
            place[0] += timedelta(seconds=2_000)
            assert device.local_time == place[0] + timedelta(seconds=2)
            (shown,) = struct.unpack("<I", (await host.ask(Command.GET_TIME)).data)
        assert unpack_time(shown) == place[0] + timedelta(seconds=2)


async def test_the_clock_jumps_once_at_its_moment() -> None:
    place = [NOW]
    jump = {"clock_jump_after_s": 60, "clock_jump_s": -7_200, "clock_offset_s": 5}
    async with terminal(0, clock=lambda: place[0], **jump) as device:
        place[0] += timedelta(seconds=59)
        assert device.local_time == place[0] + timedelta(seconds=5)
        place[0] += timedelta(seconds=1)
        for _ in range(2):
            assert device.local_time == place[0] + timedelta(seconds=5 - 7_200)


# names and bytes of tables


@pytest.mark.parametrize(
    ("code_page", "name", "written"),
    [
        ("gbk", "王小明", bytes.fromhex("cdf5d0a1c3f7")),
        ("cp1252", "Peña", b"Pe\xf1a"),
        ("cp1256", "محمد", bytes.fromhex("e3cde3cf")),
        ("utf-8", "Müller", b"M\xc3\xbcller"),
    ],
)
@pytest.mark.parametrize("width", [28, 72])
async def test_names_stand_in_the_code_page(
    code_page: str, name: str, written: bytes, width: int
) -> None:
    config = TerminalConfig(clock=lambda: NOW, code_page=code_page, user_width=width)
    people = [User(uid=1, user_id="1007", name=name)]
    async with ZkTerminal(config, [], people) as device, zk_host(device) as host:
        await host.login()
        content = (await table(host, Command.USERTEMP_RRQ))[4:]
    (user,) = decode_users(content, encoding=code_page, width=width)
    assert (user.name_raw, user.name) == (written, name)


@pytest.mark.parametrize("layout", list(Layout))
async def test_worn_rows_stand_in_place_of_what_was_logged(layout: Layout) -> None:
    worn = {1: b"\x5a" * layout.width, 4: bytes(layout.width)}
    async with ZkTerminal(
        TerminalConfig(clock=lambda: NOW, layout=layout), rows(6), [], worn=worn
    ) as device:
        async with zk_host(device) as host:
            await host.login()
            content = (await table(host))[4:]
            width = layout.width
            cut = [content[start : start + width] for start in range(0, len(content), width)]
            whole = [encode_attendance([row], layout) for row in rows(6)]
            assert cut == [whole[0], worn[1], whole[2], whole[3], worn[4], whole[5]]
            device.worn[0] = b"\xff" * width
            assert (await table(host))[4 : 4 + width] == b"\xff" * width
            await host.ask(Command.CLEAR_ATTLOG)
            assert await table(host) == bytes(4)
        assert device.worn == {}


def test_the_frames_of_both_transports_carry_the_same_packet() -> None:
    """What `wrong_checksum_every` relies on: the packet begins eight bytes into the frame."""
    packet = Packet(command=2000, session=1, reply_id=2, data=b"abc")
    assert encode_tcp(packet)[8:] == encode_packet(packet)
