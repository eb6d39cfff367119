"""Taking up a changed site file while the agent runs (SIGHUP, `systemctl reload`).

A file with a mistake changes nothing. Of a valid one only what differs is touched: the sessions of
unchanged devices go on, and the spool is never closed.
"""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

import msgspec
import structlog
from msgspec import Struct

from drivers.ports import Clock
from edge_agent.config.changes import SiteChanges, as_far_as_possible, compare
from edge_agent.config.fingerprint import FINGERPRINT_NAME, Fingerprint, fingerprint
from edge_agent.config.loading import load_config
from edge_agent.config.models import SiteConfig
from edge_agent.config.problems import ConfigError
from edge_agent.errors import CommandError
from edge_agent.notify import Notifier
from edge_agent.snapshot import replace_file

# A comm key has six digits: its digest is no better kept than the key.
_PRIVATE = 0o600
CONFIG_REJECTED: Final = "config_rejected"

log = structlog.get_logger()


class Rejection(Struct, frozen=True, kw_only=True):
    """Why the site file of `at` was not taken up: its first mistake, with the line."""

    at: datetime
    where: str
    what: str
    remedy: str
    code: Literal["config_rejected"] = CONFIG_REJECTED


class ConfigState(Struct, frozen=True, kw_only=True):
    """For the snapshot. `rejected` is None once a valid file was read."""

    file: str
    applied_at: datetime
    reloads: int = 0
    rejected: Rejection | None = None
    needs_restart: tuple[str, ...] = ()


Apply = Callable[[SiteConfig, SiteChanges], Awaitable[None]]


class Reloader:
    """`apply` makes the agent run by another site; `told` is called when the state has changed."""

    def __init__(
        self,
        site: SiteConfig,
        apply: Apply,
        *,
        clock: Clock,
        notifier: Notifier,
        salt: bytes,
        told: Callable[[], None],
    ) -> None:
        self._site = site
        self._apply = apply
        self._clock = clock
        self._notifier = notifier
        self._salt = salt
        self._told = told
        self._asked = asyncio.Event()
        self._state = ConfigState(file=str(site.path), applied_at=clock.now())
        self._print = self._fingerprint_of(site)

    @property
    def state(self) -> ConfigState:
        return self._state

    def ask(self) -> None:
        """Reads the file again, as soon as a reload that is under way has ended."""
        self._asked.set()

    async def run(self) -> None:
        """Until cancelled."""
        self._leave_fingerprint()
        while True:
            await self._asked.wait()
            self._asked.clear()
            self._notifier.reloading(self._clock.monotonic())
            try:
                await self._reload()
            finally:
                self._notifier.ready("site file read again")
                self._told()

    def close(self) -> None:
        """Nobody runs by this file any more."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    async def _reload(self) -> None:
        try:
            # In a thread: a new kind of device imports its driver, which takes its time.
            wanted = await asyncio.to_thread(load_config, self._site.path)
            wanted_print = self._fingerprint_of(wanted)
        except CommandError as error:
            self._reject(error)
            return
        changes = compare(self._print, wanted_print)
        site = as_far_as_possible(self._site, wanted)
        await self._apply(site, changes)
        self._site, self._print = site, self._fingerprint_of(site)
        self._state = ConfigState(
            file=str(site.path),
            applied_at=self._clock.now(),
            reloads=self._state.reloads + 1,
            needs_restart=changes.needs_restart,
        )
        self._leave_fingerprint()
        log.info(
            "config_reloaded",
            changes="; ".join(changes.sentences()) or "none",
            untouched_devices=len(changes.unchanged),
        )

    def _reject(self, error: CommandError) -> None:
        where, what, remedy = error.where, error.what, error.remedy
        if isinstance(error, ConfigError):
            first = error.problems[0]
            what = f"{first.key}: {first.what}" if first.key else first.what
        rejected = Rejection(at=self._clock.now(), where=where, what=what, remedy=remedy)
        log.error(CONFIG_REJECTED, where=where, what=what, remedy=remedy)
        self._state = msgspec.structs.replace(self._state, rejected=rejected)

    def _fingerprint_of(self, site: SiteConfig) -> Fingerprint:
        return fingerprint(site, salt=self._salt, pid=os.getpid())

    @property
    def _path(self) -> Path:
        return self._site.runtime_dir / FINGERPRINT_NAME

    def _leave_fingerprint(self) -> None:
        try:
            replace_file(self._path, msgspec.json.encode(self._print), mode=_PRIVATE)
        except OSError as exc:
            # `config diff` then says that it cannot compare; everything else goes on.
            log.error("fingerprint_not_written", what=str(exc))
