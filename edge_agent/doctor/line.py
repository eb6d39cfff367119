"""What only production lines need: an extra for OPC UA, ports that keep their names, orders taken."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from drivers.contract import DeviceConfig
from edge_agent.doctor.devices import address_of
from edge_agent.doctor.findings import Code, Finding, bad, good, warn
from edge_agent.line_orders import waiting_orders

_OPCUA: Final = "opcua-counter"
# Numbered by the order of plugging in: after a replug or a restart another device may have it.
_NUMBERED: Final = ("/dev/ttyUSB", "/dev/ttyACM")
# The running agent takes an order up within seconds.
_PATIENCE: Final = timedelta(minutes=1)


def check_line(devices: Sequence[DeviceConfig]) -> Iterator[Finding]:
    """Says nothing where no device of a line is configured."""
    if any(device.kind == _OPCUA for device in devices):
        yield _opcua_extra()
    for device in devices:
        path = address_of(device)
        if isinstance(path, str) and path.startswith(_NUMBERED):
            yield warn(
                Code.SERIAL_PORT_MOVES,
                f"device {device.name} ({path})",
                "this name is given anew at each plugging in: it may become another device",
                "Name it by the path under /dev/serial/by-id (or by-path) that leads there",
            )


def check_line_orders(state_dir: Path, now: datetime) -> Iterator[Finding]:
    """Orders of `line replace` that no agent has taken up."""
    for file, order in waiting_orders(state_dir):
        given = datetime.fromtimestamp(file.stat().st_mtime, UTC)
        if now - given > _PATIENCE:
            yield warn(
                Code.LINE_ORDER_WAITS,
                f"counter {order.source}/{order.tag}",
                f"the order of {order.by} that it was replaced waits since {given:%Y-%m-%d %H:%M}Z",
                "The agent takes it up when it runs: systemctl start edge-agent",
            )


def _opcua_extra() -> Finding:
    if find_spec("asyncua") is not None:
        return good(Code.OPCUA_EXTRA, "extra opcua", "is installed")
    return bad(
        Code.OPCUA_EXTRA,
        "extra opcua",
        "the site file has an opcua-counter, and asyncua is not installed",
        "pip install 'clockline[opcua]' into the agent's environment, then restart the agent",
    )
