"""How a gateway joins a core, renews its key and asks whether its key is still good.

Three requests, JSON over HTTP, each signed by the keys that it is about, each answered by the core
with its own signature, which the gateway checks against the public key in the token (pinned):

- `POST /api/v1/enrolments`           EnrolmentRequest → EnrolmentAnswer
- `POST /api/v1/enrolments/rotation`  RotationRequest → RotationAnswer
- `POST /api/v1/enrolments/status`    KeyQuery → KeyReport

Each may be repeated after a lost answer: the same keys get the same answer. Every signed message
begins with a domain of its own, so that no signature of one kind can serve as another.
"""

from datetime import datetime
from enum import StrEnum
from typing import TypeVar

import msgspec
from msgspec import Struct

from protocols.enrolment_token import EnrolmentToken, is_gateway_name
from protocols.errors import ProtocolError
from protocols.signing import (
    PUBLIC_KEY_BYTES,
    SIGNATURE_BYTES,
    SignatureError,
    SigningKey,
    each_part,
    verify,
)

ENROLMENTS_PATH = "/api/v1/enrolments"
ROTATION_PATH = "/api/v1/enrolments/rotation"
STATUS_PATH = "/api/v1/enrolments/status"

MAX_MESSAGE_BYTES = 4 * 1024  # the longest is under 1 kB
NONCE_BYTES = 16

_ENROL, _ENROLLED = b"clockline enrolment 1", b"clockline enrolment answer 1"
_ROTATE, _ROTATED = b"clockline key rotation 1", b"clockline key rotation answer 1"
_ASK, _REPORT = b"clockline key query 1", b"clockline key report 1"


class WrongCoreError(ProtocolError):
    """The answer is not signed by the core whose key is pinned, or answers something else."""


class KeyStatus(StrEnum):
    IN_FORCE = "in_force"
    REVOKED = "key_revoked"
    UNKNOWN = "key_unknown"  # also for a name that the core does not know: no oracle


class EnrolmentRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`token_signature` is the right to join, `key_signature` the proof that the key is owned."""

    gateway: str
    public_key: bytes
    token_public: bytes
    token_signature: bytes
    key_signature: bytes

    def check(self, core_public: bytes) -> None:
        """Raises SignatureError unless both keys signed it for this core."""
        message = _enrolment_message(self.gateway, self.public_key, self.token_public, core_public)
        verify(self.token_public, message, self.token_signature)
        verify(self.public_key, message, self.key_signature)


class EnrolmentAnswer(Struct, frozen=True, kw_only=True):
    """`valid_from` is the core's clock, aware UTC."""

    gateway: str
    site: str
    public_key: bytes
    valid_from: datetime
    signature: bytes = b""

    def message(self) -> bytes:
        return _framed(_ENROLLED, self.gateway, self.site, self.public_key, self.valid_from)


class RotationRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The new key, vouched for by the old one."""

    gateway: str
    old_public: bytes
    new_public: bytes
    old_signature: bytes
    new_signature: bytes

    def check(self, core_public: bytes) -> None:
        """Raises SignatureError unless both keys signed it for this core."""
        message = _rotation_message(self.gateway, self.old_public, self.new_public, core_public)
        verify(self.old_public, message, self.old_signature)
        verify(self.new_public, message, self.new_signature)


class RotationAnswer(Struct, frozen=True, kw_only=True):
    gateway: str
    public_key: bytes
    valid_from: datetime
    old_refused_from: datetime
    signature: bytes = b""

    def message(self) -> bytes:
        return _framed(
            _ROTATED, self.gateway, self.public_key, self.valid_from, self.old_refused_from
        )


class KeyQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`nonce`: random, so that an old report cannot be played back."""

    gateway: str
    public_key: bytes
    nonce: bytes
    signature: bytes

    def check(self, core_public: bytes) -> None:
        """Raises SignatureError unless the owner of the key asks this core."""
        message = _framed(_ASK, self.gateway, self.public_key, self.nonce, core_public)
        verify(self.public_key, message, self.signature)


class KeyReport(Struct, frozen=True, kw_only=True):
    """`now`: the core's clock. `refused_from`: the date that rotation or revocation has set."""

    gateway: str
    public_key: bytes
    nonce: bytes
    status: KeyStatus
    now: datetime
    refused_from: datetime | None = None
    signature: bytes = b""

    def message(self) -> bytes:
        refused_from = self.refused_from or b""
        return _framed(
            _REPORT,
            self.gateway,
            self.public_key,
            self.nonce,
            self.status,
            self.now,
            refused_from,
        )


_Request = TypeVar("_Request", EnrolmentRequest, RotationRequest, KeyQuery)
_Answer = TypeVar("_Answer", EnrolmentAnswer, RotationAnswer, KeyReport)


def ask_to_enrol(token: EnrolmentToken, key: SigningKey) -> EnrolmentRequest:
    token_key = token.key()
    message = _enrolment_message(token.gateway, key.public, token_key.public, token.core_public)
    return EnrolmentRequest(
        gateway=token.gateway,
        public_key=key.public,
        token_public=token_key.public,
        token_signature=token_key.sign(message),
        key_signature=key.sign(message),
    )


def ask_to_rotate(
    gateway: str, old: SigningKey, new: SigningKey, core_public: bytes
) -> RotationRequest:
    message = _rotation_message(gateway, old.public, new.public, core_public)
    return RotationRequest(
        gateway=gateway,
        old_public=old.public,
        new_public=new.public,
        old_signature=old.sign(message),
        new_signature=new.sign(message),
    )


def ask_status(gateway: str, key: SigningKey, core_public: bytes, *, nonce: bytes) -> KeyQuery:
    return KeyQuery(
        gateway=gateway,
        public_key=key.public,
        nonce=nonce,
        signature=key.sign(_framed(_ASK, gateway, key.public, nonce, core_public)),
    )


def encode(message: Struct) -> bytes:
    return msgspec.json.encode(message)


def decode_request(body: bytes, kind: type[_Request], core_public: bytes) -> _Request:
    """A request whose signatures agree. Raises ProtocolError, SignatureError when they do not."""
    request = _decoded(body, kind)
    sizes = {"nonce": NONCE_BYTES, "gateway": None}
    for name in request.__struct_fields__:
        value = getattr(request, name)
        wanted = sizes.get(name, SIGNATURE_BYTES if "signature" in name else PUBLIC_KEY_BYTES)
        if wanted is not None and len(value) != wanted:
            raise ProtocolError(f"{name} has {len(value)} bytes, not {wanted}")
    if not is_gateway_name(request.gateway):
        raise ProtocolError("gateway is no name of a gateway")
    request.check(core_public)
    return request


def signed(answer: _Answer, core: SigningKey) -> _Answer:
    return msgspec.structs.replace(answer, signature=core.sign(answer.message()))


def read_answer(body: bytes, kind: type[_Answer], core_public: bytes) -> _Answer:
    """An answer of the core that is pinned. Raises ProtocolError for rubbish, WrongCoreError."""
    answer = _decoded(body, kind)
    try:
        verify(core_public, answer.message(), answer.signature)
    except SignatureError as exc:
        raise WrongCoreError("the answer is not signed by the core that is pinned") from exc
    return answer


def check_answers(
    answer: EnrolmentAnswer | RotationAnswer | KeyReport, gateway: str, public_key: bytes
) -> None:
    """Raises WrongCoreError when a signed answer is about another gateway or key."""
    if (answer.gateway, answer.public_key) != (gateway, public_key):
        raise WrongCoreError(f"the core answered about {answer.gateway!r} and another key")


_Message = TypeVar("_Message", bound=Struct)


def _decoded(body: bytes, kind: type[_Message]) -> _Message:
    if len(body) > MAX_MESSAGE_BYTES:
        raise ProtocolError(f"{len(body)} bytes are over the cap of {MAX_MESSAGE_BYTES}")
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise ProtocolError(f"not a {kind.__name__}: {exc}") from exc


def _enrolment_message(
    gateway: str, public_key: bytes, token_public: bytes, core_public: bytes
) -> bytes:
    return _framed(_ENROL, gateway, public_key, token_public, core_public)


def _rotation_message(gateway: str, old: bytes, new: bytes, core_public: bytes) -> bytes:
    return _framed(_ROTATE, gateway, old, new, core_public)


def _framed(*parts: bytes | str | datetime) -> bytes:
    return each_part(*(_spelled(part) for part in parts))


def _spelled(part: bytes | str | datetime) -> bytes:
    if isinstance(part, bytes):
        return part
    return (part if isinstance(part, str) else part.isoformat()).encode()
