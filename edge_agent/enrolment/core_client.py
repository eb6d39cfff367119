"""Small signed messages to the core and its signed answers, over verified TLS."""

import ssl
from typing import TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec
from msgspec import Struct

from protocols.enrolment import (
    MAX_MESSAGE_BYTES,
    EnrolmentAnswer,
    KeyReport,
    RotationAnswer,
    WrongCoreError,
    encode,
    read_answer,
)
from protocols.errors import ProtocolError
from protocols.key_text import fingerprint
from sync.addresses import is_loopback
from sync.errors import (
    CoreBusyError,
    CoreRefusedError,
    CoreUnreachableError,
    RubbishAnswerError,
    UplinkError,
)

_MAX_ANSWER_BYTES = 64 * 1024  # a proxy's error page is longer than any answer
_SAID_CHARS = 400

_Answer = TypeVar("_Answer", EnrolmentAnswer, RotationAnswer, KeyReport)


class _ErrorDetail(Struct):
    code: str
    what: str
    remedy: str


class _ErrorBody(Struct):
    error: _ErrorDetail


class CoreClient:
    """One core at `url`, known by its public key."""

    def __init__(
        self, url: str, core_public: bytes, *, tls: ssl.SSLContext, timeout_s: float
    ) -> None:
        self._url = url.rstrip("/")
        self._where = f"core {url}"
        self._core_public = core_public
        self._tls = tls
        self._timeout_s = timeout_s
        parts = urlsplit(url)
        if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
            raise CoreRefusedError(
                "would be spoken to in clear text",
                where=self._where,
                remedy="Write the address with https://; http:// is for this machine only",
                code="plain_http",
            )

    def ask(self, path: str, message: Struct, kind: type[_Answer]) -> _Answer:
        """The answer, its signature checked. Raises UplinkError."""
        try:
            status, retry_after, content = self._post(path, encode(message))
        except httpx.TimeoutException as exc:
            raise self._unreachable(
                f"no answer within {self._timeout_s:g} s", "core_timeout"
            ) from exc
        except (httpx.TransportError, httpx.InvalidURL) as exc:
            raise self._lost(exc) from exc
        if status != httpx.codes.OK:
            raise self._refused(status, retry_after, content)
        try:
            return read_answer(content[:MAX_MESSAGE_BYTES], kind, self._core_public)
        except WrongCoreError as exc:
            raise self.wrong_core() from exc
        except ProtocolError as exc:
            raise RubbishAnswerError(
                "what answers there is no core of this version",
                where=self._where,
                remedy="Check the address: a login page or another server may answer in its place",
                code="rubbish_answer",
            ) from exc

    def wrong_core(self) -> CoreRefusedError:
        return CoreRefusedError(
            "the answer is not signed by the core that is pinned "
            f"({fingerprint(self._core_public)})",
            where=self._where,
            remedy="Another core answers at this address, or the core has a new key: check the "
            "address, compare the key (hr-core init prints it), and get a token from that core",
            code="wrong_core_key",
        )

    def _post(self, path: str, body: bytes) -> tuple[int, str, bytes]:
        content = bytearray()
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        with (
            httpx.Client(verify=self._tls, timeout=self._timeout_s) as client,
            client.stream("POST", self._url + path, content=body, headers=headers) as answer,
        ):
            for chunk in answer.iter_raw():
                content += chunk
                if len(content) > _MAX_ANSWER_BYTES:
                    break
        return answer.status_code, answer.headers.get("Retry-After", ""), bytes(content)

    def _refused(self, status: int, retry_after: str, content: bytes) -> UplinkError:
        try:
            error = msgspec.json.decode(content, type=_ErrorBody).error
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return self._not_a_core(status)
        what, remedy = _printable(error.what), _printable(error.remedy)
        if status in {429, 503}:
            return CoreBusyError(
                what,
                where=self._where,
                remedy=f"Try again in {retry_after or 'some'} seconds. {remedy}",
                code=_printable(error.code),
                retry_after_s=float(retry_after) if retry_after.isdecimal() else None,
            )
        return CoreRefusedError(what, where=self._where, remedy=remedy, code=_printable(error.code))

    def _not_a_core(self, status: int) -> UplinkError:
        if status >= 500:
            return self._unreachable(f"HTTP {status}", f"http_{status}")
        return CoreRefusedError(
            f"HTTP {status}, and no core's answer",
            where=self._where,
            remedy="There is no core of this version at this address: check it, and proxies",
            code="wrong_address",
        )

    def _unreachable(self, what: str, code: str) -> CoreUnreachableError:
        return CoreUnreachableError(
            what,
            where=self._where,
            remedy="Check the network, the address and that the core runs, then give the same "
            "command again: the token stays good until it ends",
            code=code,
        )

    def _lost(self, exc: Exception) -> UplinkError:
        cause: BaseException | None = exc
        while cause is not None:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return CoreRefusedError(
                    f"its certificate is not trusted ({cause.verify_message})",
                    where=self._where,
                    remedy="Check this gateway's clock first, then the core's certificate and "
                    "name; for a private CA set [uplink] ca_file",
                    code="tls_untrusted",
                )
            cause = cause.__cause__ or cause.__context__
        return self._unreachable(
            f"cannot be reached ({str(exc) or type(exc).__name__})", "core_unreachable"
        )


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())[:_SAID_CHARS]
