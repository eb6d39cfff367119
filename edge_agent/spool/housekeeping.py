"""What the agent does for its spool beside storing and sending: age, room. Every step is one small
transaction, so that a live punch never waits for it long.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from edge_agent.spool import retention
from edge_agent.spool.codec import Envelope
from edge_agent.spool.errors import SpoolFullError
from edge_agent.spool.intake import EventLog
from edge_agent.spool.lanes import Lane
from edge_agent.spool.lifetime import look
from edge_agent.spool.reader import Reader
from edge_agent.spool.retention import Cutoff, Keep
from edge_agent.spool.room import Room, measure
from edge_agent.spool.thinning import COUNT_LANES, thin_counts
from edge_agent.spool.writer import Writer

_LONGEST_ROUND = 10_000  # steps: a million pages; the next round goes on


class Housekeeping:
    """Of one open spool. Every method may raise SpoolError."""

    def __init__(self, path: Path, writer: Writer, reader: Reader, log: EventLog) -> None:
        self._path = path
        self._writer = writer
        self._reader = reader
        self._log = log
        self._thinned_until = dict.fromkeys(COUNT_LANES, 0)
        self._closed_because: str | None = None

    async def measure(self, max_bytes: int) -> Room:
        return await self._reader.run(lambda connection: measure(connection, self._path, max_bytes))

    async def retire(self, keep: Keep, now: datetime, ran: timedelta) -> int:
        """Deletes what has been settled for longer than `keep`; returns how many rows went.

        `now` is of a trusted clock, `ran` what passed by the monotonic one since the last call.
        """
        today = await self._writer.run(lambda connection: look(connection, now, ran))
        cutoff = await self._reader.run(
            lambda connection: retention.cutoff_by_age(connection, keep, today)
        )
        rows = await self._delete(cutoff, lambda _: False)
        rows += await self._writer.run(
            lambda connection: retention.delete_old_quarantine(connection, keep, today)
        )
        more = True
        while more:
            more = await self._writer.run(
                lambda connection: retention.delete_old_links(connection, keep, today)
            )
        return rows

    async def release(self, max_bytes: int, percent: int) -> int:
        """Deletes settled rows of any age, the oldest first, until no more than `percent` of
        `max_bytes` is used.
        """
        cutoff = await self._reader.run(retention.cutoff_of_settled)
        return await self._delete(cutoff, lambda room: room.percent <= percent, max_bytes)

    async def thin(self, envelope: Envelope) -> int:
        """Thins counter readings that wait; what was thinned once is not looked at again."""
        readings = 0
        for lane in COUNT_LANES:
            more = True
            while more:
                after = self._thinned_until[lane]
                step = await self._writer.run(
                    lambda connection, lane=lane, after=after: thin_counts(  # type: ignore[misc]
                        connection, self._log, lane, after, envelope
                    )
                )
                readings += step.readings
                self._thinned_until[lane], more = step.after, step.more
        return readings

    def close_intake(self, why: str) -> None:
        """From now on `require_room` refuses; what is appended all the same is still stored."""
        self._closed_because = why

    def open_intake(self) -> None:
        self._closed_because = None

    @property
    def has_room(self) -> bool:
        return self._closed_because is None

    def require_room(self) -> None:
        """Call before pulling from a device that keeps its log. Raises SpoolFullError."""
        if self._closed_because is not None:
            raise SpoolFullError(
                self._closed_because,
                where=str(self._path),
                remedy="The terminals keep their logs. Free space, raise [spool] max_bytes, or "
                "mend the way to the core; pulling goes on by itself",
                code="spool_full",
            )

    async def _delete(
        self, cutoff: Cutoff, enough: Callable[[Room], bool], max_bytes: int = 1
    ) -> int:
        rows = 0
        ends: dict[Lane, int | None] = dict.fromkeys(Lane, 0)
        for _ in range(_LONGEST_ROUND):
            open_ends = {lane: after for lane, after in ends.items() if after is not None}
            if not open_ends or enough(await self.measure(max_bytes)):
                break
            # The lane that is furthest behind: so the oldest go first, over all lanes.
            lane = min(open_ends, key=lambda lane: open_ends[lane])
            number, after = lane.number, open_ends[lane]
            step = await self._writer.run(
                lambda connection, number=number, after=after: retention.delete_pages(  # type: ignore[misc]
                    connection, cutoff, number, after
                )
            )
            rows += step.rows
            ends[lane] = step.after
        return rows
