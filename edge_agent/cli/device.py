"""`edge-agent device`: one device, by name or by address. What stands here reads only; orders are
in `device_admin`. Nothing is stored.
"""

import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.cli import device_admin
from edge_agent.cli.device_capture import capture
from edge_agent.cli.device_discover import discover
from edge_agent.cli.device_live import live
from edge_agent.cli.device_probe import probe
from edge_agent.cli.device_registers import registers
from edge_agent.cli.device_replace import replace
from edge_agent.cli.device_session import Target, ZoneOption, print_facts, with_driver
from edge_agent.cli.options import ConfigOption, JsonLinesOption, JsonOption
from edge_agent.errors import ExitCode

if TYPE_CHECKING:
    # At run time pydantic, and with it each driver, loads only when a device is really asked.
    from drivers.contract import Delivery, Driver

app = typer.Typer(help="One device, by name or address: look at it, set its clock, …")
app.command("discover")(discover)
app.command("probe")(probe)


@app.command("info")
def info(target: Target, *, config_file: ConfigOption = None, as_json: JsonOption = False) -> int:
    """Who answers there: serial number, model, firmware, matched profile."""

    async def show(driver: "Driver") -> int:
        identity = await driver.identity()
        known = {
            "serial": identity.serial,
            "profile": identity.profile,
            "kind": driver.manifest.kind,
        }
        if as_json:
            print(json.dumps(known | {"facts": identity.facts}, ensure_ascii=False))
        else:
            print_facts(known | identity.facts)
        return ExitCode.OK

    return with_driver(target, config_file, None, show)


@app.command("count")
def count(target: Target, *, config_file: ConfigOption = None, as_json: JsonOption = False) -> int:
    """How many records the device holds, and of how many."""

    async def show(driver: "Driver") -> int:
        held = await driver.count()
        facts = {"records": held.records, "capacity": held.capacity, "users": held.users}
        if as_json:
            print(json.dumps(facts))
        else:
            print_facts(facts)
        return ExitCode.OK

    return with_driver(target, config_file, None, show)


@app.command("pull")
def pull(
    target: Target,
    *,
    config_file: ConfigOption = None,
    as_json: JsonLinesOption = False,
    zone: ZoneOption = None,
    _dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Says what is always so: nothing is stored.")
    ] = False,
) -> int:
    """Read the whole log of the device. The device keeps it, and the spool is not touched."""
    from edge_agent.cli.row_table import RowTable

    async def show(driver: "Driver") -> int:
        if as_json:
            return await _print_rows(driver, _print_line)
        with RowTable(sys.stdout) as rows:
            return await _print_rows(driver, rows)

    return with_driver(target, config_file, zone, show)


async def _print_rows(driver: "Driver", write: Callable[[str], None]) -> int:
    """The rows and the summary of a read, as `decode` prints those of a file."""
    from drivers.errors import DriverError
    from edge_agent.cli.device_rows import rows_of
    from edge_agent.decoding.summary import Summary

    summary = Summary()
    try:
        async with aclosing(_generator(driver.fetch(None))) as deliveries:
            async for delivery in deliveries:
                for row in rows_of(delivery):
                    summary.count(row)
                    write(json.dumps(row, ensure_ascii=False))
                if delivery.on_device is not None:
                    summary.extra["on_device"] = delivery.on_device
    except DriverError:
        write(json.dumps(summary.as_row()))  # the exit code says that this is not all of it
        raise
    write(json.dumps(summary.as_row()))
    return ExitCode.DEGRADED if summary.degraded else ExitCode.OK


async def _generator(
    deliveries: "AsyncIterator[Delivery]",
) -> "AsyncGenerator[Delivery, None]":
    async for delivery in deliveries:
        yield delivery


def _print_line(line: str) -> None:
    print(line, flush=True)


app.command("live")(live)
app.command("capture")(capture)
app.command("registers")(registers)
app.command("clock")(device_admin.clock)
app.command("users")(device_admin.users)
app.command("unstick")(device_admin.unstick)
app.command("clear")(device_admin.clear)
app.command("replace")(replace)
