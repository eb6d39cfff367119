"""Salted digests of records, and the Merkle root over those of a batch.

The root stands in the signed head of a batch, so the chain proves every record of it. A record that
the law wants erased goes with its salt; its digest stays, the root and the chain still hold, and
without the salt nobody can find the record by guessing.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b

import msgspec
from msgspec.structs import replace

from protocols.records import in_plain_spelling
from protocols.uplink import BATCH_SALT_BYTES, Observation

__all__ = [
    "BATCH_SALT_BYTES",
    "DIGEST_BYTES",
    "SALT_BYTES",
    "batch_digests",
    "merkle_root",
    "record_bytes",
    "record_digest",
    "record_salt",
    "record_salts",
    "spelled_records",
]

SALT_BYTES = 16
DIGEST_BYTES = 32
_INDEX_BYTES = 4

# Each use of the hash says which it is: no leaf can pass for a node, no salt for a digest.
_SALT, _LEAF, _NODE, _EMPTY = b"clk salt", b"clk leaf", b"clk node", b"clk none"

_encoder = msgspec.json.Encoder()


def record_bytes(observation: Observation) -> bytes:
    """The spelling that is digested: JSON of the fields that differ from their default, in the
    order of their definition. A field added to a record later goes to the end and has a default, so
    that what was signed before still digests to the same; a test holds golden spellings.
    """
    record = in_plain_spelling(observation.record)
    if record is not observation.record:
        observation = replace(observation, record=record)
    return _encoder.encode(observation)


def spelled_records(observations: Iterable[Observation]) -> list[bytes]:
    """`record_bytes` of each."""
    lines = _encoder.encode_lines(
        [
            one
            if (record := in_plain_spelling(one.record)) is one.record
            else replace(one, record=record)
            for one in observations
        ]
    )
    return lines.split(b"\n")[:-1]  # JSON escapes those of its texts


def record_salt(batch_salt: bytes, index: int) -> bytes:
    """Of record number `index` of the batch: 32 random bytes on the wire salt 5,000 records."""
    place = index.to_bytes(_INDEX_BYTES, "big")
    return blake2b(place, key=batch_salt, digest_size=SALT_BYTES, person=_SALT).digest()


def record_salts(batch_salt: bytes, records: int) -> list[bytes]:
    """`record_salt` of each."""
    keyed = blake2b(key=batch_salt, digest_size=SALT_BYTES, person=_SALT)
    salts = []
    for index in range(records):
        salt = keyed.copy()  # half the price of a new one
        salt.update(index.to_bytes(_INDEX_BYTES, "big"))
        salts.append(salt.digest())
    return salts


def record_digest(salt: bytes, spelled: bytes) -> bytes:
    """`spelled` is from `record_bytes`."""
    return blake2b(spelled, key=salt, digest_size=DIGEST_BYTES, person=_LEAF).digest()


def batch_digests(batch_salt: bytes, observations: Sequence[Observation]) -> list[bytes]:
    """One for each record, in the order of the batch."""
    salts = record_salts(batch_salt, len(observations))
    return list(map(record_digest, salts, spelled_records(observations)))


def merkle_root(digests: Sequence[bytes]) -> bytes:
    """A digest without a neighbour moves up as it is; no records have a root of their own."""
    if not digests:
        return blake2b(digest_size=DIGEST_BYTES, person=_EMPTY).digest()
    level = list(digests)
    while len(level) > 1:
        joined = list(map(_node, level[::2], level[1::2]))
        level = joined if len(level) % 2 == 0 else [*joined, level[-1]]
    return level[0]


_node_of_nothing = blake2b(digest_size=DIGEST_BYTES, person=_NODE)


def _node(left: bytes, right: bytes) -> bytes:
    node = _node_of_nothing.copy()
    node.update(left + right)
    return node.digest()
