"""The one-time token that lets a gateway join a core: one line of text that people carry.

It holds a random secret, the gateway's name, the core's public key (which the gateway pins) and,
for people, when it ends. The secret never goes over the wire: it is the seed of a key that signs the
gateway's request, so not even a proxy that reads TLS can enrol in the gateway's place. A checksum
tells a mistyped token from one that the core refuses.
"""

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256

import msgspec
from msgspec import Struct
from typing_extensions import override

from protocols.batch_chain import MAX_GATEWAY_BYTES
from protocols.errors import ProtocolError
from protocols.signing import PUBLIC_KEY_BYTES, SigningKey

SECRET_BYTES = 16  # 128 random bits
MAX_URL_BYTES = 400
MAX_TOKEN_CHARS = 1_024  # the longest possible one is about 730; a pasted file is none

PREFIX = "cle_"  # so that secret scanners and people recognise a leaked one
_VERSION = 1
_CHECKSUM_BYTES = 4
_CHECKSUM_DOMAIN = b"clockline enrolment token checksum"
_SEED_DOMAIN = b"clockline enrolment token seed"
_DIGEST_DOMAIN = b"clockline enrolment token digest"
# As the site file allows; the name stands in paths, headers and MQTT topics.
_GATEWAY_NAME = re.compile(r"[\w.-]+")
_BASE64 = re.compile(r"[A-Za-z0-9_-]+")


class TokenError(ProtocolError):
    """The text is no token. `code`: `token_mistyped` (a character is wrong or missing),
    `not_a_token`, `token_version` (whole, but of another version of the core).
    """

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class EnrolmentToken(Struct, frozen=True, kw_only=True):
    """`expires_at`: Unix seconds of the core's clock, for messages only: the core judges."""

    secret: bytes
    gateway: str
    core_public: bytes
    expires_at: int
    url: str | None = None

    def key(self) -> SigningKey:
        """What signs the request."""
        return SigningKey(sha256(_SEED_DOMAIN + self.secret).digest())

    @override
    def __repr__(self) -> str:
        return f"<EnrolmentToken for {self.gateway}>"


class _Body(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    version: int
    secret: bytes
    gateway: str
    core_public: bytes
    expires_at: int
    url: str | None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Body)
_UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def token_digest(token_public: bytes) -> bytes:
    """What the core keeps of a token; the token cannot be made from it."""
    return sha256(_DIGEST_DOMAIN + token_public).digest()


def is_gateway_name(name: str) -> bool:
    return len(name.encode(errors="replace")) <= MAX_GATEWAY_BYTES and bool(
        _GATEWAY_NAME.fullmatch(name)
    )


def encode_token(token: EnrolmentToken) -> str:
    """Raises ValueError for a token that `decode_token` would refuse."""
    body = _Body(
        _VERSION, token.secret, token.gateway, token.core_public, token.expires_at, token.url
    )
    if not _is_sound(body):
        raise ValueError(f"a part of this token is out of bounds: {token!r}")
    content = _encoder.encode(body)
    return PREFIX + urlsafe_b64encode(_checksum(content) + content).rstrip(b"=").decode()


def decode_token(text: str) -> EnrolmentToken:
    """Blanks and line ends, which mail and terminals add, do not count. Raises TokenError."""
    if len(text) > 2 * MAX_TOKEN_CHARS:
        raise TokenError("this is too long for a token", code="not_a_token")
    text = "".join(text.split())
    if not text.startswith(PREFIX):
        raise TokenError(f"a token begins with {PREFIX}", code="not_a_token")
    content = _unarmoured(text.removeprefix(PREFIX))
    try:
        body = _decoder.decode(content)
    except _UNDECODABLE:
        body = None
    if body is None or not _is_sound(body):
        raise TokenError("the token comes from another version of the core", code="token_version")
    return EnrolmentToken(
        secret=body.secret,
        gateway=body.gateway,
        core_public=body.core_public,
        expires_at=body.expires_at,
        url=body.url,
    )


def _unarmoured(text: str) -> bytes:
    """The content, when its checksum agrees and no other spelling would give the same bytes."""
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4)) if _BASE64.fullmatch(text) else b""
    except binascii.Error:
        data = b""
    checksum, content = data[:_CHECKSUM_BYTES], data[_CHECKSUM_BYTES:]
    if checksum != _checksum(content) or urlsafe_b64encode(data).rstrip(b"=").decode() != text:
        raise TokenError("a character of the token is wrong or missing", code="token_mistyped")
    return content


def _checksum(content: bytes) -> bytes:
    return sha256(_CHECKSUM_DOMAIN + content).digest()[:_CHECKSUM_BYTES]


def _is_sound(body: _Body) -> bool:
    return (
        body.version == _VERSION
        and len(body.secret) == SECRET_BYTES
        and is_gateway_name(body.gateway)
        and len(body.core_public) == PUBLIC_KEY_BYTES
        and 0 <= body.expires_at < 1 << 40
        and (body.url is None or 0 < len(body.url.encode(errors="replace")) <= MAX_URL_BYTES)
    )
