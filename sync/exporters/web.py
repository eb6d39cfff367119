"""Requests of exporters: time-outs, caps, and what the usual failures of HTTP mean."""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any, Literal

import httpx
import msgspec
from msgspec import Struct

from sync.exporters.errors import (
    ExportBusyError,
    ExportError,
    ExportRefusedError,
    ExportUnreachableError,
)

# Verdicts on 5,000 records are 1.5 MB; a peer gone mad must not fill a small box's memory.
MAX_ANSWER_BYTES = 4 * 1024 * 1024
SAID_CHARS = 300  # of the other system's words in a message or dead letter

_NOT_JSON = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Reply(Struct, frozen=True):
    status: int
    retry_after_s: float | None
    body: bytes

    def json(self) -> Any:
        """None when it is no JSON."""
        try:
            return msgspec.json.decode(self.body)
        except _NOT_JSON:
            return None


class Web:
    """One other system at `where` (a word for people), over one kept connection pool.

    Certificates are always verified; a private CA comes as SSL_CERT_FILE or as `verify`.
    """

    def __init__(
        self,
        where: str,
        *,
        timeout_s: float,
        headers: Mapping[str, str],
        verify: ssl.SSLContext | Literal[True] = True,
    ) -> None:
        self.where = where
        self._timeout_s = timeout_s
        # A compressed answer could inflate past the cap.
        self._headers = {"Accept-Encoding": "identity", "User-Agent": "clockline", **headers}
        self._verify = verify
        self._client: httpx.AsyncClient | None = None

    async def request(
        self,
        method: Literal["GET", "POST"],
        url: str,
        *,
        content: bytes | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Raises ExportError when there was no whole answer. Redirects are answers."""
        try:
            # httpx's own time-outs start again with every byte that drips in.
            async with asyncio.timeout(self._timeout_s):
                return await self._exchange(method, url, content, params, headers)
        except (TimeoutError, httpx.TimeoutException) as exc:
            raise ExportUnreachableError(
                f"no answer within {self._timeout_s:g} s",
                where=self.where,
                remedy="It is tried again by itself; if it repeats, check the line and its load",
                code="export_timeout",
            ) from exc
        except (httpx.TransportError, httpx.InvalidURL) as exc:
            raise self._lost(exc) from exc

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def failure(self, reply: Reply) -> ExportError:
        """What a status other than 2xx says of the whole request, not of a record in it."""
        what = f"HTTP {reply.status}"
        if reply.status in {429, 503}:
            return ExportBusyError(
                what,
                where=self.where,
                remedy="It is tried again by itself when it was asked for",
                code="export_busy",
                retry_after_s=reply.retry_after_s,
            )
        if reply.status >= 500 or reply.status == httpx.codes.REQUEST_TIMEOUT:
            return ExportUnreachableError(
                what,
                where=self.where,
                remedy="It is tried again by itself; if it repeats, read the log over there",
                code=f"http_{reply.status}",
            )
        code, remedy = _REFUSALS.get(reply.status, _OTHER)
        return ExportRefusedError(what, where=self.where, remedy=remedy, code=code)

    def rubbish(self, what: str) -> ExportUnreachableError:
        return ExportUnreachableError(
            what,
            where=self.where,
            remedy="Check the address: a login page or another server may answer in its place",
            code="rubbish_answer",
        )

    async def _exchange(
        self,
        method: str,
        url: str,
        content: bytes | None,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
    ) -> Reply:
        if self._client is None:
            self._client = httpx.AsyncClient(verify=self._verify, timeout=self._timeout_s)
        async with self._client.stream(
            method,
            url,
            content=content,
            params=params,
            headers={**self._headers, **(headers or {})},
        ) as response:
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_ANSWER_BYTES:
                    raise self.rubbish(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
            return Reply(response.status_code, _retry_after_s(response), bytes(body))

    def _lost(self, exc: Exception) -> ExportError:
        if _is_untrusted(exc):
            return ExportRefusedError(
                f"its certificate is not trusted ({exc})",
                where=self.where,
                remedy="Check this gateway's clock first, then the certificate and the name; "
                "for a private CA set SSL_CERT_FILE",
                code="tls_untrusted",
            )
        return ExportUnreachableError(
            f"cannot be reached ({str(exc) or type(exc).__name__})",
            where=self.where,
            remedy="It is tried again by itself; if it repeats, check the network and the address",
            code="export_unreachable",
        )


_CREDENTIALS = ("credentials_refused", "Check the secret file and the rights of its user")
_REFUSALS = {
    401: _CREDENTIALS,
    403: _CREDENTIALS,
    404: ("wrong_address", "Nothing answers under this path: check the url"),
}
_OTHER = ("wrong_address", "Another server answers there: check the url and proxies")


def plain(text: object) -> str:
    """Somebody else's words, on one line, in a length for a message."""
    line = " ".join(str(text).split())
    return "".join(character for character in line if character.isprintable())[:SAID_CHARS]


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
