"""A whole log becomes deliveries: only the rows after the cursor, in pages, ordinals counted over
the complete log.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from drivers.contract import Delivery
from drivers.zk_pull.log_cursor import LogCursor, cursor_after
from drivers.zk_pull.operations import OperationsPlace
from firmware_profiles import Profile, Quirk
from protocols.ordinals import LogOrder
from protocols.records import ClockReading, Punch, Quarantined
from protocols.zk.attendance import LayoutChoice, decode_attendance
from protocols.zk.meanings import METHODS, STATES
from protocols.zk.shared_seconds import shared_seconds

PAGE_ROWS = 1_000  # about 0.4 MB of punches: one commit of the spool


class WholeLog(Struct, frozen=True, kw_only=True):
    """One complete read of a terminal's log, and what is needed to understand it.

    users       uid to user id, for the layouts that hold the uid
    now         the site's wall clock, to flag rows from the future
    operations  how far the operation log is read, for the cursor
    """

    serial: str
    table: bytes
    choice: LayoutChoice
    profile: Profile
    users: Mapping[int, str]
    clock: ClockReading | None
    now: datetime
    operations: OperationsPlace | None = None

    async def deliveries(self, stored: LogCursor | None) -> AsyncIterator[Delivery]:
        """At least one; the last one alone carries the count, and the cursor if it has moved."""
        if not self.choice.trusted:
            yield self._held_back()
            return
        known, epoch = self._resume(stored)
        page = _Page()
        if known < self._rows:
            for number, row in enumerate(self._placed(), start=1):
                if number % PAGE_ROWS == 0:
                    await asyncio.sleep(0)  # a log of 100,000 rows must not hold up other devices
                if number <= known:
                    continue
                page.add(row)
                if page.rows == PAGE_ROWS and number < self._rows:
                    yield self._delivery(page, log_rows=number)
                    page = _Page()
        reached = cursor_after(
            self.table, self.choice.layout, epoch=epoch, operations=self.operations
        )
        yield replace(
            self._delivery(page, log_rows=self._rows),
            cursor=None if reached == stored else reached.encode(),
            on_device=self._on_device(),
            last=True,
        )

    @property
    def _rows(self) -> int:
        return len(self.table) // self.choice.layout.width

    def _resume(self, stored: LogCursor | None) -> tuple[int, int]:
        """How many rows are known already, and the epoch of this log."""
        if stored is None:
            return 0, 0
        if stored.holds_for(self.table, self.choice.layout):
            return stored.rows, stored.epoch
        return 0, stored.epoch + 1

    def _delivery(self, page: "_Page", *, log_rows: int) -> Delivery:
        return Delivery(
            serial=self.serial,
            records=page.records,
            quarantined=page.quarantined,
            clock=self.clock,
            log_rows=log_rows,
            last=False,
        )

    def _placed(self) -> Iterator[Punch | Quarantined]:
        """Every row in log order, also the known ones: they decide the ordinals of the new."""
        order = LogOrder(shared_seconds(self.table, self.choice.layout))
        decoded = decode_attendance(
            self.table,
            self.choice.layout,
            serial=self.serial,
            state_map={**STATES, **self.profile.states},
            verify_map={**METHODS, **self.profile.methods},
            users=self.users,
            now=self.now,
        )
        for row in decoded:
            yield order.place(row) if isinstance(row, Punch) else row

    def _on_device(self) -> int | None:
        if self._rows == 0 and Quirk.EMPTY_LOG_IS_NO_PROOF in self.profile.quirks:
            return None
        return self._rows

    def _held_back(self) -> Delivery:
        """No layout makes sense of the bytes: keep them whole, publish nothing, move no cursor."""
        reason = (
            f"ALARM: no attendance layout fits this log of {len(self.table)} bytes (best: "
            f"{self.choice.layout}, plausibility {self.choice.score:.2f}). Nothing of it was "
            "published. Do not clear the terminal; report these bytes with the device's facts"
        )
        return Delivery(
            serial=self.serial,
            quarantined=(Quarantined(source=self.serial, offset=0, reason=reason, raw=self.table),),
            clock=self.clock,
        )


class _Page:
    def __init__(self) -> None:
        self.records: list[Punch] = []
        self.quarantined: list[Quarantined] = []

    def add(self, row: Punch | Quarantined) -> None:
        if isinstance(row, Punch):
            self.records.append(row)
        else:
            self.quarantined.append(row)

    @property
    def rows(self) -> int:
        return len(self.records) + len(self.quarantined)
