"""The first site file of a place: which devices answer there, and what they say about themselves."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from msgspec import Struct
from pydantic import SecretStr

from drivers.catalog import load_driver
from drivers.contract import ClockKeeper, DeviceConfig, Driver, DriverContext, Identity
from drivers.errors import DriverError
from drivers.zk_pull import ZkPullConfig
from drivers.zk_pull.discovery import addresses, look_around
from edge_agent.cli.device_target import device_at
from edge_agent.errors import UsageError, sentence
from edge_agent.system_clock import SystemClock

_CLOCK_TOLERANCE_S = 60.0  # beyond it, the zone may be the wrong one


class Asked(Struct, frozen=True, kw_only=True):
    """What became of asking one device; `problem` says why there is no identity."""

    config: DeviceConfig
    identity: Identity | None = None
    offset_s: float | None = None
    problem: str = ""

    @property
    def clock_is_off(self) -> bool:
        return self.offset_s is not None and abs(self.offset_s) > _CLOCK_TOLERANCE_S

    @property
    def needs_a_look(self) -> bool:
        return self.identity is None or self.clock_is_off


def ask_devices(given: list[str], networks: list[str], zone: str) -> list[Asked]:
    """Each device of `given`, and every ZK terminal that answers in `networks`; raises UsageError."""
    configs = [device_at(address, zone).config for address in given]
    try:
        hosts = addresses(networks)
    except ValueError as exc:
        raise UsageError(
            str(exc),
            where="config init --network",
            remedy="Write networks like 10.0.3.0/24",
            try_command="edge-agent config init --network 10.0.3.0/24",
        ) from exc
    return asyncio.run(_ask_all(configs, hosts, zone))


async def _ask_all(configs: list[DeviceConfig], hosts: list[str], zone: str) -> list[Asked]:
    known = {getattr(config, "host", None) for config in configs}
    others = [host for host in hosts if host not in known]
    wanted = [*configs, *await _found(others)]
    named = [
        config.model_copy(update={"name": f"device-{number}"})
        for number, config in enumerate(wanted, start=1)
    ]
    return await asyncio.gather(*(_ask(config, zone) for config in named))


async def _found(hosts: list[str]) -> list[DeviceConfig]:
    """Those of `hosts` that answer like a terminal, in the order of `hosts`."""
    if not hosts:
        return []
    first = ZkPullConfig(name="found", host=hosts[0])
    answered = {one.host async for one in look_around(first, hosts, SystemClock())}
    return [ZkPullConfig(name="found", host=host) for host in hosts if host in answered]


async def _ask(config: DeviceConfig, zone: str) -> Asked:
    # The contract says that a driver is built from its config and a context (drivers.contract).
    make: Callable[..., Driver] = load_driver(config.kind)
    driver = make(config, DriverContext(clock=SystemClock(), zone=zone))
    try:
        identity = await driver.identity()
        offset_s = None
        if isinstance(driver, ClockKeeper):
            offset_s = (await driver.read_clock()).offset_s
    except DriverError as exc:
        return Asked(config=config, problem=f"{sentence(exc.what)} {exc.remedy}")
    finally:
        await driver.aclose()
    return Asked(config=config, identity=identity, offset_s=offset_s)


def remark(asked: Asked, zone: str) -> str:
    """One line for a person: who it is, or what to do."""
    if asked.identity is None:
        return f"NOT ASKED: {_one_line(asked.problem)}"
    facts = asked.identity.facts
    model = _one_line(facts.get("~DeviceName") or facts.get("DeviceName") or asked.config.kind)
    profile = f", profile {asked.identity.profile}" if asked.identity.profile else ""
    clock = ""
    if asked.clock_is_off:
        clock = (
            f". ITS CLOCK IS OFF by {asked.offset_s:.0f} s from {zone}: correct the zone of this "
            "file, or the clock: edge-agent device clock"
        )
    return f"{model}{profile}{clock}"


def as_toml(asked: Asked, zone: str) -> str:
    """Its [[device]]. One that did not answer stands there all the same, with the reason."""
    keys = asked.config.model_dump(exclude_unset=True)
    lines = [f"# {remark(asked, zone)}", "[[device]]"]
    lines += [f"name = {_value(asked.config.name)}", f"kind = {_value(asked.config.kind)}"]
    lines += [
        f"{key} = {_value(value)}"
        for key, value in keys.items()
        if key not in {"name", "kind", "serial"}
    ]
    if asked.identity is not None:
        lines.append(f"serial = {_value(asked.identity.serial)}")
    else:
        lines.append('#serial = ""   # from `edge-agent device info`, once it answers')
    return "\n".join([*lines, ""])


def _value(value: Any) -> str:
    match value:
        case SecretStr():
            return json.dumps(value.get_secret_value())
        case bool() | int() | float():
            return json.dumps(value)
        case _:
            # A JSON string is a TOML string, but for what cannot be printed.
            return json.dumps(_one_line(str(value)), ensure_ascii=False)


def _one_line(text: str) -> str:
    """What a device says must not become a line of the site file."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
