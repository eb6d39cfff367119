"""Batches to the core over HTTPS. The only module of the gateway that imports httpx (10 MiB)."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from secrets import token_bytes
from typing import Literal

import httpx
import msgspec
from typing_extensions import override

from protocols.batch_chain import ChainHead
from protocols.core_signature import (
    SIGNATURE_HEADER,
    check_batch_answer,
    check_request_answer,
    decode_head,
    decode_refused_head,
    encode_head,
)
from protocols.errors import ProtocolError
from protocols.signed_request import CHAIN_TARGET, NONCE_BYTES, sign_request
from protocols.uplink import Answer, decode_answer
from sync.addresses import is_loopback
from sync.errors import (
    ChainForkError,
    ChainGapError,
    CoreBusyError,
    CoreRefusedError,
    CoreUnreachableError,
    RubbishAnswerError,
    UplinkError,
)
from sync.identity import GatewayIdentity
from sync.ports import Transport
from sync.sealing import SealedBatch

BATCHES_PATH = "/api/v1/batches"

# 5,000 verdicts with a code and a sentence each are about 1.5 MB; a page of a captive portal or a
# peer gone mad must not fill a small box's memory.
MAX_ANSWER_BYTES = 4 * 1024 * 1024
_MAX_ERROR_BYTES = 64 * 1024  # an error object is under 1 kB, a proxy's error page a few
_SAID_CHARS = 300  # of the core's own words in our message
# msgspec reports bad UTF-8 and bottomless nesting in Python's own words.
_NO_ERROR_OBJECT = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class _Reply(msgspec.Struct, frozen=True):
    """What came back. `content` is None when it was over its cap."""

    status: int
    headers: httpx.Headers
    content: bytes | None


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
        self._timeout_s = timeout_s
        self._verify = verify
        self._entropy = entropy
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
        if reply.status == httpx.codes.CONFLICT:
            raise self._conflict(sealed, reply)
        content = self._content(reply)
        self._check(
            reply, lambda said: check_batch_answer(self._core, sealed.signed, content, said)
        )
        try:
            return decode_answer(content, sealed.batch)
        except ProtocolError as exc:
            raise self._rubbish(str(exc)) from exc

    @override
    async def chain_head(self, ours: ChainHead) -> ChainHead:
        gateway, body = self._identity.gateway, encode_head(self._identity.gateway, ours)
        nonce = self._entropy(NONCE_BYTES)
        request = sign_request(self._identity.key, gateway, CHAIN_TARGET, nonce=nonce, body=body)
        headers = request.as_headers() | {"Content-Type": "application/json"}
        method, _, path = CHAIN_TARGET.partition(" ")
        reply = await self._ask(method, path, headers, body)
        content = self._content(reply)
        self._check(reply, lambda said: check_request_answer(self._core, request, content, said))
        try:
            return decode_head(content)
        except ProtocolError as exc:
            raise self._rubbish(str(exc)) from exc

    @override
    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    @property
    def _core(self) -> bytes:
        return self._identity.core_public

    async def _ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> _Reply:
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
    ) -> _Reply:
        if self._client is None:
            self._client = httpx.AsyncClient(verify=self._verify, timeout=self._timeout_s)
        async with self._client.stream(
            method, self._base + path, content=body, headers={**self._headers, **headers}
        ) as response:
            taken = response.status_code == httpx.codes.OK
            limit = MAX_ANSWER_BYTES if taken else _MAX_ERROR_BYTES
            content = await _read(response, limit)
        return _Reply(response.status_code, response.headers, content)

    def _content(self, reply: _Reply) -> bytes:
        """Raises UplinkError unless the core did what was asked."""
        if reply.status != httpx.codes.OK:
            raise self._refused(reply)
        if reply.content is None:
            raise self._rubbish(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
        return reply.content

    def _check(self, reply: _Reply, check: Callable[[str], None]) -> None:
        """Raises CoreRefusedError when another core than ours has answered."""
        said = reply.headers.get(SIGNATURE_HEADER)
        if said is None:
            raise self._rubbish("an answer that no core has signed")
        try:
            check(said)
        except ProtocolError as exc:
            raise CoreRefusedError(
                "the answer is not signed by the core that this gateway was enrolled at",
                where=self._where,
                remedy="Check uplink.url; if the core has a new key, enrol this gateway again. "
                "Nothing that it answered was believed",
                code="wrong_core",
            ) from exc

    def _conflict(self, sealed: SealedBatch, reply: _Reply) -> UplinkError:
        """The core's chain and ours differ."""
        content = reply.content or b""
        self._check(
            reply, lambda said: check_batch_answer(self._core, sealed.signed, content, said)
        )
        error = _error_of(content)
        what = f"HTTP {reply.status}{_said(error)}"
        if error is None or error.code != "chain_gap":
            return ChainForkError(what, where=self._where, remedy=FORK_REMEDY, code="chain_fork")
        try:
            head = decode_refused_head(content)
        except ProtocolError as exc:
            return self._rubbish(str(exc))
        return ChainGapError(
            what,
            where=self._where,
            remedy="The core was restored from a backup: what it lacks is sent again by itself",
            code="chain_gap",
            head=head,
        )

    def _rubbish(self, what: str) -> RubbishAnswerError:
        return RubbishAnswerError(
            what,
            where=self._where,
            remedy="Check that uplink.url is the core itself: a login page or another server may "
            "answer in its place",
            code="rubbish_answer",
        )

    def _refused(self, reply: _Reply) -> UplinkError:
        status = reply.status
        error = _error_of(reply.content)
        what = f"HTTP {status}{_said(error)}"
        if status in {429, 503}:
            return CoreBusyError(
                what,
                where=self._where,
                remedy="It is tried again by itself when the core asked for it",
                code="core_busy",
                retry_after_s=_retry_after_s(reply.headers),
            )
        if status >= 500 or status == httpx.codes.REQUEST_TIMEOUT:
            return CoreUnreachableError(
                what,
                where=self._where,
                remedy="It is tried again by itself; if it repeats, read the core's log",
                code=f"http_{status}",
            )
        code, remedy = _REFUSALS.get(status, _OTHER_REFUSAL)
        if error is not None and error.code in _KEY_REFUSALS:
            code, remedy = error.code, _KEY_REFUSALS[error.code]
        return CoreRefusedError(what, where=self._where, remedy=remedy, code=code)

    def _lost(self, exc: httpx.TransportError) -> UplinkError:
        if _is_untrusted(exc):
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


FORK_REMEDY = (
    "Another machine sends in this gateway's name (a cloned SD card?): stop it. If there is none, "
    "this spool is an old copy: stop the agent, move the spool file away, start again; the devices "
    "are read anew and the chain goes on behind the core's last batch"
)
_BATCH_REFUSED = (
    "batch_refused",
    "Gateway and core speak different versions, or a proxy limits the size: update the older one",
)
_ENROL = "Enrol this gateway again: edge-agent enroll with a new token of hr-core token"
# The core's words for what is wrong with who we are.
_KEY_REFUSALS = {
    "unknown_gateway": f"Check uplink.url and the gateway's name. {_ENROL}",
    "key_refused": f"The core does not accept this gateway's key yet. {_ENROL}",
    "key_revoked": "Ask at the core why (hr-core gateways --log). To go on: hr-core token NAME "
    "--again there, edge-agent enroll --force here. Records are kept here",
    "bad_signature": f"Something on the way changes the requests, or the key is another. {_ENROL}",
}
_REFUSALS = {
    401: ("key_refused", _ENROL),
    403: ("key_refused", _ENROL),
    404: ("wrong_address", "There is no core at this address: check uplink.url"),
    413: _BATCH_REFUSED,
    415: _BATCH_REFUSED,
    422: _BATCH_REFUSED,
}
_OTHER_REFUSAL = ("wrong_address", "Another server answers there: check uplink.url and proxies")


async def _read(response: httpx.Response, limit: int) -> bytes | None:
    """The body, None when it is longer than `limit` (and the rest is not read)."""
    content = bytearray()
    async for chunk in response.aiter_raw():
        content += chunk
        if len(content) > limit:
            return None
    return bytes(content)


class _ErrorDetail(msgspec.Struct):
    what: str
    code: str = ""


class _ErrorBody(msgspec.Struct):
    error: _ErrorDetail


def _error_of(content: bytes | None) -> _ErrorDetail | None:
    """None when it is not our core that speaks."""
    try:
        return msgspec.json.decode(content or b"", type=_ErrorBody).error
    except _NO_ERROR_OBJECT:
        return None


def _said(error: _ErrorDetail | None) -> str:
    """The core's own words."""
    if error is None:
        return ""
    printable = "".join(character for character in error.what if character.isprintable())
    return f": {printable[:_SAID_CHARS]}"


def _retry_after_s(headers: httpx.Headers) -> float | None:
    """Seconds; the date form needs two clocks that agree and is left to the back-off."""
    value = headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() else None


def _is_untrusted(exc: BaseException) -> bool:
    cause: BaseException | None = exc
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
