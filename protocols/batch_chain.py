"""The signed head of a batch, and the chain that the heads form.

Every batch of a gateway names the one before by its hash, so a core that holds the last head knows
that none is missing, none was changed and none slipped in; and two machines that sign with one key
(a cloned SD card) cannot both go on. The head travels beside the body (HTTP headers, MQTT user
properties), so that it is checked before a byte of the body is inflated or parsed.
"""

from collections.abc import Mapping
from hashlib import sha256

from msgspec import Struct

from protocols.errors import ProtocolError
from protocols.signing import SIGNATURE_BYTES, SigningKey, each_part, verify

DIGEST_BYTES = 32
FIRST_PREVIOUS = bytes(DIGEST_BYTES)  # what batch 1 names as the one before
LAST_NUMBER = 2**63 - 1  # what a database integer holds
MAX_GATEWAY_BYTES = 64
MAX_CONTENT_TYPE_BYTES = 100

_DOMAIN = b"clockline batch head 1"
_GATEWAY, _NUMBER, _PREVIOUS = "clockline-gateway", "clockline-batch", "clockline-previous"
_RECORDS, _ROOT, _SIGNATURE = "clockline-records", "clockline-root", "clockline-signature"


class HeadError(ProtocolError):
    """The head is missing, or is not spelled as one."""


class ChainHead(Struct, frozen=True, kw_only=True):
    """The last batch of a chain; number 0 and FIRST_PREVIOUS before the first."""

    number: int
    batch_hash: bytes


NO_BATCH = ChainHead(number=0, batch_hash=FIRST_PREVIOUS)


class BatchHead(Struct, frozen=True, kw_only=True):
    """What a gateway signs.

    gateway       its id
    number        1 for its first batch, then one more each time
    previous      `batch_hash` of the batch before, FIRST_PREVIOUS for the first
    content_type  of the body, content coding included: `application/json; coding=zstd`
    body_digest   SHA-256 of the body as it travels
    records       how many; `records_root` is the Merkle root over their salted digests
    """

    gateway: str
    number: int
    previous: bytes
    content_type: str
    body_digest: bytes
    records: int
    records_root: bytes

    def message(self) -> bytes:
        """What is signed: each part behind its length, so no two heads share a spelling."""
        return each_part(
            _DOMAIN,
            self.gateway.encode(),
            str(self.number).encode(),
            self.previous,
            self.content_type.encode(),
            self.body_digest,
            str(self.records).encode(),
            self.records_root,
        )


class SignedHead(Struct, frozen=True, kw_only=True):
    head: BatchHead
    signature: bytes

    def batch_hash(self) -> bytes:
        """What the next batch names as the one before."""
        return sha256(self.head.message()).digest()

    def check(self, public: bytes) -> None:
        """Raises SignatureError unless the owner of `public` signed this head."""
        verify(public, self.head.message(), self.signature)

    def as_headers(self) -> dict[str, str]:
        """Without the content type, which has a header of its own."""
        return {
            _GATEWAY: self.head.gateway,
            _NUMBER: str(self.head.number),
            _PREVIOUS: self.head.previous.hex(),
            _RECORDS: str(self.head.records),
            _ROOT: self.head.records_root.hex(),
            _SIGNATURE: self.signature.hex(),
        }


def sign_head(head: BatchHead, key: SigningKey) -> SignedHead:
    return SignedHead(head=head, signature=key.sign(head.message()))


def signed_type(content_type: str, coding: str) -> str:
    """The content type as the head names it. `coding` is the Content-Encoding, "" for none."""
    return f"{content_type}; coding={coding or 'identity'}"


def body_digest(body: bytes) -> bytes:
    return sha256(body).digest()


def read_head(headers: Mapping[str, str], *, content_type: str, body: bytes) -> SignedHead:
    """From what came beside `body`; keys in lower case. Raises HeadError.

    Nothing is proven yet: `check` it against the key of the gateway that it names.
    """
    gateway = headers.get(_GATEWAY, "")
    if not 0 < len(gateway.encode()) <= MAX_GATEWAY_BYTES:
        raise HeadError(f"{_GATEWAY} names no gateway")
    if len(content_type.encode()) > MAX_CONTENT_TYPE_BYTES:
        raise HeadError("the content type is too long")
    return SignedHead(
        head=BatchHead(
            gateway=gateway,
            number=_number(headers, _NUMBER, smallest=1),
            previous=_bytes(headers, _PREVIOUS, DIGEST_BYTES),
            content_type=content_type,
            body_digest=body_digest(body),
            records=_number(headers, _RECORDS, smallest=0),
            records_root=_bytes(headers, _ROOT, DIGEST_BYTES),
        ),
        signature=_bytes(headers, _SIGNATURE, SIGNATURE_BYTES),
    )


def _number(headers: Mapping[str, str], name: str, *, smallest: int) -> int:
    text = headers.get(name, "")
    # A bound on the text first: Python would spend seconds on a number of a million digits.
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(LAST_NUMBER))):
        raise HeadError(f"{name} is no number")
    number = int(text)
    if not smallest <= number <= LAST_NUMBER:
        raise HeadError(f"{name} is {number}, not {smallest} to {LAST_NUMBER}")
    return number


def _bytes(headers: Mapping[str, str], name: str, length: int) -> bytes:
    text = headers.get(name, "")
    try:
        value = bytes.fromhex(text) if len(text) == 2 * length else b""
    except ValueError:
        value = b""
    if len(value) != length:
        raise HeadError(f"{name} is not {2 * length} hex digits")
    return value
