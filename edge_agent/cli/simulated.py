"""The simulated devices that `edge-agent simulate` serves, and what happens on them."""

import asyncio
import contextlib
import random
import signal
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from edge_agent.decoding.containers import CaptureFile, parse_container
from edge_agent.decoding.input_file import read_input
from edge_agent.decoding.unreadable import UnreadableError
from edge_agent.decoding.zk_frames import segments_of
from edge_agent.errors import CommandError
from protocols.zk.attendance import AttendanceRow
from protocols.zk.commands import Command
from protocols.zk.framing import Packet
from protocols.zk.users import User
from simulators.card_reader import CardReaderSim
from simulators.modbus_counter import CounterUnit, ModbusCounterBox
from simulators.zk_replay import RecordedTerminal, ZkReplay
from simulators.zk_terminal import TerminalConfig, ZkTerminal, rows_from_usb_export, serve

PEOPLE = 50
_FIRST_USER = 1001
_SERIAL = "CLKSIM0000001"
# Ten punches an hour, so that a log of a hundred rows looks like a working day.
_PUNCH_DISTANCE = timedelta(minutes=6)
_CARD_EVERY_S = 3.0  # longer than a reader's debounce: each is a punch
_PIECE_EVERY_S = 1.0
_REJECT_SHARE = 0.03


async def until_stopped(scene: Coroutine[Any, Any, None]) -> None:
    """Runs `scene` until Ctrl-C or SIGTERM, then lets it clean up."""
    task = asyncio.ensure_future(scene)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def wall_clock() -> datetime:
    """Naive, of this machine's zone: a simulated terminal hangs beside it."""
    return datetime.now(UTC).astimezone().replace(tzinfo=None)


def zk_terminal(
    input_file: Path | None, *, records: int, seed: int, udp: bool = False
) -> ZkTerminal:
    """A terminal with the log of `input_file`, or with `records` made-up punches until now."""
    if input_file is None:
        log = made_up_log(records, seed, end=wall_clock())
    else:
        log, refused = rows_from_usb_export(input_file.read_bytes())
        if refused:
            note = f"note: {len(refused)} rows of {input_file} cannot be held by a terminal"
            print(note, file=sys.stderr)
    uids = {row.user_id: row.uid for row in log}
    users = [User(uid=uid, user_id=user_id) for user_id, uid in uids.items()]
    config = TerminalConfig(clock=wall_clock, serial=_SERIAL, transport="udp" if udp else "tcp")
    return ZkTerminal(config, log, users)


def made_up_log(records: int, seed: int, *, end: datetime) -> list[AttendanceRow]:
    """`records` punches in time order, the last one at `end`, cut to seconds."""
    draw = random.Random(seed)  # noqa: S311 - repeatable, not secret
    end = end.replace(microsecond=0)
    rows = []
    for index in range(records):
        uid = draw.randrange(1, PEOPLE + 1)
        rows.append(
            AttendanceRow(
                uid=uid,
                user_id=str(_FIRST_USER + uid - 1),
                time=end - _PUNCH_DISTANCE * (records - 1 - index),
                state=draw.randrange(2),
                verify=draw.choice((1, 15)),
            )
        )
    return rows


async def serve_zk_terminal(terminal: ZkTerminal, host: str, port: int) -> None:
    await serve(host, port, terminal, ready=_say_listening)


async def serve_zk_replay(input_file: Path, host: str, port: int) -> None:
    """Plays a recorded session; what it does not hold is refused, and told on stderr once."""
    terminal = recorded_terminal(input_file)
    told: set[int] = set()

    def refused(request: Packet) -> None:
        if request.command not in told:
            told.add(request.command)
            known = request.command in frozenset(Command)
            name = Command(request.command).name if known else "command"
            print(f"note: not recorded: {name} ({request.command})", file=sys.stderr, flush=True)

    async with ZkReplay(terminal, listen=(host, port), refused=refused) as replay:
        _say_listening(*replay.address)
        await asyncio.Event().wait()


def recorded_terminal(input_file: Path) -> RecordedTerminal:
    """Raises CommandError for a file that is no capture."""
    try:
        capture = parse_container(read_input(input_file), CaptureFile, "zkcapture/1")
        return RecordedTerminal(segments_of(capture), capture.transport)
    except UnreadableError as exc:
        raise CommandError(
            exc.what,
            where=str(input_file),
            remedy=exc.remedy,
            try_command="edge-agent simulate zk-replay --help",
        ) from exc


async def serve_modbus_counter(host: str, port: int, *, pieces: int, seed: int) -> None:
    """One unit (number 1) that makes a piece a second, some of them rejects."""
    draw = random.Random(seed)  # noqa: S311 - repeatable, not secret
    unit = CounterUnit(pieces=pieces)
    async with ModbusCounterBox({1: unit}, host=host, port=port) as box:
        _say_listening(box.host, box.port)
        while True:
            await asyncio.sleep(_PIECE_EVERY_S)
            unit.pieces += 1
            unit.rejects += draw.random() < _REJECT_SHARE


async def serve_card_reader(*, cards: int, seed: int) -> None:
    """A reader on a pseudo terminal; one of `cards` different cards is held to it now and then."""
    draw = random.Random(seed)  # noqa: S311 - repeatable, not secret
    numbers = [draw.randbytes(5).hex() for _ in range(cards)]
    async with _plugged_in() as reader:
        print(f"listening {reader.port}", flush=True)
        while True:
            await asyncio.sleep(_CARD_EVERY_S)
            if numbers:
                # Nobody reads the port and its buffer is full: the card stays unread, as in life.
                with contextlib.suppress(BlockingIOError):
                    await reader.present(draw.choice(numbers))


@asynccontextmanager
async def _plugged_in() -> AsyncIterator[CardReaderSim]:
    reader = CardReaderSim()
    await reader.start()
    try:
        yield reader
    finally:
        await reader.stop()


def _say_listening(host: str, port: int) -> None:
    print(f"listening {host}:{port}", flush=True)
