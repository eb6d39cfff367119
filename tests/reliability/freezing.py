"""Our processes with a part that can be frozen, a clock that can be moved, or an operation's
protection taken away (R8, R13, R14, R18, R20). Run by `child.py`, as `weakened` and `breaking`.

A part is frozen as long as the file that the patch names exists; a clock is off by the seconds that
its file says.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

PATCHES: dict[str, Callable[..., None]] = {}
_LOOK_S = 0.05


def patch(function: Callable[..., None]) -> Callable[..., None]:
    PATCHES[function.__name__] = function
    return function


def _stand_while(file: Path) -> None:
    while file.exists():
        time.sleep(_LOOK_S)  # noqa: TID251 - to block is the point


@patch
def freeze_writer(file: str) -> None:
    from edge_agent.spool.writer import Writer

    next_group = Writer._next_group

    def frozen(self: Any) -> Any:
        _stand_while(Path(file))
        return next_group(self)

    Writer._next_group = frozen  # type: ignore[method-assign]


@patch
def freeze_loop(file: str) -> None:
    from edge_agent.supervisor.worker import DeviceWorker

    look = DeviceWorker._look_at_vitals

    def frozen(self: Any, driver: Any) -> None:
        _stand_while(Path(file))
        look(self, driver)

    DeviceWorker._look_at_vitals = frozen  # type: ignore[method-assign]


@patch
def freeze_worker(file: str) -> None:
    """A worker that waits where nothing ends the wait; its patience is shortened for the rig."""
    from edge_agent.supervisor import worker

    worker.PAGE_DEADLINE_S = worker.BLOCKED_DELAY_S = 0.5
    until_next = worker.DeviceWorker._until_next_fetch

    async def frozen(self: Any, driver: Any) -> None:
        await until_next(self, driver)
        while Path(file).exists():  # noqa: ASYNC240 - a look takes microseconds
            await asyncio.sleep(_LOOK_S)

    worker.DeviceWorker._until_next_fetch = frozen  # type: ignore[method-assign]


@patch
def always_well() -> None:
    """A watchdog that is fed by the mere fact that the loop turns, as `Type=notify` alone does."""
    from edge_agent.pulse import Pulse

    Pulse._stuck_part = lambda self: None  # type: ignore[method-assign]


@patch
def moved_clock(file: str) -> None:
    """The wall clock alone, as a time service steps it."""
    from edge_agent.system_clock import SystemClock

    real = SystemClock.now

    def now(self: SystemClock) -> datetime:
        try:
            return real(self) + timedelta(seconds=float(Path(file).read_text()))
        except (FileNotFoundError, ValueError):
            return real(self)

    SystemClock.now = now  # type: ignore[method-assign]


@patch
def wall_clock_for_all() -> None:
    """Intervals by the wall clock, as Frappe's synchronisation has them. After `moved_clock`."""
    from edge_agent.system_clock import SystemClock

    SystemClock.monotonic = lambda self: self.now().timestamp()  # type: ignore[method-assign]


@patch
def reload_everything() -> None:
    """A reload that starts each device anew, as Telegraf's does."""
    from msgspec.structs import replace

    from edge_agent import reloading
    from edge_agent.config.changes import Changed

    compare = reloading.compare

    def all_changed(running: Any, wanted: Any) -> Any:
        changes = compare(running, wanted)
        more = tuple(Changed(name=name, keys=("poll_s",)) for name in changes.unchanged)
        return replace(changes, changed=(*changes.changed, *more), unchanged=())

    reloading.compare = all_changed


@patch
def drop_when_busy() -> None:
    """A bounded queue in front of the storage that drops what does not fit, as Telegraf's has."""
    from msgspec.structs import replace

    from edge_agent.spool.store import Spool

    append, busy = Spool.append, [0]

    async def dropping(self: Spool, delivery: Any, **facts: Any) -> Any:
        full = busy[0] >= 2
        busy[0] += 1
        try:
            if full:
                delivery = replace(delivery, records=(), packed=None)
            return await append(self, delivery, **facts)
        finally:
            busy[0] -= 1

    Spool.append = dropping  # type: ignore[method-assign]
