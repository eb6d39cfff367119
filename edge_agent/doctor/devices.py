"""Can each device be reached? Addresses are tried all at once, nothing is said to the device."""

import asyncio
import os
import socket
import stat
from collections.abc import Sequence
from pathlib import Path

from drivers.contract import DeviceConfig
from drivers.errors import LinkDownError
from drivers.links.tcp import open_tcp
from edge_agent.doctor.findings import Code, Finding, bad, good, warn

CONNECT_S = 2.0
_CODES = {
    "link_refused": Code.DEVICE_REFUSED,
    "link_timeout": Code.DEVICE_SILENT,
    "link_unreachable": Code.DEVICE_UNREACHABLE,
}


async def check_devices(devices: Sequence[DeviceConfig]) -> list[Finding]:
    """One finding for each device, in the order of the site file."""
    if not devices:
        return [
            warn(
                Code.NO_DEVICES,
                "site file",
                "no device is configured, so nothing is collected",
                "Add a [[device]]; edge-agent config schema lists the kinds and their keys",
            )
        ]
    return list(await asyncio.gather(*(_check(device) for device in devices)))


async def _check(device: DeviceConfig) -> Finding:
    match address_of(device):
        case (str(host), int(port)) if getattr(device, "transport", "tcp") == "udp":
            return _unproven_udp(device.name, host, port)
        case (str(host), int(port)):
            return await check_tcp(device.name, host, port)
        case str(path):
            return check_serial_port(device.name, path)
        case _:
            return good(Code.DEVICE_REFUSED, f"device {device.name}", "has no address to try")


def _unproven_udp(name: str, host: str, port: int) -> Finding:
    """UDP has no connection: without saying something to the device nothing can be known."""
    where = f"device {name} (udp {host}:{port})"
    return good(
        Code.DEVICE_REFUSED,
        where,
        f"is asked over UDP: only edge-agent device info {name} can tell",
    )


def address_of(device: DeviceConfig) -> tuple[str, int] | str | None:
    """(host, port) of a network device, the path of a serial one, None for any other.

    Drivers name their keys `host` and `port`; a serial driver's `port` is a path.
    """
    host, port = getattr(device, "host", None), getattr(device, "port", None)
    if isinstance(host, str) and isinstance(port, int):
        return host, port
    return port if isinstance(port, str) else None


async def check_tcp(name: str, host: str, port: int) -> Finding:
    where = f"device {name} ({host}:{port})"
    try:
        link = await open_tcp(host, port, timeout_s=CONNECT_S)
    except LinkDownError as exc:
        code = _CODES.get(exc.code, Code.DEVICE_UNREACHABLE)
        if isinstance(exc.__cause__, socket.gaierror):
            return bad(
                Code.DEVICE_NAME_UNKNOWN,
                where,
                f"the name {host} does not resolve",
                "Write the device's IP address into the site file, or mend the DNS",
            )
        return bad(code, where, exc.what, exc.remedy)
    await link.aclose()
    return good(Code.DEVICE_REFUSED, where, "accepts connections")


def check_serial_port(name: str, path: str) -> Finding:
    where = f"device {name} ({path})"
    try:
        is_port = stat.S_ISCHR(Path(path).stat().st_mode)
    except OSError:
        is_port = False
    if not is_port:
        return bad(
            Code.SERIAL_PORT_MISSING,
            where,
            "there is no such serial port",
            "Plug the reader in; ls /dev/serial/by-id lists what is there",
        )
    if not os.access(path, os.R_OK | os.W_OK):
        return bad(
            Code.SERIAL_PORT_DENIED,
            where,
            "this user may not use the serial port",
            "Put the agent's user into the group that owns the port (usermod -a -G dialout …)",
        )
    return good(Code.SERIAL_PORT_MISSING, where, "the serial port is there and may be used")
