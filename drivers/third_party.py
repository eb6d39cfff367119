"""Third parties' drivers, fitted to our contract.

They import nothing of ours but `protocols.records`, so they break only when a record changes. All
else is told by shape: a manifest, pages and errors with the attributes that `docs/write-a-driver.md`
names, of any class. Here the shapes become our types, before anything else sees them.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, ClassVar, TypeVar

import msgspec
import structlog
from pydantic import BaseModel, ConfigDict
from typing_extensions import override

from drivers.contract import (
    Capability,
    Delivery,
    DeviceConfig,
    Driver,
    DriverContext,
    Identity,
    LogCount,
    Manifest,
    Mode,
)
from drivers.errors import BlockedError, DriverError, LinkDownError

log = structlog.get_logger()

_Shape = TypeVar("_Shape", Delivery, Identity, LogCount)


class MisshapenError(Exception):
    """A third party's manifest lacks something; the message says what, after "the driver …"."""


@cache
def adopted(foreign: type[Any]) -> type[Driver]:
    """`foreign` as a driver of ours. Raises MisshapenError."""
    name = f"Adopted{foreign.__name__}"
    fitted: type[Driver] = type(
        name, (_Adopted,), {"manifest": _manifest(foreign.manifest), "_foreign": foreign}
    )
    return fitted


def _manifest(given: Any) -> Manifest:
    if isinstance(given, Manifest):
        return given
    try:
        return Manifest(
            kind=given.kind,
            title=given.title,
            makes=tuple(given.makes),
            mode=Mode(given.mode),
            capabilities=frozenset(map(Capability, given.capabilities)),
            simulator=given.simulator,
            config=_config(given.config),
        )
    except (AttributeError, TypeError, ValueError) as exc:
        raise MisshapenError(f"has a manifest that cannot be read ({exc})") from exc


def _config(given: type[Any]) -> type[DeviceConfig]:
    """The third party's own keys, and those that every device has."""
    if issubclass(given, DeviceConfig):
        return given
    if not issubclass(given, BaseModel):
        raise TypeError(f"config {given.__name__} is no pydantic model")
    strict = ConfigDict(extra="forbid", frozen=True)
    joined: type[DeviceConfig] = type(
        given.__name__,
        (given, DeviceConfig),
        {"model_config": strict, "__module__": given.__module__, "__doc__": given.__doc__},
    )
    return joined


class _Adopted(Driver):
    """Passes each call on; what comes back leaves as our types and our errors."""

    manifest: ClassVar[Manifest]
    _foreign: ClassVar[Callable[..., Any]]

    def __init__(self, config: DeviceConfig, context: DriverContext) -> None:
        self._where = f"{config.name} ({config.kind})"
        with self._our_errors():
            self._driver = self._foreign(config, context)

    @override
    async def identity(self) -> Identity:
        with self._our_errors():
            return _fitted(await self._driver.identity(), Identity)

    @override
    async def count(self) -> LogCount:
        with self._our_errors():
            return _fitted(await self._driver.count(), LogCount)

    @override
    def fetch(self, cursor: bytes | None) -> AsyncIterator[Delivery]:
        return self._pages(lambda: self._driver.fetch(cursor))

    @override
    def live(self) -> AsyncIterator[Delivery]:
        return self._pages(self._driver.live)

    @override
    async def acknowledge(self, delivery: Delivery) -> None:
        with self._our_errors():
            await self._driver.acknowledge(delivery)

    @override
    async def aclose(self) -> None:
        try:
            await self._driver.aclose()
        except Exception:
            # The contract says that this never raises: foreign code must not take the worker down.
            log.exception("third_party_close_failed", device=self._where)

    async def _pages(self, opened: Callable[[], Any]) -> AsyncGenerator[Delivery, None]:
        with self._our_errors():
            pages = opened()
            try:
                async for page in pages:
                    yield _fitted(page, Delivery)
            finally:
                if isinstance(pages, AsyncGenerator):
                    await pages.aclose()

    @contextmanager
    def _our_errors(self) -> Iterator[None]:
        """Errors that say `what` and `remedy` become ours, `blocked` ones wait for a person. A
        network error heals by itself. Anything else is a bug and stays what it is.
        """
        try:
            yield
        except DriverError:
            raise
        except msgspec.ValidationError as exc:
            raise BlockedError(
                f"the driver handed over something that does not fit the contract ({exc})",
                where=self._where,
                remedy="Report it to the author of the driver's package",
                code="driver_misshapen",
            ) from exc
        except (OSError, EOFError) as exc:
            raise LinkDownError(
                f"connection lost ({str(exc) or type(exc).__name__})",
                where=self._where,
                remedy="It is tried again by itself; if it repeats, check the device, its address "
                "and its cable",
                code="link_lost",
            ) from exc
        except Exception as exc:
            translated = self._translated(exc)
            if translated is None:
                raise
            raise translated from exc

    def _translated(self, error: Exception) -> DriverError | None:
        what, remedy = getattr(error, "what", None), getattr(error, "remedy", None)
        if not isinstance(what, str) or not isinstance(remedy, str):
            return None
        kind = BlockedError if getattr(error, "blocked", False) else LinkDownError
        code = str(getattr(error, "code", "device_failed"))
        return kind(what, where=self._where, remedy=remedy, code=code)


def _fitted(given: Any, shape: type[_Shape]) -> _Shape:
    """`given` as `shape`; attributes that it lacks take their default."""
    return msgspec.convert(given, shape, from_attributes=True)
