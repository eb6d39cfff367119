"""A checkpoint whose sync of the database file fails, then a power cut: nothing is lost, because the
process ends and the next one moves the whole log. One that goes on loses.
"""

import random
import sqlite3
import sys
from contextlib import closing

import pytest

from edge_agent.spool import failed_sync
from edge_agent.spool.schema import prepare
from tests.reliability.failed_checkpoint_run import FIRST, LAST, MOVING, SECOND
from tests.reliability.powercut import Cut, Disk, Ended, SyncEnds, lay_out, record
from tests.reliability.site import REPOSITORY

ALL = {*FIRST, *SECOND, *LAST}


def run(folder, then, *, fail_at=None):
    """Events of the run in `folder`, and how many syncs it does before it moves the rest."""
    folder.mkdir()
    argv = [sys.executable, "-m", "tests.reliability.failed_checkpoint_run", folder / "s.db", then]
    inject = () if fail_at is None else (f"fdatasync:error=EIO:when={fail_at}",)
    trace = folder / "trace"
    events = record(
        [str(word) for word in argv], trace, inject=inject, cwd=REPOSITORY,
        again_after=failed_sync.EXIT_CODE,
    )  # fmt: skip
    return events, trace.read_text().partition(MOVING)[0].count("fdatasync(")


def boots_after_cut(events, folder, after):
    disk = Disk()
    for event in events:
        disk.follow(event)
    after.mkdir()
    lay_out(disk.cut(Cut.DROPPED, random.Random(1)), folder, after)
    prepare(after / "s.db")
    with closing(sqlite3.connect(after / "s.db")) as connection:
        return {row[0] for row in connection.execute("SELECT boot FROM boots")}


@pytest.fixture(scope="module")
def syncs(tmp_path_factory):
    """Before the checkpoint that is to fail: it syncs the log first, then the database file."""
    folder = tmp_path_factory.mktemp("dry") / "run"
    events, before = run(folder, "ends")
    assert [event.code for event in events if isinstance(event, Ended)] == [0]
    assert boots_after_cut(events, folder, folder / "after") == ALL
    return before


@pytest.mark.parametrize("which", [1, 2], ids=["log", "file"])
def test_the_process_ends_and_the_next_loses_nothing(tmp_path, syncs, which):
    events, _ = run(tmp_path / "run", "ends", fail_at=syncs + which)
    assert sum(isinstance(event, SyncEnds) and event.failed for event in events) == 1
    codes = [event.code for event in events if isinstance(event, Ended)]
    assert codes == [failed_sync.EXIT_CODE, 0]
    assert boots_after_cut(events, tmp_path / "run", tmp_path / "after") == ALL


def test_one_that_goes_on_loses(tmp_path, syncs):
    events, _ = run(tmp_path / "run", "goes_on", fail_at=syncs + 2)
    assert sum(isinstance(event, SyncEnds) and event.failed for event in events) == 1
    try:
        found = boots_after_cut(events, tmp_path / "run", tmp_path / "after")
    except Exception as refused:  # noqa: BLE001 - whatever opening a malformed file raises
        found = set()
        print(repr(refused))
    assert not found >= ALL
