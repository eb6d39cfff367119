"""`edge-agent device`: one device, by name or by address. Reads only, and stores nothing."""

import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_agent.cli.device_discover import discover
from edge_agent.cli.device_probe import probe
from edge_agent.cli.options import ConfigOption, JsonLinesOption, JsonOption
from edge_agent.errors import ExitCode

if TYPE_CHECKING:
    # At run time pydantic, and with it each driver, loads only when a device is really asked.
    from drivers.contract import Delivery, Driver

app = typer.Typer(help="Look at one device, by name or address. Reads only.")
app.command("discover")(discover)
app.command("probe")(probe)

Target = Annotated[
    str,
    typer.Argument(
        metavar="NAME_OR_ADDRESS",
        help="gate, 10.0.0.7, 10.0.0.7:4370, zk-pull://10.0.0.7:4370, zk-pull+udp://10.0.0.7:4370",
    ),
]
ZoneOption = Annotated[
    str | None, typer.Option("--zone", help="Zone of the device's wall clock (IANA name).")
]


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
            _print_facts(known | identity.facts)
        return ExitCode.OK

    return _with_driver(target, config_file, None, show)


@app.command("count")
def count(target: Target, *, config_file: ConfigOption = None, as_json: JsonOption = False) -> int:
    """How many records the device holds, and of how many."""

    async def show(driver: "Driver") -> int:
        held = await driver.count()
        facts = {"records": held.records, "capacity": held.capacity, "users": held.users}
        if as_json:
            print(json.dumps(facts))
        else:
            _print_facts(facts)
        return ExitCode.OK

    return _with_driver(target, config_file, None, show)


@app.command("pull")
def pull(
    target: Target,
    *,
    config_file: ConfigOption = None,
    as_json: JsonLinesOption = False,
    zone: ZoneOption = None,
) -> int:
    """Read the whole log of the device. The device keeps it, and the spool is not touched."""
    from edge_agent.cli.row_table import RowTable

    async def show(driver: "Driver") -> int:
        if as_json:
            return await _print_rows(driver, _print_line)
        with RowTable(sys.stdout) as rows:
            return await _print_rows(driver, rows)

    return _with_driver(target, config_file, zone, show)


async def _print_rows(driver: "Driver", write: Callable[[str], None]) -> int:
    """The rows and the summary of a whole read, as `decode` prints those of a file."""
    from edge_agent.cli.device_rows import rows_of
    from edge_agent.decoding.summary import Summary

    summary = Summary()
    async with aclosing(_generator(driver.fetch(None))) as deliveries:
        async for delivery in deliveries:
            for row in rows_of(delivery):
                summary.count(row)
                write(json.dumps(row, ensure_ascii=False))
            if delivery.on_device is not None:
                summary.extra["on_device"] = delivery.on_device
    write(json.dumps(summary.as_row()))
    return ExitCode.DEGRADED if summary.degraded else ExitCode.OK


async def _generator(
    deliveries: "AsyncIterator[Delivery]",
) -> "AsyncGenerator[Delivery, None]":
    async for delivery in deliveries:
        yield delivery


def _print_line(line: str) -> None:
    print(line, flush=True)


def _print_facts(facts: dict[str, Any]) -> None:
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{name:{width}}  {'-' if value is None else value}")


def _with_driver(
    target: str,
    config_file: Path | None,
    zone: str | None,
    show: Callable[["Driver"], Coroutine[Any, Any, int]],
) -> int:
    """Opens the device, runs `show`, and always ends the session politely."""
    import asyncio

    from drivers.catalog import load_driver
    from drivers.contract import DriverContext
    from edge_agent.cli.device_target import resolve
    from edge_agent.system_clock import SystemClock

    device = resolve(target, config_file, zone)

    async def session() -> int:
        context = DriverContext(clock=SystemClock(), zone=device.zone)
        # The contract says that a driver is built from its config and a context (drivers.contract).
        make: Callable[..., Driver] = load_driver(device.config.kind)
        driver = make(device.config, context)
        try:
            return await show(driver)
        finally:
            await driver.aclose()

    return asyncio.run(session())
