"""The column form of a batch: the same records as the JSON form, a backlog in a third of the room.

A batch is a row of sections, in the order of its records. A section is either punches of one device
that arrived together, as columns with their raw bytes beside them, or records that no columns hold,
as JSON. Digests and root are those of the JSON form. No event id of a punch in columns is sent: ten
hash bytes do not compress, and whoever reads makes it again from the key. docs/uplink.md says every
byte.
"""

from array import array
from binascii import b2a_base64, hexlify
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from protocols.column_packing import (
    announced_bytes,
    deflated,
    inflated,
    number_bytes,
    numbers_in,
    planes,
    rows_of_planes,
)
from protocols.errors import LimitExceededError, ProtocolError
from protocols.punch_columns import PunchColumns, columns_of
from protocols.punch_spelling import spelled_without_raw
from protocols.record_digest import record_bytes
from protocols.records import Flag, Punch
from protocols.uplink import (
    BATCH_SALT_BYTES,
    MAX_BATCH_BYTES,
    MAX_RECORDS_PER_BATCH,
    MAX_WATERMARKS,
    Batch,
    Observation,
    Watermark,
)

COLUMNS_TYPE: Final = "application/vnd.clockline.columns"
COLUMNS_SCHEMA: Final = "clockline.columns/1"

FEWEST_IN_COLUMNS: Final = 8  # below that their head costs more than they save
# All sections together, inflated: the JSON form of the same records is longer and has this cap.
MAX_INFLATED_BYTES: Final = MAX_BATCH_BYTES

_HEAD: Final = b"CLCB\x01"  # Clockline column batch, version 1
BODY_HEAD_BYTES: Final = len(_HEAD)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_INT64: Final = range(-(2**63), 2**63)


class PunchSection(Struct, frozen=True, kw_only=True, gc=False):
    """Punches that one delivery of one device brought, and what Observation says of each."""

    columns: PunchColumns
    received_at: datetime
    zone: str
    clock_offset_ms: int | None = None
    flags: tuple[Flag, ...] = ()

    def __len__(self) -> int:
        return len(self.columns)

    def observations(self) -> list[Observation]:
        return [
            Observation(
                event_id=identity.hex(),
                record=punch,
                received_at=self.received_at,
                zone=self.zone,
                clock_offset_ms=self.clock_offset_ms,
                flags=self.flags,
            )
            for identity, punch in zip(
                self.columns.event_ids(), self.columns.punches(), strict=True
            )
        ]

    def spelled(self, event_ids: Sequence[bytes], punches: Sequence[bytes]) -> list[bytes]:
        """`record_digest.record_bytes` of each observation. `event_ids` are those of the columns,
        `punches` is their `spelled_without_raw`.
        """
        end = _encode(
            _Arrival(
                received_at=self.received_at,
                zone=self.zone,
                clock_offset_ms=self.clock_offset_ms,
                flags=self.flags,
            )
        )
        bare, behind_raw = b"," + end[1:], b'"},' + end[1:]
        names = map(hexlify, event_ids)
        return [
            b"".join(
                (
                    b'{"event_id":"',
                    name,
                    b'","record":',
                    punch[:-1],
                    b',"raw":"',
                    _base64(raw),
                    behind_raw,
                )
                if raw
                else (b'{"event_id":"', name, b'","record":', punch, bare)
            )
            for name, punch, raw in zip(names, punches, self.columns.raw_rows(), strict=True)
        ]


class RowSection(Struct, frozen=True, gc=False):
    rows: tuple[Observation, ...]

    def __len__(self) -> int:
        return len(self.rows)


Section: TypeAlias = PunchSection | RowSection


class ColumnBatch(Struct, frozen=True, kw_only=True):
    gateway: str
    site: str
    number: int
    salt: bytes
    sections: tuple[Section, ...]
    watermarks: tuple[Watermark, ...] = ()

    def __len__(self) -> int:
        return sum(map(len, self.sections))

    def in_columns(self) -> int:
        """How many of the records."""
        return sum(len(one) for one in self.sections if isinstance(one, PunchSection))

    def batch(self) -> Batch:
        """As the JSON form has it."""
        return Batch(
            gateway=self.gateway,
            site=self.site,
            number=self.number,
            salt=self.salt.hex(),
            observations=tuple(
                observation
                for section in self.sections
                for observation in (
                    section.rows if isinstance(section, RowSection) else section.observations()
                )
            ),
            watermarks=self.watermarks,
        )

    def spelled(self) -> list[bytes]:
        """`record_digest.record_bytes` of each record."""
        spelled: list[bytes] = []
        for section in self.sections:
            if isinstance(section, RowSection):
                spelled += map(record_bytes, section.rows)
            else:
                columns = section.columns
                spelled += section.spelled(columns.event_ids(), spelled_without_raw(columns))
        return spelled


def sections_of(observations: Iterable[Observation]) -> tuple[Section, ...]:
    """Runs of punches that columns hold, and the rest between them."""
    sections: list[Section] = []
    rows: list[Observation] = []
    for alike, run in groupby(observations, _arrived_alike):
        members = list(run)
        section = None if alike is None else _punch_section(members)
        if section is None:
            rows += members
            continue
        if rows:
            sections.append(RowSection(tuple(rows)))
            rows = []
        sections.append(section)
    if rows:
        sections.append(RowSection(tuple(rows)))
    return tuple(sections)


def encode_columns(batch: ColumnBatch) -> bytes:
    body = _Body(
        schema=COLUMNS_SCHEMA,
        gateway=batch.gateway,
        site=batch.site,
        number=batch.number,
        salt=batch.salt,
        watermarks=batch.watermarks,
        sections=[
            _Rows(deflated(_encode(section.rows)))
            if isinstance(section, RowSection)
            else _page(section)
            for section in batch.sections
        ],
    )
    return _HEAD + msgspec.msgpack.encode(body)


def decode_columns(body: bytes) -> ColumnBatch:
    """Raises ProtocolError when the body is not a batch of this schema or breaks a cap."""
    if len(body) > MAX_BATCH_BYTES:
        raise LimitExceededError(f"batch of {len(body)} bytes", limit=MAX_BATCH_BYTES)
    if not body.startswith(_HEAD):
        raise ProtocolError(f"no batch in columns of a known version: it begins {body[:8].hex()}")
    try:
        held = _decoder.decode(memoryview(body)[len(_HEAD) :])
        _check_size(held.sections)
        sections = tuple(
            _rows(one) if isinstance(one, _Rows) else _section(one) for one in held.sections
        )
    except _UNDECODABLE as exc:
        raise ProtocolError(f"not a {COLUMNS_SCHEMA} body: {exc}") from exc
    batch = ColumnBatch(
        gateway=held.gateway,
        site=held.site,
        number=held.number,
        salt=held.salt,
        sections=sections,
        watermarks=held.watermarks,
    )
    if len(batch) > MAX_RECORDS_PER_BATCH:
        raise LimitExceededError(f"batch of {len(batch)} records", limit=MAX_RECORDS_PER_BATCH)
    return batch


class _Arrival(Struct, kw_only=True, omit_defaults=True):
    """What an Observation says beside its record."""

    received_at: datetime
    zone: str
    clock_offset_ms: int | None = None
    flags: tuple[Flag, ...] = ()


class _Page(Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="punches"):
    """`received_at`: microseconds since 1970 UTC. `columns`: PunchColumns.pack without raw, its
    times in units of `time_unit_ms`: most devices know whole seconds, which take half the room.
    """

    received_at: int
    zone: str
    clock_offset_ms: int | None
    flags: Annotated[tuple[Flag, ...], Meta(max_length=len(Flag))]
    columns: bytes
    raw: bytes
    time_unit_ms: Literal[1, 1000]


class _Rows(Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag="rows"):
    """A JSON list of Observation, deflated."""

    rows: bytes


class _Raw(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What a page's `raw` deflates. `ends`: uint32, where each row's bytes end, and `content` one
    after the other; None: all rows are equally long, and `content` is their planes.
    """

    ends: bytes | None
    content: bytes


class _Body(Struct, frozen=True, kw_only=True, array_like=True, forbid_unknown_fields=True):
    schema: Literal["clockline.columns/1"]
    gateway: str
    site: str
    number: int
    salt: Annotated[bytes, Meta(min_length=BATCH_SALT_BYTES, max_length=BATCH_SALT_BYTES)]
    watermarks: Annotated[tuple[Watermark, ...], Meta(max_length=MAX_WATERMARKS)]
    # None is empty, so more of them hold too many records.
    sections: Annotated[list[_Page | _Rows], Meta(max_length=MAX_RECORDS_PER_BATCH)]


# msgspec reports bad UTF-8 and bottomless nesting in Python's own words.
_UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

_encode = msgspec.json.Encoder().encode
_base64 = partial(b2a_base64, newline=False)
_decoder = msgspec.msgpack.Decoder(_Body)
_rows_decoder = msgspec.json.Decoder(
    Annotated[tuple[Observation, ...], Meta(max_length=MAX_RECORDS_PER_BATCH)]
)
_raw_decoder = msgspec.msgpack.Decoder(_Raw)


def _arrived_alike(one: Observation) -> tuple[object, ...] | None:
    """What the punches of a section have in common; None for what columns cannot hold."""
    record = one.record
    if (
        not isinstance(record, Punch)
        or one.received_at.tzinfo is not UTC
        or (one.clock_offset_ms or 0) not in _INT64
        or len(one.flags) > len(Flag)
    ):
        return None
    return record.serial, record.channel, one.received_at, one.zone, one.clock_offset_ms, one.flags


def _punch_section(run: list[Observation]) -> PunchSection | None:
    if len(run) < FEWEST_IN_COLUMNS:
        return None
    columns = columns_of([one.record for one in run if isinstance(one.record, Punch)])
    if columns is None:
        return None
    ids = [identity.hex() for identity in columns.event_ids()]
    if ids != [one.event_id for one in run]:
        return None
    first = run[0]
    return PunchSection(
        columns=columns,
        received_at=first.received_at,
        zone=first.zone,
        clock_offset_ms=first.clock_offset_ms,
        flags=first.flags,
    )


def _page(section: PunchSection) -> _Page:
    columns = section.columns
    ends = columns.raw_ends
    raw = _Raw(
        ends=None if ends is None else number_bytes(ends),
        content=planes(columns.raw, len(columns)) if ends is None else columns.raw,
    )
    unit: Literal[1, 1000] = 1 if any(time % 1000 for time in columns.times) else 1000
    times = array("q", [time // unit for time in columns.times])
    return _Page(
        received_at=(section.received_at - _EPOCH) // _MICROSECOND,
        zone=section.zone,
        clock_offset_ms=section.clock_offset_ms,
        flags=section.flags,
        columns=columns.without_raw().with_times(times).pack(),
        raw=deflated(msgspec.msgpack.encode(raw)),
        time_unit_ms=unit,
    )


def _section(page: _Page) -> PunchSection:
    bare = PunchColumns.unpack(page.columns)
    if not len(bare):
        raise ProtocolError("a section without records")
    if bare.raw or bare.raw_ends is not None:
        raise ProtocolError("raw bytes among the columns of a section")
    if (page.clock_offset_ms or 0) not in _INT64:
        raise ProtocolError(f"clock_offset_ms {page.clock_offset_ms}")
    held = _raw_decoder.decode(inflated(page.raw, limit=MAX_INFLATED_BYTES))
    ends: array[int] | None = None if held.ends is None else numbers_in(held.ends, "I")
    raw = rows_of_planes(held.content, len(bare)) if ends is None else held.content
    times = array("q", [time * page.time_unit_ms for time in bare.times])
    return PunchSection(
        columns=bare.with_times(times).with_raw(raw, ends),
        received_at=_instant(page.received_at),
        zone=page.zone,
        clock_offset_ms=page.clock_offset_ms,
        flags=page.flags,
    )


def _rows(section: _Rows) -> RowSection:
    rows = _rows_decoder.decode(inflated(section.rows, limit=MAX_INFLATED_BYTES))
    if not rows:
        raise ProtocolError("a section without records")
    return RowSection(rows)


def _check_size(sections: Iterable[_Page | _Rows]) -> None:
    """Before anything is inflated."""
    size = 0
    for section in sections:
        parts = (section.rows,) if isinstance(section, _Rows) else (section.columns, section.raw)
        size += sum(map(announced_bytes, parts))
    if size > MAX_INFLATED_BYTES:
        raise LimitExceededError(f"sections of {size} bytes", limit=MAX_INFLATED_BYTES)


def _instant(microseconds: int) -> datetime:
    try:
        return _EPOCH + microseconds * _MICROSECOND
    except OverflowError as exc:
        raise ProtocolError("received_at is no instant of a calendar") from exc
