"""A private key as the one line of text that a key file or a systemd credential holds."""

from protocols.errors import ProtocolError
from protocols.signing import SEED_BYTES, SigningKey

MAX_KEY_TEXT_BYTES = 1_024  # whoever reads a key file reads no more


def spell_key(key: SigningKey) -> str:
    return f"{key.seed.hex()}\n"


def read_key(text: bytes) -> SigningKey:
    """Raises ProtocolError, whose message never shows what was read."""
    try:
        seed = bytes.fromhex(text.decode("ascii").strip())
    except ValueError:
        seed = b""
    if len(seed) != SEED_BYTES:
        raise ProtocolError(f"a key is one line of {2 * SEED_BYTES} hex digits")
    return SigningKey(seed)


def fingerprint(public: bytes) -> str:
    """How people compare public keys: the first 16 of its 64 hex digits, in fours."""
    digits = public.hex()[:16]
    return ":".join(digits[start : start + 4] for start in range(0, len(digits), 4))
