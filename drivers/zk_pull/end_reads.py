"""When a poll reads only the end of a log, and what it makes of it.

Never wrong, only slower: whatever is not exactly as expected is read whole.
"""

from drivers.ports import Clock
from drivers.zk_pull.known_end import OVERLAP_ROWS, KnownEnd, marks_of
from drivers.zk_pull.log_cursor import LogCursor
from drivers.zk_pull.packed_log import PackedLog
from drivers.zk_pull.terminal import Terminal
from protocols.errors import ProtocolError
from protocols.zk.table_end import TableEnd

# Rows before the end that change in place (worn flash, a vendor tool) are noticed by no poll, only
# by a whole read. Once a day costs nothing, and pay is computed once a month.
WHOLE_READ_EVERY_S = 24 * 3600.0


class EndReads:
    """Of one driver, whose first read is whole: much may have happened while none ran."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._whole_due_at: float | None = None
        self._not_before = clock.monotonic()
        self._failed = False

    async def read(
        self, terminal: Terminal, stored: LogCursor | None, *, capacity: int | None
    ) -> PackedLog | None:
        """The log, of which the rows that `stored` knows are missing if it is otherwise as they
        left it, or all of it where the terminal sends no less. None: it must be read whole.
        """
        self._failed = False
        end = stored.known_end if stored else None
        if stored is None or end is None or not self._allowed(stored, end, capacity):
            return None
        try:
            read = await terminal.read_log_end(_offset(stored), head_bytes=stored.layout.width)
        except ProtocolError:
            # Also silence: a terminal that does not know other offsets may say nothing at all. If
            # the link is gone, the whole read that follows says so.
            self._failed = True
            return None
        if read.start == 0 and read.records is not None:
            return _log_of(read.records)
        return self._after_known(read, stored, end)

    def whole_was_read(self, stored: LogCursor | None, log: PackedLog) -> None:
        """`log` was read to its end. When it begins as `stored` says, and its end alone did not
        look so, this terminal serves nothing but whole logs.
        """
        now = self._clock.monotonic()
        self._whole_due_at = now + WHOLE_READ_EVERY_S
        if self._failed and stored is not None and stored.holds_for(log):
            self._not_before = now + WHOLE_READ_EVERY_S

    def _allowed(self, stored: LogCursor, end: KnownEnd, capacity: int | None) -> bool:
        now = self._clock.monotonic()
        if self._whole_due_at is None or not self._not_before <= now < self._whole_due_at:
            return False
        # A full log may be written over from its first row on. Where that began before we came,
        # neither the first nor the last row changes; but then the last is not the newest.
        return end.last_is_newest or (capacity is not None and stored.rows < capacity)

    def _after_known(self, read: TableEnd, stored: LogCursor, end: KnownEnd) -> PackedLog | None:
        width = stored.layout.width
        if read.records is None or read.size % width:
            return None  # shorter, or longer than a poll should be
        overlap = stored.rows * width - read.start
        head = marks_of(read.head, width)
        if head != end.head or marks_of(read.records[:overlap], width) != end.marks:
            self._failed = True
            return None
        new = read.records[overlap:]
        if not end.leaves_alone(new, stored.layout):
            return None  # a clock that went back: their ordinals need the other rows
        return _log_of(new, start=stored.rows * width)


def _offset(stored: LogCursor) -> int:
    return max(0, stored.rows - OVERLAP_ROWS) * stored.layout.width


def _log_of(records: bytes, *, start: int = 0) -> PackedLog:
    log = PackedLog(start=start)
    if records:
        log.write(records)
    return log
