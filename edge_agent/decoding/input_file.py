"""Reading what a person hands us: plain or gzip, never more than we can hold."""

import zlib
from pathlib import Path

from edge_agent.decoding.unreadable import UnreadableError

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 16 + zlib.MAX_WBITS

# A log of 1,000,000 rows is 43 MB of text; a file that inflates beyond this is a bomb, or damaged.
MAX_INPUT_BYTES = 1024 * 1024 * 1024


def read_input(path: Path, *, limit: int = MAX_INPUT_BYTES) -> bytes:
    """The bytes of a file, inflated when it is gzip. Raises UnreadableError."""
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as exc:
        raise UnreadableError(
            exc.strerror or str(exc), remedy="Check the path and that you may read it"
        ) from exc
    if content.startswith(_GZIP_MAGIC):
        content = _inflate(content, limit)
    if len(content) > limit:
        raise UnreadableError(f"holds more than {limit:,} bytes", remedy="Split the file")
    return content


def _inflate(content: bytes, limit: int) -> bytes:
    """Every member of the gzip file: `cat a.gz b.gz` is one too."""
    inflated = bytearray()
    while content and len(inflated) <= limit:
        inflater = zlib.decompressobj(wbits=_GZIP_WINDOW)
        try:
            inflated += inflater.decompress(content, limit + 1 - len(inflated))
        except zlib.error as exc:
            raise UnreadableError(f"damaged gzip ({exc})", remedy="Copy the file again") from exc
        if len(inflated) <= limit and not inflater.eof:
            raise UnreadableError("the gzip stream is cut", remedy="Copy the file again")
        content = inflater.unused_data.lstrip(b"\0")  # tapes and some tools pad with zeros
    return bytes(inflated)
