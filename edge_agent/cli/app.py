"""The commands of `edge-agent`, and how their failures reach the person who typed them."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from drivers.errors import DriverError
from edge_agent.cli import (
    config,
    dead,
    decode,
    device,
    driver,
    enroll,
    export,
    line,
    quarantine,
    simulate,
    spool,
    trace,
    watermark,
)
from edge_agent.cli.options import ConfigOption, JsonOption
from edge_agent.errors import CommandError, ExitCode, error_line
from edge_agent.spool.errors import SpoolError
from sync.errors import UplinkError
from sync.exporters.errors import ExportError

PROGRAM = "edge-agent"

app = typer.Typer(
    help="Collects punches and piece counts on a site and feeds them to the HR core.",
    add_completion=False,
    # Plain help and tracebacks: rich would double the start-up time of every command.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def run(arguments: Sequence[str]) -> int:
    """Runs one command. Every failure becomes one line on stderr that names what helps."""
    command = typer.main.get_command(app)
    try:
        code = command.main(args=list(arguments), prog_name=PROGRAM, standalone_mode=False)
    except CommandError as error:
        print(error_line(error), file=sys.stderr)
        return error.exit_code
    except (DriverError, ExportError, SpoolError, UplinkError) as error:
        print(f"error: {error} — try: {PROGRAM} doctor", file=sys.stderr)
        return ExitCode.BROKEN
    except TyperException as error:
        context = getattr(error, "ctx", None)  # lost where an option lacks its value
        path = context.command_path if context is not None else f"{PROGRAM} {arguments[0]}"
        print(f"error: {error.format_message()} — try: {path} --help", file=sys.stderr)
        return ExitCode.USAGE
    return int(code or ExitCode.OK)


def _print_version(value: bool) -> None:  # noqa: FBT001 - typer calls it so
    if value:
        from edge_agent.front_door import main

        raise typer.Exit(main(["--version"]))


@app.callback()
def root(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Collects punches and piece counts on a site and feeds them to the HR core."""


@app.command("demo")
def demo(
    *,
    input_file: Annotated[
        Path | None,
        typer.Option("--input", help="Play this attendance file (.dat) instead of made-up people."),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option("--keep", help="Keep the databases in this new folder for a closer look."),
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """See the main job end to end on this machine. Needs no server and no device."""
    from edge_agent.demo.cli import run_demo

    return run_demo(input_file=input_file, as_json=as_json, keep=keep)


@app.command("run")
def run_agent(config_file: ConfigOption = None) -> int:
    """Run the agent in the foreground until Ctrl-C or SIGTERM."""
    from edge_agent.config.loading import load_config
    from edge_agent.config.places import require_config

    site = load_config(require_config(config_file))
    from edge_agent.app import run_agent as run_site

    return run_site(site)


@app.command("status")
def status(*, config_file: ConfigOption = None, as_json: JsonOption = False) -> int:
    """Show how the gateway does, and what to mend. Devices, backlog, problems, remedies."""
    from edge_agent.status.command import run_status

    return run_status(str(config_file) if config_file else None, as_json=as_json)


@app.command("doctor")
def doctor(
    *,
    config_file: ConfigOption = None,
    as_json: JsonOption = False,
    with_core: Annotated[
        bool, typer.Option("--core", help="Also check that the HR core can run on this machine.")
    ] = False,
) -> int:
    """Check everything the gateway stands on, and say what to do. Works without a site file."""
    from edge_agent.doctor.command import run_doctor

    return run_doctor(
        str(config_file) if config_file else None, as_json=as_json, with_core=with_core
    )


app.add_typer(config.app, name="config")
app.add_typer(device.app, name="device")
app.add_typer(driver.app, name="driver")
app.add_typer(export.app, name="export")
app.add_typer(line.app, name="line")
app.command("enroll")(enroll.enroll)
app.add_typer(spool.app, name="spool")
app.add_typer(dead.app, name="dead")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(watermark.app, name="watermark")
app.command("trace")(trace.trace)
app.command("decode")(decode.decode)
app.command("simulate")(simulate.simulate)
