"""The simulated terminal speaks the protocol, and every fault knob does what it says."""

import asyncio
import struct
from datetime import datetime, timedelta

import pytest

from protocols.zk.attendance import AttendanceRow, Layout, encode_attendance
from protocols.zk.clock import pack_time, unpack_time
from protocols.zk.commands import EVENT, Command, Reply
from protocols.zk.sizes import decode_sizes
from protocols.zk.users import User, encode_users
from simulators.zk_terminal import Faults, TerminalConfig, ZkTerminal, serve
from tests.simulators.zk_host import ZkHost, zk_host

NOW = datetime(2026, 11, 22, 9, 0)
USERS = [User(uid=number, user_id=str(1000 + number), name_raw=b"N") for number in range(1, 6)]


def rows(count: int) -> list[AttendanceRow]:
    return [
        AttendanceRow(
            uid=1 + number % 5,
            user_id=str(1001 + number % 5),
            time=datetime(2026, 11, 1) + timedelta(seconds=37 * number),
            state=number % 2,
            verify=1 + number % 3,
        )
        for number in range(count)
    ]


def terminal(count: int = 3, faults: Faults | None = None, **config) -> ZkTerminal:
    return ZkTerminal(TerminalConfig(clock=lambda: NOW, **config), rows(count), list(USERS), faults)


def buffer_request(command: int, first: int = 0) -> bytes:
    return struct.pack("<BHII", 1, command, first, 0)


ATTENDANCE = buffer_request(Command.ATTLOG_RRQ)
USER_TABLE = buffer_request(Command.USERTEMP_RRQ, 5)


async def deferred_size(host: ZkHost, request: bytes = ATTENDANCE) -> int:
    answer = await host.ask(Command.PREPARE_BUFFER, request)
    assert answer.command == Reply.ACK_OK
    zero, size, again, _ = struct.unpack("<BIII", answer.data)
    assert (zero, size) == (0, again)
    return size


async def read_buffer(host: ZkHost, size: int) -> bytes:
    """A whole buffer in one chunk, its packets put in order by index."""
    await host.send(Command.READ_CHUNK, struct.pack("<II", 0, size))
    parts = {p.session: p.data for p in await host.rest() if p.command == Reply.DATA}
    return b"".join(parts[index] for index in range(len(parts)))


# what a good terminal does


async def test_assigns_a_session_and_tells_its_options() -> None:
    async with terminal(options={"WorkCode": "0"}) as device, zk_host(device) as host:
        answer = await host.login()
        assert (answer.command, answer.session) == (Reply.ACK_OK, host.session)
        assert host.session != 0
        for key, value in {
            "~SerialNumber": "CLK0000000001",
            "~Platform": "ZMM210_TFT",
            "~DeviceName": "F18/ID",
            "WorkCode": "0",
        }.items():
            reply = await host.ask(Command.OPTIONS_RRQ, key.encode() + b"\0")
            assert reply.data == f"{key}={value}\0".encode()
        unknown = await host.ask(Command.OPTIONS_RRQ, b"~Nothing\0")
        assert unknown.command == Reply.ACK_ERROR
        version = await host.ask(Command.GET_VERSION)
        assert version.data == b"Ver 6.60 Apr 26 2016\0"


async def test_keeps_written_options() -> None:
    async with terminal() as device, zk_host(device) as host:
        await host.login()
        assert (await host.ask(Command.OPTIONS_WRQ, b"SDKBuild=1\0")).command == Reply.ACK_OK
        assert (await host.ask(Command.OPTIONS_RRQ, b"SDKBuild\0")).data == b"SDKBuild=1\0"


async def test_nothing_but_login_without_a_session() -> None:
    async with terminal() as device, zk_host(device) as host:
        assert (await host.ask(Command.GET_TIME)).command == Reply.ACK_UNAUTH


@pytest.mark.parametrize("key", [0, 1234, 999_999])
async def test_demands_its_comm_key(key: int) -> None:
    async with terminal(comm_key=key) as device:
        async with zk_host(device) as host:
            assert (await host.login()).command == Reply.ACK_UNAUTH
            assert host.session != 0, "also a refusal assigns the session"
        async with zk_host(device) as host:
            assert (await host.login(key)).command == Reply.ACK_OK
        async with zk_host(device) as host:
            assert (await host.login(key ^ 1)).command == Reply.ACK_UNAUTH


async def test_shows_its_clock_with_its_offset_and_can_be_set() -> None:
    async with terminal(clock_offset_s=-90) as device, zk_host(device) as host:
        await host.login()

        async def shown() -> datetime | None:
            (packed,) = struct.unpack("<I", (await host.ask(Command.GET_TIME)).data)
            return unpack_time(packed)

        assert await shown() == NOW - timedelta(seconds=90)
        device.set_clock(3600)
        assert await shown() == NOW + timedelta(hours=1)
        wanted = datetime(2026, 12, 24, 18)
        await host.ask(Command.SET_TIME, struct.pack("<I", pack_time(wanted)))
        assert await shown() == wanted
        no_date = struct.pack("<I", pack_time(datetime(2026, 2, 28)) + 3 * 86_400)
        assert (await host.ask(Command.SET_TIME, no_date)).command == Reply.ACK_ERROR


@pytest.mark.parametrize("layout", list(Layout))
async def test_small_tables_travel_inline(layout: Layout) -> None:
    async with terminal(3, layout=layout) as device, zk_host(device) as host:
        await host.login()
        answer = await host.ask(Command.PREPARE_BUFFER, ATTENDANCE)
        records = encode_attendance(rows(3), layout)
        assert (answer.command, answer.session) == (Reply.DATA, host.session)
        assert answer.data == struct.pack("<I", len(records)) + records


@pytest.mark.parametrize("width", [28, 72])
async def test_users_come_in_the_configured_width(width: int) -> None:
    async with terminal(user_width=width) as device, zk_host(device) as host:
        await host.login()
        answer = await host.ask(Command.PREPARE_BUFFER, USER_TABLE)
        assert answer.data[4:] == encode_users(USERS, width)


async def test_the_inline_limit_decides() -> None:
    size = 4 + 3 * 40
    async with terminal(3, inline_bytes=size) as device, zk_host(device) as host:
        await host.login()
        assert (await host.ask(Command.PREPARE_BUFFER, ATTENDANCE)).command == Reply.DATA
    async with terminal(3, inline_bytes=size - 1) as device, zk_host(device) as host:
        await host.login()
        assert await deferred_size(host) == size


@pytest.mark.parametrize("packet_bytes", [1008, 1024, 65_528])
async def test_large_tables_come_in_numbered_packets(packet_bytes: int) -> None:
    async with terminal(200, packet_bytes=packet_bytes) as device, zk_host(device) as host:
        await host.login()
        size = await deferred_size(host)
        reply_id = await host.send(Command.READ_CHUNK, struct.pack("<II", 0, size))
        first, *data, ack = await host.rest()
        assert struct.unpack("<II", first.data) == (size, packet_bytes)
        assert [packet.session for packet in data] == list(range(-(-size // packet_bytes)))
        assert ack.command == Reply.ACK_OK
        assert {packet.reply_id for packet in (first, *data, ack)} == {reply_id}
        content = b"".join(packet.data for packet in data)
        assert content[4:] == encode_attendance(rows(200), Layout.ATT40)
        assert struct.unpack("<I", content[:4]) == (size - 4,)


async def test_lone_chunks_come_in_one_packet_without_ack() -> None:
    async with terminal(100, lone_chunks=True) as device, zk_host(device) as host:
        await host.login()
        await deferred_size(host)
        await host.send(Command.READ_CHUNK, struct.pack("<II", 4, 400))
        (only,) = await host.rest()
        assert (only.command, only.session) == (Reply.DATA, host.session)
        assert only.data == encode_attendance(rows(10), Layout.ATT40)


async def test_a_freed_buffer_cannot_be_read() -> None:
    async with terminal(100) as device, zk_host(device) as host:
        await host.login()
        await deferred_size(host)
        await host.ask(Command.FREE_DATA)
        refused = await host.ask(Command.READ_CHUNK, struct.pack("<II", 0, 8))
        assert refused.command == Reply.ACK_ERROR


async def test_the_bare_log_command_gives_unrelated_memory_as_on_a_k40() -> None:
    async with terminal(3) as device, zk_host(device) as host:
        await host.login()
        await host.send(Command.ATTLOG_RRQ)
        _, data, _ = await host.rest()
        assert struct.unpack("<I", data.data[:4]) == (120,)
        assert data.data[4:] != encode_attendance(rows(3), Layout.ATT40)


async def test_unknown_commands_and_tables_are_refused() -> None:
    async with terminal() as device, zk_host(device) as host:
        await host.login()
        assert (await host.ask(27)).command == Reply.UNKNOWN_COMMAND
        no_such = await host.ask(Command.PREPARE_BUFFER, buffer_request(4711))
        assert no_such.command == Reply.ACK_ERROR
        cut = await host.ask(Command.PREPARE_BUFFER, b"\1")
        assert cut.command == Reply.BAD_DATA


async def test_punches_while_it_runs_reach_log_and_listeners() -> None:
    row = AttendanceRow(uid=3, user_id="1007", time=datetime(2026, 11, 21, 8, 30), verify=15)
    async with terminal(3) as device, zk_host(device) as host, zk_host(device) as deaf:
        await host.login()
        await deaf.login()
        await host.ask(Command.REG_EVENT, b"\xff\xff\0\0")
        await device.punch(row)
        event = await host.packet()
        assert (event.command, event.session, event.reply_id) == (EVENT, 1, 0)
        # protocol.md 10: id, verify, state and six bytes of time
        assert event.data == b"1007".ljust(24, b"\0") + bytes.fromhex("0f001a0b15081e00")
        await host.send(Reply.ACK_OK)
        assert await host.rest() == [], "an acknowledged event is not answered"
        assert await deaf.rest() == []
        assert device.log[-1] is row


async def test_exit_ends_the_connection() -> None:
    async with terminal() as device, zk_host(device) as host:
        await host.login()
        assert (await host.ask(Command.EXIT)).command == Reply.ACK_OK
        assert await host._reader.read() == b""


async def test_speaks_to_several_hosts_and_stops_with_them_connected() -> None:
    device = terminal()
    await device.start()
    async with zk_host(device) as one, zk_host(device) as two:
        assert (await one.login()).session != (await two.login()).session
        async with asyncio.timeout(1):
            await device.stop()
        assert device.connections == 2


async def test_a_log_that_the_layout_cannot_hold_is_refused_at_once() -> None:
    face = AttendanceRow(uid=1, user_id="1", time=NOW, verify=15)
    config = TerminalConfig(clock=lambda: NOW, layout=Layout.ATT8A)
    with pytest.raises(ValueError, match="att8a cannot hold"):
        await ZkTerminal(config, [face], []).start()
    async with ZkTerminal(config, [], []) as device:
        with pytest.raises(ValueError, match="att8a cannot hold"):
            await device.punch(face)
        assert device.log == []


async def test_foreign_bytes_end_the_connection() -> None:
    async with terminal() as device, zk_host(device) as host:
        host._writer.write(b"GET / HTTP/1.1\r\n\r\n")
        async with asyncio.timeout(1):
            assert await host._reader.read() == b""


async def test_serve_tells_the_address_and_stops_when_cancelled() -> None:
    device = terminal()
    ready: asyncio.Future[tuple[str, int]] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(
        serve("127.0.0.1", 0, device, ready=lambda host, port: ready.set_result((host, port)))
    )
    address = await ready
    async with zk_host(device) as host:
        assert (await host.login()).command == Reply.ACK_OK
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*address)


# what a bad terminal does


async def test_segments_cut_every_frame() -> None:
    async with terminal(5, Faults(segment_bytes=1)) as device, zk_host(device) as host:
        await host.login()
        answer = await host.ask(Command.PREPARE_BUFFER, ATTENDANCE)
        assert answer.data[4:] == encode_attendance(rows(5), Layout.ATT40)
        assert len(host.segments) > 20, "frames came in pieces"


REFUSALS = [Reply.ACK_UNAUTH, Reply.AUTH_LOCKED, Reply.SECURE_CHALLENGE]


@pytest.mark.parametrize("code", REFUSALS)
async def test_refuses_connect(code: int) -> None:
    async with terminal(3, Faults(refuse_connect=code)) as device, zk_host(device) as host:
        assert (await host.login()).command == code
        assert (await host.ask(Command.GET_TIME)).command == Reply.ACK_UNAUTH


@pytest.mark.parametrize("code", REFUSALS)
async def test_refuses_auth_with_the_right_key(code: int) -> None:
    faults = Faults(refuse_auth=code)
    async with terminal(3, faults, comm_key=7) as device, zk_host(device) as host:
        assert (await host.login(7)).command == code


async def test_refuses_tables() -> None:
    faults = Faults(refuse_table=Reply.ALLOCATION_FAILED)
    async with terminal(3, faults) as device, zk_host(device) as host:
        await host.login()
        answer = await host.ask(Command.PREPARE_BUFFER, ATTENDANCE)
        assert answer.command == Reply.ALLOCATION_FAILED


async def test_drops_the_first_connections() -> None:
    async with terminal(3, Faults(drop_connections=2)) as device:
        for expected in (None, None, Reply.ACK_OK):
            async with zk_host(device) as host:
                try:
                    answer = await host.login()
                except ConnectionError:
                    answer = None
                assert (answer and answer.command) == expected


async def test_closes_in_the_middle_of_a_frame_after_that_many_bytes() -> None:
    async with terminal(100, Faults(close_after=2500)) as device, zk_host(device) as host:
        await host.login()
        size = await deferred_size(host)
        await host.send(Command.READ_CHUNK, struct.pack("<II", 0, size))
        first, *data = await host.rest()
        assert first.command == Reply.PREPARE_DATA
        assert [len(packet.data) for packet in data] == [1008, 1008]
        assert len(host.cut_bytes()) == 8 + 8 + (2500 - 2016)


async def test_faults_can_be_replaced_while_it_runs() -> None:
    async with terminal(3, Faults(refuse_connect=Reply.AUTH_LOCKED)) as device:
        async with zk_host(device) as host:
            assert (await host.login()).command == Reply.AUTH_LOCKED
        device.faults = Faults()
        async with zk_host(device) as host:
            assert (await host.login()).command == Reply.ACK_OK


async def test_answers_with_another_serial() -> None:
    async with terminal(3, Faults(serial="OTHER1")) as device, zk_host(device) as host:
        await host.login()
        answer = await host.ask(Command.OPTIONS_RRQ, b"~SerialNumber\0")
        assert answer.data == b"~SerialNumber=OTHER1\0"


@pytest.mark.parametrize("length", [4, 80, 92, 112])
@pytest.mark.parametrize("count", [None, 0, 17])
async def test_says_its_sizes_in_its_own_way(length: int, count: int | None) -> None:
    faults = Faults(sizes_bytes=length, count=count)
    async with terminal(3, faults) as device, zk_host(device) as host:
        await host.login()
        answer = await host.ask(Command.GET_FREE_SIZES)
        assert len(answer.data) == length
        sizes = decode_sizes(answer.data)
        told = 3 if count is None else count
        assert sizes.attendance == (None if length == 4 else told)
        assert sizes.attendance_capacity == (None if length == 4 else 100_000)
        assert sizes.users == (None if length == 4 else 5)


async def test_the_ack_overtakes_the_last_packet() -> None:
    faults = Faults(ack_before_last_data=True)
    async with terminal(60, faults) as device, zk_host(device) as host:
        await host.login()
        size = await deferred_size(host)
        await host.send(Command.READ_CHUNK, struct.pack("<II", 0, size))
        kinds = [packet.command for packet in await host.rest()]
        assert kinds == [Reply.PREPARE_DATA, Reply.DATA, Reply.DATA, Reply.ACK_OK, Reply.DATA]


async def test_the_ack_comes_after_the_next_request() -> None:
    async with terminal(60, Faults(late_ack=True)) as device, zk_host(device) as host:
        await host.login()
        size = await deferred_size(host)
        read = await host.send(Command.READ_CHUNK, struct.pack("<II", 0, size))
        asked = await host.send(Command.GET_TIME)
        first, *data, late, answer = await host.rest()
        assert (first.command, [packet.session for packet in data]) == (1500, [0, 1, 2])
        assert (late.command, late.reply_id) == (Reply.ACK_OK, read)
        assert (answer.reply_id, len(answer.data)) == (asked, 4)


async def test_an_event_comes_in_mid_download() -> None:
    faults = Faults(event_in_download=True)
    async with terminal(60, faults) as device, zk_host(device) as host:
        await host.login()
        size = await deferred_size(host)
        await host.send(Command.READ_CHUNK, struct.pack("<II", 0, size))
        packets = await host.rest()
        kinds = [packet.command for packet in packets]
        assert kinds[:4] == [Reply.PREPARE_DATA, Reply.DATA, EVENT, Reply.DATA]
        assert packets[2].reply_id == 0


@pytest.mark.parametrize("stale", ["stale", ""])
@pytest.mark.parametrize("freed", ["freed", ""])
async def test_a_stale_buffer_is_served_unless_it_was_freed(stale: str, freed: str) -> None:
    faults = Faults(stale_buffer=bool(stale))
    async with terminal(60, faults, inline_bytes=100) as device, zk_host(device) as host:
        await host.login()
        await deferred_size(host, USER_TABLE)
        if freed:
            await host.ask(Command.FREE_DATA)
        content = await read_buffer(host, await deferred_size(host))
        users = encode_users(USERS, 72)
        log = encode_attendance(rows(60), Layout.ATT40)
        assert content[4:] == (users if stale and not freed else log)


async def test_stays_silent_as_often_as_told() -> None:
    faults = Faults(silent_on=frozenset({Command.GET_TIME}), silent_times=2)
    async with terminal(3, faults) as device, zk_host(device) as host:
        await host.login()
        for expected in (0, 0, 1, 1):
            await host.send(Command.GET_TIME)
            assert len(await host.rest()) == expected


async def test_hangs_for_ever_without_a_number() -> None:
    faults = Faults(silent_on=frozenset({Command.CONNECT}))
    async with terminal(3, faults) as device, zk_host(device) as host:
        for _ in range(3):
            await host.send(Command.CONNECT)
            assert await host.rest() == []


async def test_opens_with_foreign_bytes() -> None:
    faults = Faults(opening=b"\xaa\x01\x00\x55")
    async with terminal(3, faults) as device, zk_host(device) as host:
        await host.send(Command.CONNECT)
        assert await host._reader.read(100) == b"\xaa\x01\x00\x55"


async def test_the_seed_decides_what_is_random() -> None:
    async def rubbish(seed: int) -> bytes:
        async with terminal(3, Faults(seed=seed)) as device, zk_host(device) as host:
            await host.login()
            await host.send(Command.ATTLOG_RRQ)
            return (await host.rest())[1].data

    assert await rubbish(1) == await rubbish(1) != await rubbish(2)
