"""While the core is served: raises and escalates alerts as counts come in, and has them told.

Each look computes the alerts of today and yesterday from what is stored (hr_core.quality.alert_desk:
the same readings give the same alerts), stores what is new and puts it into the outbox in the same
transaction.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from time import perf_counter
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from anyio import to_thread

from hr_core.errors import CoreError
from hr_core.notify.delivery import tell, tell_swaps
from hr_core.notify.settings import ChannelSettings
from hr_core.quality.alert_desk import alerts_of_day, save
from hr_core.store.alerts import stored_alerts
from hr_core.store.box_swaps import open_swaps
from hr_core.store.database import writing
from hr_core.store.errors import StorageError
from hr_core.store.events import raw_events
from hr_core.store.people import load_roster

_LOOK_EVERY_S = 5.0
# Escalations come with time alone.
_LOOK_ANYWAY_AFTER = timedelta(seconds=30)
# A large site's look takes seconds: at most a fifth of one processor goes into it.
_REST_PER_LOOK = 4

_log = logging.getLogger("hr_core.alerts")


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware UTC."""
        ...


class Looked(NamedTuple):
    """`stored`: alerts that are new or changed; `told`: sayings that went into the outbox.

    `again`: somebody acted on an alert meanwhile, and it has to be looked at again.
    """

    stored: int
    told: int
    again: bool = False


class AlertWatch:
    def __init__(
        self, engine: sa.Engine, channels: Sequence[ChannelSettings], clock: Clock
    ) -> None:
        self._engine = engine
        self._channels = channels
        self._clock = clock
        self._newest: datetime | None = None
        self._looked_at: datetime | None = None

    async def run(self) -> None:
        """Until cancelled; a database that is away for a while is waited for."""
        while True:
            began = perf_counter()
            try:
                await to_thread.run_sync(self._look_if_due)
            except (CoreError, StorageError, sa.exc.DatabaseError):
                _log.exception("alerts cannot be computed now")
            await asyncio.sleep(max(_LOOK_EVERY_S, _REST_PER_LOOK * (perf_counter() - began)))

    def look(self) -> Looked:
        """Computes, stores and tells once."""
        now = self._clock.now()
        with self._engine.connect() as conn:
            roster = load_roster(conn)
            if roster is None:
                return Looked(0, 0)
            zone = ZoneInfo(roster.zone)
            today = now.astimezone(zone).date()
            found = [
                alerts_of_day(conn, roster, day, now) for day in (today - timedelta(days=1), today)
            ]
        with writing(self._engine) as conn:
            saved = [save(conn, of_day) for of_day in found]
            to_whom = self._channels, roster, zone, now
            told = tell(conn, stored_alerts(conn), *to_whom)
            told += tell_swaps(conn, open_swaps(conn), *to_whom)
        stored = sum(one.stored for one in saved)
        return Looked(stored, told, again=any(one.acted for one in saved))

    def _look_if_due(self) -> None:
        now = self._clock.now()
        newest = self._newest_count()
        rested = self._looked_at is None or now - self._looked_at >= _LOOK_ANYWAY_AFTER
        if newest == self._newest and not rested:
            return
        looked = self.look()
        self._newest, self._looked_at = None if looked.again else newest, now
        if looked.stored:
            _log.info("alerts: %d new or changed, %d to be told", looked.stored, looked.told)

    def _newest_count(self) -> datetime | None:
        newest = sa.select(sa.func.max(raw_events.c.ingested_at)).where(
            raw_events.c.kind == "count"
        )
        with self._engine.connect() as conn:
            found: datetime | None = conn.execute(newest).scalar()
        return found
