"""The commands of `hr-core`, and how their failures reach the person who typed them."""

import sys
from collections.abc import Sequence
from itertools import zip_longest
from typing import Annotated

import typer
from typer.exceptions import TyperException

from hr_core.cli import (
    accounts,
    api_tokens,
    approvals,
    attendance,
    attendance_rules,
    audit,
    cases,
    devices,
    erase,
    events,
    gateways,
    hour_limits,
    imports,
    law,
    line,
    pay,
    people,
    performance,
    permits,
    person,
    quality,
    request,
    request_ask,
    roster,
    setup,
    time_off,
    trace,
    watermark,
)
from hr_core.cli.options import DbOption, ExitCode
from hr_core.errors import CoreError, InputFileError, NotFoundError, RefusedError

PROGRAM = "hr-core"

app = typer.Typer(
    help="Stores what gateways deliver and computes attendance, defect rates and pay from it.",
    add_completion=False,
    # Plain help and tracebacks: rich would double the start-up time of every command.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("init")(setup.init)
app.command("migrate")(setup.migrate)
app.command("gateways")(gateways.gateways)
app.command("serve")(setup.serve)
app.command("trace")(trace.trace)
app.command("events")(events.events)
app.command("watermark")(watermark.watermark)
app.command("erase")(erase.erase)
app.command("limits")(hour_limits.limits)
app.add_typer(gateways.gateway, name="gateway")
app.add_typer(accounts.app, name="account")
app.add_typer(api_tokens.app, name="token")
app.add_typer(approvals.app, name="approvals")
app.add_typer(audit.app, name="audit")
app.add_typer(cases.app, name="cases")
app.add_typer(imports.app, name="import")
app.add_typer(devices.app, name="devices")
app.add_typer(pay.app, name="pay")
attendance.app.add_typer(attendance_rules.app, name="rules")
app.add_typer(people.app, name="people")
app.add_typer(performance.app, name="performance")
app.add_typer(attendance.app, name="attendance")
app.add_typer(law.app, name="law")
app.add_typer(line.app, name="line")
app.add_typer(quality.app, name="quality")
app.add_typer(time_off.app, name="timeoff")
app.add_typer(permits.app, name="permits")
app.add_typer(person.app, name="person")
app.add_typer(roster.app, name="roster")
request.app.add_typer(request_ask.app, name="ask")
app.add_typer(request.app, name="request")


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
    if blank := _blank_option(arguments):
        print(
            f"error: {blank} is empty\n  remedy: write who or why, or leave it out", file=sys.stderr
        )
        return ExitCode.USAGE
    try:
        code = command.main(args=list(arguments), prog_name=PROGRAM, standalone_mode=False)
    except CoreError as error:
        return _fail(error)
    except TyperException as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else PROGRAM
        told = error.format_message().replace("Value error, ", "")
        print(f"error: {told}\n  try: {path} --help", file=sys.stderr)
        return ExitCode.USAGE
    return int(code or ExitCode.OK)


def _blank_option(arguments: Sequence[str]) -> str | None:
    """The name of who did it, or a reason, that is given and says nothing: an unset variable of a
    script. It must not turn into the name of the account that runs the script.
    """
    for name, value in zip_longest(arguments, arguments[1:], fillvalue="-"):
        option, told, given = name.partition("=")
        if option in {"--by", "--reason"} and not (given if told else value).strip():
            return option
    return None


def _fail(error: CoreError) -> int:
    # Storage errors, which also go to gateways in one line, carry their remedy in the text.
    message = str(error).removesuffix(error.remedy).rstrip()
    print(f"error: {message}\n  remedy: {error.remedy}", file=sys.stderr)
    asked_wrongly = isinstance(error, NotFoundError | InputFileError | RefusedError)
    return ExitCode.USAGE if asked_wrongly else ExitCode.BROKEN
