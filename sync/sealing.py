"""From a batch in flight to what travels: body, salted digests, signed head."""

import zstandard
from msgspec import Struct

from protocols.batch_chain import BatchHead, SignedHead, body_digest, sign_head, signed_type
from protocols.column_batch import COLUMNS_TYPE, ColumnBatch, encode_columns, sections_of
from protocols.record_digest import batch_digests, merkle_root
from protocols.uplink import Batch, encode_batch
from sync.identity import GatewayIdentity
from sync.ports import PendingBatch

CONTENT_TYPE = "application/json"
CONTENT_ENCODING = "zstd"
_FEWEST_IN_COLUMNS = (
    100  # of a batch: below that it is small in either form, and JSON has one answer
)
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

    def seal(self, pending: PendingBatch, *, columns: bool = False) -> SealedBatch:
        """`columns`: the core reads the column form; it is taken for a batch that gains by it."""
        batch = Batch(
            gateway=self._identity.gateway,
            site=self._site,
            number=pending.number,
            salt=pending.salt.hex(),
            observations=pending.observations,
            watermarks=pending.watermarks,
        )
        form = (columns and _in_columns(batch)) or _in_json(batch)
        head = BatchHead(
            gateway=batch.gateway,
            number=batch.number,
            previous=pending.previous,
            content_type=signed_type(form.content_type, form.content_encoding),
            body_digest=body_digest(form.body),
            records=len(batch.observations),
            records_root=merkle_root(batch_digests(pending.salt, batch.observations)),
        )
        return SealedBatch(
            signed=sign_head(head, self._identity.key),
            batch=batch,
            body=form.body,
            content_type=form.content_type,
            content_encoding=form.content_encoding,
        )


class _Form(Struct, frozen=True):
    body: bytes
    content_type: str
    content_encoding: str


def _in_json(batch: Batch) -> _Form:
    body = zstandard.compress(encode_batch(batch), _ZSTD_LEVEL)
    return _Form(body, CONTENT_TYPE, CONTENT_ENCODING)


def _in_columns(batch: Batch) -> _Form | None:
    """None when most of the batch is nothing for columns: live punches, counts, events."""
    sections = sections_of(batch.observations)
    held = ColumnBatch(
        gateway=batch.gateway,
        site=batch.site,
        number=batch.number,
        salt=batch.salt_bytes(),
        sections=sections,
        watermarks=batch.watermarks,
    )
    if held.in_columns() < max(_FEWEST_IN_COLUMNS, len(batch.observations) // 2):
        return None
    return _Form(encode_columns(held), COLUMNS_TYPE, "identity")
