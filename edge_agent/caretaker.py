"""The task that looks after the spool: deletes by age, makes room, stops pulling when there is none,
and stores what people order about lines.
"""

import contextlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog

from drivers.ports import Clock
from edge_agent.config.models import SpoolSection
from edge_agent.line_orders import take_orders
from edge_agent.spool.codec import Envelope
from edge_agent.spool.lanes import Lane
from edge_agent.spool.retention import Keep
from edge_agent.spool.room import RELIEVED_PERCENT, Level, Room, default_cap, level_of
from edge_agent.spool.store import Spool, SpoolCorruptError, SpoolError
from edge_agent.timekeeping import Timekeeper

LOOK_S = 5.0  # who waits for room is told within ten
ROUND_S = 600.0  # between two rounds of deleting by age

log = structlog.get_logger()


class Caretaker:
    def __init__(
        self,
        spool: Spool,
        section: SpoolSection,
        path: Path,
        *,
        clock: Clock,
        timekeeper: Timekeeper,
    ) -> None:
        self._spool = spool
        self._state_dir = path.parent
        self._keep = keep_of(section)
        self._max_bytes = section.max_bytes or default_cap(path)
        self._clock = clock
        self._timekeeper = timekeeper
        self._level = Level.ROOMY
        self._room: Room | None = None
        self._rounded_at = clock.monotonic()
        self._due_at = self._rounded_at
        self._released = 0
        self._thinned = 0
        self._failing: str | None = None

    async def run(self) -> None:
        """Looks until cancelled. A storage failure is told once and looked at again."""
        while True:
            try:
                await self.look()
                self._failing = None
            except SpoolCorruptError:
                raise
            except SpoolError as error:
                if error.code != self._failing:
                    log.error("spool_not_looked_after", what=error.what, remedy=error.remedy)
                self._failing = error.code
            await self._clock.sleep(LOOK_S)

    async def look(self) -> None:
        """One look at room and age."""
        housekeeping = self._spool.housekeeping
        room = await housekeeping.measure(self._max_bytes)
        self._judge(room)
        if self._level >= Level.TIGHT:
            # A disk that is full takes no transaction, not even one that deletes.
            with contextlib.suppress(SpoolError):
                await self._make_room()
            self._judge(await housekeeping.measure(self._max_bytes))
        await take_orders(self._state_dir, self._spool, self._timekeeper.stamp())
        if self._timekeeper.trusted and self._clock.monotonic() >= self._due_at:
            await self._retire()

    def facts(self) -> dict[str, Any]:
        """For the snapshot."""
        if self._room is None:
            return {}
        return {
            "level": int(self._level),
            "used_bytes": self._room.used_bytes,
            "max_bytes": self._max_bytes,
            "disk_full": self._room.disk_full,
            "full": not self._spool.housekeeping.has_room,
            "thinned": self._thinned,
            "released_early": self._released,
        }

    async def _retire(self) -> None:
        now = self._clock.monotonic()
        ran = timedelta(seconds=now - self._rounded_at)
        rows = await self._spool.housekeeping.retire(self._keep, self._clock.now(), ran)
        self._rounded_at, self._due_at = now, now + ROUND_S
        if rows:
            log.info("spool_rows_deleted_by_age", rows=rows)

    async def _make_room(self) -> None:
        housekeeping = self._spool.housekeeping
        stamp = self._timekeeper.stamp()
        envelope = Envelope(
            device_name="",
            zone="UTC",
            lane=Lane.TELEMETRY,
            received_at=stamp.received_at,
            monotonic_ms=int(stamp.monotonic_s * 1000),
            flags=stamp.flags,
        )
        readings = await housekeeping.thin(envelope)
        if readings:
            self._thinned += readings
            log.warning("counter_readings_thinned", readings=readings)
        rows = await housekeeping.release(self._max_bytes, RELIEVED_PERCENT)
        if rows:
            self._released += rows
            log.warning(
                "acked_rows_deleted_early",
                rows=rows,
                remedy="Give the spool more room ([spool] max_bytes): until then a core that is "
                "restored from a backup cannot have these rows again",
            )

    def _judge(self, room: Room) -> None:
        before, self._level = self._level, level_of(room, self._level)
        self._room = room
        housekeeping = self._spool.housekeeping
        if self._level is Level.FULL:
            housekeeping.close_intake(_full(room))
        else:
            housekeeping.open_intake()
        if self._level > before:
            log.warning("spool_filling", percent=room.percent, used_bytes=room.used_bytes,
                        max_bytes=room.max_bytes, disk_bytes=room.disk_bytes,
                        pulling=housekeeping.has_room)  # fmt: skip
        elif self._level < before:
            log.info("spool_has_room_again", percent=room.percent, pulling=housekeeping.has_room)


def keep_of(section: SpoolSection) -> Keep:
    return Keep(
        punch_days=section.keep_acked_days,
        event_days=section.keep_event_days,
        count_days=section.keep_count_days,
        quarantine_days=section.keep_quarantine_days,
    )


def _full(room: Room) -> str:
    mib = 1024 * 1024
    if room.disk_full:
        return f"the disk has only {room.disk_bytes // mib} MiB left for the spool"
    return f"the spool has used {room.percent} % of its {room.max_bytes // mib} MiB"
