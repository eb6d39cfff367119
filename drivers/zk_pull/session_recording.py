"""One session with a terminal for a bug report: everything it says of itself, and some live events."""

from collections.abc import Awaitable, Callable

from drivers.errors import UnsupportedDeviceError
from drivers.links.recording import RecordingLink
from drivers.ports import Clock
from drivers.zk_pull.config import ZkPullConfig
from drivers.zk_pull.terminal import Terminal, open_terminal
from drivers.zk_pull.translation import translated
from firmware_profiles import load_all
from protocols.errors import ProtocolError, RefusedError
from protocols.zk.capture import Segment
from protocols.zk.dialogue import ATTENDANCE, OPERATION_LOG, USERS

_UNKNOWN_MODEL = frozenset({"no_profile", "ambiguous_profile"})
_MAX_USER_BYTES = 4 * 1024 * 1024  # 50,000 people: no terminal holds more


class SessionRecording:
    """`segments` grow as the session goes, and are good for something however it ends.

    `remarks` say what the terminal refused, and what was left out.
    """

    def __init__(self, config: ZkPullConfig, clock: Clock) -> None:
        self.segments: list[Segment] = []
        self.remarks: list[str] = []
        self._config = config
        self._clock = clock

    async def run(
        self, *, listen_s: float, log_bytes: int, listening: Callable[[], None] | None = None
    ) -> None:
        """Reads of the log at least `log_bytes` if it has so many, and listens for `listen_s`;
        tells `listening` when that begins.

        Raises DriverError. Cancelling ends the session politely.
        """
        try:
            terminal = await self._open()
            try:
                await self._read(terminal, log_bytes)
                await terminal.listen()
                if listening is not None:
                    listening()
                await self._hear(terminal, listen_s)
            finally:
                await terminal.aclose()
        except ProtocolError as exc:
            raise translated(exc, where=self._config.address()) from exc

    async def _open(self) -> Terminal:
        """A model that no profile knows is what most reports are about: it is read by another's."""
        try:
            return await self._open_with(self._config)
        except UnsupportedDeviceError as exc:
            if exc.code not in _UNKNOWN_MODEL:
                raise
            self.remarks.append(exc.what)
        wanted = f"zk-{self._config.transport}"
        profile = next(profile for profile in load_all() if profile.transport == wanted)
        return await self._open_with(self._config.model_copy(update={"profile": profile.key}))

    async def _open_with(self, config: ZkPullConfig) -> Terminal:
        return await open_terminal(
            config, self._clock, through=lambda link: RecordingLink(link, self.segments)
        )

    async def _read(self, terminal: Terminal, log_bytes: int) -> None:
        """In the order of a pull, so that a pull can be replayed from it."""
        await self._unless_refused("the clock", terminal.read_clock())
        await self._unless_refused("the counts", terminal.read_sizes())
        await self._unless_refused("the log", self._head(terminal, log_bytes))
        users = terminal.read_head(USERS, _MAX_USER_BYTES)
        await self._unless_refused("the users", users)
        operations = terminal.read_head(OPERATION_LOG, log_bytes)
        await self._unless_refused("the operation log", operations)

    async def _head(self, terminal: Terminal, log_bytes: int) -> None:
        if not await terminal.read_head(ATTENDANCE, log_bytes):
            self.remarks.append("the log is longer: only its first part is in the file")

    async def _unless_refused(self, what: str, reading: Awaitable[object]) -> None:
        try:
            await reading
        except RefusedError as exc:
            self.remarks.append(f"{what}: {exc}")

    async def _hear(self, terminal: Terminal, listen_s: float) -> None:
        until = self._clock.monotonic() + listen_s
        while (left := until - self._clock.monotonic()) > 0:
            await terminal.next_punch_events(timeout_s=left)
