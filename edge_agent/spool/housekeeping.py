"""What the agent does for its spool beside storing and sending: age, room. Every step is one small
transaction, so that a live punch never waits for it long.
"""

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
        rows = 0
        lanes: dict[Lane, int | None] = dict.fromkeys(Lane, 0)
        step = await self._delete_oldest(cutoff, lanes, retention.PAGES_AT_A_TIME)
        while step is not None:
            rows += step
            step = await self._delete_oldest(cutoff, lanes, retention.PAGES_AT_A_TIME)
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
        rows = 0
        lanes: dict[Lane, int | None] = dict.fromkeys(Lane, 0)
        while (await self.measure(max_bytes)).percent > percent:
            step = await self._delete_oldest(cutoff, lanes, retention.PAGES_FOR_ROOM)
            if step is None:
                break
            rows += step
        return rows

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

    async def _delete_oldest(
        self, cutoff: Cutoff, lanes: dict[Lane, int | None], pages: int
    ) -> int | None:
        """One step in the lane that is furthest behind; returns the rows that went, None at the end.

        `lanes`: where each goes on, None when there is nothing more in it.
        """
        ends = {lane: after for lane, after in lanes.items() if after is not None}
        if not ends:
            return None
        lane = min(ends, key=ends.__getitem__)
        step = await self._writer.run(
            lambda connection: retention.delete_pages(
                connection, cutoff, lane.number, ends[lane], step=pages
            )
        )
        lanes[lane] = step.after
        return step.rows
