"""One device's life: connect, fetch or listen, commit, acknowledge, wait, come back.

A worker never lets an error of its device out; other devices do not notice. It decides by the
class of the error alone: retry what can heal, block what needs a person.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta

import structlog
from msgspec import Struct

from drivers.contract import (
    Capability,
    Delivery,
    DeviceConfig,
    Driver,
    Identity,
    Mode,
    Resumable,
)
from drivers.errors import BlockedError, DriverError
from drivers.ports import Clock
from drivers.vitals import Observed
from edge_agent.spool.store import Lane, PastReading, Spool, SpoolCorruptError, SpoolError
from edge_agent.supervisor.condition import DeviceCondition, Problem
from edge_agent.supervisor.follow import Follower
from edge_agent.supervisor.log_changes import LogChange, log_change
from edge_agent.supervisor.retry import BLOCKED_DELAY_S, retry_delay_s
from edge_agent.supervisor.row_clock import RowClock, clock_offset_ms
from edge_agent.supervisor.states import DeviceSignal, DeviceState
from edge_agent.supervisor.units import (
    ANOTHER_SERIAL,
    belongs_to,
    expected_serial,
    refuse_another,
    was_ordered,
)
from edge_agent.supervisor.vitals import DeviceVitals, VitalsWatch
from edge_agent.timekeeping import Stamp, Timekeeper
from edge_agent.waiting import first_of, sleep_unless
from protocols.records import Count, DeviceEvent, Flag, Record

# The longest a driver may take for one page: a whole 100,000-row table over a slow line.
PAGE_DEADLINE_S = 600.0

# The longest for anything else: a login over a slow line, with a driver's own retries.
ANSWER_DEADLINE_S = 120.0

# A polite goodbye takes a round trip; a whole stop of the agent takes less than 5 s.
CLOSE_DEADLINE_S = 2.0

FULL = "spool_full"

TOO_SLOW = Problem(
    what=f"no answer within {ANSWER_DEADLINE_S:g} s, or no complete page within "
    f"{PAGE_DEADLINE_S:g} s",
    remedy="It is tried again by itself; if it repeats, restart the device",
    code="device_too_slow",
)

# What a device that talks notices is looked at beside its data, not with each of a thousand messages.
VITALS_EVERY_S = 5.0

# How long others may still press their finger after the first of a group.
HINT_PAUSE_S = 1.0

# Who has just typed `device replace` waits and looks.
ORDER_LOOK_S = 2.0

# The caretaker looks every five seconds whether there is room again; with this, a device is pulled
# within ten.
ROOM_LOOK_S = 2.0

# Time services correct less than this without saying; terminals show whole seconds anyway.
GATEWAY_STEP = timedelta(seconds=5)

log = structlog.get_logger()


class DeviceReport(Struct, frozen=True, kw_only=True):
    """One device as `status` shows it."""

    name: str
    kind: str
    state: DeviceState
    since: datetime
    serial: str | None
    profile: str | None
    clock_offset_ms: int | None
    problem: Problem | None
    failures: int
    moved: str | None = None  # "old address → new address" since the agent started
    log_change: LogChange | None = None  # the last since the agent started
    vitals: DeviceVitals = DeviceVitals()


class Commons(Struct, frozen=True, kw_only=True):
    """What all workers share."""

    spool: Spool
    timekeeper: Timekeeper
    clock: Clock
    randomness: random.Random
    changed: asyncio.Event  # set when a device's state or problem did
    names: Callable[[], frozenset[str]] = frozenset  # of all devices of the site, as it is now


class DeviceWorker:
    def __init__(
        self,
        config: DeviceConfig,
        make_driver: Callable[[DeviceConfig], Driver],
        zone: str,
        commons: Commons,
        follower: Follower | None = None,
    ) -> None:
        self._config = config
        self._make_driver = make_driver
        self._follower = follower
        self._moved: str | None = None
        self._log_change: LogChange | None = None
        self._zone = zone
        self._commons = commons
        self._poked = asyncio.Event()
        self._identity: Identity | None = None
        self._expected: str | None = None  # the serial that the name stands for
        self._gateway_zero: datetime | None = None  # the wall time of monotonic zero
        self._taken_up = False  # the spool knows this session's unit by the name
        self._told_ready: str | None = None  # the serial of whom it was logged
        self._clock_offset_ms: int | None = None
        self._fetch_took_s = 0.0
        self._listening = False  # a device that talks may be silent for days
        self._vitals = VitalsWatch(config.name)
        self._log = log.bind(device=config.name, driver=config.kind)
        self._condition = DeviceCondition(commons.clock, commons.changed, self._log)

    def look_in(self, networks: Sequence[str]) -> None:
        """Where to look for this device when it has moved, from now on."""
        if self._follower is not None:
            self._follower.networks = networks

    def poke(self) -> None:
        """Fetch now instead of at the end of the interval (a badge changed hands at the line)."""
        self._poked.set()

    def report(self) -> DeviceReport:
        return DeviceReport(
            name=self._config.name,
            kind=self._config.kind,
            state=self._condition.state,
            since=self._condition.since,
            serial=self._identity.serial if self._identity else None,
            profile=self._identity.profile if self._identity else None,
            clock_offset_ms=self._clock_offset_ms,
            problem=self._condition.problem,
            failures=self._condition.failures,
            moved=self._moved,
            log_change=self._log_change,
            vitals=self._vitals.vitals(),
        )

    def stuck(self, now_s: float) -> bool:
        """Neither a step nor a rightful wait for longer than any of both may take."""
        rightful_s = PAGE_DEADLINE_S + max(self._config.poll_s, BLOCKED_DELAY_S)
        return self._condition.still_s(now_s) > rightful_s and not self._listening

    async def run(self) -> None:
        """Runs until cancelled."""
        self._condition.signal(DeviceSignal.START)
        try:
            while True:
                await self._pause(await self._session())
                self._condition.signal(DeviceSignal.RETRY_DUE)
        finally:
            self._condition.signal(DeviceSignal.STOP)

    async def _session(self) -> float:
        """One connection's worth of work. Returns the seconds to wait before the next."""
        driver: Driver | None = None
        self._taken_up = False
        try:
            driver = self._make_driver(self._config)
            await self._work(driver)
        except BlockedError as error:
            self._condition.fail(DeviceSignal.REFUSED, Problem.of(error))
            return 0.0 if await self._followed(error) else self._wait_s(BLOCKED_DELAY_S)
        except SpoolCorruptError:
            raise  # for all devices: the agent starts anew, which heals its spool
        except (DriverError, SpoolError) as error:
            self._condition.fail(DeviceSignal.FAILED, Problem.of(error))
            if await self._followed(error):
                return 0.0
        except TimeoutError:
            self._condition.fail(DeviceSignal.FAILED, TOO_SLOW)
        except Exception as error:  # noqa: BLE001 - a driver's bug costs one device, not the site
            self._log.exception("driver_bug")
            self._condition.fail(DeviceSignal.FAILED, _bug(error))
        finally:
            self._listening = False
            if driver is not None:
                self._look_at_vitals(driver)
                self._vitals.driver_ended()
                await self._close(driver)
        return self._wait_s(
            retry_delay_s(self._condition.failures, self._commons.randomness.random())
        )

    def _wait_s(self, usual_s: float) -> float:
        return usual_s if self._follower is None else self._follower.wait_s(usual_s)

    async def _close(self, driver: Driver) -> None:
        try:
            async with asyncio.timeout(CLOSE_DEADLINE_S):
                await driver.aclose()
        except TimeoutError:
            self._log.warning("device_not_closed", waited_s=CLOSE_DEADLINE_S)

    async def _work(self, driver: Driver) -> None:
        identity = await self._proven(driver)
        self._condition.signal(DeviceSignal.IDENTIFIED)
        if driver.manifest.mode is Mode.TALKS:
            if isinstance(driver, Resumable):
                driver.resume(await self._commons.spool.cursor(identity.serial))
            self._listening = True
            looked_s = self._commons.clock.monotonic()
            async for delivery in driver.live():
                await self._store(driver, delivery, self._row_clock(None))
                self._recovered()
                if self._commons.clock.monotonic() - looked_s > VITALS_EVERY_S:
                    looked_s = self._commons.clock.monotonic()
                    self._look_at_vitals(driver)
            return
        while True:
            await self._fetch(driver, identity.serial)
            self._recovered()
            self._look_at_vitals(driver)
            await self._until_next_fetch(driver)
            if driver.manifest.mode is Mode.ASKED:  # a driver connects anew without a word
                identity = await self._proven(driver)

    async def _proven(self, driver: Driver) -> Identity:
        """Who answers, when it is the unit that the name stands for. Raises AnotherUnitError."""
        self._expected = await expected_serial(self._commons.spool, self._config)
        async with asyncio.timeout(ANSWER_DEADLINE_S):
            identity = await driver.identity()
        refuse_another(self._config, expected=self._expected, found=identity.serial)
        self._identity = identity
        return identity

    async def _fetch(self, driver: Driver, serial: str) -> None:
        self._commons.spool.housekeeping.require_room()
        began_s = self._commons.clock.monotonic()
        cursor = await self._commons.spool.cursor(serial)
        clock = self._row_clock(await self._commons.spool.last_reading(serial))
        pages = driver.fetch(cursor)
        async with contextlib.aclosing(_closable(pages, deadline_s=PAGE_DEADLINE_S)) as guarded:
            async for delivery in guarded:
                await self._store(driver, delivery, clock, backlog=cursor is None)
                self._commons.spool.housekeeping.require_room()
        self._fetch_took_s = self._commons.clock.monotonic() - began_s

    def _row_clock(self, past: PastReading | None) -> RowClock:
        stamp = self._commons.timekeeper.stamp()
        zero = stamp.received_at - timedelta(seconds=stamp.monotonic_s)
        stepped = self._gateway_zero is not None and abs(zero - self._gateway_zero) > GATEWAY_STEP
        self._gateway_zero = zero
        trusted = Flag.GATEWAY_CLOCK_SUSPECT not in stamp.flags
        return RowClock(self._zone, past, stamp.received_at, steady=trusted and not stepped)

    async def _store(
        self, driver: Driver, delivery: Delivery, clock: RowClock, *, backlog: bool = False
    ) -> None:
        stamp = self._commons.timekeeper.stamp()
        await self._take_up(delivery, stamp)
        if delivery.clock is not None:
            self._clock_offset_ms = clock_offset_ms(delivery.clock, self._zone)
        for part, offset in clock.parts(delivery):
            await self._commons.spool.append(
                part,
                device_name=self._config.name,
                zone=self._zone,
                lane=_lane_of(part, backlog=backlog),
                received_at=stamp.received_at,
                clock_offset_ms=offset.offset_ms,
                flags=(*stamp.flags, Flag.CLOCK_SUSPECT) if offset.suspect else stamp.flags,
                past_reading=None if stamp.flags else clock.reading(part),
            )
        async with asyncio.timeout(ANSWER_DEADLINE_S):
            await driver.acknowledge(delivery)
        if delivery.last:
            self._tell_ready(delivery.on_device)
        if change := log_change(delivery, stamp.received_at):
            self._log_change = change
            self._log.warning("device_log_changed", what=change.what)
            self._commons.changed.set()
        self._condition.step()

    async def _take_up(self, delivery: Delivery, stamp: Stamp) -> None:
        """Before the first rows of a session. Raises AnotherUnitError for rows of another unit: the
        driver has connected anew since it was asked who answers.
        """
        assert self._identity is not None  # noqa: S101 - proven before anything is read
        serial = self._identity.serial
        if not belongs_to(delivery.serial, serial):
            refuse_another(self._config, expected=serial, found=delivery.serial)
        if not self._taken_up:
            await self._commons.spool.take_up_unit(
                self._config.name,
                serial,
                names=self._commons.names(),
                zone=self._zone,
                received_at=stamp.received_at,
                flags=stamp.flags,
            )
            self._taken_up = True

    async def _pause(self, delay_s: float) -> None:
        """Until it is time to try again, or a person has said that the unit was replaced."""
        clock = self._commons.clock
        due_s = clock.monotonic() + delay_s
        if self._condition.blocked_by(FULL):
            await clock.sleep(min(ROOM_LOOK_S, delay_s))
            while not self._commons.spool.housekeeping.has_room:
                self._condition.step()
                await clock.sleep(ROOM_LOOK_S)
            return
        if self._condition.blocked_by(ANOTHER_SERIAL):
            while (left_s := due_s - clock.monotonic()) > 0:
                await clock.sleep(min(ORDER_LOOK_S, left_s))
                if await was_ordered(self._commons.spool, self._config, other_than=self._expected):
                    return
        await clock.sleep(max(0.0, due_s - clock.monotonic()))

    async def _until_next_fetch(self, driver: Driver) -> None:
        """Until the interval has passed, someone pokes, or the device hints at something new."""
        self._condition.step()
        waits = [sleep_unless(self._poked, self._commons.clock, self._config.poll_s)]
        if self._config.live and Capability.LIVE in driver.manifest.capabilities:
            waits.append(self._until_hinted(driver))
        await first_of(*waits)

    async def _until_hinted(self, driver: Driver) -> None:
        async with contextlib.aclosing(_closable(driver.live(), deadline_s=None)) as hints:
            async for delivery in hints:
                if delivery.records or delivery.packed or delivery.quarantined:
                    await self._store(driver, delivery, self._row_clock(None))
                else:
                    break
        # People come in groups: one pull for all of them, and never more time in pulls than out.
        await self._commons.clock.sleep(max(HINT_PAUSE_S, self._fetch_took_s))

    async def _followed(self, error: DriverError | SpoolError) -> bool:
        """Whether the device was found at another address, where it is read from now on."""
        known_serial = self._expected or (self._identity.serial if self._identity else None)
        if self._follower is None or not isinstance(error, DriverError):
            return False
        try:
            move = await self._follower.look(
                self._config, known_serial, error, failures=self._condition.failures
            )
        except Exception:  # noqa: BLE001 - a bug in the search costs the search, not the site
            self._log.exception("follow_bug")
            return False
        if move is None:
            return False
        self._config, self._moved = move.config, move.told
        self._log.warning("device_followed", serial=move.serial, moved=move.told)
        self._commons.changed.set()
        return True

    def _tell_ready(self, on_device: int | None) -> None:
        """Once for each unit, when its data came for the first time."""
        identity = self._identity
        if identity is None or self._told_ready == identity.serial:
            return
        self._told_ready = identity.serial
        self._log.info(
            "device_ready",
            serial=identity.serial,
            profile=identity.profile,
            rows_on_device=on_device,
        )

    def _look_at_vitals(self, driver: Driver) -> None:
        if not isinstance(driver, Observed):
            return
        for crossed in self._vitals.look(driver.vitals(), self._commons.clock.monotonic()):
            memory = crossed.memory
            told = self._log.warning if crossed.rising else self._log.info
            told(
                "device_memory_filling" if crossed.rising else "device_memory_freed",
                memory=memory.name,
                used=memory.used,
                capacity=memory.capacity,
                step=crossed.step,
            )
            self._commons.changed.set()

    def _recovered(self) -> None:
        self._condition.recover()
        if self._follower is not None:
            self._follower.settled()


async def _closable(
    deliveries: AsyncIterator[Delivery], *, deadline_s: float | None
) -> AsyncGenerator[Delivery, None]:
    """`deliveries`, each within its deadline; the driver's own clean-up runs however this ends."""
    try:
        while True:
            async with asyncio.timeout(deadline_s):
                try:
                    delivery = await anext(deliveries)
                except StopAsyncIteration:
                    return
            yield delivery
    finally:
        if isinstance(deliveries, AsyncGenerator):
            await deliveries.aclose()


def _bug(error: Exception) -> Problem:
    return Problem(
        what=f"the driver failed in a way it should not ({type(error).__name__}: {error})",
        remedy="Please report it with the log of this moment: journalctl -u edge-agent",
        code="driver_bug",
    )


def _lane_of(delivery: Delivery, *, backlog: bool) -> Lane:
    """Of what counts in it: an event among readings does not make them wait."""
    first: Record | None = None
    for first in delivery.records:
        if not isinstance(first, DeviceEvent):
            break
    match first:
        case Count():
            return Lane.COUNT_BACKLOG if backlog else Lane.COUNT_LIVE
        case DeviceEvent():
            return Lane.TELEMETRY
        case _:
            return Lane.PUNCH_BACKLOG if backlog else Lane.PUNCH_LIVE
