"""`edge-agent device registers`: which number of a Modbus box is the one on its display."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.cli.options import ConfigOption, JsonOption
from edge_agent.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from drivers.modbus_counter.config import CounterBoxConfig

_TRY = "edge-agent device registers 10.0.4.20 --unit 1 --address 0"
_HEAD = ("REGISTER", "U16", "U32 BIG", "U32 LITTLE", "U64 BIG", "U64 LITTLE")


def registers(  # noqa: PLR0913 - one argument per option of the command
    target: Annotated[
        str,
        typer.Argument(
            metavar="NAME_OR_ADDRESS",
            help="line-1, 10.0.4.20, 10.0.4.20:502, /dev/serial/by-id/…, modbus-rtu:///dev/ttyS1?baud=19200",
        ),
    ],
    *,
    config_file: ConfigOption = None,
    unit: Annotated[int, typer.Option(min=0, max=255, help="Unit number (slave address).")] = 1,
    address: Annotated[
        int, typer.Option(min=0, max=65_535, help="First register, counted from 0.")
    ] = 0,
    count: Annotated[int, typer.Option(min=1, max=125, help="How many registers.")] = 8,
    function: Annotated[
        int, typer.Option(min=3, max=4, help="3 holding registers, 4 input registers.")
    ] = 3,
    as_json: JsonOption = False,
) -> int:
    """Read registers of a Modbus box once, as numbers of every length and word order.

    Compare with the display of the box: the column in which its number stands is `width` and
    `word_order` of the counter. Nothing is written.
    """
    import asyncio

    from drivers.modbus_counter.commissioning import every_way, read_registers
    from protocols.modbus.pdu import ADDRESS_SPACE, ReadRequest

    if address + count > ADDRESS_SPACE:
        raise UsageError(
            f"{count} registers from {address} end beyond the last",
            where="--count",
            remedy=f"Write at most {ADDRESS_SPACE - address}",
            try_command=_TRY,
        )
    config = _modbus_config(target, config_file, unit, address)
    request = ReadRequest(function=function, address=address, count=count)
    words = asyncio.run(read_registers(config, unit, request))
    numbers = every_way(address, words)
    if as_json:
        facts = {"unit": unit, "function": function, "address": address, "registers": words}
        readings = [number._asdict() for number in numbers]
        print(json.dumps(facts | {"numbers": readings}))
        return ExitCode.OK
    from edge_agent.status.columns import aligned

    rows = [["" if value is None else value for value in number] for number in numbers]
    print("\n".join(aligned(list(_HEAD), rows)))
    return ExitCode.OK


def _modbus_config(
    target: str, config_file: Path | None, unit: int, address: int
) -> "CounterBoxConfig":
    from drivers.modbus_counter.config import CounterBoxConfig
    from edge_agent.cli.device_target import resolve

    target = target.strip()
    if "://" not in target and ("/" in target or ":" in target or "." in target):
        kind = "modbus-rtu" if "/" in target else "modbus-counter"
        target = f"{kind}://{target}"
    # An address has no counters yet; which are asked for is said by the options.
    nothing = {"counters": [{"unit": max(unit, 1), "tag": "-", "pieces": address, "width": 16}]}
    keys = nothing if target.startswith("modbus-") else {}
    device = resolve(target, config_file, None, keys=keys)
    if isinstance(device.config, CounterBoxConfig):
        return device.config
    raise UsageError(
        f"is of kind {device.config.kind}, only Modbus boxes have registers",
        where=target,
        remedy="Name a modbus-counter or modbus-rtu of the site file, or an address",
        try_command=_TRY,
    )
