"""A whole log becomes deliveries: only the rows after the cursor, in pages, ordinals counted over
the complete log.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from drivers.contract import Delivery
from drivers.zk_pull.log_cursor import LogCursor, cursor_after
from drivers.zk_pull.log_pages import LogPages, Page
from drivers.zk_pull.operations import OperationsPlace
from drivers.zk_pull.packed_log import PackedLog
from firmware_profiles import Profile, Quirk
from protocols.records import ClockReading, Quarantined
from protocols.zk.attendance import LayoutChoice

# A log that no layout fits is held back in parts of this size, so that no transaction is larger.
HELD_BACK_BYTES = 256 * 1024


class UnreadableLog(Struct, frozen=True):
    """By what a log that no layout fits is known again."""

    size: int
    digest: str


class WholeLog(Struct, frozen=True, kw_only=True):
    """One complete read of a terminal's log, and what is needed to understand it.

    users       uid to user id, for the layouts that hold the uid
    now         the site's wall clock, to flag rows from the future
    operations  how far the operation log is read, for the cursor
    """

    serial: str
    table: PackedLog
    choice: LayoutChoice
    profile: Profile
    users: Mapping[int, str]
    clock: ClockReading | None
    now: datetime
    operations: OperationsPlace | None = None

    async def deliveries(self, stored: LogCursor | None) -> AsyncIterator[Delivery]:
        """At least one; the last one alone carries the count, and the cursor if it has moved."""
        if not self.choice.trusted:
            for held in self._held_back():
                yield held
            return
        known, epoch = self._resume(stored)
        page = Page()
        if known < self._rows:
            async for page in self._pages(known):
                if page.end < self._rows:
                    yield self._delivery(page)
        reached = cursor_after(
            self.table, self.choice.layout, epoch=epoch, operations=self.operations
        )
        yield replace(
            self._delivery(page),
            cursor=None if reached == stored else reached.encode(),
            on_device=self._on_device(),
            log_rows=self._rows,
            last=True,
        )

    def unreadable(self) -> UnreadableLog | None:
        """None when a layout fits."""
        if self.choice.trusted:
            return None
        return UnreadableLog(size=len(self.table), digest=self.table.digest(len(self.table)))

    def same_again(self) -> Delivery:
        """For a log that no layout fits and that was held back before, whole and durably."""
        return Delivery(serial=self.serial, clock=self.clock)

    @property
    def _rows(self) -> int:
        return len(self.table) // self.choice.layout.width

    def _resume(self, stored: LogCursor | None) -> tuple[int, int]:
        """How many rows are known already, and the epoch of this log."""
        if stored is None:
            return 0, 0
        if stored.layout is self.choice.layout and stored.holds_for(self.table):
            return stored.rows, stored.epoch
        return 0, stored.epoch + 1

    def _pages(self, known: int) -> AsyncIterator[Page]:
        return LogPages(
            self.table,
            self.choice.layout,
            serial=self.serial,
            profile=self.profile,
            users=self.users,
            now=self.now,
            known=known,
        ).pages()

    def _delivery(self, page: Page) -> Delivery:
        return Delivery(
            serial=self.serial,
            records=page.records,
            packed=page.packed,
            quarantined=page.quarantined,
            clock=self.clock,
            log_rows=page.end,
            last=False,
        )

    def _on_device(self) -> int | None:
        if self._rows == 0 and Quirk.EMPTY_LOG_IS_NO_PROOF in self.profile.quirks:
            return None
        return self._rows

    def _held_back(self) -> Iterator[Delivery]:
        """No layout makes sense of the bytes: keep them whole, publish nothing, move no cursor."""
        size = len(self.table)
        reason = (
            f"ALARM: no attendance layout fits this log of {size} bytes (best: "
            f"{self.choice.layout}, plausibility {self.choice.score:.2f}). Nothing of it was "
            "published. Do not clear the terminal; report these bytes with the device's facts"
        )
        for offset in range(0, size, HELD_BACK_BYTES):
            raw = self.table[offset : offset + HELD_BACK_BYTES]
            yield Delivery(
                serial=self.serial,
                quarantined=(
                    Quarantined(source=self.serial, offset=offset, reason=reason, raw=raw),
                ),
                clock=self.clock,
                last=offset + len(raw) == size,
            )
