"""The commands of `hr-core`, and how their failures reach the person who typed them."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.exceptions import TyperException

from hr_core.cli import (
    attendance_rules,
    audit,
    cases,
    devices,
    erase,
    events,
    gateways,
    law,
    line,
    pay,
    quality,
    reading,
    setup,
    trace,
    watermark,
)
from hr_core.cli.options import DbOption, ExitCode
from hr_core.errors import CoreError, InputFileError, NotFoundError

PROGRAM = "hr-core"

app = typer.Typer(
    help="Stores what gateways deliver and computes attendance, defect rates and pay from it.",
    add_completion=False,
    # Plain help and tracebacks: rich would double the start-up time of every command.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("init")(setup.init)
app.command("import")(setup.import_file)
app.command("token")(gateways.token)
app.command("gateways")(gateways.gateways)
app.command("serve")(setup.serve)
app.command("trace")(trace.trace)
app.command("events")(events.events)
app.command("watermark")(watermark.watermark)
app.command("devices")(devices.devices)
app.command("erase")(erase.erase)
app.add_typer(gateways.gateway, name="gateway")
app.add_typer(audit.app, name="audit")
app.add_typer(cases.app, name="cases")
app.add_typer(pay.app, name="pay")
app.add_typer(reading.attendance, name="attendance")
reading.attendance.add_typer(attendance_rules.app, name="rules")
app.add_typer(law.app, name="law")
app.add_typer(line.app, name="line")
app.add_typer(quality.app, name="quality")


def _print_version(value: bool) -> None:  # noqa: FBT001 - typer calls it so
    if value:
        from importlib.metadata import version

        print(f"{PROGRAM} {version('clockline')}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    *,
    db: DbOption = None,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    context.obj = db


def run(arguments: Sequence[str]) -> int:
    """Runs one command. Every failure becomes one line on stderr and one that says what helps."""
    command = typer.main.get_command(app)
    try:
        code = command.main(args=list(arguments), prog_name=PROGRAM, standalone_mode=False)
    except CoreError as error:
        return _fail(error)
    except TyperException as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else PROGRAM
        print(f"error: {error.format_message()}\n  try: {path} --help", file=sys.stderr)
        return ExitCode.USAGE
    return int(code or ExitCode.OK)


def _fail(error: CoreError) -> int:
    message = str(error)
    # Storage errors, which also go to gateways in one line, carry their remedy in the text.
    hint = "" if error.remedy in message else f"\n  remedy: {error.remedy}"
    print(f"error: {message}{hint}", file=sys.stderr)
    asked_wrongly = isinstance(error, NotFoundError | InputFileError)
    return ExitCode.USAGE if asked_wrongly else ExitCode.BROKEN
