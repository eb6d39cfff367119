"""Points at which a child process kills itself: `NAME:k` dies when it comes there the k-th time."""

import os
import signal
from collections.abc import Callable
from typing import Any

PATCHES: dict[str, Callable[..., None]] = {}


def point(function: Callable[[Callable[[], None]], None]) -> Callable[..., None]:
    """`function` is given what counts and kills; it hangs it somewhere."""

    def install(times: str = "1") -> None:
        left = int(times)

        def pass_by() -> None:
            nonlocal left
            left -= 1
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

        function(pass_by)

    PATCHES[function.__name__] = install
    return install


def _before(owner: Any, name: str, pass_by: Callable[[], None]) -> None:
    function = getattr(owner, name)

    def instead(*args: Any, **kwargs: Any) -> Any:
        pass_by()
        return function(*args, **kwargs)

    setattr(owner, name, instead)


def _after(owner: Any, name: str, pass_by: Callable[[], None]) -> None:
    function = getattr(owner, name)

    def instead(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        pass_by()
        return result

    setattr(owner, name, instead)


def _after_awaiting(owner: Any, name: str, pass_by: Callable[[], None]) -> None:
    function = getattr(owner, name)

    async def instead(*args: Any, **kwargs: Any) -> Any:
        result = await function(*args, **kwargs)
        pass_by()
        return result

    setattr(owner, name, instead)


@point
def in_spool_transaction(pass_by: Callable[[], None]) -> None:
    """Pages are inserted; counters, cursor and commit are not."""
    from edge_agent.spool import intake

    _after(intake, "_insert_pages", pass_by)


@point
def before_spool_commit(pass_by: Callable[[], None]) -> None:
    from edge_agent.spool import writer

    _after(writer, "_run_group", pass_by)


@point
def stored_not_acknowledged(pass_by: Callable[[], None]) -> None:
    from drivers.zk_pull import ZkPullDriver

    _before(ZkPullDriver, "acknowledge", pass_by)


@point
def batch_in_flight_not_sent(pass_by: Callable[[], None]) -> None:
    from sync.http import HttpTransport

    _before(HttpTransport, "send", pass_by)


@point
def answered_not_settled(pass_by: Callable[[], None]) -> None:
    from sync.http import HttpTransport

    _after_awaiting(HttpTransport, "send", pass_by)


@point
def settled(pass_by: Callable[[], None]) -> None:
    from edge_agent.spool.store import Spool

    _after_awaiting(Spool, "settle", pass_by)


@point
def core_in_transaction(pass_by: Callable[[], None]) -> None:
    from hr_core.ingest import batches

    _before(batches, "note_deliveries", pass_by)


@point
def core_committed_not_answered(pass_by: Callable[[], None]) -> None:
    from hr_core.api import batches

    _after(batches, "ingest_batch", pass_by)


@point
def after_cursor(pass_by: Callable[[], None]) -> None:
    """Between the two steps of `weakened.cursor_first`; nothing else comes by there."""
    from tests.reliability import weakened

    _after_awaiting(weakened, "_between", pass_by)


@point
def in_migration(pass_by: Callable[[], None]) -> None:
    """Inside the transaction of a migration, behind its last statement."""
    import sqlite3

    from edge_agent.spool import schema

    connect = sqlite3.connect

    def telling(database: str, *args: Any, **more: Any) -> sqlite3.Connection:
        """The schema is also played in memory, to know how it looks: nobody dies there."""
        connection = connect(database, *args, **more)
        in_memory = database == ":memory:"
        connection.create_function("rig_pass_by", 0, (lambda: None) if in_memory else pass_by)
        return connection

    scripts = schema.migrations()
    schema.migrations = lambda: tuple(f"{script}\nSELECT rig_pass_by();" for script in scripts)
    sqlite3.connect = telling


AGENT_POINTS = (
    "in_spool_transaction",
    "before_spool_commit",
    "stored_not_acknowledged",
    "batch_in_flight_not_sent",
    "answered_not_settled",
    "settled",
)
CORE_POINTS = ("core_in_transaction", "core_committed_not_answered")
