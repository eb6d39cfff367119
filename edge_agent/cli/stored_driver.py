"""Which driver read what the spool holds of a device, as the site file says today."""

from pathlib import Path
from typing import Any


def driver_class(config_file: Path | None, device_name: str) -> Any:
    """None when the site file cannot be read, or names no such device any more."""
    from drivers.catalog import BrokenDriverError, UnknownKindError, load_driver
    from edge_agent.config.loading import load_config
    from edge_agent.config.places import require_config
    from edge_agent.errors import CommandError

    try:
        device = load_config(require_config(config_file)).device(device_name)
        return None if device is None else load_driver(device.config.kind)
    except (CommandError, BrokenDriverError, UnknownKindError):
        return None
