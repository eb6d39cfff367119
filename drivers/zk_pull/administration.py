"""What a person may ask of a terminal beside its log: clock, people, door, restart, deletion."""

import contextlib
from abc import abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from zoneinfo import ZoneInfo

from typing_extensions import override

from drivers.contract import (
    Cleared,
    ClockChange,
    ClockKeeper,
    ClockState,
    Delivery,
    DeviceUser,
    DoorOpener,
    LogClearer,
    LogCount,
    Pausable,
    Restartable,
    UserDirectory,
    UserList,
)
from drivers.errors import DeviceMisbehavedError, DriverError, LinkDownError
from drivers.ports import Clock
from drivers.zk_pull import clock_setting, log_clearing
from drivers.zk_pull.orders import carry_out, outcome_unknown
from drivers.zk_pull.terminal import Terminal
from drivers.zk_pull.uninterrupted import finished
from drivers.zk_pull.user_table import UserTable
from protocols.errors import RefusedError
from protocols.zk.administration import (
    clear_attendance,
    disable_device,
    enable_device,
    restart,
    unlock,
)
from protocols.zk.exchange import SilenceError, UnansweredOrderError
from protocols.zk.refusals import UnauthorisedError


class Administration(ClockKeeper, UserDirectory, Pausable, LogClearer, DoorOpener, Restartable):
    """The driver brings the session and the reading of the log."""

    _clock: Clock
    _zone: ZoneInfo
    _where: str

    @abstractmethod
    def _session(self) -> AbstractAsyncContextManager[Terminal]: ...

    @abstractmethod
    async def count(self) -> LogCount: ...

    @abstractmethod
    def fetch(self, cursor: bytes | None) -> AsyncIterator[Delivery]: ...

    @abstractmethod
    def fetch_whole(self, cursor: bytes | None) -> AsyncIterator[Delivery]:
        """As `fetch`, every row proven to be the stored one."""

    @abstractmethod
    async def aclose(self) -> None: ...

    @override
    async def read_clock(self) -> ClockState:
        async with self._session() as terminal:
            return clock_setting.clock_state(await terminal.read_clock(), self._zone)

    @override
    async def set_clock(self, *, tolerance_s: float, allow_backwards: bool) -> ClockChange:
        before = await self.read_clock()
        if clock_setting.is_within(before, tolerance_s):
            return ClockChange(before=before, after=before, written=None, newest_punch=None)
        newest = await clock_setting.newest_punch(
            lambda: self.fetch(None), self._counted, must=not allow_backwards, where=self._where
        )
        async with self._session() as terminal:
            time = clock_setting.site_time(terminal, self._zone, where=self._where)
            if not allow_backwards:
                clock_setting.refuse_backwards(time, newest, where=self._where)
            after = await clock_setting.write_clock(terminal, time, self._zone, where=self._where)
        return ClockChange(before=before, after=after, written=time, newest_punch=newest)

    @override
    async def users(self) -> UserList:
        async with self._session() as terminal:
            return (await UserTable.read(terminal)).listed()

    @override
    async def write_user(self, user: DeviceUser, *, password: str | None = None) -> DeviceUser:
        async with self._session() as terminal:
            table = await UserTable.read(terminal)
            return await table.write(user, password, where=self._where)

    @override
    async def delete_user(self, user_id: str) -> bool:
        async with self._session() as terminal:
            table = await UserTable.read(terminal)
            known = table.find(user_id)
            if known is not None:
                await table.delete(known, where=self._where)
            return known is not None

    @override
    @asynccontextmanager
    async def disabled(self, seconds: int) -> AsyncIterator[None]:
        """The terminal enables itself after `seconds` should this program die meanwhile; ours is
        sent on every way out, over a new connection where the present one is gone.
        """
        perhaps_disabled = False
        try:
            async with self._session() as terminal:
                perhaps_disabled = True
                try:
                    await terminal.runner.run(disable_device(seconds))
                except RefusedError:
                    perhaps_disabled = False
                    raise
            yield
        except BaseException as exc:
            if perhaps_disabled:
                await self._enable_after(exc)
            raise
        await finished(self._enable_surely())

    @override
    async def enable(self) -> None:
        async with self._session() as terminal:
            await terminal.runner.run(enable_device())

    @override
    async def clear_log(self, cursor: bytes) -> Cleared:
        rows = await log_clearing.stored_rows(self.fetch_whole, cursor, where=self._where)
        log_clearing.refuse_other_count(await self._counted(), rows, where=self._where)
        async with self.disabled(log_clearing.CLEARING_S):
            deadline = log_clearing.Deadline(self._clock)
            rows = await log_clearing.stored_rows(self.fetch_whole, cursor, where=self._where)
            log_clearing.refuse_other_count(await self._counted(), rows, where=self._where)
            deadline.check(where=self._where)
            try:
                return await self._clear(rows)
            except LinkDownError as exc:
                raise log_clearing.unconfirmed(rows, exc, where=self._where) from exc

    @override
    async def unlock(self, seconds: float) -> None:
        async with self._session() as terminal:
            await carry_out(
                terminal.runner,
                unlock(round(seconds * 10)),
                aim="open the door",
                look="Look at the door",
                where=self._where,
            )

    @override
    async def restart(self) -> None:
        """The terminal is away for a minute or so afterwards. Most give no answer to this order, so
        one that still answers other questions may not have heard it.
        """
        async with self._session() as terminal:
            with contextlib.suppress(LinkDownError):  # closed instead of answered
                answered = await terminal.runner.run(restart())
                if not answered and await _still_there(terminal):
                    raise outcome_unknown(
                        "restart",
                        "Look at the terminal's screen",
                        where=self._where,
                        cause="no answer, and it still answers other questions",
                    )
        await self.aclose()

    async def _counted(self) -> int | None:
        return (await self.count()).records

    async def _clear(self, rows: int) -> Cleared:
        async with self._session() as terminal:
            answered = True
            try:
                await terminal.runner.run(clear_attendance())
            except UnansweredOrderError:
                answered = False
            sizes = await terminal.read_sizes()
            left = await terminal.read_log()
            return log_clearing.proven_empty(
                terminal.identity.serial,
                rows,
                sizes.attendance,
                len(left),
                answered=answered,
                where=self._where,
            )

    async def _enable_surely(self) -> None:
        """Raises DeviceMisbehavedError that says what a person must do."""
        try:
            await self.enable()
        except DriverError as exc:
            raise DeviceMisbehavedError(
                f"the terminal may still take no punches: it could not be enabled ({exc.what})",
                where=self._where,
                remedy="It enables itself after the time that was asked, unless its firmware does "
                "not know that: edge-agent device unstick",
                code="not_enabled",
            ) from exc

    async def _enable_after(self, first: BaseException) -> None:
        """`first` is why the pause ends; it must not get lost behind a second failure."""
        try:
            await finished(self._enable_surely())
        except DriverError as second:
            if not isinstance(first, DriverError):
                first.add_note(str(second))  # a cancellation stays one
                return
            raise DeviceMisbehavedError(
                f"{first.what}; afterwards {second.what}",
                where=second.where,
                remedy=f"{first.remedy}. {second.remedy}",
                code=second.code,
            ) from first


async def _still_there(terminal: Terminal) -> bool:
    try:
        await terminal.read_clock()
    except (SilenceError, UnauthorisedError):  # away, or back and without memory of our session
        return False
    return True
