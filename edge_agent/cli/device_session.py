"""One session with the device that a command names: opened, used, ended politely."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    # At run time pydantic, and with it each driver, loads only when a device is really asked.
    from drivers.contract import Driver

Target = Annotated[
    str,
    typer.Argument(
        metavar="NAME_OR_ADDRESS", help="gate, 10.0.0.7, 10.0.0.7:4370, zk-pull+udp://10.0.0.7:4370"
    ),
]
ZoneOption = Annotated[
    str | None, typer.Option("--zone", help="Zone of the device's wall clock (IANA name).")
]


def print_facts(facts: dict[str, Any]) -> None:
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{name:{width}}  {'-' if value is None else value}")


def with_driver(
    target: str,
    config_file: Path | None,
    zone: str | None,
    show: Callable[["Driver"], Coroutine[Any, Any, int]],
    *,
    listening: bool = False,
) -> int:
    """Opens the device, runs `show`, and always ends the session politely.

    `listening` also where the site file says that this device is not listened to.
    """
    import asyncio

    from drivers.catalog import load_driver
    from drivers.contract import DriverContext
    from edge_agent.cli.device_target import resolve
    from edge_agent.system_clock import SystemClock

    device = resolve(target, config_file, zone)
    config = device.config.model_copy(update={"live": True}) if listening else device.config

    async def session() -> int:
        context = DriverContext(clock=SystemClock(), zone=device.zone)
        # The contract says that a driver is built from its config and a context (drivers.contract).
        make: Callable[..., Driver] = load_driver(config.kind)
        driver = make(config, context)
        try:
            return await show(driver)
        finally:
            await driver.aclose()

    return asyncio.run(session())
