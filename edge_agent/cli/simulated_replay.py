"""A recorded session of `device capture`, served as a terminal."""

import asyncio
import sys
from pathlib import Path

from edge_agent.decoding.containers import CaptureFile, parse_container
from edge_agent.decoding.input_file import read_input
from edge_agent.decoding.unreadable import UnreadableError
from edge_agent.decoding.zk_frames import segments_of
from edge_agent.errors import CommandError
from protocols.zk.commands import Command
from protocols.zk.framing import Packet
from simulators.zk_replay import RecordedTerminal, ZkReplay


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
        host, port = replay.address
        print(f"listening {host}:{port}", flush=True)
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
