"""Punches of one device, column by column: a page of the spool and the column form of a batch.

A backlog is long and its rows resemble each other: as columns it takes a tenth of the room of one
JSON object per punch, and packing it costs a tenth of the time. What a column cannot hold
(`PunchColumns` says what) travels as rows.
"""

from array import array
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

from protocols.records import Channel, Direction, Flag, Punch

# `array` takes no parameter at run time, where msgspec looks at the fields.
if TYPE_CHECKING:
    Numbers: TypeAlias = array[int]
else:
    Numbers: TypeAlias = array

# A page of the spool is unfolded within one transaction, and a batch holds no more either.
MAX_ROWS = 5_000


class PunchColumns(Struct, frozen=True, kw_only=True, gc=False):
    """At most MAX_ROWS punches in source order; every column is as long as `times`.

    times       array 'q': device time in whole milliseconds since 1970-01-01, as a naive wall clock
    users       the user ids that occur, each once; `user` (array 'H') points into it
    state, verify  raw numbers, 0 to 255, a byte each
    directions, methods  what the numbers that occur mean on this device
    work_code   array 'I'; None: no row has one
    ordinals, flags, cards  by row, only where a row has one that is not 0, () or None
    raw         the rows' bytes one after the other; `raw_ends` (array 'I') is where each ends
    """

    serial: str
    channel: Channel
    times: Numbers
    users: tuple[str, ...]
    user: Numbers
    state: bytes
    verify: bytes
    directions: Mapping[int, Direction]
    methods: Mapping[int, str]
    work_code: Numbers | None
    raw: bytes
    raw_ends: Numbers
    ordinals: Mapping[int, int] = {}
    flags: Mapping[int, tuple[Flag, ...]] = {}
    cards: Mapping[int, str] = {}

    def __len__(self) -> int:
        return len(self.times)

    def in_strict_order(self) -> bool:
        """Each row later than the one before: no two of them can be the same punch."""
        raise NotImplementedError

    def punches(self) -> list[Punch]:
        raise NotImplementedError

    def event_ids(self) -> list[bytes]:
        """`protocols.identity.event_id` of each row."""
        raise NotImplementedError

    def pack(self) -> bytes:
        """Compressed; `unpack` is its inverse."""
        raise NotImplementedError

    @classmethod
    def unpack(cls, packed: bytes) -> "PunchColumns":
        """Raises ProtocolError for bytes that are no columns, or columns that do not agree."""
        raise NotImplementedError


def columns_of(punches: Sequence[Punch]) -> PunchColumns | None:
    """None for punches that no columns hold: of several devices or channels, too many, a time finer
    than a millisecond, a number out of range, one number with two meanings.
    """
    raise NotImplementedError
