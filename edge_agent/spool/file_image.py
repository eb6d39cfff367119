"""The pages of an SQLite file and its write-ahead log as bytes, read without SQLite.

For what SQLite cannot or must not do: judge a file before anything of it is touched, and read what
is left of a damaged one. Format: https://www.sqlite.org/fileformat2.html
"""

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

PAGE_BYTES = 4_096  # SQLite's own default, and of every spool
_MAGIC = b"SQLite format 3\0"
_USER_VERSION, _APPLICATION_ID, _FIRST_TRUNK = 60, 68, 32  # offsets in page 1

_LOG_HEADER = struct.Struct(">8I")
_FRAME_HEADER = struct.Struct(">6I")
_SECTOR_BYTES = 512  # the least that a disk writes whole
_LOG_MAGIC = (0x377F0682, 0x377F0683)  # checksums of little-endian words, of big-endian ones


class FileImage:
    """Of the file at `path` as it lies there. Close it; nothing is changed."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("rb")
        self._log_path = path.with_name(f"{path.name}-wal")
        self._log: BinaryIO | None = None
        try:
            if self._log_path.is_file():
                self._log = self._log_path.open("rb")
            self.file_bytes = path.stat().st_size
            self.log = _read_log(self._log)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._file.close()
        if self._log is not None:
            self._log.close()

    @property
    def header(self) -> bytes | None:
        """Of page 1 as the last commit left it; None when it is no SQLite file."""
        first = self.page(1)[:100]
        return first if first.startswith(_MAGIC) else None

    @property
    def user_version(self) -> int:
        return self._number(_USER_VERSION)

    @property
    def application_id(self) -> int:
        return self._number(_APPLICATION_ID)

    @property
    def page_count(self) -> int:
        return max(-(-self.file_bytes // PAGE_BYTES), max(self.log.pages, default=0))

    def page(self, number: int) -> bytes:
        """As the last commit left it; filled up with NUL where the file is cut."""
        place = self.log.pages.get(number)
        if place is None:
            return _read_at(self._file, (number - 1) * PAGE_BYTES)
        return self.log_page(place)

    def log_page(self, place: int) -> bytes:
        assert self._log is not None  # noqa: S101 - places come from it
        return _read_at(self._log, place)

    def free_pages(self) -> frozenset[int]:
        """Pages on the list of free ones, as far as it can be followed."""
        free: set[int] = set()
        trunk = self._number(_FIRST_TRUNK)
        while 0 < trunk <= self.page_count and trunk not in free:
            free.add(trunk)
            words = struct.unpack(f">{PAGE_BYTES // 4}I", self.page(trunk))
            count = words[1]
            if count > PAGE_BYTES // 4 - 2:
                break  # no trunk: the list is damaged from here
            free.update(words[2 : 2 + count])
            trunk = words[0]
        return frozenset(free)

    def _number(self, offset: int) -> int:
        header = self.header
        return 0 if header is None else int.from_bytes(header[offset : offset + 4], "big")


class Log(NamedTuple):
    """The write-ahead log: where the last committed state of each page lies in it.

    lost     places of pages behind the first damage, which SQLite ignores
    damaged  something that was synced does not read any more: more than a torn last write
    """

    pages: Mapping[int, int]
    lost: tuple[int, ...]
    damaged: bool


def _read_log(log: BinaryIO | None) -> Log:
    if log is None:
        return Log({}, (), damaged=False)
    head = log.read(_LOG_HEADER.size)
    if len(head) < _LOG_HEADER.size:
        return Log({}, (), damaged=False)
    magic, _, page_bytes, _, *salts, _, _ = _LOG_HEADER.unpack(head)
    order = "<>"[magic & 1]
    checksum = _checksum(head[:24], (0, 0), order)
    words = struct.unpack(">2I", head[24:])
    if magic not in _LOG_MAGIC or page_bytes != PAGE_BYTES or checksum != words:
        # A head is synced before any frame is written; room that was never written to is all NUL.
        places = tuple(place for place, frame in _frames(log) if any(frame))
        return Log({}, places, damaged=bool(places))
    return _replay(log, tuple(salts), checksum, order)


def _replay(log: BinaryIO, salts: tuple[int, ...], checksum: tuple[int, int], order: str) -> Log:
    """Damage is told from a torn end by what stands behind it. A commit is synced before the next
    one is written; so where a frame goes on from a commit frame behind the first one that does not
    read, the disk has lost something that it had. (Behind a torn end may lie the end of a log that
    was torn at an earlier cut: it goes on from nothing.)
    """
    committed: dict[int, int] = {}
    pending: dict[int, int] = {}
    lost: list[int] = []
    before: tuple[int, int] | None = checksum  # what the frame before states
    sound, damaged, behind_commit = True, False, False
    for place, head in _frames(log):
        number, commit_size, *frame_salts, first, second = _FRAME_HEADER.unpack(head)
        if tuple(frame_salts) != salts:  # of the log's life before, or damaged
            sound, behind_commit, before = False, False, None
            continue
        stated = (first, second)
        goes_on = before is not None and stated == _checksum(
            head[:8] + _read_at(log, place), before, order
        )
        before = stated
        if sound and goes_on:
            pending[number] = place
            if commit_size:
                committed |= pending
                pending = {}
            continue
        sound = False
        damaged |= behind_commit and goes_on
        behind_commit = bool(commit_size) and (goes_on or _is_of_its_salts(place))
        lost.append(place)
    return Log(committed, tuple(lost), damaged)


def _is_of_its_salts(place: int) -> bool:
    """Whether the commit size in the header before `place` was written with the salts behind it. Where
    a sector ends between the two, it may be that of the log's life before.
    """
    start = place - _FRAME_HEADER.size
    return start // _SECTOR_BYTES == (start + 15) // _SECTOR_BYTES


def _frames(log: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Place of the page and header of each whole frame."""
    place = _LOG_HEADER.size
    while True:
        log.seek(place)
        head = log.read(_FRAME_HEADER.size)
        if len(head) < _FRAME_HEADER.size:
            return
        yield place + _FRAME_HEADER.size, head
        place += _FRAME_HEADER.size + PAGE_BYTES


def _checksum(data: bytes, before: tuple[int, int], order: str) -> tuple[int, int]:
    first, second = before
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second


def _read_at(file: BinaryIO, place: int) -> bytes:
    file.seek(place)
    return file.read(PAGE_BYTES).ljust(PAGE_BYTES, b"\0")
