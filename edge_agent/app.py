"""The one place where the gateway is put together: spool, workers, uplink, pulse in one task group."""

import asyncio
import random
import secrets
import signal
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import msgspec
import structlog

from drivers.catalog import load_driver
from drivers.contract import DriverContext, Findable
from drivers.ports import Clock
from edge_agent.config.models import SiteConfig, SiteDevice
from edge_agent.core_outbox import CoreOutbox
from edge_agent.core_transport import open_transport
from edge_agent.exporting import open_export
from edge_agent.identity_file import read_identity
from edge_agent.logs import configure_logs
from edge_agent.notify import Notifier
from edge_agent.pulse import Pulse
from edge_agent.spool.store import Spool, SpoolError
from edge_agent.supervisor.follow import Follower
from edge_agent.supervisor.worker import Commons, DeviceWorker
from edge_agent.system_clock import SystemClock, boot_id
from edge_agent.timekeeping import Timekeeper
from sync.identity import GatewayIdentity
from sync.ports import Transport
from sync.sealing import Sealer
from sync.uplink import Uplink, UplinkProblem, UplinkSettings, UplinkState

# No clock may be earlier than the day this release was made.
RELEASED = datetime(2026, 11, 1, tzinfo=UTC)
STORAGE_RETRY_S = 10.0  # a full disk or a pulled card is looked at again this often
CORE_SINK = "core"

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
        identity: GatewayIdentity | None,
    ) -> None:
        self.spool = spool
        self._site = site
        self._clock = clock
        changed = asyncio.Event()
        commons = Commons(
            spool=spool,
            timekeeper=timekeeper,
            clock=clock,
            randomness=randomness,
            changed=changed,
            names=frozenset(device.config.name for device in site.devices),
        )
        self.workers = tuple(
            _make_worker(device, site.site.networks, commons) for device in site.devices
        )
        self._transport: Transport | None = None
        self.uplink: Uplink | None = None
        if site.uplink is not None and identity is not None:
            self._transport = open_transport(site.uplink, identity)
            self.uplink = Uplink(
                CoreOutbox(spool, gateway=identity.gateway, zone=site.site.zone, clock=clock),
                self._transport,
                UplinkSettings(
                    sink=CORE_SINK,
                    batch_records=site.uplink.batch_records,
                    idle_s=uplink_idle_s,
                ),
                sealer=Sealer(identity, site=site.site.name),
                clock=clock,
                random=randomness.random,
            )
        self.exports = tuple(
            open_export(
                config,
                site,
                spool,
                clock=clock,
                random=randomness.random,
                clock_trusted=lambda: timekeeper.trusted,
                idle_s=uplink_idle_s,
            )
            for config in site.exports
        )
        self._pulse = Pulse(
            clock=clock,
            timekeeper=timekeeper,
            spool=spool,
            workers=self.workers,
            changed=changed,
            uplink=self._uplink_facts,
            exports=lambda: [export.facts() for export in self.exports],
            notifier=notifier,
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
        spool = Spool.open(site.spool_path, clock=clock, boot_id=boot)
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
                identity=read_identity(site.gateway.state_dir, site.gateway.name),
            )
        except BaseException:
            spool.close()
            raise

    @property
    def loops(self) -> int:
        """How many loops wait on the clock when all is quiet."""
        return len(self.workers) + (self.uplink is not None) + len(self.exports) + 1

    async def run(self) -> None:
        """Runs until cancelled."""
        async with asyncio.TaskGroup() as group:
            for worker in self.workers:
                group.create_task(worker.run(), name=f"device {worker.report().name}")
            if self.uplink is not None and self._transport is not None:
                group.create_task(self._keep_uplink(self.uplink, self._transport), name="uplink")
            for export in self.exports:
                group.create_task(export.keep(), name=f"export {export.config.name}")
            group.create_task(self._pulse.run(), name="pulse")

    def close(self) -> None:
        """Everything queued is committed; `status` sees at once that nobody runs any more."""
        self._site.snapshot_path.unlink(missing_ok=True)
        self.spool.close()

    async def _keep_uplink(self, uplink: Uplink, transport: Transport) -> None:
        """The uplink survives a storage failure; its batch stays in flight meanwhile."""
        try:
            while True:
                try:
                    await uplink.run()
                except SpoolError as error:
                    log.error(
                        "uplink_paused", what=error.what, remedy=error.remedy, code=error.code
                    )
                    await self._clock.sleep(STORAGE_RETRY_S)
        finally:
            await transport.aclose()

    def _uplink_facts(self) -> dict[str, Any]:
        if self._site.uplink is None:
            return {}
        state = UplinkState(last_error=self._not_enrolled())
        facts: dict[str, Any] = msgspec.to_builtins(self.uplink.state if self.uplink else state)
        return facts

    def _not_enrolled(self) -> UplinkProblem:
        return UplinkProblem(
            at=self._clock.now(),
            what="this gateway has no key of its own yet, so nothing is delivered",
            where=f"gateway {self._site.gateway.name}",
            remedy="edge-agent enroll with a token of hr-core token; records are kept here",
            code="not_enrolled",
        )


def _make_worker(device: SiteDevice, networks: Sequence[str], commons: Commons) -> DeviceWorker:
    context = DriverContext(clock=commons.clock, zone=device.zone)
    driver: Any = load_driver(device.config.kind)
    follower = (
        Follower(driver, networks, context, commons.clock)
        if networks and isinstance(driver, Findable)
        else None
    )
    return DeviceWorker(
        device.config, lambda config: driver(config, context), device.zone, commons, follower
    )


def run_agent(site: SiteConfig) -> int:
    """`edge-agent run`: until SIGTERM or Ctrl-C. Returns the exit code."""
    configure_logs()
    asyncio.run(_run_until_signalled(site))
    return 0


async def _run_until_signalled(site: SiteConfig) -> None:
    notifier = Notifier()
    agent = await Agent.open(
        site,
        clock=SystemClock(),
        # Spreads retries; nothing secret hangs on it.
        randomness=random.Random(),  # noqa: S311
        notifier=notifier,
    )
    running = asyncio.ensure_future(agent.run())
    loop = asyncio.get_running_loop()
    for stop in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(stop, running.cancel)
    log.info("agent_started", site=site.site.name, devices=len(site.devices))
    try:
        await running
    except asyncio.CancelledError:
        log.info("agent_stopped")
    finally:
        notifier.stopping()
        agent.close()
