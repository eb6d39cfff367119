"""Punches of one device, column by column: a page of the spool and the column form of a batch.

A backlog is long and its rows resemble each other: as columns it takes a tenth of the room of one
JSON object per punch, and packing it costs a tenth of the time. What a column cannot hold
(`PunchColumns` says what) travels as rows.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice, pairwise
from operator import add, le
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from protocols.column_packing import (
    Numbers,
    deflated,
    in_strict_order,
    inflated,
    number_bytes,
    numbers_in,
    numbers_of_steps,
    planes,
    rows_of_planes,
    step_bytes,
)
from protocols.errors import ProtocolError
from protocols.identity import event_id_at, event_ids_at, event_ticks, punch_key, spelled_key
from protocols.records import Channel, Direction, Flag, Punch

# A page of the spool is unfolded within one transaction, and a batch holds no more either.
MAX_ROWS: Final = 5_000
# The longest row of a known device is an event of 2 kB; a page of such rows is sent as rows.
MAX_RAW_BYTES: Final = 4 * 1024 * 1024
# Longer than any terminal's user id, card or serial.
MAX_TEXT_BYTES: Final = 64
# MAX_ROWS rows of the longest user id, card and every flag, and MAX_RAW_BYTES: 6.0 MiB.
MAX_INFLATED_BYTES: Final = 8 * 1024 * 1024

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - device clocks are naive
_MILLISECOND: Final = timedelta(milliseconds=1)
_CALENDAR: Final = range(
    (datetime(1, 1, 1) - _EPOCH) // _MILLISECOND,  # noqa: DTZ001 - as _EPOCH
    (datetime(9999, 12, 31) - _EPOCH + timedelta(days=1)) // _MILLISECOND,  # noqa: DTZ001 - as _EPOCH
)
_MAX_BYTE: Final = 0xFF
_MAX_WORK_CODE: Final = 0xFFFF_FFFF
_MAX_ORDINAL: Final = 0x7FFF_FFFF


class PunchColumns(Struct, frozen=True, kw_only=True, gc=False):
    """At most MAX_ROWS punches in source order; every column is as long as `times`.

    times       array 'q': device time in whole milliseconds since 1970-01-01, as a naive wall clock
    user_ids    UTF-8, filled up with NUL to one width; the first byte of each row, then the second
                byte of each, and so on: so they come out of a table, and so they pack best
    state, verify  raw numbers, 0 to 255, a byte each
    directions, methods  what the numbers that occur mean on this device
    work_code   array 'I'; None: no row has one
    ordinals, flags, cards  by row, only where a row has one that is not 0, () or None
    raw         the rows' bytes one after the other; `raw_ends` (array 'I') is where each ends,
                None: they are equally long
    """

    serial: str
    channel: Channel
    times: Numbers
    user_ids: bytes
    state: bytes
    verify: bytes
    directions: Mapping[int, Direction]
    methods: Mapping[int, str]
    work_code: Numbers | None
    raw: bytes
    raw_ends: Numbers | None = None
    ordinals: Mapping[int, int] = {}
    flags: Mapping[int, tuple[Flag, ...]] = {}
    cards: Mapping[int, str] = {}

    def __len__(self) -> int:
        return len(self.times)

    def in_strict_order(self) -> bool:
        """Each row later than the one before: no two of them can be the same punch."""
        return in_strict_order(self.times)

    def punches(self) -> list[Punch]:
        work_codes = self.work_code or [None] * len(self)
        ordinals, flags, cards = self.ordinals, self.flags, self.cards
        return [
            Punch(
                serial=self.serial,
                user_id=user_id,
                device_time=_EPOCH + time * _MILLISECOND,
                state=state,
                verify=verify,
                direction=self.directions[state],
                method=self.methods[verify],
                work_code=work_code,
                card=cards.get(row),
                channel=self.channel,
                ordinal=ordinals.get(row, 0),
                flags=flags.get(row, ()),
                raw=raw,
            )
            for row, (user_id, time, state, verify, work_code, raw) in enumerate(
                zip(
                    self.user_texts(),
                    self.times,
                    self.state,
                    self.verify,
                    work_codes,
                    self.raw_rows(),
                    strict=True,
                )
            )
        ]

    def event_ids(self) -> list[bytes]:
        """`protocols.identity.event_id` of each row."""
        fields = self._user_fields()
        keys = map(
            add,
            map(_UpToUser(self.serial).__getitem__, fields),
            map(_Behind().__getitem__, self.state),
        )
        first = event_ticks(_EPOCH)
        ids = event_ids_at([first + time for time in self.times], keys)
        for row, ordinal in self.ordinals.items():
            key = punch_key(self.serial, _text(fields[row]), self.state[row], ordinal)
            ids[row] = event_id_at(first + self.times[row], key)
        return ids

    def user_texts(self) -> list[str]:
        """The user id of each row."""
        return list(map(_Texts().__getitem__, self._user_fields()))

    def pack(self) -> bytes:
        """Compressed; `unpack` is its inverse."""
        rows = len(self)
        alike = self.raw_ends is None
        packed = _Packed(
            serial=self.serial,
            channel=self.channel,
            times=step_bytes(self.times),
            user_ids=self.user_ids,
            state=self.state,
            verify=self.verify,
            directions=self.directions,
            methods=self.methods,
            work_code=None if self.work_code is None else number_bytes(self.work_code),
            raw=planes(self.raw, rows) if alike else self.raw,
            raw_ends=None if self.raw_ends is None else number_bytes(self.raw_ends),
            ordinals=self.ordinals,
            flags=self.flags,
            cards=self.cards,
        )
        return deflated(msgspec.msgpack.encode(packed))

    @classmethod
    def unpack(cls, packed: bytes) -> "PunchColumns":
        """Raises ProtocolError for bytes that are no columns, or columns that do not agree."""
        try:
            held = msgspec.msgpack.decode(inflated(packed, limit=MAX_INFLATED_BYTES), type=_Packed)
        except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
            raise ProtocolError(f"packed columns make no sense: {exc}") from exc
        rows = len(held.state)
        alike = held.raw_ends is None
        columns = cls(
            serial=held.serial,
            channel=held.channel,
            times=_times(held.times, rows),
            user_ids=held.user_ids,
            state=held.state,
            verify=held.verify,
            directions=held.directions,
            methods=held.methods,
            work_code=None if held.work_code is None else numbers_in(held.work_code, "I"),
            raw=rows_of_planes(held.raw, rows) if alike else held.raw,
            raw_ends=None if held.raw_ends is None else numbers_in(held.raw_ends, "I"),
            ordinals=held.ordinals,
            flags=held.flags,
            cards=held.cards,
        )
        for fault in _faults(columns):
            raise ProtocolError(f"packed columns do not agree: {fault}")
        return columns

    def with_times(self, times: Numbers) -> "PunchColumns":
        """`times` for as many rows. Raises ProtocolError for one of no calendar."""
        if not (min(times) in _CALENDAR and max(times) in _CALENDAR):
            raise ProtocolError("a time of no calendar")
        return replace(self, times=times)

    def without_raw(self) -> "PunchColumns":
        return replace(self, raw=b"", raw_ends=None)

    def with_raw(self, raw: bytes, ends: Numbers | None) -> "PunchColumns":
        """Raises ProtocolError unless `raw` and `ends` are of as many rows."""
        columns = replace(self, raw=raw, raw_ends=ends)
        rows = len(self)
        if not all(_lengths_agree(columns, rows)) or (ends is None and len(raw) % rows):
            raise ProtocolError(f"{len(raw)} raw bytes are not those of {rows} rows")
        return columns

    def _user_fields(self) -> list[bytes]:
        width = _width(self.user_ids, len(self))
        fields = rows_of_planes(self.user_ids, len(self))
        return [fields[row * width : (row + 1) * width] for row in range(len(self))]

    def raw_rows(self) -> list[bytes]:
        if self.raw_ends is not None:
            return [self.raw[start:end] for start, end in pairwise((0, *self.raw_ends))]
        width = _width(self.raw, len(self))
        return [self.raw[row * width : (row + 1) * width] for row in range(len(self))]


def user_id_planes(user_ids: Sequence[bytes]) -> bytes:
    """UTF-8 texts as the column `user_ids`."""
    width = max(map(len, user_ids))
    return planes(b"".join([user_id.ljust(width, b"\0") for user_id in user_ids]), len(user_ids))


def columns_of(punches: Sequence[Punch]) -> PunchColumns | None:
    """None for punches that no columns hold: of several devices or channels, too many, a time finer
    than a millisecond, a number or text out of range, one number with two meanings, work codes in
    some rows only.
    """
    if not punches or len(punches) > MAX_ROWS or not _alike(punches):
        return None
    try:
        user_ids = [punch.user_id.encode() for punch in punches]
        texts = {punches[0].serial.encode(), *user_ids}
        texts |= {text.encode() for text in _texts_beside(punches)}
    except UnicodeEncodeError:
        return None
    raw = b"".join(punch.raw for punch in punches)
    too_long = max(map(len, texts)) > MAX_TEXT_BYTES or len(raw) > MAX_RAW_BYTES
    if too_long or any(b"\0" in user_id for user_id in user_ids):
        return None
    return PunchColumns(
        serial=punches[0].serial,
        channel=punches[0].channel,
        times=array("q", ((punch.device_time - _EPOCH) // _MILLISECOND for punch in punches)),
        user_ids=user_id_planes(user_ids),
        state=bytes(punch.state for punch in punches),
        verify=bytes(punch.verify for punch in punches),
        directions={punch.state: punch.direction for punch in punches},
        methods={punch.verify: punch.method for punch in punches},
        work_code=_work_codes(punches),
        raw=raw,
        raw_ends=_ends(punches),
        ordinals={row: punch.ordinal for row, punch in enumerate(punches) if punch.ordinal},
        flags={row: punch.flags for row, punch in enumerate(punches) if punch.flags},
        cards={row: punch.card for row, punch in enumerate(punches) if punch.card is not None},
    )


# Checked before an entry is read: a dict takes thirty times the room of its bytes.
_BY_NUMBER: Final = Meta(max_length=_MAX_BYTE + 1)
_BY_ROW: Final = Meta(max_length=MAX_ROWS)
_FLAGS: Final = Meta(max_length=len(Flag))


class _Packed(Struct, frozen=True, kw_only=True, array_like=True, forbid_unknown_fields=True):
    """What `pack` compresses: little-endian numbers, rows of equal length turned into planes."""

    serial: str
    channel: Channel
    times: bytes
    user_ids: bytes
    state: bytes
    verify: bytes
    directions: Annotated[Mapping[int, Direction], _BY_NUMBER]
    methods: Annotated[Mapping[int, str], _BY_NUMBER]
    work_code: bytes | None
    raw: bytes
    raw_ends: bytes | None
    ordinals: Annotated[Mapping[int, int], _BY_ROW]
    flags: Annotated[Mapping[int, Annotated[tuple[Flag, ...], _FLAGS]], _BY_ROW]
    cards: Annotated[Mapping[int, str], _BY_ROW]


def _width(column: bytes, rows: int) -> int:
    return len(column) // rows if rows else 0


def _times(steps: bytes, rows: int) -> Numbers:
    try:
        return array("q", numbers_of_steps(steps, rows))
    except OverflowError as exc:
        raise ProtocolError("packed columns make no sense: a time of no calendar") from exc


def _faults(columns: PunchColumns) -> Iterator[str]:
    """Why `columns` are not MAX_ROWS punches at most. Later checks rely on the earlier ones."""
    rows = len(columns)
    if rows > MAX_ROWS:
        yield f"{rows} rows"
    if not all(_lengths_agree(columns, rows)):
        yield "not every column has a value for each row"
    if rows and not (min(columns.times) in _CALENDAR and max(columns.times) in _CALENDAR):
        yield "a time of no calendar"
    if not columns.directions.keys() >= {*columns.state}:
        yield "a state without its direction"
    if not columns.methods.keys() >= {*columns.verify}:
        yield "a verify number without its method"
    if not all(0 <= row < rows for row in (*columns.ordinals, *columns.flags, *columns.cards)):
        yield "a row that is not there"
    if not all(0 < ordinal <= _MAX_ORDINAL for ordinal in columns.ordinals.values()):
        yield "an ordinal out of range"
    try:
        columns.user_texts()
    except UnicodeDecodeError:
        yield "a user id that is no text"


def _lengths_agree(columns: PunchColumns, rows: int) -> Iterator[bool]:
    yield len(columns.state) == len(columns.verify) == rows
    yield columns.work_code is None or len(columns.work_code) == rows
    yield len(columns.user_ids) == rows * _width(columns.user_ids, rows)
    ends = columns.raw_ends
    if ends is not None:
        yield len(ends) == rows
        yield len(columns.raw) == (ends[-1] if rows else 0)
        yield all(map(le, ends, islice(ends, 1, None)))


class _Texts(dict[bytes, str]):
    def __missing__(self, field: bytes) -> str:
        text = self[field] = _text(field)
        return text


class _UpToUser(dict[bytes, bytes]):
    """The beginning of the `punch_key` of a punch that is the first of its equals, by user id field."""

    def __init__(self, serial: str) -> None:
        super().__init__()
        self._before = spelled_key(("punch", serial))

    def __missing__(self, field: bytes) -> bytes:
        user_id = field.rstrip(b"\0")
        spelled = self[field] = self._before + len(user_id).to_bytes(4, "big") + user_id
        return spelled


class _Behind(dict[int, bytes]):
    """The end of such a key, by state."""

    def __missing__(self, state: int) -> bytes:
        spelled = self[state] = spelled_key((str(state), "0"))
        return spelled


def _text(field: bytes) -> str:
    return field.rstrip(b"\0").decode()


def _alike(punches: Sequence[Punch]) -> bool:
    """One device and channel, one meaning for each number, and numbers that their columns hold."""
    first = punches[0]
    have_work_code = first.work_code is not None
    directions: dict[int, Direction] = {}
    methods: dict[int, str] = {}
    return all(
        punch.serial == first.serial
        and punch.channel is first.channel
        and (punch.work_code is not None) == have_work_code
        and directions.setdefault(punch.state, punch.direction) is punch.direction
        and methods.setdefault(punch.verify, punch.method) == punch.method
        and _fits(punch)
        for punch in punches
    )


def _fits(punch: Punch) -> bool:
    return (
        0 <= punch.state <= _MAX_BYTE
        and 0 <= punch.verify <= _MAX_BYTE
        and 0 <= (punch.work_code or 0) <= _MAX_WORK_CODE
        and 0 <= punch.ordinal <= _MAX_ORDINAL
        and len(punch.flags) <= len(Flag)
        and punch.device_time.tzinfo is None
        and punch.device_time.microsecond % 1_000 == 0
    )


def _texts_beside(punches: Iterable[Punch]) -> Iterable[str]:
    for punch in punches:
        yield punch.method
        if punch.card is not None:
            yield punch.card


def _work_codes(punches: Sequence[Punch]) -> Numbers | None:
    codes = [punch.work_code for punch in punches if punch.work_code is not None]
    return array("I", codes) if codes else None


def _ends(punches: Sequence[Punch]) -> Numbers | None:
    widths = [len(punch.raw) for punch in punches]
    if min(widths) == max(widths):
        return None
    end = 0
    return array("I", [end := end + width for width in widths])
