"""What the core signs, so that a gateway obeys its own core and no other.

An answer settles records and may send a gateway back in its chain: one of another machine must do
neither. The signature binds the answer to the request that it answers, so an old one is of no use.
"""

from hashlib import sha256

import msgspec
from msgspec import Struct

from protocols.batch_chain import DIGEST_BYTES, LAST_NUMBER, ChainHead, SignedHead
from protocols.errors import ProtocolError
from protocols.signed_request import SignedRequest
from protocols.signing import SigningKey, each_part, verify
from protocols.uplink import hex_bytes

SIGNATURE_HEADER = "clockline-core-signature"
HEAD_SCHEMA = "clockline.head/1"

_BATCH_DOMAIN = b"clockline batch answer 1"
_REQUEST_DOMAIN = b"clockline request answer 1"


def sign_batch_answer(key: SigningKey, signed: SignedHead, body: bytes) -> str:
    """The header's value, for the answer `body` to the batch of `signed`; errors included."""
    return key.sign(_of_batch(signed, body)).hex()


def check_batch_answer(public: bytes, signed: SignedHead, body: bytes, signature: str) -> None:
    """Raises ProtocolError unless the owner of `public` gave this answer to this batch."""
    verify(public, _of_batch(signed, body), _bytes(signature))


def sign_request_answer(key: SigningKey, request: SignedRequest, body: bytes) -> str:
    return key.sign(_of_request(request, body)).hex()


def check_request_answer(
    public: bytes, request: SignedRequest, body: bytes, signature: str
) -> None:
    """Raises ProtocolError unless the owner of `public` gave this answer to this request."""
    verify(public, _of_request(request, body), _bytes(signature))


class NamedHead(Struct, frozen=True, kw_only=True):
    """The last batch of the gateway's chain: the core's in an answer, the gateway's own in the
    question `POST /api/v1/chain`. `takes`: the content types of batches that the one who speaks
    reads beside JSON.
    """

    schema: str = HEAD_SCHEMA
    gateway: str
    number: int
    batch_hash: str
    takes: tuple[str, ...] = ()

    @classmethod
    def of(cls, gateway: str, head: ChainHead, takes: tuple[str, ...] = ()) -> "NamedHead":
        return cls(
            gateway=gateway, number=head.number, batch_hash=head.batch_hash.hex(), takes=takes
        )

    def chain_head(self) -> ChainHead:
        """Raises ProtocolError."""
        if not 0 <= self.number <= LAST_NUMBER:
            raise ProtocolError(f"no batch has number {self.number}")
        batch_hash = hex_bytes(self.batch_hash, DIGEST_BYTES, "the batch hash")
        return ChainHead(number=self.number, batch_hash=batch_hash)


class _Refusal(Struct, frozen=True):
    head: NamedHead


_head_decoder = msgspec.json.Decoder(NamedHead)
_refusal_decoder = msgspec.json.Decoder(_Refusal)
_UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def encode_head(gateway: str, head: ChainHead, takes: tuple[str, ...] = ()) -> bytes:
    return msgspec.json.encode(NamedHead.of(gateway, head, takes))


def decode_head(body: bytes) -> ChainHead:
    """Of a question or an answer of `POST /api/v1/chain`. Raises ProtocolError."""
    return decode_named_head(body).chain_head()


def decode_named_head(body: bytes) -> NamedHead:
    """As `decode_head`, with what else is said."""
    try:
        return _head_decoder.decode(body)
    except _UNDECODABLE as exc:
        raise ProtocolError(f"not a {HEAD_SCHEMA} body: {exc}") from exc


def decode_refused_head(body: bytes) -> ChainHead:
    """Of a refusal `chain_gap` or `chain_fork`. Raises ProtocolError."""
    try:
        return _refusal_decoder.decode(body).head.chain_head()
    except _UNDECODABLE as exc:
        raise ProtocolError(f"the refusal names no head: {exc}") from exc


def _of_batch(signed: SignedHead, body: bytes) -> bytes:
    head = signed.head
    return each_part(
        _BATCH_DOMAIN,
        head.gateway.encode(),
        str(head.number).encode(),
        signed.batch_hash(),
        sha256(body).digest(),
    )


def _of_request(request: SignedRequest, body: bytes) -> bytes:
    return each_part(
        _REQUEST_DOMAIN,
        request.gateway.encode(),
        request.target.encode(),
        request.nonce,
        request.body_digest,
        sha256(body).digest(),
    )


def _bytes(signature: str) -> bytes:
    try:
        return bytes.fromhex(signature)
    except ValueError as exc:
        raise ProtocolError(f"{SIGNATURE_HEADER} is not hex") from exc
