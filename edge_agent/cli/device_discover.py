"""`edge-agent device discover`: which terminals are in a network."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.cli.options import ConfigOption, JsonOption
from edge_agent.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from drivers.zk_pull.discovery import FoundTerminal


def discover(
    networks: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NETWORK...",
            help="Like 10.0.3.0/24 [default: the site file's networks]",
            show_default=False,
        ),
    ] = None,
    *,
    config_file: ConfigOption = None,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port of the terminals.")] = 4370,
    as_json: JsonOption = False,
) -> int:
    """Look for ZK terminals: address, serial, and whether the site file has them."""
    import asyncio

    from drivers.zk_pull.discovery import addresses
    from edge_agent.config.loading import load_config
    from edge_agent.config.places import find_config

    path = config_file or find_config()
    site = load_config(path) if path is not None else None
    wanted = networks or list(site.site.networks if site else ())
    try:
        hosts = addresses(wanted)
    except ValueError as exc:
        raise UsageError(
            str(exc),
            where="device discover",
            remedy="Write networks like 10.0.3.0/24",
            try_command="edge-agent device discover 10.0.3.0/24",
        ) from exc
    if not hosts:
        raise UsageError(
            "no network to look in",
            where="device discover",
            remedy="Name one, or write networks = [...] under [site] in the site file",
            try_command="edge-agent device discover 10.0.3.0/24",
        )
    named = {
        serial: device.config.name
        for device in (site.devices if site else ())
        if (serial := getattr(device.config, "serial", None))
    }
    sys.stderr.write(f"Looking at {len(hosts)} addresses ...\n")
    found = asyncio.run(_look(hosts, port))
    if as_json:
        rows = [_facts(one, named) for one in found]
        print(json.dumps({"looked_at": len(hosts), "terminals": rows}, ensure_ascii=False))
    else:
        _print_table(found, named)
    return ExitCode.OK if found else ExitCode.DEGRADED


async def _look(hosts: list[str], port: int) -> "list[FoundTerminal]":
    from ipaddress import ip_address

    from drivers.zk_pull import ZkPullConfig
    from drivers.zk_pull.discovery import look_around
    from edge_agent.system_clock import SystemClock

    config = ZkPullConfig(name="discover", host=hosts[0], port=port)
    found = [one async for one in look_around(config, hosts, SystemClock())]
    return sorted(found, key=lambda one: int(ip_address(one.host)))


def _facts(one: "FoundTerminal", named: dict[str, str]) -> dict[str, object]:
    return {
        "host": one.host,
        "port": one.port,
        "serial": one.serial,
        "name": named.get(one.serial or ""),
        "why_not": one.why_not,
    }


def _print_table(found: "list[FoundTerminal]", named: dict[str, str]) -> None:
    from edge_agent.status.columns import aligned

    if not found:
        print("No terminal answers there.")
        return
    rows = [[one.host, one.serial, named.get(one.serial or ""), one.why_not or ""] for one in found]
    print("\n".join(aligned(["ADDRESS", "SERIAL", "SITE FILE", "NOTE"], rows)))
