"""Batches to the core over HTTPS. The only module of the gateway that imports httpx (10 MiB)."""

import asyncio
import ssl
from typing import Literal

import httpx
import msgspec
import zstandard
from typing_extensions import override

from protocols.errors import ProtocolError
from protocols.uplink import Answer, Batch, decode_answer, encode_batch
from sync.addresses import is_loopback
from sync.errors import (
    CoreBusyError,
    CoreRefusedError,
    CoreUnreachableError,
    RubbishAnswerError,
    UplinkError,
)
from sync.ports import Transport

BATCHES_PATH = "/api/v1/batches"

# 5,000 verdicts with a code and a sentence each are about 1.5 MB; a page of a captive portal or a
# peer gone mad must not fill a small box's memory.
MAX_ANSWER_BYTES = 4 * 1024 * 1024
_MAX_ERROR_BYTES = 64 * 1024  # an error object is under 1 kB, a proxy's error page a few
_SAID_CHARS = 200  # of the core's own words in our message
# msgspec reports bad UTF-8 and bottomless nesting in Python's own words.
_NO_ERROR_OBJECT = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_ZSTD_LEVEL = 3  # specs/perf/baseline.md 3: level 10 saves a fifth and costs several times the CPU


class HttpTransport(Transport):
    """One core at `url`. `verify` takes a private CA as an SSLContext; it cannot be turned off.

    Proxies are taken from the environment (HTTPS_PROXY, NO_PROXY). Raises CoreRefusedError when
    `token` would leave this machine unencrypted.
    """

    def __init__(
        self,
        url: str,
        token: str | None,
        *,
        gateway: str,
        timeout_s: float,
        verify: ssl.SSLContext | Literal[True] = True,
    ) -> None:
        self._url = httpx.URL(url.rstrip("/") + BATCHES_PATH)
        self._where = f"core {url}"
        if token is not None and self._url.scheme != "https" and not is_loopback(self._url.host):
            raise CoreRefusedError(
                "the token would be sent in clear text",
                where=self._where,
                remedy="Write the address with https://",
                code="plain_http",
            )
        self._timeout_s = timeout_s
        self._verify = verify
        self._headers = {
            "Content-Type": "application/json",
            "Content-Encoding": "zstd",
            "Accept-Encoding": "identity",  # a compressed answer could inflate past the cap
            "User-Agent": f"clockline-edge-agent ({gateway})",
        }
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._client: httpx.AsyncClient | None = None

    @override
    async def send(self, batch: Batch) -> Answer:
        body = zstandard.compress(encode_batch(batch), _ZSTD_LEVEL)
        try:
            # httpx's own time-outs start again with every byte that drips in.
            async with asyncio.timeout(self._timeout_s):
                return await self._post(batch, body)
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

    @override
    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _post(self, batch: Batch, body: bytes) -> Answer:
        if self._client is None:
            self._client = httpx.AsyncClient(verify=self._verify, timeout=self._timeout_s)
        async with self._client.stream(
            "POST", self._url, content=body, headers=self._headers
        ) as response:
            if response.status_code != httpx.codes.OK:
                raise self._refused(response, await _read(response, _MAX_ERROR_BYTES))
            content = await _read(response, MAX_ANSWER_BYTES)
        if content is None:
            raise self._rubbish(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
        try:
            return decode_answer(content, batch)
        except ProtocolError as exc:
            raise self._rubbish(str(exc)) from exc

    def _rubbish(self, what: str) -> RubbishAnswerError:
        return RubbishAnswerError(
            what,
            where=self._where,
            remedy="Check that uplink.url is the core itself: a login page or another server may "
            "answer in its place",
            code="rubbish_answer",
        )

    def _refused(self, response: httpx.Response, content: bytes | None) -> UplinkError:
        status = response.status_code
        said = _said(content)
        what = f"HTTP {status}{said}"
        if status in {429, 503}:
            return CoreBusyError(
                what,
                where=self._where,
                remedy="It is tried again by itself when the core asked for it",
                code="core_busy",
                retry_after_s=_retry_after_s(response),
            )
        if status >= 500 or status == httpx.codes.REQUEST_TIMEOUT:
            return CoreUnreachableError(
                what,
                where=self._where,
                remedy="It is tried again by itself; if it repeats, read the core's log",
                code=f"http_{status}",
            )
        code, remedy = _REFUSALS.get(status, _OTHER_REFUSAL)
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


_BATCH_REFUSED = (
    "batch_refused",
    "Gateway and core speak different versions, or a proxy limits the size: update the older one",
)
_REFUSALS = {
    401: ("token_refused", "Get a new token from the core (hr-core token) and put it in the site"),
    403: ("token_refused", "The token belongs to another gateway: check gateway name and token"),
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


class _ErrorBody(msgspec.Struct):
    error: _ErrorDetail


def _said(content: bytes | None) -> str:
    """The core's own words, when it is our core that speaks."""
    try:
        what = msgspec.json.decode(content or b"", type=_ErrorBody).error.what
    except _NO_ERROR_OBJECT:
        return ""
    printable = "".join(character for character in what if character.isprintable())
    return f": {printable[:_SAID_CHARS]}"


def _retry_after_s(response: httpx.Response) -> float | None:
    """Seconds; the date form needs two clocks that agree and is left to the back-off."""
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() else None


def _is_untrusted(exc: BaseException) -> bool:
    cause: BaseException | None = exc
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
