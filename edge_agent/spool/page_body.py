"""The rows of a page as bytes, and back.

The first byte says how: `J` JSON, `Z` JSON behind zstd, `C` columns of punches. Four bytes of CRC-32
over all that follows come next: SQLite has no checksums, so a flipped byte is told here or nowhere.
"""

import zlib
from collections.abc import Sequence

import msgspec
import zstandard
from msgspec import Struct

from edge_agent.spool.errors import SpoolCorruptError
from protocols.errors import ProtocolError
from protocols.identity import event_id
from protocols.punch_columns import MAX_ROWS, PunchColumns, columns_of
from protocols.records import Punch, Record

MAX_PAGE_ROWS = MAX_ROWS

# Pages are read whole, and a batch of JSON must not grow past its own cap by one page's size.
MAX_PAGE_JSON_BYTES = 1024 * 1024

_FEWEST_IN_COLUMNS = 8  # below that their head costs more than they save
_SHORTEST_SQUEEZED = 600  # below that zstd saves little
_JSON, _SQUEEZED, _COLUMNS = b"J", b"Z", b"C"
_HEAD_BYTES = 5
_ROW_BYTES = 180  # of a punch in JSON, without its raw bytes

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[list[Record]] = msgspec.json.Decoder(list[Record])


class PageBody(Struct, frozen=True):
    """`json_bytes`: about what the rows take in a batch of JSON."""

    content: bytes
    json_bytes: int


def body_of_records(records: Sequence[Record]) -> PageBody:
    if len(records) >= _FEWEST_IN_COLUMNS:
        punches = [record for record in records if isinstance(record, Punch)]
        columns = columns_of(punches) if len(punches) == len(records) else None
        if columns is not None:
            return body_of_columns(columns)
    content = _encoder.encode(records)
    if len(content) < _SHORTEST_SQUEEZED:
        return PageBody(_sealed(_JSON, content), len(content))
    return PageBody(_sealed(_SQUEEZED, zstandard.compress(content)), len(content))


def body_of_columns(columns: PunchColumns) -> PageBody:
    json_bytes = len(columns) * _ROW_BYTES + len(columns.raw) * 4 // 3
    return PageBody(_sealed(_COLUMNS, columns.pack()), json_bytes)


def is_intact(body: bytes) -> bool:
    """Whether it is what was written, without unfolding it."""
    return len(body) > _HEAD_BYTES and _checksum(body[_HEAD_BYTES:]) == body[1:_HEAD_BYTES]


def _sealed(form: bytes, content: bytes) -> bytes:
    return form + _checksum(content) + content


def _checksum(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(4, "big")


def rows_of_body(body: bytes, *, where: str) -> list[tuple[bytes, Record]]:
    """(event id, record) of each row. Raises SpoolCorruptError; `where` names file and page."""
    try:
        if not is_intact(body):
            raise ProtocolError("its checksum does not fit")  # noqa: TRY301 - as any other fault
        if body[:1] == _COLUMNS:
            columns = PunchColumns.unpack(body[_HEAD_BYTES:])
            return list(zip(columns.event_ids(), columns.punches(), strict=True))
        return [(event_id(record), record) for record in _decoder.decode(_json_of(body))]
    except (ProtocolError, msgspec.MsgspecError, zstandard.ZstdError, UnicodeDecodeError) as exc:
        raise SpoolCorruptError(
            f"a page does not read as what was written ({exc})",
            where=where,
            remedy="Check the disk; `edge-agent spool verify` names every damaged page",
            code="spool_corrupt",
        ) from exc


def ids_of_body(body: bytes, *, where: str) -> frozenset[bytes]:
    """The event ids of its rows."""
    return frozenset(identity for identity, _ in rows_of_body(body, where=where))


def _json_of(body: bytes) -> bytes:
    if body[:1] == _JSON:
        return body[_HEAD_BYTES:]
    if body[:1] == _SQUEEZED:
        # One record may be longer than a page's cap; what we wrote says its own size.
        return zstandard.decompress(body[_HEAD_BYTES:])
    raise ProtocolError(f"form {body[:1]!r} of a page is unknown")
