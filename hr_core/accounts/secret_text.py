"""Secrets that we make ourselves: 32 random bytes as text, kept only as their SHA-256.

Plain SHA-256 is enough where nobody can guess: a password needs argon2, 256 random bits do not.
"""

import base64
import binascii
from hashlib import sha256

SECRET_BYTES = 32
_TEXT_CHARS = 43  # of base64url without padding

API_TOKEN = "clk_"  # noqa: S105 - what its text begins with, so that scanners of code can find one
SETUP_CODE = "setup_"
SESSION = "s_"


def spell(prefix: str, secret: bytes) -> str:
    return prefix + base64.urlsafe_b64encode(secret).rstrip(b"=").decode()


def digest_of(prefix: str, text: str) -> bytes | None:
    """None for what is no such secret; `text` comes from outside."""
    body = text.removeprefix(prefix)
    if len(body) != _TEXT_CHARS or body == text or not body.isascii():
        return None
    try:
        secret = base64.b64decode(body + "=", altchars=b"-_", validate=True)
    except binascii.Error:
        return None
    return digest(secret)


def digest(secret: bytes) -> bytes:
    return sha256(secret).digest()
