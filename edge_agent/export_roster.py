"""The exports that run, by name."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from edge_agent.config.exports import AnyExport
from edge_agent.exporting import Export
from edge_agent.supervisor.upkeep import Upkeep


class ExportRoster:
    """`open_export` builds one; each is a task of `upkeep`."""

    def __init__(self, open_export: Callable[[AnyExport], Export], upkeep: Upkeep) -> None:
        self._open_export = open_export
        self._upkeep = upkeep
        self._exports: dict[str, Export] = {}
        self._ran: set[str] = set()

    @property
    def exports(self) -> Sequence[Export]:
        return tuple(self._exports.values())

    def enter(self, configs: Iterable[AnyExport]) -> None:
        """Builds them; they do not run yet."""
        for config in configs:
            self._exports[config.name] = self._open_export(config)

    def start(self, names: Iterable[str]) -> None:
        for name in names:
            self._upkeep.start(_task(name), partial(self._life, name))

    async def leave(self, names: Iterable[str]) -> None:
        names = tuple(names)
        await self._upkeep.stop(map(_task, names))
        for name in names:
            self._exports.pop(name, None)
            self._ran.discard(name)

    async def _life(self, name: str) -> None:
        if name in self._ran:  # ended by a bug: it closed what it had opened
            self._exports[name] = self._open_export(self._exports[name].config)
        self._ran.add(name)
        await self._exports[name].keep()


def _task(name: str) -> str:
    return f"export {name}"
