"""The twenty pains of the field (specs/zk_pull/field_pains.md), each against the real driver.

One name a pain, P01 to P20. The details have their own files; here stands that the pain is gone.
"""

import struct
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta

import pytest

from drivers.errors import AuthError, BlockedError, LinkDownError, WrongDeviceError
from drivers.zk_pull import ZkPullConfig
from edge_agent.doctor.findings import Severity
from edge_agent.doctor.terminal_probe import Step, probe_terminal
from edge_agent.spool.lanes import Lane
from edge_agent.spool.store import Spool
from firmware_profiles import load_all
from protocols.identity import event_id
from protocols.records import DeviceEvent, Direction, Flag, Punch, Quarantined
from protocols.zk.attendance import AttendanceRow, Layout, decode_attendance, encode_attendance
from protocols.zk.auth import auth_token
from protocols.zk.clock import pack_time
from protocols.zk.commands import Command, Reply
from protocols.zk.events import decode_attlog_event, encode_attlog_event, parse_attlog_event
from protocols.zk.framing import Packet, TcpFramer, encode_tcp
from protocols.zk.layouts import pack_row
from protocols.zk.oplog import decode_operations
from protocols.zk.tables import ATTENDANCE, attendance_between, read_table
from protocols.zk.users import User, decode_users, encode_users
from simulators.zk_terminal import Faults, ZkTerminal
from simulators.zk_terminal.conversation import Conversation
from tests.drivers.zk_site import (
    CONTEXT,
    SITE_NOW,
    UTC_NOW,
    asking,
    chunks_asked,
    facts,
    fetched,
    logged,
    punches,
    rows,
    terminal,
)
from tests.protocols.zk.scripted_terminal import Play, packet

CHANGES_THE_DEVICE = {
    Command.USER_WRQ,
    Command.USERTEMP_WRQ,
    Command.CLEAR_DATA,
    Command.CLEAR_ATTLOG,
    Command.DELETE_USER,
    Command.SET_TIME,
    Command.DISABLE_DEVICE,
    Command.RESTART,
    Command.POWER_OFF,
}


@pytest.fixture
def sent(monkeypatch) -> list[int]:
    """Every command that a simulated terminal receives from here on."""
    commands: list[int] = []
    answers = Conversation.answers

    def noting(self: Conversation, asked: Packet) -> Iterator[Packet]:
        commands.append(asked.command)
        return answers(self, asked)

    monkeypatch.setattr(Conversation, "answers", noting)
    return commands


def holding(table: bytes, *, platform: str = "ZMM210_TFT") -> ZkTerminal:
    """A terminal whose log is exactly these bytes."""
    device = terminal(len(table) // 40, platform=platform)
    own = device._memory.table
    sized = struct.pack("<I", len(table)) + table
    device._memory.table = lambda command: sized if command == Command.ATTLOG_RRQ else own(command)
    return device


def row40(packed_time: int, *, state: int = 0, verify: int = 1) -> bytes:
    return pack_row(Layout.ATT40, 7, "1007", (verify, packed_time, state, 0))


async def test_p01_a_large_log_arrives_whole_or_fails_loudly() -> None:
    """Silence is never the end: a chunk is asked again, and what stays cut is an error."""
    device = terminal(20_000, Faults(silent_on=frozenset({Command.READ_CHUNK}), silent_times=2))
    async with asking(device, timeout_s=0.5) as gate:
        deliveries = await fetched(gate)
        assert facts(deliveries) == logged(device.log)
        assert deliveries[-1].on_device == 20_000
        device.faults = Faults(close_after=500_000)
        with pytest.raises(LinkDownError):
            await fetched(gate)
        device.faults = Faults()
        assert facts(await fetched(gate)) == logged(device.log)


async def test_p02_the_record_width_is_told_by_the_bytes_and_nonsense_is_not_published() -> None:
    device = terminal(400, layout=Layout.ATT49)
    async with asking(device) as gate:
        assert facts(await fetched(gate)) == logged(device.log)
    async with asking(terminal(400, layout=Layout.ATT49), profile="zkteco/k40") as gate:
        deliveries = await fetched(gate)  # the profile says 40: the bytes have the last word
        assert facts(deliveries) == logged(rows(400))
    noise = bytes(range(256)) * 20
    async with asking(holding(noise)) as gate:
        (delivery,) = await fetched(gate)
    assert (list(delivery.every_record()), delivery.cursor, delivery.on_device) == ([], None, None)
    assert [row.raw for row in delivery.quarantined] == [noise]


@pytest.mark.parametrize(
    ("faults", "code", "told"),
    [
        (Faults(refuse_connect=Reply.SECURE_CHALLENGE), "encrypted_firmware", "push driver"),
        (
            Faults(opening=bytes.fromhex("5050837c08000000d0070000000000")),
            "encrypted_firmware",
            "push driver",
        ),
        (Faults(silent_on=frozenset({Command.CONNECT})), "no_answer", "restart it"),
    ],
)
async def test_p03_firmware_that_refuses_pull_is_named_in_one_line(
    faults: Faults, code: str, told: str
) -> None:
    async with terminal(5, faults) as device:
        host, port = device.address
        config = ZkPullConfig(name="gate", host=host, port=port, timeout_s=0.3)
        probe = probe_terminal(config, clock=CONTEXT.clock, zone=CONTEXT.zone)
        *_, last = [finding async for finding in probe]
    assert (last.code, last.severity) == (code, Severity.BAD)
    assert told in last.remedy
    assert "\n" not in last.what + last.remedy


@pytest.mark.parametrize(
    "faults", [Faults(count=0), Faults(sizes_bytes=4), Faults(sizes_bytes=112), Faults(count=3)]
)
async def test_p04_counts_are_hints_and_the_table_is_always_read(faults: Faults) -> None:
    device = terminal(50, faults)
    async with asking(device) as gate:
        (delivery,) = await fetched(gate)
    assert facts([delivery]) == logged(device.log)
    assert delivery.on_device == 50
    async with asking(terminal(0, Faults(count=0, refuse_table=4989))) as gate:
        with pytest.raises(BlockedError) as caught:
            await fetched(gate)
    assert caught.value.code == "access_control_mode"
    assert "time attendance" in caught.value.remedy


async def test_p05_a_bad_date_costs_its_row_and_no_other() -> None:
    good = pack_time(datetime(2026, 11, 21, 8, 30))
    thirty_first_of_february = (26 * 372 + 31 + 30) * 86_400
    strange = [thirty_first_of_february, 0, 110 * 372 * 86_400, pack_time(datetime(2031, 1, 1))]
    table = b"".join(row40(time) for time in [good, *strange, *[good + n for n in range(1, 60)]])
    async with asking(holding(table)) as gate:
        (delivery,) = await fetched(gate)
    (bad,) = delivery.quarantined
    assert (bad.offset, bad.raw) == (40, table[40:80])
    assert "no calendar" in bad.reason
    times = [punch.device_time for punch in delivery.every_record()]
    assert times[:4] == [
        datetime(2026, 11, 21, 8, 30),
        datetime(2000, 1, 1),
        datetime(2110, 1, 1),
        datetime(2031, 1, 1),
    ]
    flags = [punch.flags for punch in delivery.every_record()]
    assert flags[:4] == [(), (Flag.CLOCK_SUSPECT,), (Flag.FUTURE,), (Flag.FUTURE,)]
    assert len(times) == 63
    assert set(flags[4:]) == {()}


async def test_p06_a_lost_cursor_doubles_nothing_and_true_twins_stay_two(tmp_path) -> None:
    log = rows(30)
    log.append(log[-1])
    spool = Spool.open(tmp_path / "spool.db", clock=CONTEXT.clock, boot_id="boot")
    arrival = {"zone": "Asia/Shanghai", "lane": Lane.PUNCH_BACKLOG, "received_at": UTC_NOW}
    try:
        async with asking(terminal(log)) as gate:
            for stored, known in ((31, 0), (0, 31)):
                (delivery,) = await fetched(gate, None)  # the state file is gone
                done = await spool.append(
                    delivery, device_name="gate", clock_offset_ms=0, **arrival
                )
                assert (done.stored, done.known) == (stored, known)
    finally:
        spool.close()
    assert [punch.ordinal for punch in delivery.every_record()[-2:]] == [0, 1]


def test_p07_frames_cut_at_every_place_are_whole() -> None:
    packets = [
        Packet(
            command=Reply.DATA,
            session=n,
            reply_id=3,
            data=encode_attendance(rows(n + 1), Layout.ATT40),
        )
        for n in range(3)
    ]
    stream = b"".join(map(encode_tcp, packets))
    for cut in range(len(stream) + 1):
        framer = TcpFramer()
        assert [*framer.feed(stream[:cut]), *framer.feed(stream[cut:])] == packets
        framer.eof()


async def test_p07_the_last_record_and_the_256th_user_are_there() -> None:
    people = [User(uid=number, user_id=str(5_000 + number)) for number in range(1, 257)]
    log = [
        AttendanceRow(
            uid=user.uid, user_id=user.user_id, time=SITE_NOW - timedelta(seconds=300 - n)
        )
        for n, user in enumerate(people)
    ]
    device = terminal(log, Faults(segment_bytes=7), layout=Layout.ATT8A, user_width=28)
    device.users[:] = people
    async with asking(device) as gate:
        assert [p.user_id for p in punches(await fetched(gate))] == [u.user_id for u in people]


def test_p08_chunks_are_put_together_by_index_whatever_order_they_arrive_in() -> None:
    """Lost once, doubled, reversed, the closing ACK first: what a bad line does to datagrams."""
    records = encode_attendance(rows(100), Layout.ATT40)
    content = struct.pack("<I", len(records)) + records
    asked: list[int] = []

    def device(request):
        if request.command != Command.READ_CHUNK:
            size = struct.pack("<I", len(content))
            return [packet(Reply.ACK_OK, b"\0" + size + size + b"\0\0\0\0")]
        offset, size = struct.unpack("<II", request.data)
        asked.append(offset)
        data = content[offset : offset + size]
        parts = [data[start : start + 500] for start in range(0, len(data), 500)]
        numbered = [packet(Reply.DATA, part, session=n) for n, part in enumerate(parts)]
        if len(asked) == 1:
            del numbered[1]
        announced = packet(Reply.PREPARE_DATA, struct.pack("<II", len(data), 500))
        return [announced, packet(Reply.ACK_OK), *reversed(numbered), numbered[0]]

    assert Play(device).run(read_table(ATTENDANCE, chunk_bytes=2_000)) == records
    assert asked == [0, 0, 2_000, 4_000]


async def test_p09_state_and_verify_keep_their_numbers_and_get_their_meaning_by_profile() -> None:
    extended = bytes.fromhex("ef03000088b282330001000000000000")  # byte 8 state, byte 9 verify
    (punch,) = decode_attendance(extended, Layout.ATT16, serial="S")
    assert isinstance(punch, Punch)
    assert (punch.user_id, punch.state, punch.verify) == ("1007", 0, 1)

    seen = {}
    log = [AttendanceRow(uid=1, user_id="001", time=SITE_NOW, state=n) for n in (0, 1, 255, 9)]
    for profile in ("zkteco/f18", "solution/x100_c"):
        async with asking(terminal(log), profile=profile) as gate:
            seen[profile] = punches(await fetched(gate))
        assert [punch.state for punch in seen[profile]] == [0, 1, 255, 9]
        assert [bool(punch.flags) for punch in seen[profile]] == [False, False, False, True]
    unknown = [Direction.UNKNOWN, Direction.UNKNOWN]
    directions = {key: [punch.direction for punch in found] for key, found in seen.items()}
    assert directions == {
        "zkteco/f18": [Direction.IN, Direction.OUT, *unknown],
        "solution/x100_c": [Direction.OUT, Direction.IN, *unknown],
    }


async def test_p10_an_event_of_any_length_costs_nothing() -> None:
    (row,) = parse_attlog_event(b"1007".ljust(24, b"\0") + bytes((15, 0, 26, 11, 21, 8, 30, 0)))
    for length in (12, 32, 36, 37, 52):
        (punch,) = decode_attlog_event(encode_attlog_event(row, length), serial="S")
        assert isinstance(punch, Punch)
        assert (punch.user_id, punch.device_time) == ("1007", datetime(2026, 11, 21, 8, 30))
    (kept,) = decode_attlog_event(b"\x01" * 23, serial="S")
    assert isinstance(kept, Quarantined)
    assert kept.raw == b"\x01" * 23
    device = terminal(500, Faults(event_in_download=True))
    async with asking(device) as gate:
        assert facts(await fetched(gate)) == logged(device.log)


async def test_p11_a_comm_key_works_and_a_wrong_one_looks_like_nothing_else(capsys) -> None:
    assert auth_token(12, 0x45CF) == bytes.fromhex("614d323c")
    for key, told in ((None, "none is set"), (4321, "is wrong"), (1234, None)):
        async with asking(terminal(5, comm_key=1234), comm_key=key) as gate:
            if told is None:
                assert len(punches(await fetched(gate))) == 5
            else:
                with pytest.raises(AuthError, match=told) as caught:
                    await fetched(gate)
                assert caught.value.code == "wrong_comm_key"
                assert "4321" not in str(caught.value)
            assert "1234" not in repr(gate._config)
    async with asking(terminal(5, Faults(refuse_connect=Reply.AUTH_LOCKED))) as gate:
        with pytest.raises(AuthError) as locked:
            await gate.identity()
    assert locked.value.code == "locked_out"
    printed = capsys.readouterr()
    assert "1234" not in printed.out + printed.err


async def test_p12_what_is_in_the_way_is_found_step_by_step_without_ping() -> None:
    """Route, TCP, frame, auth, serial, clock; another terminal at the address is never read."""
    async with terminal(5, Faults(serial="OTHER1")) as device:
        host, port = device.address
        config = ZkPullConfig(name="gate", host=host, port=port, serial="CLK0000000001")
        probe = probe_terminal(config, clock=CONTEXT.clock, zone=CONTEXT.zone)
        steps = [(finding.step, finding.code) async for finding in probe]
        passed = [(step, "ok") for step in (Step.ROUTE, Step.TCP, Step.FRAME, Step.AUTH)]
        assert steps == [*passed, (Step.SERIAL, "wrong_serial")]
    async with asking(device, serial="CLK0000000001") as gate:
        with pytest.raises(WrongDeviceError) as caught:
            await fetched(gate)
        assert (caught.value.expected, caught.value.found) == ("CLK0000000001", "OTHER1")
        host, port = device.address
    config = ZkPullConfig(name="gate", host=host, port=port)
    probe = probe_terminal(config, clock=CONTEXT.clock, zone=CONTEXT.zone)
    assert [finding.code async for finding in probe] == ["ok", "link_refused"]


async def test_p13_no_answer_is_taken_for_another_ones(sent: list[int]) -> None:
    device = terminal(
        500,
        Faults(stale_buffer=True, late_ack=True),
        layout=Layout.ATT8A,
        operation_log=False,  # its few rows come inline, and then there is no buffer to free
    )
    async with asking(device) as gate:
        device._memory.prepare(Command.USERTEMP_RRQ)  # someone else's session broke off here
        assert facts(await fetched(gate)) == logged(device.log)
        assert facts(await fetched(gate)) == logged(device.log)
    first_table = sent.index(Command.PREPARE_BUFFER)
    assert Command.FREE_DATA in sent[:first_table]
    assert sent.count(Command.FREE_DATA) >= 1 + sent.count(Command.PREPARE_BUFFER)
    assert Command.ATTLOG_RRQ not in sent  # bare, it is answered with unrelated memory


@pytest.mark.parametrize(
    ("faults", "ending"),
    [
        (Faults(), nullcontext()),
        (Faults(close_after=3_000), pytest.raises(LinkDownError)),
        (Faults(refuse_table=4989), pytest.raises(BlockedError)),
    ],
)
async def test_p14_a_read_never_disables_the_terminal_however_it_ends(
    faults: Faults, ending: AbstractContextManager[object], sent: list[int]
) -> None:
    async with asking(terminal(200, faults)) as gate:
        with ending:
            await fetched(gate)
    assert Command.PREPARE_BUFFER in sent
    assert Command.DISABLE_DEVICE not in sent


async def test_p15_collecting_changes_nothing_on_the_device(sent: list[int]) -> None:
    device = terminal(200, layout=Layout.ATT8A)
    async with asking(device) as gate:
        for delivery in await fetched(gate):
            await gate.acknowledge(delivery)
        await gate.count()
    assert not CHANGES_THE_DEVICE & set(sent)
    assert len(device.log) == 200


async def test_p16_worn_flash_is_kept_and_the_room_left_is_told() -> None:
    good = [row40(pack_time(datetime(2026, 11, 21, 8)) + n) for n in range(40)]
    holes = [b"\0" * 40, b"\x5a" * 40, b"\xff" * 40]
    table = b"".join([*good[:20], *holes, *good[20:]])
    async with asking(holding(table)) as gate:
        (delivery,) = await fetched(gate)
        assert delivery.on_device == 43
        assert facts([delivery]) == facts_of(good)
        assert [row.raw for row in delivery.quarantined] == holes
        assert all("filled with" in row.reason for row in delivery.quarantined)
    async with asking(terminal(90, record_capacity=100)) as gate:
        held = await gate.count()
    assert (held.records, held.capacity) == (90, 100)


def facts_of(records: list[bytes]) -> list[tuple]:
    decoded = decode_attendance(b"".join(records), Layout.ATT40, serial="S")
    return [(int(p.user_id), p.device_time, p.state, p.verify) for p in decoded]


async def test_p17_the_clock_is_measured_and_times_stay_as_the_device_wrote_them(
    sent: list[int],
) -> None:
    lost_battery = AttendanceRow(uid=1, user_id="001", time=datetime(2000, 1, 1, 0, 4, 15))
    log = [*rows(20), lost_battery, *rows(20, start=10)]  # back to 2000, then back 10 rows
    async with asking(terminal(log, clock_offset_s=7_200)) as gate:
        (delivery,) = await fetched(gate)
    assert delivery.clock is not None
    assert delivery.clock.device_time == SITE_NOW + timedelta(hours=2)
    assert abs(delivery.clock.gateway_time - UTC_NOW) < timedelta(seconds=1)
    assert [punch.device_time for punch in delivery.every_record()] == [row.time for row in log]
    assert delivery.every_record()[20].flags == (Flag.CLOCK_SUSPECT,)
    assert Command.SET_TIME not in sent

    entry = struct.pack("<HBBI4H", 0, 21, 0, pack_time(SITE_NOW), 0, 0, 0, 0)
    (event,) = decode_operations(entry, serial="S")
    assert isinstance(event, DeviceEvent)
    assert (event.code, event.device_time) == ("clock_set", SITE_NOW)


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("王小明", "gbk"), ("Peña", "cp1252"), ("محمد", "cp1256"), ("Müller", "utf-8")],
)
def test_p18_names_are_read_by_the_code_page_and_their_bytes_are_kept(name, encoding) -> None:
    raw = name.encode(encoding)
    table = encode_users([User(uid=1, user_id="1007", name_raw=raw)], 72)
    (user,) = decode_users(table, encoding=encoding)
    assert isinstance(user, User)
    assert (user.name, user.name_raw) == (name, raw)
    (foreign,) = decode_users(encode_users([User(uid=1, user_id="1", name_raw=b"\xd1\xff")], 72),
                              encoding="utf-8")  # fmt: skip
    assert isinstance(foreign, User)
    assert (foreign.name, foreign.name_raw) == (None, b"\xd1\xff")  # never guessed, never cut


def test_p18_the_profile_of_a_chinese_unit_names_its_code_page() -> None:
    assert {p.key: p.encoding for p in load_all()}["zkteco/iface_zmm220"] == "gbk"


async def test_p19_the_user_id_is_text_and_the_uid_only_leads_to_it() -> None:
    ids = ["0070", "A7-b", "4821802", "123456789", "9" * 24]
    log = [AttendanceRow(uid=n, user_id=i, time=SITE_NOW) for n, i in enumerate(ids, start=1)]
    async with asking(terminal(log)) as gate:
        assert [punch.user_id for punch in punches(await fetched(gate))] == ids
    big = [AttendanceRow(uid=1, user_id="4294967295", time=SITE_NOW)]
    async with asking(terminal(big, layout=Layout.ATT16)) as gate:
        assert [punch.user_id for punch in punches(await fetched(gate))] == ["4294967295"]
    device = terminal(log[:3], layout=Layout.ATT8A)
    device.users[:] = [User(uid=1, user_id="0070"), User(uid=2, user_id="A7-b")]
    async with asking(device) as gate:
        (delivery,) = await fetched(gate)
        assert [punch.user_id for punch in delivery.every_record()] == ["0070", "A7-b"]
        (held,) = delivery.quarantined  # uid 3 is nobody: never "0", never a guess
        assert "uid 3" in held.reason


async def test_p20_a_known_log_gives_no_record_and_a_grown_one_its_new_rows() -> None:
    device = terminal(5_000)
    async with asking(device) as gate:
        first = await fetched(gate)
        with chunks_asked() as chunks:
            (unchanged,) = await fetched(gate, first[-1].cursor)
        assert (list(unchanged.records), unchanged.cursor) == ([], None)
        assert sum(size for _, size in chunks) < 1_500  # of 200,004 bytes
        device.log.extend(rows(3, start=5_000))
        (grown,) = await fetched(gate, first[-1].cursor)
    assert facts([grown]) == logged(rows(3, start=5_000))
    known = {event_id(punch) for punch in punches(first)}
    assert not known & {event_id(punch) for punch in grown.records}
    # What newer firmware could be asked instead (protocol.md 6.1); the driver does not yet.
    since = attendance_between(0x11223344, 0x55667788).request()
    assert (since.command, since.data.hex()) == (1503, "0114274433221188776655")
