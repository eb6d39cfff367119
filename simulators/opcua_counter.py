"""An OPC UA server with piece counters, on a real socket. Needs asyncua (extra `opcua`).

The counters are set, as a PLC's program does: `await server.show("pieces", 5)`.
"""

import asyncio
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self

_NAMESPACE: Final = "urn:clockline:simulated-line"
NODES: Final = {"pieces": "Line1.Pieces", "rejects": "Line1.Rejects", "badge": "Line1.Badge"}


class OpcuaCounterServer:
    """Keeps its values over `stop` and `start`, which is a restart of the server."""

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0, pieces: int = 0) -> None:
        self.host = host
        self._port = port
        self._server: Any = None
        self._variables: dict[str, Any] = {}
        self.values: dict[str, object] = {"pieces": pieces, "rejects": 0, "badge": ""}

    @property
    def port(self) -> int:
        """The port that is served; after `start` also when 0 was asked for."""
        return self._port

    @property
    def url(self) -> str:
        return f"opc.tcp://{self.host}:{self._port}"

    def node(self, name: str) -> str:
        return f"ns=2;s={NODES[name]}"

    async def start(self) -> None:
        from asyncua import Server, ua  # noqa: PLC0415 - an extra

        if self._port == 0:
            self._port = await free_port(self.host)
        server = Server()
        await server.init()
        server.set_endpoint(self.url)
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        index = await server.register_namespace(_NAMESPACE)
        kinds = {"badge": ua.VariantType.String}
        for name, identifier in NODES.items():
            self._variables[name] = await server.nodes.objects.add_variable(
                ua.NodeId(identifier, index),
                identifier,
                self.values[name],
                kinds.get(name, ua.VariantType.UInt32),
            )
        await server.start()
        self._server = server

    async def stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            await server.stop()

    async def show(
        self, name: str, value: object, *, status: int = 0, at: datetime | None = None
    ) -> None:
        """From now on the node has this value; `status` is an OPC UA status code."""
        from asyncua import ua  # noqa: PLC0415 - an extra

        self.values[name] = value
        variable = self._variables[name]
        kind = ua.VariantType.String if name == "badge" else ua.VariantType.UInt32
        now = datetime.now(UTC)
        await variable.write_value(
            ua.DataValue(
                ua.Variant(value, kind) if value is not None else None,
                ua.StatusCode(status),
                SourceTimestamp=at or now,
                ServerTimestamp=now,
            )
        )

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()


async def free_port(host: str) -> int:
    """The library cannot be asked which port it got."""
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), host, 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port
