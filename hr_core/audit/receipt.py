"""What the core itself signs of a stored batch: all that the gateway's signature does not cover."""

from msgspec.structs import replace

from hr_core.store.chains import StoredBatch
from hr_core.store.database import to_microseconds
from protocols.signing import SigningKey, each_part, verify

_DOMAIN = b"clockline batch receipt 1"


def with_receipt(batch: StoredBatch, key: SigningKey) -> StoredBatch:
    ours = replace(batch, core_key=key.public)
    return replace(ours, receipt=key.sign(_message(ours)))


def check_receipt(batch: StoredBatch) -> None:
    """Raises SignatureError."""
    verify(batch.core_key, _message(batch), batch.receipt)


def _message(batch: StoredBatch) -> bytes:
    return each_part(
        _DOMAIN,
        batch.batch_hash,
        batch.key,
        batch.site.encode(),
        str(to_microseconds(batch.received_at)).encode(),
        batch.watermarks,
        batch.outcomes,
        batch.core_key,
    )
