"""Access tokens of gateways: shown once when issued, stored as a SHA-256 digest.

A digest without salt is enough: nobody guesses 128 random bits.
"""

from base64 import urlsafe_b64encode
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest

import sqlalchemy as sa
from msgspec import Struct

from hr_core.store.database import writing
from hr_core.store.events import gateways

LEAST_ENTROPY_BYTES = 16
_PREFIX = "clg_"  # so that secret scanners and people recognise a leaked one


class Gateway(Struct, frozen=True, kw_only=True):
    """Whom a token stands for."""

    name: str
    site: str


def issue_token(
    engine: sa.Engine, gateway: str, site: str, *, now: datetime, entropy: bytes
) -> str:
    """A new token for `gateway`; one that it had before stops working.

    `entropy` comes from a cryptographic source (secrets.token_bytes(32)). Raises ValueError when
    it is shorter than 128 bits, StorageError.
    """
    if len(entropy) < LEAST_ENTROPY_BYTES:
        raise ValueError(f"a token needs {LEAST_ENTROPY_BYTES} random bytes, not {len(entropy)}")
    token = _PREFIX + urlsafe_b64encode(entropy).rstrip(b"=").decode()
    row = {"site": site, "token_sha256": _digest(token), "created_at": now}
    with writing(engine) as conn:
        updated = conn.execute(gateways.update().where(gateways.c.name == gateway).values(**row))
        if updated.rowcount == 0:
            conn.execute(gateways.insert().values(name=gateway, **row))
    return token


def check_token(engine: sa.Engine, token: str) -> Gateway | None:
    """The gateway that owns `token`, None when nobody does."""
    digest = _digest(token)
    with engine.connect() as conn:
        row = conn.execute(
            sa.select(gateways).where(gateways.c.token_sha256 == digest)
        ).one_or_none()
    # The index search compares digests, whose bytes a guesser cannot steer; the decision itself
    # takes the same time whatever the bytes.
    if row is None or not compare_digest(row.token_sha256, digest):
        return None
    return Gateway(name=row.name, site=row.site)


def _digest(token: str) -> bytes:
    return sha256(token.encode(errors="surrogatepass")).digest()
