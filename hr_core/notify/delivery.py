"""The outbox to the channels: at least once, with back-off, one line in the log for each attempt."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from anyio import to_thread

from hr_core.notify.channels import Channel, ChannelError
from hr_core.notify.message import Message, message, occasions
from hr_core.notify.settings import ChannelSettings
from hr_core.notify.swap_message import swap_message
from hr_core.people.model import Roster
from hr_core.quality.alert_life import Alert
from hr_core.quality.box_swaps import SwapAlarm
from hr_core.store.alert_outbox import (
    Delivery,
    DeliveryState,
    add_deliveries,
    due_deliveries,
    end_delivery,
    put_off,
)
from hr_core.store.database import writing
from hr_core.store.errors import StorageError

FIRST_WAIT = timedelta(seconds=10)
LONGEST_WAIT = timedelta(minutes=10)
# An alert of yesterday's shift calls nobody any more; the board still has it.
GIVE_UP_AFTER = timedelta(hours=24)
_LOOK_EVERY_S = 2.0
_AT_A_TIME = 20

_log = logging.getLogger("hr_core.alerts")


def tell(
    conn: sa.Connection,
    alerts: Iterable[Alert],
    channels: Sequence[ChannelSettings],
    roster: Roster | None,
    zone: ZoneInfo,
    now: datetime,
) -> int:
    """Puts into the outbox what is not there yet; how many. In the caller's write transaction.

    May be called with all open alerts as often as one likes: each occasion is said once a channel.
    """
    said: list[tuple[str, Message]] = []
    for alert in alerts:
        for occasion in occasions(alert):
            if now - occasion.at < GIVE_UP_AFTER:
                text = message(alert, occasion, roster, zone)
                said += [(one.name, text) for one in channels if one.carries(occasion.role)]
    return add_deliveries(conn, said, now)


def tell_swaps(
    conn: sa.Connection,
    alarms: Iterable[SwapAlarm],
    channels: Sequence[ChannelSettings],
    roster: Roster | None,
    zone: ZoneInfo,
    now: datetime,
) -> int:
    """As `tell`, about boxes that seem to have been swapped: once a channel."""
    said: list[tuple[str, Message]] = []
    for alarm in alarms:
        text = swap_message(alarm, roster, zone)
        if now - text.at < GIVE_UP_AFTER:
            said += [(one.name, text) for one in channels if one.carries(alarm.role)]
    return add_deliveries(conn, said, now)


def tell_all(
    conn: sa.Connection,
    messages: Iterable[Message],
    channels: Sequence[ChannelSettings],
    now: datetime,
) -> int:
    """Messages that are ready to be said: each occasion once a channel, as in `tell`."""
    said = [(one.name, text) for text in messages for one in channels if one.carries(text.role)]
    return add_deliveries(conn, said, now)


def wait_after(attempts: int) -> timedelta:
    """Before the next attempt, after so many that failed."""
    doubled: timedelta = FIRST_WAIT * (1 << min(attempts, 10))
    return min(doubled, LONGEST_WAIT)


class Deliverer:
    """Sends what is due, one after the other in each channel, the channels beside each other."""

    def __init__(
        self, engine: sa.Engine, channels: Mapping[str, Channel], now: Callable[[], datetime]
    ) -> None:
        self._engine = engine
        self._channels = channels
        self._now = now

    async def run(self) -> None:
        """Until cancelled. A database that is away for a while is waited for."""
        while True:
            try:
                await self.send_due()
            except (StorageError, sa.exc.DatabaseError):
                _log.exception("alert deliveries: the database cannot be used now")
            await asyncio.sleep(_LOOK_EVERY_S)

    async def send_due(self) -> int:
        """One round; how many were sent."""
        due = await to_thread.run_sync(self._due)
        by_channel: dict[str, list[Delivery]] = {}
        for delivery in due:
            by_channel.setdefault(delivery.channel, []).append(delivery)
        async with asyncio.TaskGroup() as rounds:
            tasks = [
                rounds.create_task(self._send_all(name, waiting))
                for name, waiting in by_channel.items()
            ]
        return sum(task.result() for task in tasks)

    async def aclose(self) -> None:
        for channel in self._channels.values():
            await channel.aclose()

    async def _send_all(self, name: str, waiting: Sequence[Delivery]) -> int:
        sent = 0
        for delivery in waiting:
            channel = self._channels.get(name)
            if channel is None:
                await self._end(delivery, DeliveryState.GIVEN_UP, "this channel is gone")
                continue
            try:
                said = await channel.send(delivery.message, int(self._now().timestamp()))
            except ChannelError as exc:
                await self._failed(delivery, str(exc))
                continue
            await self._end(delivery, DeliveryState.SENT, said)
            sent += 1
        return sent

    async def _failed(self, delivery: Delivery, why: str) -> None:
        now = self._now()
        if now - delivery.created_at >= GIVE_UP_AFTER:
            await self._end(delivery, DeliveryState.GIVEN_UP, why)
            return
        until = now + wait_after(delivery.attempts)
        await to_thread.run_sync(self._put_off, delivery, until, why)
        _log.warning("%s waits until %s: %s", _called(delivery), f"{until:%H:%M:%S} UTC", why)

    async def _end(self, delivery: Delivery, state: DeliveryState, said: str) -> None:
        await to_thread.run_sync(self._mark, delivery, state, said)
        if state is DeliveryState.SENT:
            _log.info("%s sent (%s): %s", _called(delivery), said, delivery.message.text_en)
        else:
            _log.error("%s given up: %s", _called(delivery), said)

    def _due(self) -> list[Delivery]:
        with self._engine.connect() as conn:
            return due_deliveries(conn, self._now(), _AT_A_TIME)

    def _put_off(self, delivery: Delivery, until: datetime, why: str) -> None:
        with writing(self._engine) as conn:
            put_off(conn, delivery, until, why)

    def _mark(self, delivery: Delivery, state: DeliveryState, said: str) -> None:
        with writing(self._engine) as conn:
            end_delivery(conn, delivery, state, self._now(), said)


def _called(delivery: Delivery) -> str:
    return (
        f"alert {delivery.message.alert} ({delivery.message.occasion}) by channel "
        f"{delivery.channel}"
    )
