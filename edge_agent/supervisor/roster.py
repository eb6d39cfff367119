"""The device workers that run, by device name."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from edge_agent.config.models import SiteDevice
from edge_agent.supervisor.upkeep import Upkeep
from edge_agent.supervisor.worker import DeviceWorker


class Roster:
    """`make_worker` builds the worker of a device; each is a task of `upkeep`."""

    def __init__(self, make_worker: Callable[[SiteDevice], DeviceWorker], upkeep: Upkeep) -> None:
        self._make_worker = make_worker
        self._upkeep = upkeep
        self._devices: dict[str, SiteDevice] = {}
        self._workers: dict[str, DeviceWorker] = {}
        self._ran: set[str] = set()

    @property
    def workers(self) -> Sequence[DeviceWorker]:
        return tuple(self._workers.values())

    def names(self) -> frozenset[str]:
        return frozenset(self._workers)

    def enter(self, devices: Iterable[SiteDevice]) -> None:
        """Builds their workers, which do not run yet."""
        for device in devices:
            name = device.config.name
            self._devices[name] = device
            self._workers[name] = self._make_worker(device)

    def start(self, names: Iterable[str]) -> None:
        for name in names:
            self._upkeep.start(_task(name), partial(self._life, name))

    async def leave(self, names: Iterable[str]) -> None:
        """Stops the devices' sessions, politely, and forgets them."""
        names = tuple(names)
        await self._upkeep.stop(map(_task, names))
        for name in names:
            self._devices.pop(name, None)
            self._workers.pop(name, None)
            self._ran.discard(name)

    async def _life(self, name: str) -> None:
        if name in self._ran:  # ended by a bug: its state is not to be trusted
            self._workers[name] = self._make_worker(self._devices[name])
        self._ran.add(name)
        await self._workers[name].run()


def _task(name: str) -> str:
    return f"device {name}"
