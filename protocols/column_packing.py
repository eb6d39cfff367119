"""How columns become few bytes: a head, then zstd over bytes in which like stands beside like."""

import sys
from array import array
from collections.abc import Iterator
from itertools import accumulate
from operator import lt, sub
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import zstandard

from protocols.errors import LimitExceededError, ProtocolError
from protocols.number_lanes import are_growing, are_natural, steps_of

# `array` takes no parameter at run time, where msgspec looks at the fields.
if TYPE_CHECKING:
    Numbers: TypeAlias = array[int]
else:
    Numbers: TypeAlias = array

TypeCode = Literal["q", "I"]

_HEAD: Final = b"CLPC\x01"  # Clockline punch columns, version 1
_LEVEL: Final = 1  # higher ones take longer and save little once like stands beside like


def deflated(content: bytes) -> bytes:
    return _HEAD + zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(content)


def inflated(packed: bytes, *, limit: int) -> bytes:
    """Raises ProtocolError for what `deflated` did not make, LimitExceededError over `limit`."""
    # Memory is taken for as much as the frame announces, so that is looked at first.
    size = announced_bytes(packed)
    if size > limit:
        raise LimitExceededError(f"packed columns of {size} bytes", limit=limit)
    try:
        decompressor = zstandard.ZstdDecompressor(max_window_size=limit)
        return decompressor.decompress(packed[len(_HEAD) :], allow_extra_data=False)
    except zstandard.ZstdError as exc:
        raise ProtocolError(f"packed columns are damaged: {exc}") from exc


def announced_bytes(packed: bytes) -> int:
    """How long it says it is inflated. Raises ProtocolError for what `deflated` did not make."""
    if not packed.startswith(_HEAD):
        raise ProtocolError(f"no columns of a known version: they begin {packed[:8].hex()}")
    try:
        size = zstandard.get_frame_parameters(packed[len(_HEAD) :]).content_size
    except zstandard.ZstdError as exc:
        raise ProtocolError(f"packed columns are damaged: {exc}") from exc
    if size == zstandard.CONTENTSIZE_UNKNOWN:
        raise ProtocolError("packed columns do not say how long they are")
    return int(size)


def number_bytes(numbers: Numbers) -> bytes:
    """Little-endian whatever the host."""
    if sys.byteorder == "big":
        numbers = array(numbers.typecode, numbers)
        numbers.byteswap()
    return numbers.tobytes()


def numbers_in(content: bytes, code: TypeCode) -> Numbers:
    """The inverse of `number_bytes`. Raises ProtocolError for a cut number."""
    numbers = array(code)
    if len(content) % numbers.itemsize:
        raise ProtocolError(f"a column of {len(content)} bytes holds no whole numbers")
    numbers.frombytes(content)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def in_strict_order(numbers: Numbers) -> bool:
    """Whether each of the numbers, of 8 bytes, is greater than the one before."""
    lanes = _lanes(numbers)
    if are_natural(lanes, len(numbers)):
        return are_growing(lanes, len(numbers))
    return all(map(lt, numbers, numbers[1:]))


def step_bytes(numbers: Numbers) -> bytes:
    """The first number, of 8 bytes, and each one's distance from the one before: small where they
    grow.
    """
    lanes = _lanes(numbers)
    if are_natural(lanes, len(numbers)):
        return planes(steps_of(lanes, len(numbers)), len(numbers))
    steps = array("q", [*numbers[:1], *map(sub, numbers[1:], numbers)])
    return planes(number_bytes(steps), len(steps))


def _lanes(numbers: Numbers) -> int:
    return int.from_bytes(number_bytes(numbers), "little")


def numbers_of_steps(content: bytes, rows: int) -> Iterator[int]:
    """The inverse of `step_bytes`; the sums may be of any size."""
    return accumulate(numbers_in(rows_of_planes(content, rows), "q"))


def planes(content: bytes, rows: int) -> bytes:
    """The first bytes of `rows` rows of equal length, then all second ones, and so on."""
    width = len(content) // max(rows, 1)
    return b"".join([content[place::width] for place in range(width)])


def rows_of_planes(content: bytes, rows: int) -> bytes:
    """The inverse of `planes`. Raises ProtocolError for content that is no such rows."""
    width, rest = divmod(len(content), max(rows, 1))
    if rest or (content and not rows):
        raise ProtocolError(f"{len(content)} bytes are not {rows} rows of equal length")
    restored = bytearray(len(content))
    for place in range(width):
        restored[place::width] = content[place * rows : (place + 1) * rows]
    return bytes(restored)
