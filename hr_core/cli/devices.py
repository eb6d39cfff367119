"""`hr-core devices`: which gateways deliver which device."""

import typer

from hr_core.cli.options import DbOption, ExitCode, JsonOption, print_json, reading


def devices(context: typer.Context, *, db: DbOption = None, as_json: JsonOption = False) -> int:
    """Show every device and the gateways that deliver it. Exit 1 when one has several."""
    from hr_core.store.device_gateways import all_devices

    with reading(context, db) as conn:
        found = all_devices(conn)
    if as_json:
        print_json({"devices": found})
    for device in [] if as_json else found:
        shared = "  DELIVERED BY SEVERAL GATEWAYS" if len(device.gateways) > 1 else ""
        print(f"{device.serial}{shared}")
        for one in device.gateways:
            print(
                f"  {one.gateway}  {one.accepted} new, {one.duplicate} known already  "
                f"{one.first_seen:%Y-%m-%d %H:%M} to {one.last_seen:%Y-%m-%d %H:%M} UTC"
            )
    several = any(len(device.gateways) > 1 for device in found)
    return ExitCode.DEGRADED if several else ExitCode.OK
