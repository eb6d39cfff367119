"""The one place where the gateway is put together: spool, workers, uplink, pulse.

Which bug costs what: a device's worker, the uplink, an export, the caretaker and the reloader are
each started anew (supervisor/upkeep.py). A bug of the pulse ends the agent with an exit code, because
nobody would watch the others any more, and so does a damaged spool; systemd starts it anew.
"""

import asyncio
import random
import secrets
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import msgspec
import structlog

from drivers.catalog import load_driver
from drivers.contract import DriverContext, Findable
from drivers.ports import Clock
from edge_agent.caretaker import Caretaker
from edge_agent.config.changes import SiteChanges
from edge_agent.config.exports import AnyExport
from edge_agent.config.fingerprint import SALT_BYTES, part_of
from edge_agent.config.models import SiteConfig, SiteDevice
from edge_agent.core_link import CoreLink
from edge_agent.errors import ExitCode
from edge_agent.export_roster import ExportRoster
from edge_agent.exporting import Export, open_export
from edge_agent.isolation.driver import is_isolated, isolated
from edge_agent.lean_process import spare_what_stays
from edge_agent.logs import configure_logs
from edge_agent.notify import Notifier
from edge_agent.pulse import Pulse, Watched
from edge_agent.reloading import Reloader
from edge_agent.spool.store import Spool, SpoolCorruptError
from edge_agent.supervisor.follow import Follower
from edge_agent.supervisor.roster import Roster
from edge_agent.supervisor.upkeep import Upkeep
from edge_agent.supervisor.worker import Commons, DeviceWorker
from edge_agent.system_clock import SystemClock, boot_id
from edge_agent.timekeeping import Timekeeper
from sync.uplink import Uplink

# No clock may be earlier than the day this release was made.
RELEASED = datetime(2026, 11, 1, tzinfo=UTC)
_UPLINK = "uplink"
_CARETAKER = "spool"

log = structlog.get_logger()


class Agent:
    """A gateway that runs. `open` it, `run` it until cancelled, `close` it."""

    def __init__(  # noqa: PLR0913 - what a test or the demo replaces, by name
        self,
        site: SiteConfig,
        spool: Spool,
        timekeeper: Timekeeper,
        *,
        clock: Clock,
        randomness: random.Random,
        notifier: Notifier,
        boot: str,
        uplink_idle_s: float,
    ) -> None:
        self.spool = spool
        self._site = site
        self._uplink_idle_s = uplink_idle_s
        changed = asyncio.Event()
        self._commons = Commons(
            spool=spool,
            timekeeper=timekeeper,
            clock=clock,
            randomness=randomness,
            changed=changed,
            names=lambda: self._roster.names(),  # noqa: PLW0108 - the roster is made after its commons
        )
        self._upkeep = Upkeep(clock, randomness, fatal=SpoolCorruptError)
        self._roster = Roster(self._make_worker, self._upkeep)
        self._roster.enter(site.devices)
        self._exports = ExportRoster(self._open_export, self._upkeep)
        self._exports.enter(site.exports)
        self._core = CoreLink(site, spool, clock, randomness, idle_s=uplink_idle_s)
        self._reloader = Reloader(
            site,
            self._apply,
            clock=clock,
            notifier=notifier,
            salt=secrets.token_bytes(SALT_BYTES),
            told=changed.set,
        )
        self._caretaker = self._make_caretaker()
        self._pulse = Pulse(
            clock=clock,
            timekeeper=timekeeper,
            spool=spool,
            watched=Watched(
                workers=lambda: self.workers,
                stuck=lambda: _UPLINK if self._core.stuck() else None,
                uplink=self._core.facts,
                config=lambda: msgspec.to_builtins(self._reloader.state),
                exports=lambda: [export.facts() for export in self.exports],
                spool_room=lambda: self._caretaker.facts(),  # noqa: PLW0108 - a reload replaces it
                failed_tasks=lambda: msgspec.to_builtins(self._upkeep.failures()),
            ),
            changed=changed,
            notifier=notifier,
            gateway=site.gateway.name,
            zone=site.site.zone,
            boot_id=boot,
            snapshot_path=site.snapshot_path,
            version=version("clockline"),
        )

    @classmethod
    async def open(
        cls,
        site: SiteConfig,
        *,
        clock: Clock,
        randomness: random.Random,
        notifier: Notifier,
        uplink_idle_s: float = 1.0,
        floor: datetime = RELEASED,
    ) -> "Agent":
        """Opens the spool. Raises SpoolError when that is impossible.

        A gateway that has not enrolled collects, and says that it delivers nothing.
        `floor`: no clock that shows an earlier time is believed.
        """
        boot = boot_id(fallback=secrets.token_hex(16))
        spool = Spool.open(site.spool_path, clock=clock, boot_id=boot, heal=True)
        if spool.salvaged is not None:
            told = msgspec.structs.asdict(spool.salvaged)
            log.error("spool_salvaged", **told | {"set_aside": str(spool.salvaged.set_aside)})
        try:
            timekeeper = Timekeeper(clock, await spool.last_stored_at(), floor)
            return cls(
                site,
                spool,
                timekeeper,
                clock=clock,
                randomness=randomness,
                notifier=notifier,
                boot=boot,
                uplink_idle_s=uplink_idle_s,
            )
        except BaseException:
            spool.close()
            raise

    @property
    def workers(self) -> Sequence[DeviceWorker]:
        return self._roster.workers

    @property
    def uplink(self) -> Uplink | None:
        return self._core.uplink

    @property
    def exports(self) -> Sequence[Export]:
        return self._exports.exports

    @property
    def loops(self) -> int:
        """How many loops wait on the clock when all is quiet."""
        return len(self.workers) + (self.uplink is not None) + len(self.exports) + 2

    def reload(self) -> None:
        """Reads the site file again and takes up what has changed, soon."""
        self._reloader.ask()

    async def run(self) -> None:
        """Runs until cancelled."""
        self._roster.start(device.config.name for device in self._site.devices)
        if self._site.uplink is not None:
            self._upkeep.start(_UPLINK, self._core.run)
        self._exports.start(export.name for export in self._site.exports)
        self._upkeep.start(_CARETAKER, self._caretaker.run)
        self._upkeep.start("reloader", self._reloader.run)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._upkeep.run(), name="upkeep")
            group.create_task(self._pulse.run(), name="pulse")

    def close(self) -> None:
        """Everything queued is committed; `status` sees at once that nobody runs any more."""
        self._site.snapshot_path.unlink(missing_ok=True)
        self._reloader.close()
        self.spool.close()

    async def _apply(self, site: SiteConfig, changes: SiteChanges) -> None:
        """Runs by `site` from now on; whatever is the same in both is not touched."""
        changed = [device.name for device in changes.changed]
        await self._roster.leave((*changes.removed, *changed))
        entering = (*changed, *changes.added)
        self._site = site
        self._roster.enter(device for device in site.devices if device.config.name in entering)
        self._roster.start(entering)
        if changes.networks:
            for worker in self.workers:
                worker.look_in(site.site.networks)
        await self._apply_parts(site, {part.name for part in changes.parts})

    async def _apply_parts(self, site: SiteConfig, changed: set[str]) -> None:
        if _CARETAKER in changed:
            await self._upkeep.stop([_CARETAKER])
            self._caretaker = self._make_caretaker()
            self._upkeep.start(_CARETAKER, self._caretaker.run)
        if _UPLINK in changed:
            await self._upkeep.stop([_UPLINK])
            self._core.site = site
            if site.uplink is not None:
                self._upkeep.start(_UPLINK, self._core.run)
        leaving = [one.config.name for one in self.exports if part_of(one.config.name) in changed]
        await self._exports.leave(leaving)
        entering = [config for config in site.exports if part_of(config.name) in changed]
        self._exports.enter(entering)
        self._exports.start(config.name for config in entering)

    def _open_export(self, config: AnyExport) -> Export:
        commons = self._commons
        return open_export(
            config,
            self._site,
            commons.spool,
            clock=commons.clock,
            random=commons.randomness.random,
            clock_trusted=lambda: commons.timekeeper.trusted,
            idle_s=self._uplink_idle_s,
        )

    def _make_caretaker(self) -> Caretaker:
        site, commons = self._site, self._commons
        return Caretaker(
            commons.spool,
            site.spool,
            site.spool_path,
            clock=commons.clock,
            timekeeper=commons.timekeeper,
        )

    def _make_worker(self, device: SiteDevice) -> DeviceWorker:
        commons = self._commons
        context = DriverContext(clock=commons.clock, zone=device.zone)
        driver: Any = load_driver(device.config.kind)
        follower = (
            Follower(driver, self._site.site.networks, context, commons.clock)
            if isinstance(driver, Findable)
            else None
        )
        runs: Any = isolated(driver) if is_isolated(device.config) else driver
        return DeviceWorker(
            device.config, lambda config: runs(config, context), device.zone, commons, follower
        )


def run_agent(site: SiteConfig) -> int:
    """`edge-agent run`: until SIGTERM or Ctrl-C. Returns the exit code."""
    configure_logs()
    code: int = ExitCode.OK
    try:
        asyncio.run(_run_until_signalled(site))
    except* SpoolCorruptError as damage:
        # The next start (systemd's) sets the file aside and saves what can be read.
        log.error("spool_damaged", what=str(damage.exceptions[0]))
        code = ExitCode.BROKEN
    return code


async def _run_until_signalled(site: SiteConfig) -> None:
    notifier = Notifier()
    agent = await Agent.open(
        site,
        clock=SystemClock(),
        # Spreads retries; nothing secret hangs on it.
        randomness=random.Random(),  # noqa: S311
        notifier=notifier,
    )
    spare_what_stays()
    running = asyncio.ensure_future(agent.run())
    loop = asyncio.get_running_loop()
    for stop in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(stop, running.cancel)
    # Whoever closes the terminal that the agent was started in wants it to end.
    loop.add_signal_handler(signal.SIGHUP, running.cancel if sys.stderr.isatty() else agent.reload)
    log.info("agent_started", site=site.site.name, devices=len(site.devices))
    try:
        await running
    except asyncio.CancelledError:
        log.info("agent_stopped")
    finally:
        notifier.stopping()
        agent.close()
