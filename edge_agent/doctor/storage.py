"""Where the punches are kept: the folder, the disk and the spool."""

import os
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from edge_agent.doctor.findings import Code, Finding, bad, good, warn

_MIB = 1024 * 1024
# A spool of 30 days of 5,000 punches a day is about 20 MiB; below this a WAL cannot grow in peace.
LOWEST_FREE_BYTES = 256 * _MIB
SLOW_FSYNC_S = 0.1  # ten commits a second: a live punch still shows at once
_FSYNC_ROUNDS = 8
_FSYNC_BYTES = 4096


def check_state_dir(state_dir: Path) -> Iterator[Finding]:
    """The folder exists, this user may write in it, the disk has room and keeps up."""
    where = str(state_dir)
    if not _is_there(state_dir):
        yield bad(
            Code.STATE_DIR,
            where,
            "the state folder does not exist",
            f"Create it for the agent's user: install -d -o edge -m 0700 {state_dir}",
        )
        return
    if not os.access(state_dir, os.W_OK | os.X_OK):
        yield bad(
            Code.STATE_DIR_READ_ONLY,
            where,
            "this user may not write in the state folder",
            "Run doctor as the agent's user (sudo -u edge edge-agent doctor), or give that user "
            "the folder",
        )
        return
    yield good(Code.STATE_DIR, where, "exists and can be written")
    yield _free_space(where, shutil.disk_usage(state_dir).free)
    yield _fsync(where, measure_fsync_s(state_dir))


def _is_there(path: Path) -> bool:
    """True also where this user may not look: then something is in the way, not missing."""
    try:
        return path.exists()
    except PermissionError:
        return True


def _free_space(where: str, free: int) -> Finding:
    text = f"{free // _MIB:,} MiB free"
    if free < LOWEST_FREE_BYTES:
        return bad(
            Code.DISK_SPACE,
            where,
            f"only {text}",
            f"Free at least {LOWEST_FREE_BYTES // _MIB} MiB: without room no punch can be stored",
        )
    return good(Code.DISK_SPACE, where, text)


def measure_fsync_s(directory: Path) -> float:
    """Median seconds of writing and syncing one page: the floor under every commit."""
    timings = []
    with tempfile.TemporaryFile(dir=directory) as page:
        for _ in range(_FSYNC_ROUNDS):
            page.seek(0)
            started = time.perf_counter()
            page.write(os.urandom(_FSYNC_BYTES))
            page.flush()
            os.fsync(page.fileno())
            timings.append(time.perf_counter() - started)
    return statistics.median(timings)


def _fsync(where: str, seconds: float) -> Finding:
    text = f"one synced write takes {seconds * 1000:.1f} ms"
    if seconds > SLOW_FSYNC_S:
        return warn(
            Code.FSYNC_SLOW,
            where,
            text,
            "The disk or SD card is slow or worn: replace it, or move state_dir to a better one",
        )
    return good(Code.FSYNC_SLOW, where, text)


def check_spool(spool: Path) -> Finding:
    """Opens the spool read-only and asks SQLite whether the file is whole."""
    where = str(spool)
    if not _is_there(spool):
        return warn(
            Code.SPOOL_MISSING,
            where,
            "there is no spool yet",
            "It is made at the first start: edge-agent run",
        )
    try:
        with closing(sqlite3.connect(f"{spool.absolute().as_uri()}?mode=ro", uri=True)) as database:
            answer = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as exc:
        answer = str(exc)
    if answer != "ok":
        return bad(
            Code.SPOOL_DAMAGED,
            where,
            f"the spool is damaged or cannot be opened ({answer})",
            "Restart the agent: it sets the file aside, saves what can be read, and reads the "
            "terminals again",
        )
    return good(Code.SPOOL_MISSING, where, "opens and is whole")
