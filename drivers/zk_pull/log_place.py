"""How a log that was just read stands to the cursor of what is stored: what of it is known, and
whether it was cleared, has wrapped or was rewritten meanwhile.

Such a change is said as a device event, in the ledger of the operation log: it is no punch, and the
counters of the attendance log decide about completeness.
"""

import asyncio
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from drivers.contract import Delivery
from drivers.zk_pull.known_end import MARK_BYTES, KnownEnd, marks_of
from drivers.zk_pull.log_cursor import LogCursor
from drivers.zk_pull.operations import ledger_name
from drivers.zk_pull.packed_log import PackedLog
from protocols.records import DeviceEvent
from protocols.zk.attendance import LayoutChoice
from protocols.zk.clock import unpack_time

_PART_ROWS = 10_000
_NO_ROW_KNOWN = datetime(2000, 1, 1)  # noqa: DTZ001 - the first second of a device's naive clock


class LogChange(StrEnum):
    """The codes of the events."""

    CLEARED = "log_cleared"  # none of the rows that are looked for is left
    WRAPPED = "log_wrapped"  # the oldest rows are gone, as when a full log goes round
    REWRITTEN = "log_rewritten"  # anything else


class LogPlace(Struct, frozen=True, kw_only=True):
    """The first `known` rows need not be delivered again; `wrapped`: see `KnownEnd`."""

    known: int = 0
    epoch: int = 0
    change: LogChange | None = None
    wrapped: bool = False

    def told(self, stored: LogCursor | None, *, serial: str, rows: int) -> Delivery | None:
        """The event that says the change; None without one.

        It is the same event however often it is handed over, also when the log has grown between:
        it is known by the cursor, and dated to the last row that was known.
        """
        if self.change is None or stored is None:
            return None
        end = stored.known_end
        newest = None if end is None or end.newest < 0 else unpack_time(end.newest)
        event = DeviceEvent(
            serial=serial,
            code=self.change.value,
            device_time=newest or _NO_ROW_KNOWN,
            detail={"rows_before": stored.rows, "rows_now": rows, "epoch": self.epoch},
            raw=f"epoch {stored.epoch}, {stored.rows} rows, digest {stored.digest}".encode(),
        )
        return Delivery(serial=ledger_name(serial), records=(event,), last=False)


async def place_of(stored: LogCursor | None, log: PackedLog, choice: LayoutChoice) -> LogPlace:
    """`log` is whole, or begins where the rows of `stored` end."""
    if stored is None or not choice.trusted:
        return LogPlace()
    layout = choice.layout
    end = stored.known_end
    if log.start or (stored.layout is layout and stored.holds_for(log)):
        same = len(log) // layout.width == stored.rows
        wrapped = end is not None and end.wrapped and same
        return LogPlace(known=stored.rows, epoch=stored.epoch, wrapped=wrapped)
    if stored.rows == 0:  # read in another layout than it turns out to have
        return LogPlace(epoch=stored.epoch + 1)
    place = LogPlace(epoch=stored.epoch + 1, change=LogChange.REWRITTEN)
    if stored.layout is not layout:
        return place
    if end is None:
        return _judged_by_length(stored, len(log) // layout.width)
    return _judged(stored, end, await _marks(log, layout.width))


def _judged_by_length(stored: LogCursor, rows: int) -> LogPlace:
    change = LogChange.CLEARED if rows < stored.rows else LogChange.REWRITTEN
    return LogPlace(epoch=stored.epoch + 1, change=change)


def _judged(stored: LogCursor, end: KnownEnd, marks: bytes) -> LogPlace:
    rows = len(marks) // MARK_BYTES
    kept = _known_rows_kept(end.marks, marks)
    in_place = kept == stored.rows == rows and (end.wrapped or marks[:MARK_BYTES] != end.head)
    if 0 < kept < stored.rows or in_place:
        if end.wrapped:  # said before; a log that goes round does so with every new row
            known = 0 if in_place else kept
            return LogPlace(known=known, epoch=stored.epoch, wrapped=True)
        return LogPlace(epoch=stored.epoch + 1, change=LogChange.WRAPPED, wrapped=True)
    left = {*_split(end.marks), end.head} & set(_split(marks))
    change = LogChange.REWRITTEN if left else LogChange.CLEARED
    return LogPlace(epoch=stored.epoch + 1, change=change)


def _known_rows_kept(known: bytes, marks: bytes) -> int:
    """How many rows the log begins with that are the end of the known ones; 0 for none.

    At least those whose marks are kept, where the log holds as many.
    """
    place = marks.find(known)
    while place % MARK_BYTES and place >= 0:
        place = marks.find(known, place + 1)
    if place >= 0:
        return (place + len(known)) // MARK_BYTES
    for kept in range(len(known) - MARK_BYTES, 0, -MARK_BYTES):
        if marks[:kept] == known[-kept:]:
            return kept // MARK_BYTES
    return 0


async def _marks(log: PackedLog, width: int) -> bytes:
    """Other devices have their turn meanwhile."""
    marks = bytearray()
    for start in range(0, len(log), _PART_ROWS * width):
        await asyncio.sleep(0)
        marks += marks_of(log[start : start + _PART_ROWS * width], width)
    return bytes(marks)


def _split(marks: bytes) -> list[bytes]:
    return [marks[at : at + MARK_BYTES] for at in range(0, len(marks), MARK_BYTES)]
