"""Looking for ZK terminals in a network: who answers on their port, and which serial it is.

Every address gets one connection and that one logs in: some firmware refuses the next connection
after a throw-away one (specs/zk_pull/protocol.md 13).
"""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Iterable, Sequence

from msgspec import Struct

from drivers.errors import DriverError, WrongDeviceError
from drivers.ports import Clock
from drivers.zk_pull.config import ZkPullConfig
from drivers.zk_pull.terminal import open_terminal
from protocols.errors import ProtocolError

# A /22. Ten seconds of looking at the pace below; whoever has more names the part that matters.
MAX_ADDRESSES = 1_024
AT_ONCE = 128  # open connections: far below the 1,024 files that a process may have
ANSWER_S = 1.0  # a terminal on the same site answers in milliseconds, a busy one in a few hundred


class TooManyAddressesError(ValueError):
    """The networks hold more than MAX_ADDRESSES addresses."""


class FoundTerminal(Struct, frozen=True, kw_only=True):
    """Someone who speaks ZK at `host`. `serial` is None when it would not say; `why_not` then."""

    host: str
    port: int
    serial: str | None
    why_not: str | None = None


def addresses(networks: Iterable[str]) -> list[str]:
    """Every host address, each once. Raises ValueError for what is no network, and for too many."""
    parsed = [ipaddress.ip_network(network, strict=False) for network in networks]
    if sum(network.num_addresses for network in parsed) > MAX_ADDRESSES:
        raise TooManyAddressesError(
            f"{', '.join(map(str, parsed))} hold more than {MAX_ADDRESSES} addresses; "
            "name the part in which the terminals are"
        )
    return list(dict.fromkeys(str(host) for network in parsed for host in network.hosts()))


async def look_around(
    config: ZkPullConfig, hosts: Sequence[str], clock: Clock
) -> AsyncIterator[FoundTerminal]:
    """Those of `hosts` that answer like a terminal, as they answer. `config` lends key and port."""
    gate = asyncio.Semaphore(AT_ONCE)
    tasks = [asyncio.ensure_future(_look_at(config, host, clock, gate)) for host in hosts]
    try:
        for done in asyncio.as_completed(tasks):
            found = await done
            if found is not None:
                yield found
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def find_serial(
    config: ZkPullConfig, serial: str, networks: Iterable[str], clock: Clock
) -> ZkPullConfig | None:
    """`config` with the address at which `serial` answers now, None when it answers nowhere."""
    async for found in look_around(config, addresses(networks), clock):
        if found.serial == serial:
            return config.model_copy(update={"host": found.host})
    return None


async def _look_at(
    config: ZkPullConfig, host: str, clock: Clock, gate: asyncio.Semaphore
) -> FoundTerminal | None:
    probe = config.model_copy(update={"host": host, "serial": None, "timeout_s": ANSWER_S})
    async with gate:
        try:
            terminal = await open_terminal(probe, clock)
        except WrongDeviceError as exc:
            return FoundTerminal(host=host, port=config.port, serial=exc.found)
        except DriverError as exc:
            if exc.code.startswith("link_"):
                return None
            return FoundTerminal(host=host, port=config.port, serial=None, why_not=exc.what)
        except ProtocolError as exc:
            return FoundTerminal(host=host, port=config.port, serial=None, why_not=str(exc))
        await terminal.aclose()
    return FoundTerminal(host=host, port=config.port, serial=terminal.identity.serial)
