"""An agent of its own process that hears a line, and what its spool holds; for kills, so no core."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from edge_agent.spool.lanes import LANE_BY_NUMBER
from edge_agent.spool.stored_rows import LAST_ARRIVAL, rows_of_lane
from protocols.records import Count

REPOSITORY = Path(__file__).parents[2]


class LineAgent:
    """`device` is the text of its [[device]] table; `patches` are those of tests.reliability.child."""

    def __init__(self, folder, device, *, patches=""):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.process = None
        self._program = (
            ["tests.reliability.child", patches, "edge_agent"] if patches else ["edge_agent"]
        )
        (folder / "site.toml").write_text(
            f'[site]\nname = "s"\nzone = "Asia/Shanghai"\n[gateway]\nname = "g"\n'
            f'state_dir = "{folder}"\n[[device]]\n{device}'
        )

    def start(self):
        with (self.folder / "agent.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *self._program, "run", "-c", str(self.folder / "site.toml")],
                stdout=log,
                stderr=log,
                cwd=REPOSITORY,
                env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
            )

    def kill(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def log(self):
        return (self.folder / "agent.log").read_text()

    def records(self):
        """All that is durable, in order of arrival."""
        spool = self.folder / "spool.db"
        if not spool.exists():
            return []
        with contextlib.closing(sqlite3.connect(f"file:{spool}?mode=ro", uri=True)) as file:
            rows = [
                row
                for lane in LANE_BY_NUMBER
                for row in rows_of_lane(file, lane, after=0, until=LAST_ARRIVAL)
            ]
        return [row.record for row in sorted(rows, key=lambda row: row.arrival)]

    def arrivals(self):
        """How far the log has grown; cheap enough to be asked all the time."""
        try:
            with contextlib.closing(
                sqlite3.connect(f"file:{self.folder}/spool.db?mode=ro", uri=True)
            ) as file:
                return file.execute("SELECT coalesce(max(last_arrival), 0) FROM pages").fetchone()[
                    0
                ]
        except sqlite3.OperationalError:  # it is just being made
            return 0

    def counts(self):
        with contextlib.suppress(sqlite3.OperationalError):  # it is just being made
            return [record for record in self.records() if isinstance(record, Count)]
        return []


def until(met, *, seconds=20, what="it did not happen", every=0.05):
    end = time.monotonic() + seconds
    while not (found := met()):
        assert time.monotonic() < end, what() if callable(what) else what
        time.sleep(every)  # noqa: TID251 - processes are waited for, from no event loop
    return found
