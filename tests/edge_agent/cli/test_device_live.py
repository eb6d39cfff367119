"""`device live` in a process of its own, before a simulated terminal."""

import asyncio
import contextlib
import json
import os
import pty
import signal
import sys

import pytest

from tests.drivers.zk_site import rows, terminal


@contextlib.asynccontextmanager
async def live(device, *options, stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE):
    host, port = device.address
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "edge_agent", "device", "live"),
        f"zk-pull://{host}:{port}?timeout_s=2",
        *options,
        stdout=stdout,
        stderr=stderr,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def heard(stream, words):
    """The first line with these words."""
    async with asyncio.timeout(20):
        while words not in (line := (await stream.readline()).decode()):
            assert line, f"the command ended without saying {words!r}"
    return line


def punch_row(number):
    return rows(1, start=10_000 + number)[0]


async def test_rows_across_a_break_then_ctrl_c():
    async with terminal(30) as device, live(device, "--json") as process:
        assert "30 records were there before" in await heard(process.stderr, "listening to")
        await device.punch(punch_row(0))
        first = json.loads(await asyncio.wait_for(process.stdout.readline(), 10))
        await device.stop()
        await heard(process.stderr, "line broken, trying again")
        device.log.extend(punch_row(number) for number in (1, 2))
        await device.start()
        gap = [json.loads(await asyncio.wait_for(process.stdout.readline(), 10)) for _ in "12"]
        await heard(process.stderr, "connected again")
        await device.punch(punch_row(3))
        last = json.loads(await asyncio.wait_for(process.stdout.readline(), 10))
        process.send_signal(signal.SIGINT)
        out, _ = await process.communicate()
    assert process.returncode == 0
    told = [first, *gap, last]
    assert [row["device_time"] for row in told] == [
        punch_row(number).time.isoformat() for number in range(4)
    ]
    assert {row["kind"] for row in told} == {"punch"}
    assert {"serial", "user_id", "state", "verify", "flags", "raw"} <= first.keys()
    assert [json.loads(line) for line in out.splitlines()] == [
        {"summary": {"records": 4, "quarantined": 0, "repeats": 0}}
    ]


async def test_after_the_seconds_it_ends_with_who_punched_last():
    async with terminal(3) as device, live(device, "--seconds", "1") as process:
        await heard(process.stderr, "listening to")
        device.log.append(punch_row(0))  # its event was lost
        out, err = await process.communicate()
    assert process.returncode == 0
    titles, line, summary = out.decode().splitlines()
    assert titles.split()[:3] == ["DEVICE", "TIME", "USER"]
    assert punch_row(0).time.isoformat() in line
    assert line.index(punch_row(0).user_id) == titles.index("USER ID"), "in columns"
    assert summary == "1 records, 0 quarantined, 0 repeats"
    assert b"Ctrl-C" not in err, "no heartbeat into a pipe"


async def test_a_line_that_is_still_broken_at_the_end_is_no_success():
    async with terminal(3) as device, live(device, "--seconds", "1") as process:
        await heard(process.stderr, "listening to")
        await device.stop()
        out, err = await process.communicate()
    assert process.returncode == 1
    assert out.decode().splitlines() == ["0 records, 0 quarantined, 0 repeats"]
    assert "the last read failed" in err.decode()


async def test_nobody_there_is_an_error_at_once():
    device = terminal(0)
    async with device:
        pass
    async with live(device) as process:
        _, err = await process.communicate()
    assert process.returncode == 2
    assert "connection refused" in err.decode()


async def test_another_terminal_after_the_break_is_never_read():
    async with terminal(2, serial="FIRST0000001") as device:
        host, port = device.address
        async with live(device, "--json") as process:
            await heard(process.stderr, "listening to")
            await device.stop()
            await heard(process.stderr, "line broken")
            other = terminal(9, serial="OTHER0000002")
            other.address = (host, port)
            async with other:
                out, err = await process.communicate()
    assert process.returncode == 2
    assert b"punch" not in out
    assert "FIRST0000001" in err.decode()
    assert "OTHER0000002" in err.decode()


async def test_a_person_sees_that_it_is_alive():
    master, slave = pty.openpty()
    try:
        async with (
            terminal(2) as device,
            live(device, "--seconds", "1.5", stdout=slave, stderr=slave) as process,
        ):
            await process.wait()
        os.close(slave)
        seen = b""
        with contextlib.suppress(OSError):  # the end of a pty
            while part := os.read(master, 65_536):
                seen += part
    finally:
        os.close(master)
    assert process.returncode == 0
    assert b"listening, 0 rows" in seen


@pytest.mark.parametrize("seconds", ["0", "-1", "soon"])
async def test_seconds_that_are_none(seconds):
    async with terminal(0) as device, live(device, "--seconds", seconds) as process:
        await process.communicate()
    assert process.returncode == 3
