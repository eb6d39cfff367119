"""How much of its room the spool has used, and when that is too much."""

import os
import sqlite3
from enum import IntEnum
from pathlib import Path

from msgspec import Struct

_MIB = 1024 * 1024

# Without `[spool] max_bytes`: half of what the disk has for us, so that logs and updates live too.
SMALLEST_CAP = 64 * _MIB
LARGEST_CAP = 8 * 1024 * _MIB

# Left free on the file system for the write-ahead log, which moves rows while others are written.
LARGEST_RESERVE = 32 * _MIB
_RESERVE_SHARE = 50  # of a small file system a fiftieth

RELIEF_PERCENT = 85  # from here room is made
RELIEVED_PERCENT = 80  # until here
HYSTERESIS = 3  # percentage points below a level until it is left


class Level(IntEnum):
    """In per cent of `max_bytes`."""

    ROOMY = 0
    FILLING = 70
    TIGHT = RELIEF_PERCENT
    FULL = 95  # nothing is pulled any more


class Room(Struct, frozen=True, kw_only=True):
    """used_bytes   in use inside the file (what is free in it is used again)
    file_bytes      the file with its log
    disk_bytes      what the spool can still take from file system and file
    reserve_bytes   below that much of it the disk counts as full
    """

    used_bytes: int
    file_bytes: int
    max_bytes: int
    disk_bytes: int
    reserve_bytes: int

    @property
    def percent(self) -> int:
        return self.used_bytes * 100 // self.max_bytes

    @property
    def disk_full(self) -> bool:
        return self.disk_bytes < self.reserve_bytes


def default_cap(path: Path) -> int:
    """`max_bytes` of a site file that does not set it: half of what is free and of the file."""
    file_system = os.statvfs(path.parent)
    ours = path.stat().st_size if path.exists() else 0
    half = (file_system.f_bavail * file_system.f_frsize + ours) // 2
    return max(SMALLEST_CAP, min(half, LARGEST_CAP))


def measure(connection: sqlite3.Connection, path: Path, max_bytes: int) -> Room:
    page_bytes, pages, free_pages = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_size", "page_count", "freelist_count")
    )
    file_system = os.statvfs(path.parent)
    free = file_system.f_bavail * file_system.f_frsize
    log = path.with_name(f"{path.name}-wal")
    file_bytes = sum(file.stat().st_size for file in (path, log) if file.exists())
    return Room(
        used_bytes=(pages - free_pages) * page_bytes,
        file_bytes=file_bytes,
        max_bytes=max_bytes,
        disk_bytes=free + free_pages * page_bytes,
        reserve_bytes=min(
            LARGEST_RESERVE, file_system.f_blocks * file_system.f_frsize // _RESERVE_SHARE
        ),
    )


def level_of(room: Room, before: Level) -> Level:
    """`before` is left only some points below it, so that an alarm is told once."""
    if room.disk_full or (before is Level.FULL and room.disk_bytes < 2 * room.reserve_bytes):
        return Level.FULL
    risen = max(level for level in Level if room.percent >= level)
    if risen >= before:
        return risen
    return max(level for level in Level if level <= before and _stays(room, level))


def _stays(room: Room, level: Level) -> bool:
    return level is Level.ROOMY or room.percent > level - HYSTERESIS
