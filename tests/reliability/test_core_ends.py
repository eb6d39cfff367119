"""`hr-core serve` itself: its thread moves what a command beside it wrote; when the disk fails at that,
it ends with code 74 and a line, and the next one serves the record.
"""

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager

from tests.reliability.site import REPOSITORY

ENDED = 74
_CORE = [sys.executable, "-m", "hr_core"]
# For each thread: the first that syncs is the one that moves the log; serving alone writes nothing.
_FIRST_SYNC_FAILS = [
    *("strace", "-f", "-qq", "-o", "/dev/null"),
    *("-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=1"),
]


def command(database, *words):
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "CLOCKLINE_DB": str(database)}
    return subprocess.run(
        [*_CORE, *words], env=environment, check=True, capture_output=True, text=True
    ).stdout


@contextmanager
def served(database, *before):
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "CLOCKLINE_DB": str(database)}
    with subprocess.Popen(
        [*before, *_CORE, "serve", "--port", "0"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as server:  # fmt: skip
        try:
            assert server.stdout.readline().startswith("listening ")
            yield server
        finally:
            server.terminate()


def serve_once(database):
    """The first server of a database notes by which rules days are computed; a later one, serving
    alone, writes nothing.
    """
    with served(database):
        for _ in range(300):
            with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as reader:
                noted = reader.execute("SELECT 1 FROM recompute_marks WHERE name = 'rules'")
                if noted.fetchone():
                    return
            time.sleep(0.1)  # noqa: TID251 - no loop runs here
    raise AssertionError("the server never noted its rules")


def test_a_server_whose_disk_fails_ends_and_the_next_one_has_all(tmp_path):
    database = tmp_path / "core.db"
    command(database, "init")
    serve_once(database)
    command(database, "gateways")  # the last that has the file open empties its log
    with served(database, *_FIRST_SYNC_FAILS) as server:
        command(database, "token", "gw-77", "--site", "plant-1")
        _, told = server.communicate(timeout=60)
        assert server.returncode == ENDED, told
    assert "dmesg" in told
    assert len(told.splitlines()) == 1
    mark = database.with_name("core.db.failed-sync")
    assert mark.exists()
    with served(database):
        assert not mark.exists()
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as reader:
            tokens = reader.execute("SELECT gateway FROM enrolment_tokens").fetchall()
        assert tokens == [("gw-77",)]
