"""The attendance export that a terminal writes to a USB stick: `N_attlog.dat` (protocol.md 8.8).

A row: id right-aligned in 9 places, YYYY-MM-DD HH:MM:SS, device number, state, verify, work code,
with a tab between fields and LF or CRLF after them.

The order is proven by real exports: in 48,704 rows of five sites column 3 is always 1 (the device
number), column 4 takes 0 to 5 and 255 (states), column 5 takes 0, 1 and 15 (verify modes).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from protocols.records import Channel, Direction, Flag, Punch, Quarantined
from protocols.zk.meanings import METHODS, STATES, UNKNOWN_METHOD

_FIELDS: Final = 6
_PADDING: Final = b" \0"
_USER_ID: Final = re.compile(rb"[0-9A-Za-z]{1,24}")
_TIME: Final = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_NUMBER: Final = re.compile(rb"\d{1,18}")  # what an int64 holds; a device field is a u32 at most
_WHITESPACE: Final = b" \t\r\n\v\f"  # NUL is no blank: a hole of NULs is damage that must show
_FILL_PATTERNS: Final = frozenset({0x5A5A5A5A, 0xFFFFFFFF})
_FILL_BYTE: Final = 0x5A
_FIRST_SANE_YEAR: Final = 2010
_FUTURE_TOLERANCE: Final = timedelta(days=1)
_COLUMNS: Final = ("device number", "state", "verify", "work code")


class _RowError(ValueError):
    """Why a line is no row, in words for people."""


class ExportReader(Struct, frozen=True, kw_only=True):
    """What an export does not say itself: whose log it is, and what its numbers mean."""

    serial: str
    state_map: Mapping[int, Direction] = STATES
    verify_map: Mapping[int, str] = METHODS
    now: datetime | None = None

    def read(self, line: bytes) -> Punch:
        """Raises _RowError."""
        fields = line.rstrip(b"\r").split(b"\t")
        if len(fields) != _FIELDS:
            raise _RowError(f"{len(fields)} tab fields where an export has {_FIELDS}")
        user_id = _user_id(fields[0])
        time = _time(fields[1])
        _, state, verify, work_code = (
            _number(text, name) for text, name in zip(fields[2:], _COLUMNS, strict=True)
        )
        return Punch(
            serial=self.serial,
            user_id=user_id,
            device_time=time,
            state=state,
            verify=verify,
            direction=self.state_map.get(state, Direction.UNKNOWN),
            method=self.verify_map.get(verify, UNKNOWN_METHOD),
            work_code=work_code,
            channel=Channel.FILE,
            flags=self._flags(time, state, verify, work_code),
            raw=line,
        )

    def _flags(self, time: datetime, state: int, verify: int, work_code: int) -> tuple[Flag, ...]:
        flags = []
        if time.year < _FIRST_SANE_YEAR:
            flags.append(Flag.CLOCK_SUSPECT)
        if self.now is not None and time > self.now + _FUTURE_TOLERANCE:
            flags.append(Flag.FUTURE)
        if state not in self.state_map:
            flags.append(Flag.STATE_UNKNOWN)
        if not _FILL_PATTERNS.isdisjoint((state, verify, work_code)) or (
            state == verify == _FILL_BYTE
        ):
            flags.append(Flag.FILL_PATTERN)
        return tuple(flags)


def decode_usb_export(
    data: bytes | Iterable[bytes],
    *,
    serial: str,
    state_map: Mapping[int, Direction] = STATES,
    verify_map: Mapping[int, str] = METHODS,
    now: datetime | None = None,
) -> Iterator[Punch | Quarantined]:
    """One row for each line that is not blank, with byte offsets into the whole export.

    `data` is the export, whole or in chunks cut anywhere. `raw` is the whole line without its LF.
    """
    reader = ExportReader(serial=serial, state_map=state_map, verify_map=verify_map, now=now)
    offset = 0
    for line in _lines((data,) if isinstance(data, bytes) else data):
        if line.strip(_WHITESPACE):
            try:
                yield reader.read(line)
            except _RowError as exc:
                yield Quarantined(source=serial, offset=offset, reason=str(exc), raw=line)
        offset += len(line) + 1


def encode_usb_export(
    punches: Iterable[Punch], *, device_number: int = 1, line_end: bytes = b"\r\n"
) -> bytes:
    """The file that a terminal would write."""
    return b"".join(
        f"{punch.user_id:>9}\t{punch.device_time:%Y-%m-%d %H:%M:%S}\t{device_number}\t"
        f"{punch.state}\t{punch.verify}\t{punch.work_code or 0}".encode()
        + line_end
        for punch in punches
    )


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines without their LF. A last line without LF counts; the nothing after the last LF not."""
    pending: list[bytes] = []
    for chunk in chunks:
        first, *rest = chunk.split(b"\n")
        pending.append(first)
        for line in rest:
            yield b"".join(pending)
            pending = [line]
    last = b"".join(pending)
    if last:
        yield last


def _user_id(field: bytes) -> str:
    text = field.strip(_PADDING)
    if not _USER_ID.fullmatch(text):
        raise _RowError(f"user id {_shown(text)} is not 1 to 24 letters or digits")
    return text.decode("ascii")


def _time(field: bytes) -> datetime:
    if not _TIME.fullmatch(field):
        raise _RowError(f"time {_shown(field)} is not YYYY-MM-DD HH:MM:SS")
    try:
        return datetime.fromisoformat(field.decode("ascii"))
    except ValueError as exc:
        raise _RowError(f"no calendar has the time {_shown(field)}") from exc


def _number(field: bytes, name: str) -> int:
    if not _NUMBER.fullmatch(field):
        raise _RowError(f"{name} {_shown(field)} is not a non-negative integer")
    return int(field)


def _shown(field: bytes) -> str:
    """A field in a message: what matters of it, not 300 kB of NULs."""
    shown = ascii(field[:32].decode("latin-1"))
    return shown if len(field) <= 32 else f"{shown}… ({len(field)} bytes)"
