"""Which drivers there are: ours in an explicit table, third parties' by entry point.

Drivers are imported when asked for, so that a gateway with one terminal does not pay for all.
"""

import importlib
from importlib.metadata import EntryPoint, entry_points

from drivers.contract import Driver
from drivers.third_party import MisshapenError, adopted

ENTRY_POINT_GROUP = "clockline.drivers"

_BUILT_IN = {
    "zk-pull": "drivers.zk_pull:ZkPullDriver",
    "modbus-counter": "drivers.modbus_counter:ModbusCounterDriver",
    "modbus-rtu": "drivers.modbus_counter:ModbusRtuDriver",
    "pulse-counter": "drivers.pulse_counter:PulseCounterDriver",
    "barcode-scanner": "drivers.barcode_scanner:BarcodeScannerDriver",
    "opcua-counter": "drivers.opcua_counter:OpcuaCounterDriver",
    "rdm6300": "drivers.card_reader:CardReaderDriver",
    "mqtt-line": "drivers.mqtt_line:MqttLineDriver",
    "sparkplug-host": "drivers.sparkplug_host:SparkplugHostDriver",
}

# What makes a class a driver; checked by name, because third parties import nothing of ours.
_METHODS = ("identity", "count", "fetch", "live", "acknowledge", "aclose")


class UnknownKindError(Exception):
    """The site file names a kind of device that no driver is for. `known` lists the others."""

    def __init__(self, kind: str, known: tuple[str, ...]) -> None:
        super().__init__(
            f"there is no driver of kind {kind!r}; known kinds: {', '.join(known)}. Correct `kind` "
            "in the site file, or install the package that brings this driver"
        )
        self.kind = kind
        self.known = known


class BrokenDriverError(Exception):
    """An installed third-party driver cannot be used. `source` is its entry point."""

    def __init__(self, kind: str, source: str, problem: str) -> None:
        super().__init__(
            f"the driver {source!r} for kind {kind!r} {problem}. Correct or remove the package "
            "that brings it"
        )
        self.kind = kind
        self.source = source
        self.problem = problem


def built_in_kinds() -> tuple[str, ...]:
    return tuple(_BUILT_IN)


def known_kinds() -> tuple[str, ...]:
    """Ours first, then those of installed packages."""
    return (*_BUILT_IN, *(name for name in third_party_drivers() if name not in _BUILT_IN))


def third_party_drivers() -> dict[str, EntryPoint]:
    """Entry points of installed packages, by kind."""
    return {entry.name: entry for entry in entry_points(group=ENTRY_POINT_GROUP)}


def load_driver(kind: str) -> type[Driver]:
    """The driver class for `kind`. A third party cannot replace one of ours.

    Raises UnknownKindError and BrokenDriverError.
    """
    path = _BUILT_IN.get(kind)
    if path is not None:
        module, _, name = path.partition(":")
        driver: type[Driver] = getattr(importlib.import_module(module), name)
        return driver
    entry = third_party_drivers().get(kind)
    if entry is None:
        raise UnknownKindError(kind, known_kinds())
    return _load(kind, entry)


def _load(kind: str, entry: EntryPoint) -> type[Driver]:
    try:
        loaded = entry.load()
    except Exception as exc:
        # Foreign code may fail in any way on import; it must not take the other devices down.
        raise BrokenDriverError(kind, entry.value, f"fails on import ({exc!r})") from exc
    missing = [name for name in ("manifest", *_METHODS) if not hasattr(loaded, name)]
    if missing:
        raise BrokenDriverError(kind, entry.value, f"is no driver: it lacks {', '.join(missing)}")
    try:
        driver = adopted(loaded)
    except MisshapenError as exc:
        raise BrokenDriverError(kind, entry.value, str(exc)) from exc
    if driver.manifest.kind != kind:
        raise BrokenDriverError(kind, entry.value, f"calls itself {driver.manifest.kind!r}")
    return driver
