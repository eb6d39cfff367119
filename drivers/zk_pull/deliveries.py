"""A log becomes deliveries: only the rows after the cursor, in pages, ordinals counted over the
complete log.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from drivers.contract import Delivery
from drivers.vitals import Alarm
from drivers.zk_pull.layout_pin import unreadable_alarm
from drivers.zk_pull.log_cursor import LogCursor, cursor_after
from drivers.zk_pull.log_pages import LogPages, Page
from drivers.zk_pull.log_place import LogPlace
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


class LogRead(Struct, frozen=True, kw_only=True):
    """One read of a terminal's log, and what is needed to understand it.

    table       all of it, or what comes after the rows that the cursor knows, if none of these
                shares a second with them
    place       how it stands to the cursor
    users       uid to user id, for the layouts that hold the uid
    now         the site's wall clock, to flag rows from the future
    operations  how far the operation log is read, for the cursor
    """

    serial: str
    table: PackedLog
    place: LogPlace
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
        known = self.place.known
        page = Page()
        if known < self._rows:
            async for page in self._pages(known):
                if page.end < self._rows:
                    yield self._delivery(page)
        reached = self._reached(stored)
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

    def change(self, stored: LogCursor | None) -> Delivery | None:
        """What says that the log is not the one that `stored` knows, None when it is."""
        if not self.choice.trusted:
            return None
        return self.place.told(stored, serial=self.serial, rows=self._rows)

    def alarms(self) -> tuple[Alarm, ...]:
        """For whoever looks after the terminal, as long as its log stays as it is."""
        if self.choice.trusted:
            return ()
        return (unreadable_alarm(self.choice, len(self.table)),)

    def same_again(self) -> Delivery:
        """For a log that no layout fits and that was held back before, whole and durably."""
        return Delivery(serial=self.serial, clock=self.clock)

    @property
    def _rows(self) -> int:
        return len(self.table) // self.choice.layout.width

    def _reached(self, stored: LogCursor | None) -> LogCursor:
        if stored is not None and self.table.start:
            return stored.after(self.table, operations=self.operations)
        return cursor_after(
            self.table,
            self.choice.layout,
            epoch=self.place.epoch,
            wrapped=self.place.wrapped,
            operations=self.operations,
            clock=self.clock.device_time if self.clock else None,
        )

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
        told = unreadable_alarm(self.choice, size)
        reason = f"ALARM: {told.what}. Nothing of it was published. {told.remedy}"
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
