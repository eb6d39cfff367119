"""The agent's heartbeat: looks after its own clock, writes the snapshot, feeds the watchdog.

The watchdog is fed only when the writer commits (or is idle) and neither a worker nor the uplink is
stuck; that this loop turns shows that the event loop does. What hangs is shown in the log before
systemd ends the process: the stacks of all tasks, or of all threads when the loop itself stands.
"""

import asyncio
import faulthandler
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog
from msgspec import Struct

from drivers.ports import Clock
from edge_agent.notify import Notifier
from edge_agent.ntp_sync import NtpSync
from edge_agent.snapshot import replace_file, snapshot
from edge_agent.spool.store import Spool, SpoolError
from edge_agent.supervisor.states import DeviceState
from edge_agent.supervisor.worker import DeviceWorker
from edge_agent.timekeeping import ClockStep, Stamp, Timekeeper
from edge_agent.waiting import sleep_unless

PULSE_S = 5.0  # a twelfth of the watchdog's patience, and as old as `status` may be
WRITER_LIMIT_S = 30.0  # an SD card that stalls takes seconds, not half a minute

# Of the watchdog's patience: how late the stacks of a loop that stands are shown.
_STACKS_AFTER = 0.75

log = structlog.get_logger()


class Watched(Struct, frozen=True, kw_only=True):
    """What the pulse asks the agent at each beat. `stuck` names what hangs beside the workers."""

    workers: Callable[[], Sequence[DeviceWorker]]
    stuck: Callable[[], str | None] = lambda: None
    uplink: Callable[[], Mapping[str, Any]] = dict
    exports: Callable[[], Sequence[Mapping[str, Any]]] = tuple
    spool_room: Callable[[], Mapping[str, Any]] = dict
    config: Callable[[], Mapping[str, Any]] = dict
    failed_tasks: Callable[[], Sequence[Mapping[str, Any]]] = tuple


class Pulse:
    def __init__(  # noqa: PLR0913 - the parts of the agent that it listens to
        self,
        *,
        clock: Clock,
        timekeeper: Timekeeper,
        spool: Spool,
        watched: Watched,
        changed: asyncio.Event,
        notifier: Notifier,
        gateway: str,
        zone: str,
        boot_id: str,
        snapshot_path: Path,
        version: str,
        ntp: NtpSync | None = None,
    ) -> None:
        self._clock = clock
        self._timekeeper = timekeeper
        self._spool = spool
        self._watched = watched
        self._changed = changed
        self._notifier = notifier
        self._gateway = gateway
        self._zone = zone
        self._boot_id = boot_id
        self._snapshot_path = snapshot_path
        self._version = version
        self._ntp = ntp or NtpSync()
        self._unrecorded: list[tuple[ClockStep, Stamp]] = []
        self._stuck: str | None = None
        patience_s = notifier.watchdog_s / 2 if notifier.watchdog_s else float("inf")
        self._beat_s = min(PULSE_S, patience_s / 2)
        self._writer_limit_s = min(WRITER_LIMIT_S, patience_s)

    async def run(self) -> None:
        """Beats until cancelled."""
        self._write_snapshot()
        self._notifier.ready(self.sentence())
        try:
            while True:
                self._expect_next_beat()
                await sleep_unless(self._changed, self._clock, self._beat_s)
                await self._look_at_the_clock()
                self._write_snapshot()
                if self._notifier.watchdog_s:
                    self._feed_watchdog()
        finally:
            faulthandler.cancel_dump_traceback_later()

    def sentence(self) -> str:
        """One line for `systemctl status`."""
        workers = self._watched.workers()
        ready = sum(worker.report().state is DeviceState.READY for worker in workers)
        return f"{ready}/{len(workers)} devices up"

    def _expect_next_beat(self) -> None:
        if self._notifier.watchdog_s:
            late_s = self._notifier.watchdog_s * _STACKS_AFTER
            faulthandler.dump_traceback_later(late_s, file=sys.stderr)

    def _feed_watchdog(self) -> None:
        stuck = self._stuck_part()
        if stuck is None:
            self._notifier.alive(self.sentence())
        elif stuck != self._stuck:
            log.error("watchdog_withheld", part=stuck)
            for task in asyncio.all_tasks():
                task.print_stack(file=sys.stderr)
        self._stuck = stuck

    async def _look_at_the_clock(self) -> None:
        self._tell_step(self._timekeeper.check())
        reference = self._ntp.reference()
        if reference is not None and not self._timekeeper.trusted:
            self._tell_step(self._timekeeper.confirm(reference))
        await self._record_steps()

    def _tell_step(self, step: ClockStep | None) -> None:
        if step is None:
            return
        log.warning("gateway_clock_stepped", step_s=step.step.total_seconds(), trusted=step.trusted)
        self._unrecorded.append((step, self._timekeeper.stamp()))

    async def _record_steps(self) -> None:
        """A step is told once; it is kept until the spool holds it."""
        while self._unrecorded:
            step, stamp = self._unrecorded[0]
            try:
                if step.regained:
                    await self._correct_receipts(step)
                await self._spool.announce_step(
                    self._boot_id, step, gateway=self._gateway, zone=self._zone, stamp=stamp
                )
            except SpoolError as error:
                log.error("clock_step_not_recorded", what=error.what, remedy=error.remedy)
                return
            del self._unrecorded[0]

    async def _correct_receipts(self, step: ClockStep) -> None:
        corrected = await self._spool.correct_received_at(self._boot_id, step)
        log.info("receipt_times_corrected", moved=corrected.moved, announced=corrected.announced)

    def _stuck_part(self) -> str | None:
        now_s = self._clock.monotonic()
        if now_s - self._spool.progress() > self._writer_limit_s:
            return "spool writer"
        workers = self._watched.workers()
        stuck = next((worker.report().name for worker in workers if worker.stuck(now_s)), None)
        return stuck or self._watched.stuck()

    def _write_snapshot(self) -> None:
        content = snapshot(
            written_at=self._clock.now(),
            interval_s=self._beat_s,
            version=self._version,
            time_trusted=self._timekeeper.trusted,
            devices=[worker.report() for worker in self._watched.workers()],
            uplink=self._watched.uplink(),
            exports=self._watched.exports(),
            spool=self._watched.spool_room(),
            config=self._watched.config(),
            failed_tasks=self._watched.failed_tasks(),
        )
        try:
            replace_file(self._snapshot_path, content)
        except OSError as exc:
            # `status` then says that the agent does not report; collecting goes on.
            log.error("snapshot_not_written", path=str(self._snapshot_path), what=str(exc))
