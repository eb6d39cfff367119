"""A recorded session without anybody in it: what may leave the house in a bug report.

Everything is blanked that is not known to be harmless. Lengths stay, so every packet keeps its
place, tables keep their layouts, and the session still decodes and replays as it did.
"""

import re
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final, Literal

from msgspec import Struct

from protocols.zk.anonymised_records import (
    Blank,
    anonymised_attendance,
    anonymised_event,
    anonymised_operations,
    anonymised_time,
    anonymised_users,
)
from protocols.zk.capture import (
    Captured,
    CapturedPacket,
    Gap,
    Segment,
    read_tcp,
    read_udp,
)
from protocols.zk.commands import EVENT, Command, Reply
from protocols.zk.framing import TCP_MAGIC, Packet, encode_packet
from protocols.zk.layouts import Layout
from protocols.zk.pseudonyms import Pseudonyms
from protocols.zk.recorded_exchanges import RecordedExchange, RecordedTable, read_recording
from protocols.zk.sizes import harmless_sizes
from protocols.zk.stored_tables import SIZE_WORD, USER_WIDTHS, align
from protocols.zk.tables import MAX_TABLE_BYTES

_ENVELOPE_BYTES: Final = 8
_BUFFER_REQUEST = struct.Struct("<BHII")
_BUFFER_SIZES: Final = 9  # of the answer to 1503: 0, size, size; then four bytes that nobody knows
_ANNOUNCEMENT: Final = 8
_OPTION = re.compile(rb"(~?[A-Za-z][\w-]{0,40})=([^\0]*)(\0?)")
_OPTION_KEY = re.compile(rb"~?[A-Za-z][\w-]{0,40}\0?")
# What a model is, not whose: profiles are matched by these.
_HARMLESS: Final = frozenset(
    {"Platform", "DeviceName", "ZKFPVersion", "ZKFaceVersion", "OS", "SDKBuild", "WorkCode"}
)
_LABELS: Final = frozenset({"SerialNumber", "MAC", "IPAddress", "NetMask", "GATEIPAddress"})
_WHOLE_TABLES: Final = frozenset(
    {Command.ATTLOG_RRQ, Command.USERTEMP_RRQ, Command.OPLOG_RRQ, Command.DB_RRQ}
)
# Requests that hold up to so many bytes of plain numbers.
_NUMBERS_ONLY: Final[dict[int, int]] = {
    Command.READ_CHUNK: 8,
    Command.REG_EVENT: 4,
    Command.DISABLE_DEVICE: 4,
    Command.UNLOCK: 4,
    **dict.fromkeys(_WHOLE_TABLES, 1),
}


class Anonymised(Struct, frozen=True, kw_only=True):
    """blanked  bytes that were not understood and became zero
    tables   what was found, for people: "attendance att40"
    """

    segments: tuple[Segment, ...]
    blanked: int
    tables: tuple[str, ...]


def anonymise(
    segments: Sequence[Segment],
    *,
    transport: Literal["tcp", "udp"],
    key: bytes,
    days: int,
    now_year: int,
) -> Anonymised:
    """`key` and `days` (by which all times go back) must be random and forgotten."""
    items = list((read_udp if transport == "udp" else read_tcp)(segments))
    session = _Session(items, now_year)
    # Twice: a made-up id must not be the true one of somebody who comes later.
    survey = Pseudonyms(key, days)
    session.rewritten(survey, Blank())
    blank = Blank()
    data = session.rewritten(Pseudonyms(key, days, survey), blank)
    return Anonymised(
        segments=tuple(_cut_again(segments, items, data, transport)),
        blanked=blank.bytes,
        tables=session.descriptions,
    )


class _Session:
    def __init__(self, items: Sequence[Captured], now_year: int) -> None:
        self._items = items
        recording = read_recording(items)
        self._exchange_of: dict[int, RecordedExchange] = {}
        self._places: dict[int, tuple[_Table, int]] = {}
        tables: dict[RecordedTable, _Table] = {}
        for exchange in recording.exchanges:
            for answer in exchange.answers:
                self._exchange_of[answer.index] = exchange
                position = exchange.position(answer.packet)
                is_data = answer.packet.command == Reply.DATA
                if exchange.table is None or position is None or not is_data:
                    continue
                table = tables.setdefault(exchange.table, _Table(exchange.table.command, now_year))
                if table.add(position, answer.packet.data, whole=self._is_whole(answer.index)):
                    self._places[answer.index] = table, position
        self._tables = tuple(tables.values())

    @property
    def descriptions(self) -> tuple[str, ...]:
        return tuple(table.describe() for table in self._tables)

    def rewritten(self, pseudonyms: Pseudonyms, blank: Blank) -> list[bytes]:
        """The new data of each item, as long as the old."""
        for table in self._tables:
            table.rewrite(pseudonyms, blank)
        return [
            self._data(index, item, pseudonyms, blank) for index, item in enumerate(self._items)
        ]

    def _data(self, index: int, item: Captured, pseudonyms: Pseudonyms, blank: Blank) -> bytes:
        if not isinstance(item, CapturedPacket):
            return blank(item.data)
        packet = item.packet
        if index in self._places:
            table, position = self._places[index]
            return table.content[position : position + len(packet.data)]
        if not packet.data or not self._is_whole(index):
            return blank(packet.data)
        if item.sent:
            return _request(packet, pseudonyms, blank)
        if packet.command == EVENT:
            return anonymised_event(packet.session, packet.data, pseudonyms, blank)
        exchange = self._exchange_of.get(index)
        return _answer(exchange.request if exchange else None, packet, pseudonyms, blank)

    def _is_whole(self, index: int) -> bool:
        item = self._items[index]
        return isinstance(item, CapturedPacket) and not item.missing and item.gap is not Gap.CERTAIN


class _Table:
    """The bytes of one transfer, put together."""

    def __init__(self, command: int | None, now_year: int) -> None:
        self.content = b""
        self._command = command
        self._now_year = now_year
        self._parts: dict[int, bytes] = {}
        self._form: object = None

    def add(self, position: int, data: bytes, *, whole: bool) -> bool:
        """False for bytes that do not belong: others stand there already, they are cut, or they
        would stand where no table reaches.
        """
        if position + len(data) > MAX_TABLE_BYTES:
            return False
        known = self._parts.setdefault(position, data)
        return whole and len(known) == len(data)

    def describe(self) -> str:
        names: dict[int | None, str] = {
            Command.ATTLOG_RRQ: "attendance",
            Command.ATTLOG_RANGE_RRQ: "attendance",
            Command.USERTEMP_RRQ: "users",
            Command.OPLOG_RRQ: "operation log",
        }
        name = names.get(self._command, f"table {self._command}")
        if self._form is None:
            return f"{name}: blanked"
        return f"{name}: {self._form}"

    def rewrite(self, pseudonyms: Pseudonyms, blank: Blank) -> None:
        table = self._joined()
        head, records = table[: SIZE_WORD.size], table[SIZE_WORD.size :]
        if len(head) < SIZE_WORD.size:
            self.content = blank(table)
            return
        self.content = head + self._records(records, SIZE_WORD.unpack(head)[0], pseudonyms, blank)

    def _records(
        self, records: bytes, announced: int, pseudonyms: Pseudonyms, blank: Blank
    ) -> bytes:
        command = self._command
        if not records:
            self._form = "empty"
            return records
        if command == Command.OPLOG_RRQ:
            self._form = "16"
            return anonymised_operations(records, pseudonyms, blank)
        forms = USER_WIDTHS if command == Command.USERTEMP_RRQ else tuple(Layout)
        attendance = command in {Command.ATTLOG_RRQ, Command.ATTLOG_RANGE_RRQ}
        if not attendance and command != Command.USERTEMP_RRQ:
            return blank(records)
        total = announced if announced >= len(records) else None
        reading = align(records, total=total, now_year=self._now_year, forms=forms)
        if reading is None:
            return blank(records)
        self._form = reading.form
        if isinstance(reading.form, Layout):
            return anonymised_attendance(records, reading.form, pseudonyms, blank)
        return anonymised_users(records, reading.form, pseudonyms, blank)

    def _joined(self) -> bytes:
        """Zeros where bytes are missing; a record that is cut by them is replaced field by field."""
        joined = bytearray()
        for position, data in sorted(self._parts.items()):
            if position > len(joined):
                joined += bytes(position - len(joined))
            joined[position : position + len(data)] = data
        return bytes(joined)


def _request(packet: Packet, pseudonyms: Pseudonyms, blank: Blank) -> bytes:
    data = packet.data
    if len(data) <= _NUMBERS_ONLY.get(packet.command, 0):
        return data
    rewrite = _REQUESTS.get(packet.command)
    return blank(data) if rewrite is None else rewrite(data, pseudonyms, blank)


def _answer(request: Packet | None, packet: Packet, pseudonyms: Pseudonyms, blank: Blank) -> bytes:
    data = packet.data
    if packet.command == Reply.PREPARE_DATA:
        return data[:_ANNOUNCEMENT] + blank(data[_ANNOUNCEMENT:])
    if request is None or packet.command != Reply.ACK_OK:
        return blank(data)
    rewrite = _ANSWERS.get(request.command)
    return blank(data) if rewrite is None else rewrite(data, pseudonyms, blank)


def _option_key(data: bytes, _: Pseudonyms, blank: Blank) -> bytes:
    return data if _OPTION_KEY.fullmatch(data) else blank(data)


def _token(data: bytes, _: Pseudonyms, blank: Blank) -> bytes:  # noqa: ARG001 - as its neighbours
    """Zero, for it reveals the comm key; it was understood, so it is not counted."""
    return bytes(len(data))


def _user_record(data: bytes, pseudonyms: Pseudonyms, blank: Blank) -> bytes:
    for width in USER_WIDTHS:
        if len(data) == width:
            return anonymised_users(data, width, pseudonyms, blank)
    return blank(data)


def _sizes(data: bytes, _: Pseudonyms, blank: Blank) -> bytes:
    kept = harmless_sizes(data)
    blank(bytes(old for old, new in zip(data, kept, strict=True) if old != new))
    return kept


def _buffer_sizes(data: bytes, _: Pseudonyms, blank: Blank) -> bytes:
    return data[:_BUFFER_SIZES] + blank(data[_BUFFER_SIZES:])


def _buffer_request(data: bytes, pseudonyms: Pseudonyms, blank: Blank) -> bytes:
    if len(data) != _BUFFER_REQUEST.size:
        return blank(data)
    one, command, first, second = _BUFFER_REQUEST.unpack(data)
    if command in _WHOLE_TABLES:
        return data
    if command != Command.ATTLOG_RANGE_RRQ:
        return data[:3] + blank(data[3:])
    times = pseudonyms.packed_time(first), pseudonyms.packed_time(second)
    return _BUFFER_REQUEST.pack(one, command, *times)


def _option(data: bytes, pseudonyms: Pseudonyms, blank: Blank) -> bytes:
    matched = _OPTION.fullmatch(data)
    if matched is None:
        return blank(data)
    key, value, end = matched.groups()
    name = key.decode("ascii").lstrip("~")
    if name in _LABELS and value.isascii():
        value = pseudonyms.label(value.decode("ascii")).encode("ascii")
    elif name in _HARMLESS:
        value = _harmless_text(value, pseudonyms, blank)
    else:
        blank(value)
        value = b"x" * len(value)
    return key + b"=" + value + end


def _harmless_text(data: bytes, pseudonyms: Pseudonyms, blank: Blank) -> bytes:
    raw = data.rstrip(b"\0")
    text = raw.decode("ascii", errors="replace")
    if raw.isascii() and text.isprintable() and not pseudonyms.tells(text):
        return data
    blank(raw)
    return b"x" * len(raw) + data[len(raw) :]


_Rewrite = Callable[[bytes, Pseudonyms, Blank], bytes]

_REQUESTS: Final[dict[int, _Rewrite]] = {
    Command.OPTIONS_RRQ: _option_key,
    Command.OPTIONS_WRQ: _option,
    Command.PREPARE_BUFFER: _buffer_request,
    Command.AUTH: _token,
    Command.SET_TIME: anonymised_time,
    Command.USER_WRQ: _user_record,
}
_ANSWERS: Final[dict[int, _Rewrite]] = {
    Command.OPTIONS_RRQ: _option,
    Command.GET_VERSION: _harmless_text,
    Command.GET_TIME: anonymised_time,
    Command.GET_FREE_SIZES: _sizes,
    Command.PREPARE_BUFFER: _buffer_sizes,
}


def _cut_again(
    segments: Sequence[Segment],
    items: Sequence[Captured],
    data: Sequence[bytes],
    transport: Literal["tcp", "udp"],
) -> Iterable[Segment]:
    """The new bytes in segments as long as the old ones were."""
    if transport == "udp":  # one item a segment
        for segment, item, new in zip(segments, items, data, strict=True):
            yield Segment(sent=segment.sent, data=_frame(item, new, segment.data))
        return
    old = {sent: b"".join(s.data for s in segments if s.sent is sent) for sent in (True, False)}
    streams = {True: bytearray(), False: bytearray()}
    for item, new in zip(items, data, strict=True):
        streams[item.sent] += _frame(item, new, old[item.sent][item.offset : item.offset + 8])
    at = {True: 0, False: 0}
    for segment in segments:
        start = at[segment.sent]
        at[segment.sent] = end = start + len(segment.data)
        yield Segment(sent=segment.sent, data=bytes(streams[segment.sent][start:end]))


def _frame(item: Captured, data: bytes, old: bytes) -> bytes:
    if not isinstance(item, CapturedPacket):
        return data
    # A packet that begins like an envelope cannot be: 0x5050 is no command.
    envelope = old[:_ENVELOPE_BYTES] if old.startswith(TCP_MAGIC) else b""
    return envelope + encode_packet(replace(item.packet, data=data))
