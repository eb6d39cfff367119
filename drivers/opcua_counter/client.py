"""The only code that touches asyncua, which comes with the extra `opcua`.

It is imported when a server is asked for the first time: a gateway without OPC UA neither needs it
nor pays for it.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from drivers.errors import (
    AuthError,
    BlockedError,
    DeviceMisbehavedError,
    DriverError,
    LinkDownError,
)
from drivers.opcua_counter.config import OpcuaCounterConfig

_T = TypeVar("_T")
Quality = Literal["good", "uncertain", "bad"]

# Part 4, 7.39: severity in the two highest bits; the info type "data value" and its overflow bit.
_SEVERITY_SHIFT: Final = 30
_QUALITIES: Final[tuple[Quality, ...]] = ("good", "uncertain", "bad", "bad")
_OVERFLOW: Final = 0x0480
_MODES: Final = {"sign": "Sign", "sign_and_encrypt": "SignAndEncrypt"}
_LOGIN: Final = frozenset(
    {"BadUserAccessDenied", "BadIdentityTokenRejected", "BadIdentityTokenInvalid"}
)
_PEM: Final = b"-----BEGIN"
_CLOSE_S: Final = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One value of a node, as the server sent it. `raw` is the DataValue in OPC UA's own encoding:
    value, status and both time stamps.
    """

    node: str
    value: object
    quality: Quality
    status: str
    overflow: bool
    source_time: datetime | None
    server_time: datetime | None
    raw: bytes


class OpcuaClient:
    """One session. Every method raises DriverError."""

    def __init__(self, config: OpcuaCounterConfig) -> None:
        self._config = config
        self._client: Any = None

    @property
    def where(self) -> str:
        return self._config.url

    async def started(self) -> tuple[datetime, dict[str, str]]:
        """When the server last started, and what it says about itself. Connects if needed."""

        async def ask() -> tuple[datetime, dict[str, str]]:
            client = await self._connected()
            status = await client.nodes.server.get_child(["0:ServerStatus"])
            value = await status.read_value()
            build = value.BuildInfo
            facts = {
                "product": build.ProductName,
                "manufacturer": build.ManufacturerName,
                "software": build.SoftwareVersion,
            }
            return _aware(value.StartTime), {key: text for key, text in facts.items() if text}

        return await self._asked(ask)

    async def subscribe(
        self, queue_sizes: dict[str, int], take: Callable[[Sample], None], lost: Callable[[], None]
    ) -> dict[str, str]:
        """From now on `take` gets each change of the nodes, first their present values, and `lost`
        is called once when the server is gone. By node: why it cannot be had.
        """

        async def ask() -> dict[str, str]:
            client = await self._connected()

            async def gone(_cause: Exception) -> None:
                lost()

            client.connection_lost_callback = gone
            subscription = await client.create_subscription(
                self._config.publishing_s * 1000, _Handler(take, lost)
            )
            refused: dict[str, str] = {}
            for node, queue_size in queue_sizes.items():
                (result,) = await subscription.subscribe_data_change(
                    [client.get_node(node)],
                    queuesize=queue_size,
                    sampling_interval=self._config.sampling_s * 1000,
                )
                if not isinstance(result, int):
                    refused[node] = result.name
            return refused

        return await self._asked(ask)

    async def read(self, nodes: Sequence[str]) -> list[Sample]:
        async def ask() -> list[Sample]:
            client = await self._connected()
            return [
                _sample(
                    node, await client.get_node(node).read_data_value(raise_on_bad_status=False)
                )
                for node in nodes
            ]

        return await self._asked(ask)

    async def aclose(self) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        client.connection_lost_callback = None
        # A server that is gone fails on each step of a polite end, in ways of asyncua's choosing.
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_CLOSE_S):
                await client.disconnect()

    async def _connected(self) -> Any:
        if self._client is None:
            client = _new_client(self._config)
            await _secure(client, self._config)
            await client.connect()
            self._client = client
        return self._client

    async def _asked(self, ask: Callable[[], Awaitable[_T]]) -> _T:
        try:
            async with asyncio.timeout(3 * self._config.timeout_s):
                return await ask()
        except DriverError:
            raise
        except Exception as exc:
            await self.aclose()
            raise _translated(exc, self._config) from exc


class _Handler:
    """What asyncua calls, by these names."""

    def __init__(self, take: Callable[[Sample], None], lost: Callable[[], None]) -> None:
        self._take = take
        self._lost = lost

    def datachange_notification(self, node: Any, _value: object, data: Any) -> None:
        self._take(_sample(node.nodeid.to_string(), data.monitored_item.Value))

    def status_change_notification(self, _status: Any) -> None:
        self._lost()  # the server has ended the subscription


def normal_node(node: str) -> str:
    """`node` as the server's answers spell it."""
    from asyncua import ua  # noqa: PLC0415 - see the module

    return str(ua.NodeId.from_string(node).to_string())


def require_extra(where: str) -> None:
    """Raises BlockedError when asyncua is not installed."""
    try:
        import asyncua  # noqa: F401, PLC0415 - see the module
    except ImportError as exc:
        raise BlockedError(
            f"OPC UA needs an extra that is not installed ({exc})",
            where=where,
            remedy="pip install 'clockline[opcua]' into the agent's environment, then restart it",
            code="extra_missing",
        ) from exc


def _new_client(config: OpcuaCounterConfig) -> Any:
    require_extra(config.url)
    from asyncua import Client  # noqa: PLC0415 - see the module

    client = Client(config.url, timeout=config.timeout_s, watchdog_intervall=config.timeout_s / 2)
    client.name = client.description = "Clockline edge-agent"
    client.application_uri = config.application_uri
    client.product_uri = "urn:clockline"
    if config.username:
        client.set_user(config.username)
        client.set_password(config.password.get_secret_value())
    return client


async def _secure(client: Any, config: OpcuaCounterConfig) -> None:
    if config.security == "none":
        return
    from asyncua import ua  # noqa: PLC0415 - see the module
    from asyncua.crypto.security_policies import (  # noqa: PLC0415 - see the module
        SecurityPolicyBasic256Sha256,
    )

    ours, key = _file(config, config.certificate), _file(config, config.private_key)
    theirs = _file(config, config.server_certificate)
    try:
        await client.set_security(
            SecurityPolicyBasic256Sha256,
            certificate=ours,
            private_key=key,
            server_certificate=theirs,
            mode=getattr(ua.MessageSecurityMode, _MODES[config.security]),
        )
    except ValueError as exc:  # what cryptography says of bytes that are no certificate or key
        raise _unreadable(config, f"certificate or key cannot be read ({exc})") from exc


def _file(config: OpcuaCounterConfig, path: Path | None) -> Any:
    """By its content: asyncua would judge PEM or DER by the name."""
    if path is None:
        return None
    from asyncua.crypto.uacrypto import CertProperties  # noqa: PLC0415 - see the module

    try:
        content = path.read_bytes()
    except OSError as exc:
        raise _unreadable(config, f"{path} cannot be read ({exc.strerror})") from exc
    return CertProperties(content, "pem" if _PEM in content else "der")


def _unreadable(config: OpcuaCounterConfig, what: str) -> BlockedError:
    return BlockedError(
        what,
        where=config.url,
        remedy="Correct certificate, private_key or server_certificate in the site file; the "
        "agent's user must be able to read them",
        code="certificate_unreadable",
    )


def _sample(node: str, data: Any) -> Sample:
    from asyncua.ua.ua_binary import struct_to_binary  # noqa: PLC0415 - see the module

    status = data.StatusCode.value if data.StatusCode is not None else 0
    return Sample(
        node=node,
        value=data.Value.Value if data.Value is not None else None,
        quality=_QUALITIES[status >> _SEVERITY_SHIFT],
        status=data.StatusCode.name if data.StatusCode is not None else "Good",
        overflow=status & _OVERFLOW == _OVERFLOW,
        source_time=_aware(data.SourceTimestamp) if data.SourceTimestamp else None,
        server_time=_aware(data.ServerTimestamp) if data.ServerTimestamp else None,
        raw=struct_to_binary(data),
    )


def _aware(time: datetime) -> datetime:
    """OPC UA's times are UTC; asyncua hands them out without a zone."""
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _translated(exc: Exception, config: OpcuaCounterConfig) -> DriverError:
    from asyncua import ua  # noqa: PLC0415 - see the module

    where = config.url
    if isinstance(exc, ua.UaStatusCodeError):
        return _refused(type(exc).__name__, where)
    if isinstance(exc, ConnectionRefusedError):
        return LinkDownError(
            "connection refused",
            where=where,
            remedy="The host is up but no OPC UA server listens there: check the port",
            code="link_refused",
        )
    if isinstance(exc, TimeoutError):
        return LinkDownError(
            f"no answer within {config.timeout_s:g} s",
            where=where,
            remedy="Check that the server runs, and the address in the site file",
            code="link_timeout",
        )
    if isinstance(exc, OSError):
        return LinkDownError(
            f"cannot be reached ({exc.strerror or exc})",
            where=where,
            remedy="Check the address, and the network between",
            code="link_unreachable",
        )
    return DeviceMisbehavedError(
        str(exc) or type(exc).__name__,
        where=where,
        remedy="Check that what listens there is an OPC UA server with the security that the site "
        "file names",
        code="not_opcua",
    )


def _refused(status: str, where: str) -> DriverError:
    """By the name of the status code, which is the class that asyncua raises."""
    if status in _LOGIN:
        return AuthError(
            f"the server refuses the user ({status})",
            where=where,
            remedy="Check username and password in the site file",
            code="login_refused",
        )
    if "Certificate" in status or "Security" in status:
        return BlockedError(
            f"the server refuses our certificate or security ({status})",
            where=where,
            remedy="Let the server's administrator trust our certificate; compare security and "
            "application_uri",
            code="certificate_refused",
        )
    return DeviceMisbehavedError(
        f"the server answers {status}",
        where=where,
        remedy="It is tried again by itself; if it repeats, look at the server's own log",
        code="opcua_status",
    )
