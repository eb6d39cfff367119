"""The bytes of a log in memory, compressed: rows of one terminal resemble each other.

A log of 1,000,000 rows is 40 MB, which a small gateway does not have to spare, and its disk neither:
a temporary file would be written at each poll. Packed, it takes about 7 MB, and 0.1 s of time.
"""

from bisect import bisect_right
from hashlib import blake2b

import zstandard

_LEVEL = 1  # higher ones take longer and save nothing: the distance between rows decides
_DIGEST_BYTES = 16
_KEPT_BLOCKS = 32  # 2 MiB: each layout samples a long log in the same places


class PackedLog:
    """Appended to by `write`, read in slices, best in order: a few blocks are kept unpacked.

    start   the bytes before it are known from an earlier read and not here
    """

    def __init__(self, *, start: int = 0) -> None:
        self.start = start
        self._compressor = zstandard.ZstdCompressor(level=_LEVEL)
        self._decompressor = zstandard.ZstdDecompressor()
        self._blocks: list[bytes] = []
        self._starts: list[int] = []
        self._size = start
        self._unpacked: dict[int, bytes] = {}  # the longest kept first
        self._digests: dict[int, str] = {}

    def write(self, data: bytes) -> None:
        packed = self._compressor.compress(data)
        # Copied, because zstandard returns it in memory of the size of `data`.
        self._blocks.append(bytes(memoryview(packed)))
        self._starts.append(self._size)
        self._size += len(data)
        self._digests.clear()

    def __len__(self) -> int:
        """With the bytes that are not here."""
        return self._size

    def __getitem__(self, part: slice) -> bytes:
        """As of `bytes`; steps are not offered."""
        start, end, _ = part.indices(self._size)
        parts = []
        number = bisect_right(self._starts, start) - 1
        while start < end:
            content = self._block(number)
            inside = start - self._starts[number]
            parts.append(content[inside : inside + end - start])
            start += len(parts[-1])
            number += 1
        return b"".join(parts)

    def digest(self, end: int) -> str:
        """Of the first `end` bytes. Not for a log that is not here from its beginning."""
        if end not in self._digests:
            self._digests[end] = self._digest(end)
        return self._digests[end]

    def _digest(self, end: int) -> str:
        digest = blake2b(digest_size=_DIGEST_BYTES)
        for number, start in enumerate(self._starts):
            if start >= end:
                break
            digest.update(memoryview(self._block(number))[: end - start])
        return digest.hexdigest()

    def _block(self, number: int) -> bytes:
        content = self._unpacked.get(number)
        if content is None:
            if len(self._unpacked) == _KEPT_BLOCKS:
                del self._unpacked[next(iter(self._unpacked))]
            content = self._unpacked[number] = self._decompressor.decompress(self._blocks[number])
        return content
