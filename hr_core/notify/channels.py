"""The channels that carry a message: the log, a signed webhook, e-mail through Apprise."""

import hmac
import logging
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any, Protocol

import httpx
import msgspec
from anyio import to_thread

from hr_core.errors import CoreError
from hr_core.notify.message import Message
from hr_core.notify.settings import ChannelSettings, secret_lines

SCHEMA = "clockline.alert/1"
# What is read of an answer: it is only shown.
_ANSWER_CHARS = 200

_log = logging.getLogger("hr_core.alerts")


class ChannelError(Exception):
    """The message was not taken; in words for the log. It is tried again."""


class Channel(Protocol):
    async def send(self, message: Message, now_s: int) -> str:
        """What the other side answered. Raises ChannelError. `now_s`: Unix seconds."""
        ...

    async def aclose(self) -> None: ...


def open_channel(settings: ChannelSettings) -> Channel:
    """Raises ChannelsFileError for a secret that cannot be used, CoreError without Apprise."""
    match settings.kind:
        case "log":
            return LogChannel()
        case "webhook":
            (secret, *_) = secret_lines(Path(settings.secret_file))
            return WebhookChannel(settings.url, secret.encode(), timeout_s=settings.timeout_s)
        case "email":
            return AppriseChannel(secret_lines(Path(settings.address_file)))


class LogChannel:
    """For journald and whatever reads it."""

    async def send(self, message: Message, now_s: int) -> str:  # noqa: ARG002 - as the protocol
        _log.warning("%s | %s", message.text_en, message.text_zh)
        return "written to the log"

    async def aclose(self) -> None:
        return


class WebhookChannel:
    """POST of JSON, signed as a gateway's webhook export is (docs/exporters.md)."""

    def __init__(self, url: str, secret: bytes, *, timeout_s: float) -> None:
        self._url = url
        self._secret = secret
        self._client = httpx.AsyncClient(
            timeout=timeout_s,
            follow_redirects=False,
            headers={"User-Agent": "clockline", "Accept-Encoding": "identity"},
        )

    async def send(self, message: Message, now_s: int) -> str:
        body = msgspec.json.encode({"schema": SCHEMA, **msgspec.to_builtins(message)})
        headers = {
            "Content-Type": "application/json",
            "Clockline-Timestamp": str(now_s),
            "Clockline-Signature": signature(self._secret, now_s, body),
            "Idempotency-Key": idempotency_key(message),
        }
        try:
            async with self._client.stream(
                "POST", self._url, content=body, headers=headers
            ) as reply:
                said = await _beginning(reply)
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise ChannelError(f"{type(exc).__name__}: {exc}") from exc
        if not 200 <= reply.status_code < 300:
            raise ChannelError(f"HTTP {reply.status_code} {said}".strip())
        return f"HTTP {reply.status_code}"

    async def aclose(self) -> None:
        await self._client.aclose()


class AppriseChannel:
    """E-mail, or whatever else an Apprise address names."""

    def __init__(self, addresses: list[str]) -> None:
        self._apprise = _apprise()
        self._sender = self._apprise.Apprise()
        for number, address in enumerate(addresses, 1):
            if not self._sender.add(address):
                raise CoreError(
                    f"address {number} of the e-mail channel is none that Apprise knows",
                    remedy="Write it like mailtos://user:password@smtp.example.com?to=a@example.com",
                )

    async def send(self, message: Message, now_s: int) -> str:  # noqa: ARG002 - as the protocol
        body = f"{message.text_zh}\n\n{message.text_en}\n\n{message.alert} · {message.occasion}\n"
        with self._apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as told:
            taken = await to_thread.run_sync(self._notify, message.title, body)
            why = told.getvalue().strip() if told is not None else ""
        if not taken:
            raise ChannelError(f"not taken by all addresses: {why or 'no reason was given'}")
        return "taken by the mail server"

    async def aclose(self) -> None:
        return

    def _notify(self, title: str, body: str) -> bool:
        return bool(self._sender.notify(body=body, title=title))


def signature(secret: bytes, timestamp: int, body: bytes) -> str:
    """The value of `Clockline-Signature`."""
    return f"v1={hmac.new(secret, b'%d.' % timestamp + body, sha256).hexdigest()}"


def idempotency_key(message: Message) -> str:
    """The same for the same saying, however often it is sent."""
    said = f"{message.alert}\0{message.occasion}"
    return f"alert-{blake2b(said.encode(), digest_size=16).hexdigest()}"


async def _beginning(reply: httpx.Response) -> str:
    """Of the answer as one line; an endless one is not read to its end."""
    text = ""
    async for chunk in reply.aiter_text(_ANSWER_CHARS):
        text = " ".join(chunk.split())
        break
    return "".join(char for char in text if char.isprintable())[:_ANSWER_CHARS]


def _apprise() -> Any:
    """Imported when there is an e-mail channel: it takes a third of a second and 20 MB."""
    try:
        import apprise  # noqa: PLC0415 - see above
    except ImportError as exc:
        raise CoreError(
            "Apprise is not installed, and an alert channel is of kind email",
            remedy='pip install "clockline[core]"',
        ) from exc
    return apprise
