"""`edge-agent simulate`: a device that is not there, on a real socket or port."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from edge_agent.config.suggestion import did_you_mean
from edge_agent.errors import CommandError, ExitCode, UsageError

# zk and card-reader: what people say who do not know our words for it, or the chip.
OTHER_NAMES = {"zk": "zk-terminal", "card-reader": "rdm6300"}
KINDS = ("zk-terminal", "zk-replay", "modbus-counter", "rdm6300", *OTHER_NAMES)
TRANSPORTS = ("tcp", "udp")


def simulate(  # noqa: PLR0913 - one argument per option of the command
    kind: Annotated[str, typer.Argument(help=", ".join(KINDS))],
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 picks a free one.")] = 0,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    records: Annotated[
        int,
        typer.Option(min=0, help="Punches in the log, pieces on the counter, or different cards."),
    ] = 100,
    input_file: Annotated[
        Path | None,
        typer.Option(
            "--input",
            help="A terminal's USB export (.dat) as its log; for zk-replay, what `device capture` wrote.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed makes the same device.")] = 0,
    transport: Annotated[
        str, typer.Option(help=f"How a zk-terminal is asked: {', '.join(TRANSPORTS)}.")
    ] = "tcp",
) -> int:
    """Serve a simulated device until Ctrl-C. Prints `listening ADDRESS` when it is ready."""
    import asyncio

    from edge_agent.cli import simulated

    kind = OTHER_NAMES.get(kind, kind)
    if kind not in KINDS:
        raise UsageError(
            f"no such simulator{did_you_mean(kind, KINDS)}",
            where=kind,
            remedy=f"Known kinds: {', '.join(KINDS)}",
            try_command="edge-agent simulate zk-terminal",
        )
    _check_input(kind, input_file)
    if transport not in TRANSPORTS or (transport == "udp" and kind != "zk-terminal"):
        raise UsageError(
            f"a {kind} is not asked over {transport!r}",
            where=f"simulate {kind} --transport",
            remedy="Only a zk-terminal is, over tcp or udp",
            try_command="edge-agent simulate zk-terminal --transport udp",
        )
    try:
        match kind:
            case "zk-terminal":
                terminal = simulated.zk_terminal(
                    input_file, records=records, seed=seed, udp=transport == "udp"
                )
                scene = simulated.serve_zk_terminal(terminal, host, port)
            case "zk-replay":
                assert input_file is not None  # noqa: S101 - checked above
                scene = simulated.serve_zk_replay(input_file, host, port)
            case "modbus-counter":
                scene = simulated.serve_modbus_counter(host, port, pieces=records, seed=seed)
            case _:
                scene = simulated.serve_card_reader(cards=records, seed=seed)
        asyncio.run(simulated.until_stopped(scene))
    except OSError as exc:
        raise CommandError(
            exc.strerror or str(exc),
            where=exc.filename or f"{host}:{port}",
            remedy="Another program may hold the port, or the file cannot be read",
            try_command=f"edge-agent simulate {kind} --port 0",
        ) from exc
    print("stopped", file=sys.stderr)
    return ExitCode.OK


def _check_input(kind: str, input_file: Path | None) -> None:
    if input_file is not None and kind not in {"zk-terminal", "zk-replay"}:
        raise UsageError(
            "only a zk-terminal and a zk-replay can play a file",
            where=f"simulate {kind} --input",
            remedy="Leave --input out",
            try_command=f"edge-agent simulate {kind}",
        )
    if input_file is None and kind == "zk-replay":
        raise UsageError(
            "there is nothing to play",
            where="simulate zk-replay",
            remedy="Name a file of `edge-agent device capture` with --input",
            try_command="edge-agent simulate zk-replay --input FILE",
        )
