"""Batches to the core over HTTPS. The only module of the gateway that imports httpx (10 MiB)."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from secrets import token_bytes
from typing import Literal

import httpx
from typing_extensions import override

from protocols.batch_chain import ChainHead
from protocols.core_signature import encode_head
from protocols.signed_request import (
    CHAIN_TARGET,
    NONCE_BYTES,
    SignedRequest,
    answer_target,
    sign_request,
)
from protocols.uplink import Answer
from sync.addresses import is_loopback
from sync.certificates import is_untrusted
from sync.core_replies import MAX_ANSWER_BYTES, MAX_ERROR_BYTES, TAKEN, Reply, ReplyReader
from sync.errors import CoreBusyError, CoreRefusedError, CoreUnreachableError, UplinkError
from sync.identity import GatewayIdentity
from sync.ports import Transport
from sync.sealing import SealedBatch

BATCHES_PATH = "/api/v1/batches"

# A core that judges other pages first gets half a minute; after that the batch is sent again.
_VERDICT_PAUSES_S = (0.0, 0.2, 0.5, 1.0, 2.0)


class HttpTransport(Transport):
    """One core at `url`. `verify` takes a private CA as an SSLContext; it cannot be turned off.

    Proxies are taken from the environment (HTTPS_PROXY, NO_PROXY). Raises CoreRefusedError when
    punches would leave this machine unencrypted.
    """

    def __init__(
        self,
        url: str,
        identity: GatewayIdentity,
        *,
        timeout_s: float,
        verify: ssl.SSLContext | Literal[True] = True,
        entropy: Callable[[int], bytes] = token_bytes,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._base = url.rstrip("/")
        self._where = f"core {url}"
        address = httpx.URL(self._base)
        if address.scheme != "https" and not is_loopback(address.host):
            raise CoreRefusedError(
                "punches would be sent in clear text",
                where=self._where,
                remedy="Write the address with https://",
                code="plain_http",
            )
        self._identity = identity
        self._reader = ReplyReader(identity.core_public, where=self._where, carrier="HTTP")
        self._timeout_s = timeout_s
        self._verify = verify
        self._entropy = entropy
        self._sleep = sleep
        self._takes: frozenset[str] = frozenset()
        self._headers = {
            "Accept-Encoding": "identity",  # a compressed answer could inflate past the cap
            "User-Agent": f"clockline-edge-agent ({identity.gateway})",
        }
        self._client: httpx.AsyncClient | None = None

    @override
    async def send(self, sealed: SealedBatch) -> Answer:
        headers = sealed.signed.as_headers() | {
            "Content-Type": sealed.content_type,
            "Content-Encoding": sealed.content_encoding,
        }
        reply = await self._ask("POST", BATCHES_PATH, headers, sealed.body)
        content = self._reader.receipt(sealed, reply)
        if reply.status == httpx.codes.ACCEPTED:
            content = await self._verdicts(sealed)
        return self._reader.verdicts(sealed, content)

    @override
    async def chain_head(self, ours: ChainHead) -> ChainHead:
        body = encode_head(self._identity.gateway, ours)
        head, self._takes = self._reader.chain_head(*await self._question(CHAIN_TARGET, body))
        return head

    @property
    @override
    def takes(self) -> frozenset[str]:
        return self._takes

    async def _verdicts(self, sealed: SealedBatch) -> bytes:
        """On a batch that the core has stored. Each question waits at the core for a while."""
        number = sealed.batch.number
        for pause_s in _VERDICT_PAUSES_S:
            request, reply = await self._question(answer_target(number))
            content = self._reader.told(request, reply)
            if reply.status == httpx.codes.OK:
                return content
            await self._sleep(pause_s)
        raise CoreBusyError(
            f"batch {number} is stored there, and not judged yet",
            where=self._where,
            remedy="It is asked for again by itself; if it repeats, look at the core's load",
            code="core_judging",
            retry_after_s=None,
        )

    async def _question(self, target: str, body: bytes = b"") -> tuple[SignedRequest, Reply]:
        """Nothing of the reply is checked yet."""
        gateway, nonce = self._identity.gateway, self._entropy(NONCE_BYTES)
        request = sign_request(self._identity.key, gateway, target, nonce=nonce, body=body)
        headers = request.as_headers()
        if body:
            headers |= {"Content-Type": "application/json"}
        method, _, path = target.partition(" ")
        reply = await self._ask(method, path, headers, body)
        return request, reply

    @override
    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        try:
            # httpx's own time-outs start again with every byte that drips in.
            async with asyncio.timeout(self._timeout_s):
                return await self._exchange(method, path, headers, body)
        except (TimeoutError, httpx.TimeoutException) as exc:
            raise CoreUnreachableError(
                f"no answer within {self._timeout_s:g} s",
                where=self._where,
                remedy="It is tried again by itself; if it repeats, check the line and the core's "
                "load, or raise uplink.timeout_s",
                code="core_timeout",
            ) from exc
        except httpx.TransportError as exc:
            raise self._lost(exc) from exc

    async def _exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> Reply:
        if self._client is None:
            self._client = httpx.AsyncClient(verify=self._verify, timeout=self._timeout_s)
        async with self._client.stream(
            method, self._base + path, content=body, headers={**self._headers, **headers}
        ) as response:
            limit = MAX_ANSWER_BYTES if response.status_code in TAKEN else MAX_ERROR_BYTES
            content = await _read(response, limit)
        said = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status_code, said, content)

    def _lost(self, exc: httpx.TransportError) -> UplinkError:
        if is_untrusted(exc):
            return CoreRefusedError(
                f"its certificate is not trusted ({exc})",
                where=self._where,
                remedy="Check this gateway's clock first, then the core's certificate and name; "
                "for a private CA set SSL_CERT_FILE",
                code="tls_untrusted",
            )
        return CoreUnreachableError(
            f"cannot be reached ({str(exc) or type(exc).__name__})",
            where=self._where,
            remedy="It is tried again by itself; if it repeats, check the network, the address "
            "and that the core runs",
            code="core_unreachable",
        )


async def _read(response: httpx.Response, limit: int) -> bytes | None:
    """The body, None when it is longer than `limit` (and the rest is not read)."""
    content = bytearray()
    async for chunk in response.aiter_raw():
        content += chunk
        if len(content) > limit:
            return None
    return bytes(content)
