"""A name means one unit: another serial that answers under it is not read until a person orders it."""

import shlex

from drivers.contract import DeviceConfig
from drivers.errors import WrongDeviceError
from edge_agent.spool.store import Spool, SpoolError

ANOTHER_SERIAL = "another_serial"


class AnotherUnitError(WrongDeviceError):
    """Under `name`, at `address`, a unit answers that is not the one read there before."""

    def __init__(self, *, name: str, address: str, expected: str, found: str) -> None:
        super().__init__(
            where=f"{name} ({address})",
            expected=expected,
            found=found,
            remedy=f"If the unit was replaced: edge-agent device replace {shlex.quote(expected)} "
            f"{shlex.quote(found)}. If not, correct the address of {name} in the site file",
        )
        self.what = f"{address} answers with serial {found}; {name} was {expected} until now"
        self.code = ANOTHER_SERIAL


async def expected_serial(spool: Spool, config: DeviceConfig) -> str | None:
    """Whom this device is to be. What the site file says wins over what was read before."""
    named: str | None = getattr(config, "serial", None)
    return named or await spool.unit_of(config.name)


def refuse_another(config: DeviceConfig, *, expected: str | None, found: str) -> None:
    """Raises AnotherUnitError."""
    if expected is not None and found != expected:
        raise AnotherUnitError(
            name=config.name, address=address_of(config), expected=expected, found=found
        )


def belongs_to(log: str, serial: str) -> bool:
    """Whether a delivery's `log` is the unit's own, or one beside it (SERIAL/operations)."""
    return log == serial or log.startswith(f"{serial}/")


async def was_ordered(spool: Spool, config: DeviceConfig, *, other_than: str | None) -> bool:
    """Whether a person has named another unit meanwhile. A sick spool is told elsewhere."""
    try:
        return await expected_serial(spool, config) != other_than
    except SpoolError:
        return False


def address_of(config: DeviceConfig) -> str:
    """For people: drivers name their keys `host` and `port`; a serial driver's `port` is a path."""
    host, port = getattr(config, "host", None), getattr(config, "port", None)
    if host is None:
        return str(port or "its address")
    return f"{host}:{port}" if port is not None else str(host)
