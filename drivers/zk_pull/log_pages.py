"""The rows of a whole log in log order, page by page, each with its ordinal.

A piece of the log that is plain and alone in its seconds goes by columns; every other goes by rows.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from datetime import datetime

from msgspec import Struct

from drivers.zk_pull.packed_log import PackedLog
from firmware_profiles import Profile
from protocols.ordinals import LogOrder
from protocols.punch_columns import MAX_ROWS, PunchColumns
from protocols.records import Punch, Quarantined
from protocols.zk.attendance import AttendanceDecoder
from protocols.zk.attendance_columns import ColumnDecoder
from protocols.zk.layouts import Layout
from protocols.zk.lone_pieces import LonePieces
from protocols.zk.meanings import METHODS, STATES
from protocols.zk.shared_seconds import SecondsSeen

PIECE_ROWS = MAX_ROWS  # by columns, which takes about 0.3 ms
PAGE_ROWS = 1_000  # by rows: about 0.4 MB of punches, one commit of the spool
PACK_FROM_ROWS = 64  # a handful of new punches is today's traffic, not a backlog


class Page(Struct, frozen=True, kw_only=True):
    """Either `packed`, or `records` and `quarantined`. `end` rows of the log are read with it."""

    end: int = 0
    packed: PunchColumns | None = None
    records: list[Punch] = []
    quarantined: list[Quarantined] = []


class LogPages:
    """Arguments as of `AttendanceDecoder`; `known` rows at the beginning make no pages, but they
    decide the ordinals of the new. Between two pieces of work other devices have their turn.
    """

    def __init__(  # noqa: PLR0913 - every argument is a fact of the log
        self,
        table: PackedLog,
        layout: Layout,
        *,
        serial: str,
        profile: Profile,
        users: Mapping[int, str],
        now: datetime,
        known: int,
    ) -> None:
        self._table = table
        self._width = layout.width
        self._layout = layout
        self._known = known
        rows = len(table) // layout.width
        first = table.start // layout.width
        self._pieces = [
            *_cut(range(first, known), PIECE_ROWS),
            *_cut(range(known, rows), PIECE_ROWS),
        ]
        states, methods = {**STATES, **profile.states}, {**METHODS, **profile.methods}
        self._by_rows = AttendanceDecoder(
            layout, serial=serial, state_map=states, verify_map=methods, users=users, now=now
        )
        self._by_columns = ColumnDecoder(
            layout, serial=serial, state_map=states, verify_map=methods, users=users, now=now
        )

    async def pages(self) -> AsyncIterator[Page]:
        lone = await self._lone_pieces()
        order = LogOrder(await self._shared_seconds(lone))
        for number, piece in enumerate(self._pieces):
            if number in lone and piece.start < self._known:
                order.pass_over()
            elif number in lone and (packed := await self._packed(piece)) is not None:
                order.pass_over()
                yield Page(end=piece.stop, packed=packed)
            else:
                async for page in self._pages_of_rows(piece, order):
                    if page.end > self._known:
                        yield page

    async def _lone_pieces(self) -> frozenset[int]:
        pieces = LonePieces(self._layout)
        for piece in self._pieces:
            pieces.add(await self._bytes(piece))
        return pieces.lone()

    async def _shared_seconds(self, lone: frozenset[int]) -> frozenset[datetime]:
        """Of the other pieces."""
        if len(lone) == len(self._pieces):
            return frozenset()
        seen = SecondsSeen(self._layout)
        for number, piece in enumerate(self._pieces):
            if number not in lone:
                for part in _cut(piece, PAGE_ROWS):
                    seen.add(await self._bytes(part))
        return seen.shared()

    async def _packed(self, piece: range) -> PunchColumns | None:
        if len(piece) < PACK_FROM_ROWS:
            return None
        return self._by_columns.decode(await self._bytes(piece))

    async def _pages_of_rows(self, piece: range, order: LogOrder) -> AsyncIterator[Page]:
        for part in _cut(piece, PAGE_ROWS):
            content = await self._bytes(part)
            rows = self._by_rows.decode(content, offset=part.start * self._width)
            yield _page_of_rows(rows, order, end=part.stop)

    async def _bytes(self, rows: range) -> bytes:
        await asyncio.sleep(0)
        return self._table[rows.start * self._width : rows.stop * self._width]


def _cut(rows: range, length: int) -> Iterator[range]:
    for start in range(rows.start, rows.stop, length):
        yield range(start, min(start + length, rows.stop))


def _page_of_rows(rows: Iterable[Punch | Quarantined], order: LogOrder, *, end: int) -> Page:
    """Sorts out what is a punch, each in its place."""
    page = Page(end=end)
    place, keep = order.place, page.records.append
    for row in rows:
        if isinstance(row, Punch):
            keep(place(row))
        else:
            page.quarantined.append(row)
    return page
