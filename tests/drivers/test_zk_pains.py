"""The twenty pains of the field (specs/zk_pull/field_pains.md), each against the real driver.

One name a pain, P01 to P20. The details have their own files; here stands that the pain is gone.
"""

import asyncio
import contextlib
import json
import struct
import sys
import time
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from datetime import datetime, timedelta

import pytest

from drivers.contract import DeviceUser, DriverContext
from drivers.errors import AuthError, BlockedError, DriverError, LinkDownError, WrongDeviceError
from drivers.zk_pull import ZkPullConfig, ZkPullDriver
from drivers.zk_pull import driver as driver_module
from edge_agent.doctor.findings import Severity
from edge_agent.doctor.terminal_probe import Step, probe_terminal
from edge_agent.spool.lanes import Lane
from edge_agent.spool.store import Spool
from protocols.identity import event_id
from protocols.records import DeviceEvent, Direction, Flag, Punch
from protocols.zk.attendance import AttendanceRow, Layout, decode_attendance
from protocols.zk.auth import auth_token
from protocols.zk.clock import pack_time
from protocols.zk.commands import Command, Reply
from protocols.zk.framing import Packet
from protocols.zk.oplog import decode_operations
from protocols.zk.users import User
from simulators.zk_terminal import Damage, Disturbance, Faults, Wear, ZkTerminal, worn_log
from simulators.zk_terminal.conversation import Conversation
from tests.drivers.zk_site import (
    CONTEXT,
    SHORT_S,
    SITE_NOW,
    UTC_NOW,
    asking,
    chunks_asked,
    driver,
    facts,
    fetched,
    holding,
    listening,
    logged,
    punches,
    row40,
    rows,
    simulated_process,
    terminal,
    udp_terminal,
)

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


@pytest.mark.parametrize("lie", [-40, 40, 4_000])
async def test_p01_a_size_word_that_does_not_fit_the_bytes_is_an_error(lie: int) -> None:
    table = row40(pack_time(SITE_NOW)) * 60
    async with asking(holding(table, size_word=len(table) + lie), timeout_s=0.5) as gate:
        with pytest.raises(DriverError) as caught:
            await fetched(gate)
    assert caught.value.remedy


async def test_p01_the_memory_of_a_long_log_is_bounded() -> None:
    device = terminal(30_000, packet_bytes=65_536)
    async with asking(device) as gate:
        first = await anext(pages := gate.fetch(None))
        tracemalloc.start()
        try:
            count = len(first.every_record())
            async for delivery in pages:
                count += len(delivery.every_record())
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert count == 30_000
    assert peak < 3_000_000  # measured: 0.6 MB, and 7 MB when all rows are kept


async def test_p01_a_row_costs_ten_microseconds_of_cpu_at_most() -> None:
    """So that 100,000 take less than a second. The terminal is a process of its own."""
    async with simulated_process("--records", "30000") as (host, port):
        gate = ZkPullDriver(ZkPullConfig(name="gate", host=host, port=port), CONTEXT)
        started = time.process_time()
        count = 0
        async for delivery in gate.fetch(None):
            count += len(delivery.every_record())
        spent = time.process_time() - started
        await gate.aclose()
    assert count == 30_000
    assert spent < 0.3  # measured: 0.07


@pytest.mark.parametrize("layout", list(Layout))
async def test_p02_the_record_width_is_told_by_the_bytes(layout: Layout) -> None:
    """Whatever the profile says, and also where two widths divide the size."""
    rows_for_every_width = 40 * 49
    for count in (400, rows_for_every_width):
        device = terminal(count, layout=layout, platform="ZMM210_TFT")
        for profile in ("zkteco/k40", "zkteco/speedface_v5l"):
            async with asking(device, profile=profile) as gate:
                assert facts(await fetched(gate)) == logged(device.log)


async def test_p02_the_width_is_pinned_and_decides_what_the_bytes_leave_open() -> None:
    device = terminal(300, layout=Layout.ATT49)
    async with asking(device) as gate:
        cursor = (await fetched(gate))[-1].cursor
        device.log[:] = rows(1)  # cleared in its menu; one row fits several layouts
        *_, again = await fetched(gate, cursor)  # behind the event that says so
    assert facts([again]) == logged(rows(1))


async def test_p02_nonsense_is_kept_whole_not_published_and_never_cleared() -> None:
    noise = bytes(range(256)) * 20
    device = holding(noise)
    async with asking(device) as gate:
        (delivery,) = await fetched(gate)
        with pytest.raises(BlockedError) as caught:
            await gate.clear_log(b"")
    assert (list(delivery.every_record()), delivery.cursor, delivery.on_device) == ([], None, None)
    assert [row.raw for row in delivery.quarantined] == [noise]
    assert "Do not clear" in delivery.quarantined[0].reason
    assert caught.value.code == "clear_unreadable"
    assert len(device.log) == len(noise) // 40


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


ALL_WEAR = Wear(invalid_dates=5, filled_rows=4, nul_hole=20, year_2000=21, future_rows=3)


@pytest.mark.parametrize("layout", list(Layout))
async def test_p05_a_worn_log_costs_exactly_its_worn_rows(layout: Layout) -> None:
    made = worn_log(rows(1_500), layout, ALL_WEAR, seed=4)
    device = terminal(made.rows, layout=layout)
    device.worn.update(made.worn)
    async with asking(device) as gate:
        deliveries = await fetched(gate)
    kept = [row for number, row in enumerate(made.rows) if number not in made.worn]
    assert facts(deliveries) == logged(kept)
    quarantined = [row for delivery in deliveries for row in delivery.quarantined]
    assert [(row.offset, row.raw) for row in quarantined] == [
        (number * layout.width, made.worn[number]) for number in sorted(made.worn)
    ]
    flags = {punch.device_time: punch.flags for punch in punches(deliveries) if punch.flags}
    suspect, future = made.places(Damage.YEAR_2000), made.places(Damage.FUTURE)
    assert flags == {
        **{made.rows[number].time: (Flag.CLOCK_SUSPECT,) for number in suspect},
        **{made.rows[number].time: (Flag.FUTURE,) for number in future},
    }


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


@pytest.mark.parametrize("segment_bytes", [1, 2, 7, 41, 1_023])
@pytest.mark.parametrize("join_frames", [1, 3, 1_000])
async def test_p07_frames_cut_anywhere_and_glued_together_are_whole(
    segment_bytes: int, join_frames: int
) -> None:
    faults = Faults(seed=segment_bytes, segment_bytes=segment_bytes, join_frames=join_frames)
    device = terminal(120, faults)
    async with asking(device) as gate:
        assert facts(await fetched(gate)) == logged(device.log)


@pytest.mark.parametrize("packet_bytes", [1_008, 1_024, 65_528, 65_536])
async def test_p07_the_last_record_is_there_at_every_edge_of_a_packet(packet_bytes: int) -> None:
    edge = packet_bytes // 40  # the size word of 4 bytes moves the edge into a record
    for count in (1, edge - 1, edge, edge + 1, 2 * edge, 2 * edge + 1):
        device = terminal(count, packet_bytes=packet_bytes, inline_bytes=0)
        async with asking(device) as gate:
            assert facts(await fetched(gate)) == logged(device.log)


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


@pytest.mark.parametrize("percent", [1, 5, 10, 20])
@pytest.mark.parametrize("seed", range(3))
async def test_p08_lossy_networks_cost_time_and_no_row(percent: int, seed: int) -> None:
    network = Disturbance(lose=percent / 100, duplicate=0.1, reorder=0.1)
    device = udp_terminal(1_000, Faults(seed=seed, to_terminal=network, from_terminal=network))
    async with asking(device, transport="udp", timeout_s=SHORT_S) as gate:
        deliveries = await fetched(gate)
    assert facts(deliveries) == logged(device.log)
    assert not [row for delivery in deliveries for row in delivery.quarantined]


@pytest.mark.parametrize("fault", ["lose_nth", "duplicate_nth", "reorder_nth"])
@pytest.mark.parametrize("way", ["to_terminal", "from_terminal"])
async def test_p08_no_single_datagram_matters(way: str, fault: str) -> None:
    """Each in turn, from CONNECT to the last packet of the table and the question after it."""

    async def fetched_all(faults: Faults) -> int:
        device = udp_terminal(90, faults, operation_log=False)
        async with asking(device, transport="udp", timeout_s=SHORT_S) as gate:
            assert facts(await fetched(gate)) == logged(device.log), faults
            server = device._datagrams
            return (server._inwards if way == "to_terminal" else server._outwards)._carried

    clean = await fetched_all(Faults())
    assert clean > 15
    sent_again = 0
    for number in range(1, clean + 1):
        spoilt = Disturbance(**{fault: frozenset({number})})
        sent_again += await fetched_all(Faults(**{way: spoilt})) > clean
    if fault == "lose_nth":
        assert sent_again >= clean - 1, "only the closing ACK is a hint that nobody misses"


async def test_p08_the_ack_before_the_data_is_not_the_end() -> None:
    reordering = Disturbance(reorder=0.5)
    device = udp_terminal(1_000, Faults(ack_before_last_data=True, from_terminal=reordering))
    async with asking(device, transport="udp", timeout_s=SHORT_S) as gate:
        assert facts(await fetched(gate)) == logged(device.log)


async def test_p08_a_damaged_datagram_is_asked_for_again() -> None:
    device = udp_terminal(1_000, Faults(wrong_checksum_every=7))
    async with asking(device, transport="udp", timeout_s=SHORT_S) as gate:
        assert facts(await fetched(gate)) == logged(device.log)


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


@pytest.mark.parametrize("length", [10, 12, 14, 32, 36, 37, 52])
@pytest.mark.parametrize("people", [1, 3])
async def test_p10_a_punch_event_of_every_known_length_is_a_hint(length: int, people: int) -> None:
    device = terminal(5, event_bytes=length)
    async with asking(device) as gate:
        cursor = (await fetched(gate))[-1].cursor
        async with listening(gate) as (heard, _):
            await device.punch(*rows(people, start=5))
            hint = await asyncio.wait_for(heard.get(), 2)
        assert (hint.records, hint.quarantined, hint.cursor) == ((), (), None)
        assert facts(await fetched(gate, cursor)) == logged(rows(people, start=5))


@pytest.mark.parametrize("length", [1, 11, 23, 53, 200])
async def test_p10_an_event_of_unknown_length_is_kept_raw_and_still_a_hint(length: int) -> None:
    device = terminal(5, event_bytes=length)
    async with asking(device) as gate:
        cursor = (await fetched(gate))[-1].cursor
        async with listening(gate) as (heard, task):
            await device.punch(*rows(1, start=5))
            kept = await asyncio.wait_for(heard.get(), 2)
            hint = await asyncio.wait_for(heard.get(), 2)
            assert not task.done()
        assert [len(row.raw) for row in kept.quarantined] == [length]
        assert (hint.records, hint.quarantined) == ((), ())
        assert facts(await fetched(gate, cursor)) == logged(rows(1, start=5))


@pytest.mark.parametrize(
    "faults",
    [
        Faults(ignores=frozenset({Command.REG_EVENT})),
        Faults(silent_on=frozenset({Command.REG_EVENT})),
        Faults(newest_hears_events=True),
    ],
    ids=["never sends one", "does not answer", "another host steals them"],
)
async def test_p10_where_no_event_comes_the_next_pull_has_the_punch(faults: Faults) -> None:
    device = terminal(5, faults)
    async with asking(device, timeout_s=0.3) as gate, asking_too(device) as thief:
        cursor = (await fetched(gate))[-1].cursor
        await fetched(thief)
        async with listening(gate) as (heard, task):
            await device.punch(*rows(1, start=5))
            await asyncio.sleep(0.1)
            assert heard.empty()
            assert not task.done()
        assert facts(await fetched(gate, cursor)) == logged(rows(1, start=5))


async def test_p10_the_watchdog_notices_a_terminal_that_hangs(monkeypatch) -> None:
    monkeypatch.setattr(driver_module, "KEEPALIVE_S", 0.1)
    device = terminal(5)
    async with asking(device, timeout_s=0.2) as gate:
        cursor = (await fetched(gate))[-1].cursor
        async with listening(gate) as (_, task):
            device.faults = Faults(hang_after=0)
            with pytest.raises(LinkDownError) as caught:
                await asyncio.wait_for(asyncio.shield(task), 3)
        assert caught.value.code == "no_answer"
        device.faults = Faults()
        await device.punch(*rows(1, start=5))
        assert facts(await fetched(gate, cursor)) == logged(rows(1, start=5))
        assert device.connections == 2


async def test_p10_an_event_in_mid_download_costs_nothing() -> None:
    device = terminal(500, Faults(event_in_download=True))
    async with asking(device) as gate:
        assert facts(await fetched(gate)) == logged(device.log)


@asynccontextmanager
async def asking_too(device: ZkTerminal) -> AsyncIterator[ZkPullDriver]:
    """A second host of a terminal that runs already."""
    other = driver(device, timeout_s=0.3)
    try:
        yield other
    finally:
        await other.aclose()


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


async def test_p12_a_terminal_at_a_new_address_is_found_by_its_serial() -> None:
    device = terminal(5)
    async with asking(device) as gate:
        port = device.address[1]
        await device.stop()
        device.address = ("127.0.0.5", port)
        await device.start()
        with pytest.raises(LinkDownError):
            await fetched(gate)
        found = await ZkPullDriver.find(gate._config, "CLK0000000001", ["127.0.0.0/29"], CONTEXT)
    assert found is not None
    assert (found.host, found.port) == ("127.0.0.5", port)


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
    "faults",
    [
        Faults(silent_on=frozenset({Command.READ_CHUNK})),
        Faults(opening=b"\xd0\x07 no ZK frame"),
        Faults(close_after=2_000),
    ],
    ids=["silence", "no frame", "cut"],
)
async def test_p13_after_any_protocol_error_the_connection_is_a_new_one(faults: Faults) -> None:
    device = terminal(200)
    async with asking(device, timeout_s=0.3) as gate:
        await gate.identity()
        device.faults = faults
        with pytest.raises(DriverError):
            await fetched(gate)
        before = device.connections
        device.faults = Faults()
        assert facts(await fetched(gate)) == logged(device.log)
        assert device.connections == before + 1


async def test_p13_more_than_a_thousand_users_are_one_table() -> None:
    device = terminal(5)
    device.users[:] = [User(uid=n, user_id=str(n), name_raw=b"N") for n in range(1, 1_301)]
    async with asking(device) as gate:
        listed = (await gate.users()).users
    assert [user.uid for user in listed] == list(range(1, 1_301))


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


@pytest.mark.parametrize("ending", ["done", "error", "cancelled", "link cut", "terminal refuses"])
async def test_p14_whoever_disables_enables_again_in_every_exit_path(
    ending: str, sent: list[int]
) -> None:
    device = terminal(200, Faults(stuck_disabled=True))
    asked_for: list[int | None] = []
    disable = device._memory.disable
    device._memory.disable = lambda seconds: (asked_for.append(seconds), disable(seconds))
    async with asking(device) as gate:

        async def work() -> None:
            async with gate.disabled(30):
                assert device.disabled
                match ending:
                    case "error":
                        raise ZeroDivisionError
                    case "cancelled":
                        await asyncio.sleep(60)
                    case "link cut":
                        device.faults = Faults(stuck_disabled=True, close_after=3_000)
                    case "terminal refuses":
                        device.faults = Faults(stuck_disabled=True, refuse_table=4989)
                await fetched(gate)

        with contextlib.suppress(ZeroDivisionError, TimeoutError, DriverError):
            await asyncio.wait_for(work(), 0.5)
        assert not device.disabled
    assert asked_for == [30], "with a time after which a good terminal enables itself"
    assert sent.index(Command.DISABLE_DEVICE) < sent.index(Command.ENABLE_DEVICE)


async def test_p14_unstick_frees_a_terminal_that_somebody_left_working() -> None:
    device = terminal(5, Faults(stuck_disabled=True))
    async with device:
        device._memory.disable(None)
        host, port = device.address
        command = ["-m", "edge_agent", "device", "unstick", f"{host}:{port}", "--json"]
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
        assert process.returncode == 0
        assert json.loads(out)["serial"] == "CLK0000000001"
        assert not device.disabled
        await device.punch(*rows(1))


async def test_p15_collecting_changes_nothing_on_the_device(sent: list[int]) -> None:
    device = terminal(200, layout=Layout.ATT8A)
    async with asking(device) as gate:
        for delivery in await fetched(gate):
            await gate.acknowledge(delivery)
        await gate.count()
    assert not CHANGES_THE_DEVICE & set(sent)
    assert len(device.log) == 200


async def test_p15_clearing_is_two_phases_and_loses_no_punch() -> None:
    """Stored and counted, then disabled, stored and counted again, and only then deleted."""
    device = terminal(200)
    async with asking(device) as gate:
        cursor = (await fetched(gate))[-1].cursor
        await device.punch(*rows(1, start=200))
        with pytest.raises(BlockedError) as caught:
            await gate.clear_log(cursor)
        assert (caught.value.code, len(device.log)) == ("clear_not_stored", 201)
        cursor = (await fetched(gate, cursor))[-1].cursor
        device.faults = Faults(count=200)
        with pytest.raises(BlockedError) as caught:
            await gate.clear_log(cursor)
        assert (caught.value.code, len(device.log)) == ("clear_count_differs", 201)
        device.faults = Faults()
        states: list[bool] = []
        clear = device._memory.clear_log
        device._memory.clear_log = lambda: (states.append(device.disabled), clear())
        assert (await gate.clear_log(cursor)).rows == 201
        assert (states, device.disabled, device.log) == ([True], False, [])
        await device.punch(*rows(1, start=201))
        told = [p for p in punches(await fetched(gate, cursor)) if isinstance(p, Punch)]
    assert [punch.device_time for punch in told] == [row.time for row in rows(1, start=201)]


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
    # What the alarms at 80, 90 and 95 % of capacity are computed from; they are the supervisor's.
    async with asking(terminal(90, record_capacity=100)) as gate:
        held = await gate.count()
    assert (held.records, held.capacity) == (90, 100)


async def test_p16_a_log_with_rows_that_cannot_be_read_is_never_cleared() -> None:
    """While nobody has stored those rows: the flash is the only place that may still hold them."""
    made = worn_log(rows(200), Layout.ATT40, Wear(nul_hole=10), seed=1)
    device = terminal(made.rows)
    device.worn.update(made.worn)
    async with asking(device) as gate:
        (delivery,) = await fetched(gate)
        assert [row.raw for row in delivery.quarantined] == [bytes(40)] * 10
        with pytest.raises(BlockedError) as caught:
            await gate.clear_log(b"")
    assert caught.value.code == "clear_unreadable"
    assert len(device.log) == 200


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


class RunningClock:
    """The site's time and the gateway's are one, and the test moves them."""

    def __init__(self) -> None:
        self.passed = timedelta()

    def now(self) -> datetime:
        return UTC_NOW + self.passed

    def monotonic(self) -> float:
        return self.passed.total_seconds()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


async def test_p17_a_drifting_and_jumping_clock_is_measured_at_each_pull() -> None:
    clock = RunningClock()
    faults = {"clock_drift_ppm": 500, "clock_jump_after_s": 50_000, "clock_jump_s": -3_600}
    device = terminal(5, clock=lambda: SITE_NOW + clock.passed, clock_offset_s=3, **faults)
    offsets = []
    async with device:
        host, port = device.address
        config = ZkPullConfig(name="gate", host=host, port=port)
        gate = ZkPullDriver(config, DriverContext(clock=clock, zone="Asia/Shanghai"))
        for hours in (0, 10, 14):
            clock.passed = timedelta(hours=hours)
            (delivery,) = await fetched(gate)
            reading = delivery.clock
            assert reading is not None
            offsets.append((reading.device_time - SITE_NOW - clock.passed).total_seconds())
        await gate.aclose()
    # 500 ppm are 1.8 s an hour; the packed clock holds whole seconds.
    assert offsets == [3, 21, 3 + 25 - 3_600]


async def test_p17_the_clock_is_set_only_beyond_the_tolerance_and_never_across_punches() -> None:
    ahead = AttendanceRow(uid=1, user_id="001", time=SITE_NOW + timedelta(minutes=30))
    device = terminal(20, clock_offset_s=3_600)
    async with asking(device) as gate:
        kept = await gate.set_clock(tolerance_s=4_000, allow_backwards=False)
        assert (kept.written, device.operations) == (None, [])
        device.log.append(ahead)
        with pytest.raises(BlockedError) as caught:
            await gate.set_clock(tolerance_s=2, allow_backwards=False)
        assert (caught.value.code, device.operations) == ("clock_backwards", [])
        device.log.pop()
        done = await gate.set_clock(tolerance_s=2, allow_backwards=False)
        assert done.written == device.local_time == SITE_NOW
        events = [e for e in punches(await fetched(gate)) if isinstance(e, DeviceEvent)]
    assert [(event.code, event.device_time) for event in events] == [("clock_set", SITE_NOW)]


@pytest.mark.parametrize(
    ("name", "long_name", "encoding", "width"),
    [
        ("王小明", "欧阳建国司马光诸葛亮上官婉", "gbk", 72),
        ("王小明", "欧阳建国司马", "gbk", 28),
        ("Peña", "Íñigo Peña y Castañeda Ibáñez", "cp1252", 72),
        ("محمد", "محمد بن عبد الله بن عبد المطلب", "cp1256", 72),
        ("Müller", "Jürgen Müller-Lüdenscheidt", "utf-8", 72),
        ("Müller", "Müürgen Ö", "utf-8", 28),
    ],
)
async def test_p18_names_are_read_and_written_in_the_code_page_of_the_terminal(
    name: str, long_name: str, encoding: str, width: int
) -> None:
    device = terminal(5, code_page=encoding, user_width=width)
    device.users[:] = [User(uid=1, user_id="1007", name=name)]
    limit = {72: 23, 28: 8}[width]
    async with asking(device, code_page=encoding) as gate:
        (user,) = (await gate.users()).users
        assert (user.name, user.name_raw) == (name, name.encode(encoding))
        written = await gate.write_user(DeviceUser(user_id="1008", name=long_name))
        listed = {user.user_id: user.name for user in (await gate.users()).users}
    assert listed["1008"] == written.name
    assert long_name.startswith(written.name)
    longer = long_name[: len(written.name) + 1]
    assert len(written.name.encode(encoding)) <= limit < len(longer.encode(encoding))


async def test_p18_bytes_of_no_code_page_are_kept_and_never_guessed() -> None:
    device = terminal(5)
    device.users[:] = [User(uid=1, user_id="1", name_raw=b"\xd1\xff")]
    async with asking(device, code_page="utf-8") as gate:
        (user,) = (await gate.users()).users
    assert (user.name, user.name_raw) == (None, b"\xd1\xff")


async def test_p18_the_profile_of_a_chinese_unit_names_its_code_page() -> None:
    device = terminal(5, platform="ZMM220_TFT", device_name="iFace702", code_page="gbk")
    device.users[:] = [User(uid=1, user_id="1007", name="王小明")]
    async with asking(device) as gate:
        assert (await gate.identity()).profile == "zkteco/iface_zmm220"
        assert [user.name for user in (await gate.users()).users] == ["王小明"]


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
