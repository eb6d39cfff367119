"""`hr-core watermark`: until when each device's records are complete here."""

from typing import Annotated

import typer

from hr_core.cli.options import DbOption, ExitCode, JsonOption, print_json, reading


def watermark(
    context: typer.Context,
    *,
    gateway: Annotated[
        str | None, typer.Option("--gateway", help="Only what this gateway says.")
    ] = None,
    serial: Annotated[str | None, typer.Option("--device", help="Only this serial.")] = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Show until when each device's records are complete. Exit 1 when one is held back."""
    from hr_core.errors import NotFoundError
    from hr_core.store.watermarks import watermarks_of

    with reading(context, db) as conn:
        found = watermarks_of(conn, gateway=gateway, serial=serial)
    if not found and (gateway or serial):
        raise NotFoundError(
            "no gateway said that of such a device",
            remedy="see all: hr-core watermark; gateways: hr-core gateways",
        )
    if as_json:
        print_json({"watermarks": found})
    elif not found:
        print("No gateway has told a watermark yet. The first comes once a log was read whole.")
    for one in [] if as_json else found:
        until = f"{one.complete_until:%Y-%m-%d %H:%M:%S} UTC" if one.complete_until else "-"
        held = f"  held by {one.held_by}" if one.held_by else ""
        counts = f"on device {one.on_device}, fetched {one.fetched}, stored {one.stored}"
        told = f"{one.gateway} batch {one.batch}, {one.told_at:%Y-%m-%d %H:%M:%S} UTC"
        print(f"{one.serial}  complete until {until}{held}\n  {counts}; told by {told}")
    held_back = any(one.held_by not in {None, "waiting", "uncounted"} for one in found)
    return ExitCode.DEGRADED if held_back else ExitCode.OK
