"""An independent reader agrees with the simulator: pyzk, in a process of its own."""

import asyncio
import json
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from protocols.zk.attendance import AttendanceRow, Layout
from protocols.zk.users import User
from simulators.zk_terminal import Faults, TerminalConfig, ZkTerminal

PEER = Path(__file__).with_name("pyzk_peer.py")
# pyzk 0.9 takes one recv for one frame, and loses its place in smaller packets whenever TCP cuts
# them elsewhere.
ONE_PACKET_A_CHUNK = 65_536
NOW = datetime(2026, 11, 22, 9, 0)
USERS = [
    User(uid=number, user_id=str(1000 + number), name_raw=b"Name %d" % number)
    for number in range(1, 40)
]
ROWS = [
    AttendanceRow(
        uid=1 + number % 39,
        user_id=str(1001 + number % 39),
        time=datetime(2025, 12, 31, 23, 50) + timedelta(seconds=61 * number),
        state=number % 6,
        verify=1 + number % 4,
    )
    for number in range(2_000)
]


async def seen_by_pyzk(terminal: ZkTerminal, key: int = 0, *, transport: str = "tcp") -> dict:
    host, port = terminal.address
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(PEER),
        host,
        str(port),
        str(key),
        transport,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return json.loads(out)


def expected(layout: Layout) -> list[list[object]]:
    """The peer calls the verify mode `status`, but in 16-byte records it has the two swapped."""
    swapped = layout is Layout.ATT16
    return [
        [row.user_id, row.time.isoformat()]
        + ([row.state, row.verify] if swapped else [row.verify, row.state])
        for row in ROWS
    ]


@pytest.mark.parametrize("key", [None, 1234])
@pytest.mark.parametrize(
    ("layout", "user_width"),
    [(Layout.ATT40, 72), (Layout.ATT16, 72), (Layout.ATT8B, 28)],
)
@pytest.mark.parametrize("lone_chunks", ["lone", ""])
async def test_pyzk_reads_the_same_rows(
    layout: Layout, user_width: int, key: int | None, lone_chunks: str
) -> None:
    config = TerminalConfig(
        clock=lambda: NOW,
        layout=layout,
        user_width=user_width,
        packet_bytes=ONE_PACKET_A_CHUNK,
        lone_chunks=bool(lone_chunks),
        comm_key=key,
    )
    async with ZkTerminal(config, ROWS, USERS) as terminal:
        seen = await seen_by_pyzk(terminal, key or 0)
    assert seen["log"] == expected(layout)
    assert (seen["serial"], seen["platform"]) == (config.serial, config.platform)
    assert (seen["name"], seen["version"]) == (config.device_name, config.firmware)
    assert (seen["time"], seen["records"]) == (NOW.isoformat(), len(ROWS))
    assert seen["users"] == [[user.uid, user.user_id, user.name_raw.decode()] for user in USERS]


@pytest.mark.parametrize(
    ("layout", "user_width", "key"),
    [(Layout.ATT40, 72, None), (Layout.ATT16, 72, 1234), (Layout.ATT8B, 28, None)],
)
async def test_pyzk_reads_the_same_rows_over_udp(
    layout: Layout, user_width: int, key: int | None
) -> None:
    config = TerminalConfig(
        clock=lambda: NOW,
        transport="udp",
        layout=layout,
        user_width=user_width,
        packet_bytes=1024,
        comm_key=key,
    )
    async with ZkTerminal(config, ROWS, USERS) as terminal:
        seen = await seen_by_pyzk(terminal, key or 0, transport="udp")
    assert seen["log"] == expected(layout)
    assert (seen["serial"], seen["time"]) == (config.serial, NOW.isoformat())
    assert seen["users"] == [[user.uid, user.user_id, user.name_raw.decode()] for user in USERS]


async def test_pyzk_is_lost_where_the_ack_overtakes_the_data_and_we_are_not() -> None:
    """The negative control of tests/drivers/test_zk_udp.py: the knob really bites."""
    config = TerminalConfig(clock=lambda: NOW, transport="udp", packet_bytes=1024)
    async with ZkTerminal(config, ROWS, USERS, Faults(ack_before_last_data=True)) as terminal:
        try:
            seen = await seen_by_pyzk(terminal, transport="udp")
        except AssertionError:
            return
    assert seen["log"] != expected(Layout.ATT40)


async def test_pyzk_is_refused_with_a_wrong_key() -> None:
    config = TerminalConfig(clock=lambda: NOW, comm_key=1234)
    async with ZkTerminal(config, ROWS, USERS) as terminal:
        with pytest.raises(AssertionError, match=r"ZKErrorResponse.*Unauthenticated"):
            await seen_by_pyzk(terminal, 4321)


async def test_pyzk_loses_the_log_of_a_terminal_that_counts_zero_and_we_know_it() -> None:
    """The negative control: the knob really bites the reader that trusts the count."""
    config = TerminalConfig(clock=lambda: NOW, packet_bytes=ONE_PACKET_A_CHUNK)
    async with ZkTerminal(config, ROWS, USERS, Faults(count=0)) as terminal:
        assert (await seen_by_pyzk(terminal))["log"] == []
