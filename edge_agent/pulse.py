"""The agent's heartbeat: looks after its own clock, writes the snapshot, feeds the watchdog.

The watchdog is fed only when the writer commits (or is idle) and no worker is stuck; that this loop
turns shows that the event loop does.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog

from drivers.ports import Clock
from edge_agent.notify import Notifier
from edge_agent.ntp_sync import NtpSync
from edge_agent.snapshot import replace_file, snapshot
from edge_agent.spool.store import Spool, SpoolError
from edge_agent.supervisor.states import DeviceState
from edge_agent.supervisor.worker import DeviceWorker
from edge_agent.timekeeping import ClockStep, Timekeeper
from edge_agent.waiting import sleep_unless

PULSE_S = 5.0  # a sixth of the watchdog's patience, and as old as `status` may be
WRITER_LIMIT_S = 30.0  # an SD card that stalls takes seconds, not half a minute

log = structlog.get_logger()


class Pulse:
    def __init__(  # noqa: PLR0913 - the parts of the agent that it listens to
        self,
        *,
        clock: Clock,
        timekeeper: Timekeeper,
        spool: Spool,
        workers: Sequence[DeviceWorker],
        changed: asyncio.Event,
        uplink: Callable[[], Mapping[str, Any]],
        exports: Callable[[], Sequence[Mapping[str, Any]]] = tuple,
        spool_room: Callable[[], Mapping[str, Any]] = dict,
        notifier: Notifier,
        boot_id: str,
        snapshot_path: Path,
        version: str,
        ntp: NtpSync | None = None,
    ) -> None:
        self._clock = clock
        self._timekeeper = timekeeper
        self._spool = spool
        self._workers = workers
        self._changed = changed
        self._uplink = uplink
        self._exports = exports
        self._spool_room = spool_room
        self._notifier = notifier
        self._boot_id = boot_id
        self._snapshot_path = snapshot_path
        self._version = version
        self._ntp = ntp or NtpSync()
        self._uncorrected: list[ClockStep] = []

    async def run(self) -> None:
        """Beats until cancelled."""
        self._write_snapshot()
        self._notifier.ready(self.sentence())
        while True:
            await sleep_unless(self._changed, self._clock, PULSE_S)
            await self._look_at_the_clock()
            self._write_snapshot()
            if self._notifier.watchdog_s:
                self._feed_watchdog()

    def sentence(self) -> str:
        """One line for `systemctl status`."""
        ready = sum(worker.report().state is DeviceState.READY for worker in self._workers)
        return f"{ready}/{len(self._workers)} devices up"

    def _feed_watchdog(self) -> None:
        stuck = self._stuck_part()
        if stuck is None:
            self._notifier.alive(self.sentence())
        else:
            log.error("watchdog_withheld", part=stuck)

    async def _look_at_the_clock(self) -> None:
        self._tell_step(self._timekeeper.check())
        reference = self._ntp.reference()
        if reference is not None and not self._timekeeper.trusted:
            self._tell_step(self._timekeeper.confirm(reference))
        await self._correct_receipts()

    def _tell_step(self, step: ClockStep | None) -> None:
        if step is None:
            return
        log.warning("gateway_clock_stepped", step_s=step.step.total_seconds(), trusted=step.trusted)
        if step.regained:
            self._uncorrected.append(step)

    async def _correct_receipts(self) -> None:
        """A step is told once; it is kept until the spool has applied it."""
        while self._uncorrected:
            try:
                corrected = await self._spool.correct_received_at(
                    self._boot_id, self._uncorrected[0]
                )
            except SpoolError as error:
                log.error("receipt_times_not_corrected", what=error.what, remedy=error.remedy)
                return
            del self._uncorrected[0]
            log.info(
                "receipt_times_corrected", moved=corrected.moved, announced=corrected.announced
            )

    def _stuck_part(self) -> str | None:
        now_s = self._clock.monotonic()
        if now_s - self._spool.progress() > WRITER_LIMIT_S:
            return "spool writer"
        return next((worker.report().name for worker in self._workers if worker.stuck(now_s)), None)

    def _write_snapshot(self) -> None:
        content = snapshot(
            written_at=self._clock.now(),
            interval_s=PULSE_S,
            version=self._version,
            time_trusted=self._timekeeper.trusted,
            devices=[worker.report() for worker in self._workers],
            uplink=self._uplink(),
            exports=self._exports(),
            spool=self._spool_room(),
        )
        try:
            replace_file(self._snapshot_path, content)
        except OSError as exc:
            # `status` then says that the agent does not report; collecting goes on.
            log.error("snapshot_not_written", path=str(self._snapshot_path), what=str(exc))
