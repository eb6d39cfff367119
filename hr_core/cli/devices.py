"""`hr-core devices [retire|return]`: which gateways deliver which device, and which ones are gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hr_core.cli.gateways import operator
from hr_core.cli.options import (
    ByOption,
    DbOption,
    ExitCode,
    JsonOption,
    parse_day,
    print_json,
    reading,
    writing,
)

if TYPE_CHECKING:
    from hr_core.device_retirement import Ruling

app = typer.Typer(help="Devices, their gateways, and those that are gone.", rich_markup_mode=None)

SerialArgument = Annotated[str, typer.Argument(metavar="SERIAL", show_default=False)]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why. Kept for ever.")]


@app.callback(invoke_without_command=True)
def devices(context: typer.Context, *, db: DbOption = None, as_json: JsonOption = False) -> int:
    """Show every device and the gateways that deliver it. Exit 1 when one has several."""
    from hr_core.store.device_gateways import all_devices
    from hr_core.store.retired_devices import retired

    if context.invoked_subcommand is not None:
        context.obj = db or context.obj
        return ExitCode.OK
    with reading(context, db) as conn:
        found, gone = all_devices(conn), retired(conn)
    if as_json:
        print_json({"devices": found, "retired": gone})
    for device in [] if as_json else found:
        shared = "  DELIVERED BY SEVERAL GATEWAYS" if len(device.gateways) > 1 else ""
        since = f"  retired from {gone[device.serial]}" if device.serial in gone else ""
        print(f"{device.serial}{shared}{since}")
        for one in device.gateways:
            print(
                f"  {one.gateway}  {one.accepted} new, {one.duplicate} known already  "
                f"{one.first_seen:%Y-%m-%d %H:%M} to {one.last_seen:%Y-%m-%d %H:%M} UTC"
            )
    if not (found or as_json):
        print(
            "No record came yet: hr-core token GATEWAY lets one send, or import a terminal's export"
        )
    several = any(len(device.gateways) > 1 for device in found)
    return ExitCode.DEGRADED if several else ExitCode.OK


@app.command("retire")
def retire(  # noqa: PLR0913 - one for each option
    context: typer.Context,
    serial: SerialArgument,
    *,
    since: Annotated[
        str,
        typer.Option("--from", help="First day without it, like 2026-11-21.", show_default=False),
    ],
    reason: ReasonOption,
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that a device is gone: from that day on nobody's day waits for it."""
    from hr_core.device_retirement import retire_device

    day = parse_day(since, "--since")
    with writing(context, db) as conn:
        done = retire_device(conn, serial, day, _ruling(by, reason))
    if as_json:
        print_json(done)
    else:
        print(f"{serial} is retired from {day}: it holds nobody up from that day on")
        print(f"  to undo: hr-core devices return {serial} --reason ...")


@app.command("return")
def return_(
    context: typer.Context,
    serial: SerialArgument,
    *,
    reason: ReasonOption,
    by: ByOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a retirement back: days wait for the device again."""
    from hr_core.device_retirement import return_device

    with writing(context, db) as conn:
        done = return_device(conn, serial, _ruling(by, reason))
    if as_json:
        print_json(done)
    else:
        print(f"{serial} is in use again")


def _ruling(by: str | None, reason: str) -> Ruling:
    from hr_core.clock import SystemClock
    from hr_core.device_retirement import Ruling

    return Ruling(by=by or operator(), at=SystemClock().now(), reason=reason)
