"""A request that a gateway signs and that is no batch: a question to its core.

The nonce makes every question another, and the core's answer names it, so that nobody can give an
old answer to a new question. A question that is asked again by somebody else changes nothing.
"""

from collections.abc import Mapping
from hashlib import sha256

from msgspec import Struct

from protocols.batch_chain import MAX_GATEWAY_BYTES, HeadError
from protocols.errors import ProtocolError
from protocols.signing import SIGNATURE_BYTES, SigningKey, each_part, verify
from protocols.uplink import hex_bytes

NONCE_BYTES = 16
GATEWAY_HEADER = "clockline-gateway"
NONCE_HEADER = "clockline-nonce"
SIGNATURE_HEADER = "clockline-signature"

CHAIN_TARGET = "POST /api/v1/chain"
DEVICES_TARGET = "GET /api/v1/devices"


def answer_target(number: int) -> str:
    """The verdicts on a batch that was answered as stored."""
    return f"GET /api/v1/batches/{number}/answer"


_DOMAIN = b"clockline request 1"


class SignedRequest(Struct, frozen=True, kw_only=True):
    """`target`: method and path, `POST /api/v1/chain`."""

    gateway: str
    target: str
    nonce: bytes
    body_digest: bytes
    signature: bytes

    def check(self, public: bytes) -> None:
        """Raises SignatureError unless the owner of `public` signed this request."""
        verify(public, _message(self), self.signature)

    def as_headers(self) -> dict[str, str]:
        return {
            GATEWAY_HEADER: self.gateway,
            NONCE_HEADER: self.nonce.hex(),
            SIGNATURE_HEADER: self.signature.hex(),
        }


def sign_request(
    key: SigningKey, gateway: str, target: str, *, nonce: bytes, body: bytes = b""
) -> SignedRequest:
    """`nonce`: NONCE_BYTES from a cryptographic random source, never used before."""
    unsigned = SignedRequest(
        gateway=gateway,
        target=target,
        nonce=nonce,
        body_digest=sha256(body).digest(),
        signature=b"",
    )
    return SignedRequest(
        gateway=gateway,
        target=target,
        nonce=nonce,
        body_digest=unsigned.body_digest,
        signature=key.sign(_message(unsigned)),
    )


def read_request(headers: Mapping[str, str], *, target: str, body: bytes = b"") -> SignedRequest:
    """Keys in lower case. Raises HeadError. Nothing is proven yet: `check` it."""
    gateway = headers.get(GATEWAY_HEADER, "")
    if not 0 < len(gateway.encode()) <= MAX_GATEWAY_BYTES:
        raise HeadError(f"{GATEWAY_HEADER} names no gateway")
    try:
        nonce = hex_bytes(headers.get(NONCE_HEADER, ""), NONCE_BYTES, NONCE_HEADER)
        signature = hex_bytes(headers.get(SIGNATURE_HEADER, ""), SIGNATURE_BYTES, SIGNATURE_HEADER)
    except ProtocolError as exc:
        raise HeadError(str(exc)) from exc
    return SignedRequest(
        gateway=gateway,
        target=target,
        nonce=nonce,
        body_digest=sha256(body).digest(),
        signature=signature,
    )


def _message(request: SignedRequest) -> bytes:
    return each_part(
        _DOMAIN,
        request.gateway.encode(),
        request.target.encode(),
        request.nonce,
        request.body_digest,
    )
