"""Ed25519 keys: who signed these bytes. A gateway signs its batches, the core its answers."""

from nacl.exceptions import BadSignatureError, CryptoError
from nacl.signing import SigningKey as _SecretKey
from nacl.signing import VerifyKey
from typing_extensions import override

from protocols.errors import ProtocolError

SEED_BYTES = 32
PUBLIC_KEY_BYTES = 32
SIGNATURE_BYTES = 64


class SignatureError(ProtocolError):
    """The bytes were not signed by the key that should have signed them."""


class SigningKey:
    """A private key. It has no readable form but `seed`, which goes into a file of mode 0600."""

    def __init__(self, seed: bytes) -> None:
        """`seed`: SEED_BYTES from a cryptographic random source. Raises ValueError."""
        if len(seed) != SEED_BYTES:
            raise ValueError(f"a key's seed has {SEED_BYTES} bytes, not {len(seed)}")
        self._key = _SecretKey(seed)

    @property
    def seed(self) -> bytes:
        return bytes(self._key)

    @property
    def public(self) -> bytes:
        return bytes(self._key.verify_key)

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message).signature

    @override
    def __repr__(self) -> str:
        return f"<SigningKey of {self.public.hex()}>"


def verify(public: bytes, message: bytes, signature: bytes) -> None:
    """Raises SignatureError unless the owner of `public` signed `message`."""
    try:
        VerifyKey(public).verify(message, signature)
    except (BadSignatureError, CryptoError, ValueError) as exc:
        raise SignatureError("the signature does not belong to this key and these bytes") from exc


def each_part(*parts: bytes) -> bytes:
    """What is signed: each part behind its length, so no two lists of parts share a spelling."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)
