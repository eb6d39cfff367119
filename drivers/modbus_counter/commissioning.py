"""One look at registers, in every way in which they can be a counter.

Modbus does not say how long a number is nor which of its words comes first. The operator does, who
reads the same number from the display of the box or the HMI beside it.
"""

from collections.abc import Sequence
from typing import NamedTuple

from drivers.errors import DeviceMisbehavedError
from drivers.modbus_counter.config import CounterBoxConfig
from drivers.modbus_counter.connecting import Connector
from protocols.modbus.pdu import ExceptionResponse, ReadRequest
from protocols.modbus.registers import unsigned


class Reading(NamedTuple):
    """What starts at one register. None where the registers that were read end before."""

    address: int
    u16: int
    u32_big: int | None
    u32_little: int | None
    u64_big: int | None
    u64_little: int | None


async def read_registers(
    config: CounterBoxConfig, unit: int, request: ReadRequest
) -> tuple[int, ...]:
    """Raises DriverError, also for an exception of the unit."""
    connector = Connector(config)
    session = await connector.open()
    try:
        response, _ = await session.read(unit, request)
    finally:
        await session.aclose()
    if isinstance(response, ExceptionResponse):
        raise DeviceMisbehavedError(
            f"exception {response.code} ({response.meaning})",
            where=f"{connector.where} unit {unit}",
            remedy="Compare unit, function and address with the register list of the box: "
            "addresses count from 0, and 40001 in a list is 0 with function 3",
            code=f"modbus_exception_{response.code}",
        )
    return response.registers


def every_way(address: int, registers: Sequence[int]) -> list[Reading]:
    """What could start at each register of `registers`, the first of which is at `address`."""
    readings = []
    for place, word in enumerate(registers):
        two, four = registers[place : place + 2], registers[place : place + 4]
        readings.append(
            Reading(
                address + place,
                word,
                unsigned(two) if len(two) == 2 else None,
                unsigned(two, "little") if len(two) == 2 else None,
                unsigned(four) if len(four) == 4 else None,
                unsigned(four, "little") if len(four) == 4 else None,
            )
        )
    return readings
