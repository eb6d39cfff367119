"""What a simulated device is to us, and how those of other packages are found.

Theirs join by the entry point group `clockline.simulators`; the name is `manifest.simulator` of the
driver, and what people say to `edge-agent simulate`. The shape is told in docs/write-a-driver.md.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol

from edge_agent.errors import CommandError

SIMULATOR_GROUP = "clockline.simulators"


class SimulatedDevice(Protocol):
    """A device that is not there, while its `async with` lasts."""

    @property
    def serial(self) -> str:
        """What the driver must find."""
        ...

    @property
    def config(self) -> Mapping[str, object]:
        """The keys of a [[device]] that lead to it, without `name` and `kind`."""
        ...

    def produce(self) -> Awaitable[object]:
        """The device makes one record more, now."""
        ...

    def vanish(self) -> Awaitable[object]:
        """It goes away in the middle of everything, as when its plug is pulled."""
        ...

    def come_back(self) -> Awaitable[object]:
        """It is there again, under the same `config`, with its log."""
        ...


class Simulate(Protocol):
    """Opens a device with `records` made-up records. `port` 0 picks a free one."""

    def __call__(
        self, *, host: str, port: int, records: int, seed: int, now: Callable[[], datetime]
    ) -> AbstractAsyncContextManager[SimulatedDevice]:
        """`now` is the wall clock of the place, naive. Raises OSError when it cannot listen."""
        ...


class BrokenSimulatorError(CommandError):
    """An installed simulator cannot be used."""

    def __init__(self, entry: EntryPoint, problem: str) -> None:
        super().__init__(
            f"the simulator {entry.value!r} {problem}",
            where=f"simulate {entry.name}",
            remedy="Correct or remove the package that brings it",
            try_command="edge-agent driver list",
        )


def third_party_simulators() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=SIMULATOR_GROUP)}


def load_simulator(entry: EntryPoint) -> Simulate:
    """Raises BrokenSimulatorError."""
    try:
        loaded: Simulate = entry.load()
    except Exception as exc:
        # Foreign code may fail in any way on import.
        raise BrokenSimulatorError(entry, f"fails on import ({exc!r})") from exc
    if not callable(loaded):
        raise BrokenSimulatorError(entry, f"is no function but {type(loaded).__name__}")
    return loaded
