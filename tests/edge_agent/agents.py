"""Agents, terminals and a core on real sockets, for tests of the whole gateway."""

import asyncio
import contextlib
import random
import sqlite3
import subprocess
import sys
from datetime import datetime, timedelta

import pytest

from edge_agent.app import Agent
from edge_agent.config.loading import load_config
from edge_agent.notify import Notifier
from edge_agent.spool.lanes import LANE_BY_NUMBER
from edge_agent.spool.stored_rows import LAST_ARRIVAL, rows_of_lane
from edge_agent.system_clock import SystemClock
from protocols.zk.attendance import AttendanceRow
from tests.edge_agent.enrolment.known_gateway import make_known

PATIENCE_S = 20


def rows(count, start=datetime(2026, 10, 1, 8)):
    """One punch a minute."""
    return [
        AttendanceRow(
            uid=index % 20 + 1,
            user_id=str(1001 + index % 20),
            time=start + timedelta(minutes=index),
            state=index % 2,
        )
        for index in range(count)
    ]


def site_text(port, *, gateway="gw-test", url=None, more="", host="127.0.0.1"):
    """A site of one terminal named gate; `more` are further lines of its table."""
    uplink = f'[uplink]\nurl = "{url}"\ntimeout_s = 2\n' if url else ""
    return f"""\
[site]
name = "site-1"
zone = "UTC"
networks = ["127.0.0.64/28"]
[gateway]
name = "{gateway}"
state_dir = "."
{uplink}
[[device]]
name = "gate"
kind = "zk-pull"
host = "{host}"
port = {port}
timeout_s = 1
poll_s = 0.1
{more}
"""


class Core:
    """A served hr-core in a process of its own, with its database and key in `folder`."""

    def __init__(self, folder):
        self.database = folder / "core.db"
        self.url = None
        self._command = [sys.executable, "-m", "hr_core", "--db", str(self.database)]
        self.run("init")

    def run(self, *words, code=0):
        done = subprocess.run([*self._command, *words], capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def enrol(self, folder, gateway):
        """Makes core and gateway known to each other; `folder` is the gateway's state."""
        return make_known(self.database, folder, gateway)

    @contextlib.contextmanager
    def served(self, port=0, more=()):
        with subprocess.Popen(
            [*self._command, "serve", "--port", str(port), *more], stdout=subprocess.PIPE
        ) as server:
            self.url = f"http://{server.stdout.readline().decode().split()[-1]}"
            try:
                yield self
            finally:
                server.terminate()

    def ask(self, query, *values):
        uri = f"file:{self.database}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
            return connection.execute(query, values).fetchall()

    def punches(self):
        """How many by device."""
        return dict(
            self.ask("SELECT device, count(*) FROM raw_events WHERE kind = 'punch' GROUP BY 1")
        )


@contextlib.asynccontextmanager
async def running(folder, text):
    folder.mkdir(exist_ok=True)
    (folder / "site.toml").write_text(text)
    agent = await Agent.open(
        load_config(folder / "site.toml"),
        clock=SystemClock(),
        randomness=random.Random(1),
        notifier=Notifier({}),
        uplink_idle_s=0.05,
    )
    task = asyncio.ensure_future(agent.run())
    try:
        yield agent
        assert not task.done(), "the agent must live on"
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        agent.close()


async def until(condition, *, what):
    async with asyncio.timeout(PATIENCE_S):
        while True:
            answer = condition()
            if asyncio.iscoroutine(answer):
                answer = await answer
            if answer:
                return
            await asyncio.sleep(0.02)
    pytest.fail(what)


async def stored(agent, serial):
    """Events of this log in the agent's spool."""
    devices = {device.serial: device.stored for device in (await agent.spool.stats()).devices}
    return devices.get(serial, 0)


def spooled(folder, query, *values):
    """Straight from the spool file, beside the agent."""
    path = folder / "spool.db"
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(query, values).fetchall()


def observations(folder):
    """Everything in the spool file, in order of arrival within each lane."""
    path = folder / "spool.db"
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return [
            row.observation()
            for lane in LANE_BY_NUMBER
            for row in rows_of_lane(connection, lane, after=0, until=LAST_ARRIVAL)
        ]
