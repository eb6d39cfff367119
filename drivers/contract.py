"""The driver contract. It fits a device that is asked (a terminal with a log), one that is polled
(a counter with no memory) and one that talks (a card reader).

A driver owns the link to one device. It never stores: it hands over `Delivery` objects, the
supervisor commits them to the spool, and only then calls `acknowledge`.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from msgspec import Struct
from pydantic import BaseModel, ConfigDict, Field

from drivers.ports import Clock
from protocols.punch_columns import PunchColumns
from protocols.records import ClockReading, Punch, Quarantined, Record


class Mode(StrEnum):
    """Who starts the conversation, which decides how the supervisor drives the device."""

    ASKED = "asked"  # holds a log; `fetch` reads it when due
    POLLED = "polled"  # holds only its present value; `fetch` must come on time
    TALKS = "talks"  # sends when it likes; `live` listens without end


class Capability(StrEnum):
    COUNT = "count"  # can say how many records it holds
    CLOCK = "clock"  # has a clock that can be read
    LIVE = "live"
    # What a person may ask of a device; each is a protocol of its own at the end of this module.
    CLOCK_SET = "clock_set"  # ClockKeeper
    USERS = "users"  # UserDirectory
    PAUSE = "pause"  # Pausable
    CLEAR = "clear"  # LogClearer
    DOOR = "door"  # DoorOpener
    RESTART = "restart"  # Restartable


class DeviceConfig(BaseModel):
    """What every device has in the site file; drivers extend it. Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    """What people call the device; unique in the site file."""
    kind: str
    """Which driver speaks with it: `edge-agent driver list`."""
    poll_s: float = 60.0
    """Seconds between fetches."""
    follow: Literal["serial", "off"] = "serial"
    """Look for the device's serial in the site's networks when its address no longer has it."""
    live: bool = True
    """Listen between fetches where the device can tell that it has something new."""
    isolation: Literal["process", "none"] | None = None
    """Run the driver in a process of its own, which may hang, leak or crash alone. Left out: third
    parties' drivers have one, ours need none."""
    process_memory_mb: int = Field(default=512, ge=128, le=8192)
    """Address space of that process. One that wants more is ended and started again."""


class Manifest(Struct, frozen=True, kw_only=True):
    """What a driver says about itself."""

    kind: str  # the word in the site file
    title: str
    makes: tuple[str, ...]
    mode: Mode
    capabilities: frozenset[Capability]
    simulator: str  # the KIND of `edge-agent simulate` that plays this device
    config: type[DeviceConfig]


class Identity(Struct, frozen=True, kw_only=True):
    """What the device reports about itself. `serial` is what it is known by from then on."""

    serial: str
    facts: dict[str, str] = {}
    profile: str | None = None


class LogCount(Struct, frozen=True, kw_only=True):
    """How many records the device says it holds, and of how many. Hints: None = it does not say."""

    records: int | None
    capacity: int | None = None
    users: int | None = None


class Delivery(Struct, frozen=True, kw_only=True):
    """One transaction's worth of a device's data.

    records      in source order, ordinals set
    packed       instead of `records`: punches in columns, which cost a tenth of the time
    quarantined  rows that could not be decoded
    cursor       stored with the records; None leaves the stored one as it is
    serial       which device's cursor
    clock        device clock measured during this session, if it has one
    on_device    the device's own count once the log was read whole, for the watermark
    log_rows     rows of the log read so far in this fetch, decoded or not (counts page by page)
    last         this page ends the fetch
    """

    serial: str
    records: Sequence[Record] = ()
    packed: PunchColumns | None = None
    quarantined: Sequence[Quarantined] = ()
    cursor: bytes | None = None
    clock: ClockReading | None = None
    on_device: int | None = None
    log_rows: int = 0
    last: bool = True

    def every_record(self) -> Sequence[Record]:
        """The records, however they were handed over."""
        return self.records if self.packed is None else self.packed.punches()


class DriverContext(Struct, frozen=True, kw_only=True):
    """What the composition root hands to every driver."""

    clock: Clock
    zone: str


@runtime_checkable
class Findable(Protocol):
    """A driver class whose devices can be looked for by serial where addresses change (DHCP)."""

    @classmethod
    async def find(
        cls, config: Any, serial: str, networks: Sequence[str], context: DriverContext
    ) -> DeviceConfig | None:
        """`config` with the address at which `serial` answers now, None when it answers nowhere.

        A bounded look; nothing but the identity of others is read. Never raises DriverError.
        """
        ...

    @staticmethod
    def address(config: Any) -> str:
        """Where `config` looks for the device, for people."""
        ...


@runtime_checkable
class Driver(Protocol):
    """One device. Built as `Driver(config, context)`; opens its link on first use.

    Every method raises `drivers.errors.DriverError` and nothing else.
    """

    manifest: ClassVar[Manifest]

    async def identity(self) -> Identity:
        """Connects if needed, and proves who answers. Raises WrongDeviceError on a mismatch."""
        ...

    async def count(self) -> LogCount: ...

    def fetch(self, cursor: bytes | None) -> AsyncIterator[Delivery]:
        """Everything since `cursor`, in pages. A page that was not committed is fetched again."""
        ...

    def live(self) -> AsyncIterator[Delivery]:
        """Endless; raises LinkDownError when the device goes away.

        A delivery that holds nothing is a hint to fetch soon. An ASKED device with
        Capability.LIVE is listened to between fetches; cancelling must leave it usable.
        """
        ...

    async def acknowledge(self, delivery: Delivery) -> None:
        """`delivery` is durable. Called once per delivery, after the commit, never before."""
        ...

    async def aclose(self) -> None:
        """Ends the session politely and closes the link. Never raises."""
        ...


@runtime_checkable
class Resumable(Protocol):
    """A device that talks (Mode.TALKS), whose driver must know what it has handed over before."""

    def resume(self, cursor: bytes | None) -> None:
        """The last cursor that was stored with its deliveries. Called once, before `live`."""
        ...


class ClockState(Struct, frozen=True, kw_only=True):
    """A device's clock beside the wall clock of its site.

    reading    None: the device shows a date that no calendar has
    offset_s   device minus site in seconds, None with it
    """

    reading: ClockReading | None
    offset_s: float | None


class ClockChange(Struct, frozen=True, kw_only=True):
    """What became of an order to set the clock.

    written       the wall time that was written; None: within tolerance, nothing was
    newest_punch  the newest row on the device, None for an empty log or when it was not looked for
    """

    before: ClockState
    after: ClockState
    written: datetime | None
    newest_punch: Punch | None


@runtime_checkable
class ClockKeeper(Protocol):
    """A device whose clock can be set."""

    async def read_clock(self) -> ClockState: ...

    async def set_clock(self, *, tolerance_s: float, allow_backwards: bool) -> ClockChange:
        """Sets the site's time when the clock is off by more than `tolerance_s`.

        Raises BlockedError (code `clock_backwards`) when punches on the device are later than that
        time, unless `allow_backwards`: the next punches would be told apart from them by nothing.
        """
        ...


class DeviceUser(Struct, frozen=True, kw_only=True):
    """A person as one device knows them. Never holds a password.

    uid       the device's own index, where it has one; None in an order lets the driver choose
    name      None when neither UTF-8 nor the device's code page fits `name_raw`
    raw       the device's record, password bytes zeroed
    """

    user_id: str
    name: str | None = ""
    name_raw: bytes = b""
    privilege: int = 0
    disabled: bool = False
    card: int = 0
    group: int = 1
    time_zones: tuple[int, ...] = ()
    uid: int | None = None
    raw: bytes = b""


class UserList(Struct, frozen=True, kw_only=True):
    """`quarantined` are records of the user table that make no sense."""

    users: tuple[DeviceUser, ...]
    quarantined: tuple[Quarantined, ...] = ()


@runtime_checkable
class UserDirectory(Protocol):
    """A device whose list of people can be read and changed. `user_id` is who a person is."""

    async def users(self) -> UserList: ...

    async def write_user(self, user: DeviceUser, *, password: str | None = None) -> DeviceUser:
        """Adds or replaces the person; the user as the device holds it afterwards.

        The name is cut after the last character that fits. `password` None leaves the one on the
        device. Raises BlockedError for what the device cannot hold.
        """
        ...

    async def delete_user(self, user_id: str) -> bool:
        """False when the device does not know the person."""
        ...


@runtime_checkable
class Pausable(Protocol):
    """A device that can be told to take no punches for a while. Nothing does so unasked."""

    def disabled(self, seconds: int) -> AbstractAsyncContextManager[None]:
        """For the length of a `with`, at most `seconds`. Enables again however it ends."""
        ...

    async def enable(self) -> None: ...


class Cleared(Struct, frozen=True, kw_only=True):
    """A log that was deleted: `rows` were counted, proven to be stored, and are gone."""

    serial: str
    rows: int


@runtime_checkable
class LogClearer(Protocol):
    """A device whose log can be deleted."""

    async def clear_log(self, cursor: bytes) -> Cleared:
        """Deletes the log in two phases. `cursor` comes from where its rows are stored and
        acknowledged: a log with any row that the cursor does not cover is never deleted.

        Raises BlockedError with the reason for refusing; the log is whole then.
        """
        ...


@runtime_checkable
class DoorOpener(Protocol):
    async def unlock(self, seconds: float) -> None: ...


@runtime_checkable
class Restartable(Protocol):
    async def restart(self) -> None: ...
