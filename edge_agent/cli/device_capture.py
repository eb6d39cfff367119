"""`edge-agent device capture`: one session with a terminal as a file for a bug report."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.cli.device_session import Target
from edge_agent.cli.options import ConfigOption
from edge_agent.errors import CommandError, ExitCode, UsageError

if TYPE_CHECKING:
    from drivers.errors import DriverError
    from drivers.zk_pull import ZkPullConfig
    from drivers.zk_pull.session_recording import SessionRecording

_HEAD_BYTES = 256 * 1024  # 6,500 rows: enough to see what a log is like
_RAW_WARNING = (
    "WARNING: --raw keeps everything: names, ids, cards, passwords, the key of the terminal. "
    "Do not send this file to anybody."
)


def capture(  # noqa: PLR0913 - one parameter per option
    target: Target,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")],
    config_file: ConfigOption = None,
    seconds: Annotated[
        float, typer.Option(min=0.0, help="How long to listen for punches at the end.")
    ] = 10.0,
    whole_log: Annotated[
        bool, typer.Option("--whole-log", help="Not only the first part of a long log.")
    ] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="Keep everything as it is. Never send such a file.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> int:
    """Record a session with a ZK terminal, nobody to be recognised in it, for a bug report."""
    import asyncio

    from drivers.zk_pull import ZkPullConfig
    from drivers.zk_pull.session_recording import SessionRecording
    from edge_agent.captures.file import check_output
    from edge_agent.cli.device_target import resolve
    from edge_agent.system_clock import SystemClock
    from protocols.zk.tables import MAX_TABLE_BYTES

    config = resolve(target, config_file, None).config
    if not isinstance(config, ZkPullConfig):
        raise UsageError(
            f"is of kind {config.kind}, capture knows ZK terminals only",
            where=target,
            remedy="Describe what happens, with the output of info",
            try_command=f"edge-agent device info {target}",
        )
    check_output(output, force=force)
    if raw:
        _say(_RAW_WARNING)
    recording = SessionRecording(config, SystemClock())
    log_bytes = MAX_TABLE_BYTES if whole_log else _HEAD_BYTES
    failure = asyncio.run(_record(recording, listen_s=seconds, log_bytes=log_bytes))
    if not recording.segments:
        raise failure or CommandError(
            "nothing was said before the interruption",
            where=target,
            remedy="No file was written",
            try_command=f"edge-agent device probe {target}",
        )
    return _write(recording, config, output, raw=raw, failure=failure, force=force)


async def _record(
    recording: "SessionRecording", *, listen_s: float, log_bytes: int
) -> "DriverError | None":
    """Until done, Ctrl-C, or a failure, which is as much worth a report as anything."""
    import asyncio
    import contextlib
    import signal

    from drivers.errors import DriverError

    work = asyncio.ensure_future(
        recording.run(
            listen_s=listen_s,
            log_bytes=log_bytes,
            listening=lambda: _say(f"listening for {listen_s:g} s: let somebody punch now"),
        )
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, work.cancel)
    _say("recording; Ctrl-C ends it with what there is by then")
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await work
    except DriverError as error:
        return error
    return None


def _write(
    recording: "SessionRecording",
    config: "ZkPullConfig",
    output: Path,
    *,
    raw: bool,
    failure: "DriverError | None",
    force: bool,
) -> int:
    from edge_agent.captures.anonymous import anonymous
    from edge_agent.captures.file import write_capture

    segments = recording.segments
    if raw:
        write_capture(output, segments, config.transport, raw=True, force=force)
        _say(_RAW_WARNING)
    else:
        made = anonymous(segments, config.transport)
        write_capture(output, made.segments, config.transport, raw=False, force=force)
        for line in made.report:
            _say(line)
    for remark in recording.remarks:
        _say(f"note: {remark}")
    if failure is not None:
        _say(f"note: the session broke off: {failure}")
    print(f"{output}: {len(segments):,} frames")
    return ExitCode.OK if failure is None else ExitCode.DEGRADED


def _say(line: str) -> None:
    print(line, file=sys.stderr)
