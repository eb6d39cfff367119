"""Deleting a terminal's log in two phases: prove that all of it is stored, count again, delete.

The second phase happens while the terminal takes no punches, so that nobody's can fall between
the last look and the order to delete.
"""

from collections.abc import AsyncIterator, Callable

from drivers.contract import Cleared, Delivery
from drivers.errors import BlockedError, DeviceMisbehavedError, DriverError
from drivers.ports import Clock
from drivers.zk_pull.orders import lost_order
from protocols.records import Punch

CLEARING_S = 300  # a log of 100,000 rows over a slow line, twice

Fetch = Callable[[bytes], AsyncIterator[Delivery]]

_NOTHING = "Nothing was deleted. "


async def stored_rows(fetch: Fetch, cursor: bytes, *, where: str) -> int:
    """The rows on the terminal, every one of them covered by `cursor`. Raises BlockedError."""
    last: Delivery | None = None
    new = 0
    async for last in fetch(cursor):
        new += sum(isinstance(record, Punch) for record in last.every_record())
        if any(row.source == last.serial for row in last.quarantined):
            raise BlockedError(
                "rows on the terminal could not be decoded",
                where=where,
                remedy=_NOTHING + "Export the log to a USB stick and report those rows; they are "
                "in quarantine",
                code="clear_unreadable",
            )
    if new:
        raise BlockedError(
            f"{new} rows on the terminal are not in the spool",
            where=where,
            remedy=_NOTHING + "Wait until the agent has pulled and sent them, then try again",
            code="clear_not_stored",
        )
    if last is None or last.on_device is None:
        raise BlockedError(
            "this model's empty log proves nothing",
            where=where,
            remedy=_NOTHING + "Its profile says that the pull log may hide punches",
            code="clear_no_proof",
        )
    return last.on_device


def refuse_other_count(counted: int | None, rows: int, *, where: str) -> None:
    """Raises BlockedError unless the terminal counts what was read."""
    if counted == rows:
        return
    said = "does not say how many rows it holds" if counted is None else f"counts {counted} rows"
    raise BlockedError(
        f"the terminal {said}, {rows} were read",
        where=where,
        remedy=_NOTHING + "Without equal counts its log cannot be deleted safely: use its menu",
        code="clear_count_differs",
    )


class Deadline:
    """How long the terminal stays disabled by itself. Once that is over, people punch again."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ends = clock.monotonic() + CLEARING_S

    def check(self, *, where: str) -> None:
        """Raises BlockedError when it is over."""
        if self._clock.monotonic() >= self._ends:
            raise BlockedError(
                f"reading the log again took longer than {CLEARING_S} s",
                where=where,
                remedy=_NOTHING + "Look for the reason of the slow line first",
                code="clear_too_slow",
            )


def unconfirmed(rows: int, error: DriverError, *, where: str) -> DriverError:
    """What to say when the outcome of the order to delete is not known."""
    return DeviceMisbehavedError(
        f"while {rows} rows were being deleted: {error.what}",
        where=where,
        remedy="Whether they are gone says `device count`. All of them are stored and "
        "acknowledged, nothing is lost",
        code="clear_unconfirmed",
    )


def proven_empty(
    serial: str, rows: int, counted: int | None, left_bytes: int, *, answered: bool, where: str
) -> Cleared:
    """Raises DeviceMisbehavedError when rows are left. `answered`: the terminal said yes."""
    if not answered and (counted != 0 or left_bytes):
        raise lost_order(f"delete {rows} rows", where=where)
    if counted != 0 or left_bytes:
        raise DeviceMisbehavedError(
            f"the terminal accepted the order to delete, then counts {counted} rows and holds "
            f"{left_bytes} bytes of log",
            where=where,
            remedy="All rows are stored and acknowledged, nothing is lost. Restart the terminal, "
            "then look at its count",
            code="clear_not_taken",
        )
    return Cleared(serial=serial, rows=rows)
