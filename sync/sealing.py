"""From a batch in flight to what travels: body, salted digests, signed head."""

import zstandard
from msgspec import Struct

from protocols.batch_chain import BatchHead, SignedHead, body_digest, sign_head, signed_type
from protocols.record_digest import batch_digests, merkle_root
from protocols.uplink import Batch, encode_batch
from sync.identity import GatewayIdentity
from sync.ports import PendingBatch

CONTENT_TYPE = "application/json"
CONTENT_ENCODING = "zstd"
_ZSTD_LEVEL = 3  # specs/perf/baseline.md 3: level 10 saves a fifth and costs several times the CPU


class SealedBatch(Struct, frozen=True, kw_only=True):
    """`body` is `batch` as it travels; the head signs it with its content type and coding."""

    signed: SignedHead
    batch: Batch
    body: bytes
    content_type: str
    content_encoding: str


class Sealer:
    """Seals batches of one gateway. The same batch is sealed the same way each time."""

    def __init__(self, identity: GatewayIdentity, *, site: str) -> None:
        self._identity = identity
        self._site = site

    def seal(self, pending: PendingBatch) -> SealedBatch:
        batch = Batch(
            gateway=self._identity.gateway,
            site=self._site,
            number=pending.number,
            salt=pending.salt.hex(),
            observations=pending.observations,
            watermarks=pending.watermarks,
        )
        body = zstandard.compress(encode_batch(batch), _ZSTD_LEVEL)
        head = BatchHead(
            gateway=batch.gateway,
            number=batch.number,
            previous=pending.previous,
            content_type=signed_type(CONTENT_TYPE, CONTENT_ENCODING),
            body_digest=body_digest(body),
            records=len(batch.observations),
            records_root=merkle_root(batch_digests(pending.salt, batch.observations)),
        )
        return SealedBatch(
            signed=sign_head(head, self._identity.key),
            batch=batch,
            body=body,
            content_type=CONTENT_TYPE,
            content_encoding=CONTENT_ENCODING,
        )
