"""Our processes with one protection taken away, as peers ship them: the negative controls.

Each function changes the running process (a child of the rig, started by `child.py`).
"""

from collections.abc import Callable
from typing import Any

PATCHES: dict[str, Callable[..., None]] = {}


def patch(function: Callable[..., None]) -> Callable[..., None]:
    PATCHES[function.__name__] = function
    return function


@patch
def spool_normal() -> None:
    """`synchronous = NORMAL` and small checkpoints, as ThingsBoard's gateway has it."""
    from edge_agent.spool import checkpoint, schema, writer

    connect_durably = schema.connect

    def connect(path: Any) -> Any:
        connection = connect_durably(path)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint = 50")
        return connection

    for module in (schema, writer, checkpoint):
        module.connect = connect


@patch
def cursor_first() -> None:
    """The cursor in a transaction of its own, before the records, as Horilla stores it."""
    from msgspec.structs import replace

    from drivers.contract import Delivery
    from edge_agent.spool.store import Spool

    append = Spool.append

    async def in_two_steps(self: Spool, delivery: Delivery, **facts: Any) -> Any:
        if delivery.cursor is not None:
            only = Delivery(serial=delivery.serial, cursor=delivery.cursor)
            await append(self, only, **facts)
            await _between()
        return await append(self, replace(delivery, cursor=None), **facts)

    Spool.append = in_two_steps  # type: ignore[method-assign]


async def _between() -> None:
    """Where `breaking.die_after_cursor` waits for `cursor_first`."""


@patch
def core_forgets() -> None:
    """A core that takes every record for a new one, as a plain INSERT does."""
    import secrets

    from hr_core.ingest import batches

    row_of = batches._row

    def new_row(one: Any, batch: Any, received_at: Any) -> dict[str, Any]:
        row = row_of(one, batch, received_at)
        return row | {"event_id": row["event_id"][:6] + secrets.token_bytes(10)}

    batches._row = new_row
    batches._stored_records = lambda _conn, _keys: {}
