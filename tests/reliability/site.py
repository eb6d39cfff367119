"""A site of real processes in one folder: `edge-agent run`, `hr-core serve`, simulated terminals.

The only place that knows how an agent and a core are set up and introduced to each other, and where
they keep what they hold.
"""

import asyncio
import atexit
import contextlib
import ctypes
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from hr_core.api.mqtt import CLIENT_ID
from hr_core.store.database import open_database
from protocols.identity import event_id
from protocols.records import Punch
from protocols.uplink import Observation
from protocols.zk.attendance import AttendanceRow
from protocols.zk.users import User
from simulators.zk_terminal import Faults, TerminalConfig, ZkTerminal
from tests.edge_agent.enrolment.known_gateway import make_known
from tests.hr_core.ingest.batch_samples import batch_of
from tests.hr_core.signed_batches import deliver
from tests.reliability.oracle import Key, Oracle, Verdict, oracle_process
from tests.sync.mosquitto import Mosquitto

REPOSITORY = Path(__file__).resolve().parents[2]
ZONE = "UTC"
GATEWAY, SITE = "gw-rig", "rig"
PEOPLE = 40
USERS = [User(uid=number, user_id=str(1000 + number)) for number in range(1, PEOPLE + 1)]
# An agent of a claim that does not end is a defect of the claim or of the agent: found here.
PATIENCE_S = 60.0
# A weakened variant that has lost something never settles.
WEAKENED_PATIENCE_S = 5.0


class ClaimError(Exception):
    """The run itself went wrong: nothing can be said about the claim."""


def wall() -> datetime:
    """What a right clock shows at the site (zone UTC), as terminals do: to the second."""
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


def punch_rows(
    count: int, seed: int, *, until: datetime | None = None, step_s: int = 37
) -> list[AttendanceRow]:
    """A log of `count` punches that ends at `until`, one each `step_s` seconds."""
    draw = random.Random(seed)
    first = (until or wall() - timedelta(hours=1)) - timedelta(seconds=step_s * count)
    return [
        row_at(first + timedelta(seconds=step_s * number), draw.randrange(1, PEOPLE + 1))
        for number in range(count)
    ]


def row_at(moment: datetime, person: int, *, state: int = 0, verify: int = 1) -> AttendanceRow:
    return AttendanceRow(
        uid=person, user_id=str(1000 + person), time=moment, state=state, verify=verify
    )


def keys_of(serial: str, rows: Iterable[AttendanceRow]) -> list[Key]:
    return [Key(serial, row.user_id, row.time.isoformat(), row.state) for row in rows]


@dataclass(frozen=True, kw_only=True)
class Device:
    """A line of the site file. `port` may be that of a proxy before the terminal."""

    name: str
    port: int
    serial: str
    poll_s: float = 0.3
    timeout_s: float = 1.0
    live: bool = True

    def text(self) -> str:
        return (
            f'[[device]]\nname = "{self.name}"\nkind = "zk-pull"\nhost = "127.0.0.1"\n'
            f'port = {self.port}\nserial = "{self.serial}"\npoll_s = {self.poll_s}\n'
            f"timeout_s = {self.timeout_s}\nlive = {str(self.live).lower()}\n"
        )


@dataclass
class Process:
    """A child that is started, killed and started again. Its stderr is `log`."""

    argv: tuple[str, ...]
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    running: asyncio.subprocess.Process | None = None
    starts: int = 0

    async def start(
        self, weakened: Sequence[str] = (), *, preexec: Callable[[], None] | None = None
    ) -> None:
        """With `weakened`, as `child.py` runs it: with these patches."""
        module = ("tests.reliability.child", ",".join(weakened)) if weakened else ()
        self.starts += 1
        with self.log.open("ab") as log:
            self.running = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", *module, *self.argv),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                cwd=self.log.parent,
                env=_environment() | self.environment,
                preexec_fn=lambda: _prepare_child(preexec),
                limit=2**20,
            )

    @property
    def alive(self) -> bool:
        return self.running is not None and self.running.returncode is None

    @property
    def pid(self) -> int:
        assert self.running is not None
        return self.running.pid

    async def kill(self) -> None:
        """Kill -9, and nothing else."""
        if self.running is not None:
            with contextlib.suppress(ProcessLookupError):
                self.running.kill()
            await self._reap()

    async def stop(self) -> None:
        if self.running is not None:
            with contextlib.suppress(ProcessLookupError):
                self.running.terminate()
            try:
                async with asyncio.timeout(15):
                    await self._reap()
            except TimeoutError:
                await self.kill()
                raise ClaimError(f"{self.argv[0]} did not stop within 15 s of SIGTERM") from None

    async def ended(self) -> int:
        """Waits for its end: its exit code, negative for a signal."""
        assert self.running is not None
        async with asyncio.timeout(PATIENCE_S):
            await self._reap()
        return self.running.returncode or 0

    async def _reap(self) -> None:
        assert self.running is not None
        await self.running.communicate()


class Core(Process):
    """`hr-core serve` on `database`, at the same port each time."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "core.db"
        self.port = 0
        self.more: tuple[str, ...] = ()  # words of its command line
        super().__init__((), folder / "core.log")

    async def serve(self, weakened: Sequence[str] = ()) -> None:
        words = ("hr_core", "--db", str(self.database), "serve", "--port", str(self.port))
        self.argv = (*words, *self.more)
        await self.start(weakened)
        assert self.running is not None
        assert self.running.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            line = (await self.running.stdout.readline()).decode().strip()
        if not line.startswith("listening "):
            raise ClaimError(f"the core said {line!r}: {self.log.read_text()[-2000:]}")
        self.port = int(line.rpartition(":")[2])

    def punches(self) -> list[Key]:
        """Everything that it holds, straight from its file."""
        with closing(_read_only(self.database)) as database:
            rows = database.execute(
                "SELECT device, user_id, body FROM raw_events WHERE kind = 'punch'"
            ).fetchall()
        return [_key(device, user_id, json.loads(body)) for device, user_id, body in rows]

    def plant(self, punch: Punch) -> None:
        """Puts a record there that nobody of the rig has delivered. The core must not run."""
        engine = open_database(f"sqlite:///{self.database}")
        try:
            observation = Observation(
                event_id=event_id(punch).hex(),
                record=punch,
                received_at=datetime.now(UTC),
                zone=ZONE,
            )
            batch = batch_of(observation, gateway="other")
            answer = deliver(engine, batch, at=datetime.now(UTC))
        finally:
            engine.dispose()
        if answer.verdicts[0].verdict != "accepted":
            raise ClaimError(f"the core would not take it: {answer}")

    def count(self) -> int:
        return int(self.ask("SELECT count(*) FROM raw_events WHERE kind = 'punch'")[0][0])

    def count_of(self, serial: str) -> int:
        query = "SELECT count(*) FROM raw_events WHERE kind = 'punch' AND device = ?"
        return int(self.ask(query, serial)[0][0])

    def ask(self, query: str, *values: Any) -> list[Any]:
        """Straight from its file."""
        with closing(_read_only(self.database)) as database:
            return database.execute(query, values).fetchall()


def _key(device: str, user_id: str, body: dict[str, Any]) -> Key:
    return Key(device, user_id, body["device_time"], body["state"])


class Agent(Process):
    """`edge-agent run` on the site file of `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site_file = folder / "site.toml"
        self.spool = folder / "state" / "spool.db"
        self.broker: Mosquitto | None = None  # over which it sends
        super().__init__(("edge_agent", "run", "-c", str(self.site_file)), folder / "agent.log")

    def write_site(
        self,
        devices: Iterable[Device],
        *,
        core_port: int | None,
        batch_records: int = 200,
        timeout_s: float = 1.5,
        gateway: str = GATEWAY,
    ) -> None:
        for name in ("state", "run"):
            (self.folder / name).mkdir(exist_ok=True)
        url = f"http://127.0.0.1:{core_port}" if self.broker is None else self.broker.url
        uplink = (
            ""
            if core_port is None
            else f'[uplink]\nurl = "{url}"\n'
            f"timeout_s = {timeout_s}\nbatch_records = {batch_records}\n"
        )
        if self.broker is not None:
            password = self.broker.password_files[gateway]
            uplink += f'[uplink.broker]\npassword_file = "{password}"\n'
        self.site_file.write_text(
            f'[site]\nname = "{SITE}"\nzone = "{ZONE}"\n'
            f'[gateway]\nname = "{gateway}"\nstate_dir = "state"\n'
            f'runtime_dir = "run"\n{uplink}' + "".join(device.text() for device in devices)
        )

    def ask(self, query: str, *values: Any) -> list[Any]:
        """Straight from the spool file, beside the agent."""
        with closing(_read_only(self.spool)) as database:
            return database.execute(query, values).fetchall()

    def stored(self) -> int:
        """Rows that the spool has ever stored of devices."""
        if not self.spool.exists():
            return 0
        try:
            return int(self.ask("SELECT coalesce(sum(stored), 0) FROM devices")[0][0])
        except sqlite3.OperationalError:  # the file is being made
            return 0

    def snapshot(self) -> dict[str, Any]:
        """What it wrote for `status` last."""
        try:
            told: dict[str, Any] = json.loads((self.folder / "run" / "status.json").read_text())
        except FileNotFoundError:
            return {}
        return told

    def rss_kib(self) -> int:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise ClaimError("no VmRSS")


@dataclass
class RigSite:
    """One gateway, one core, the oracle."""

    folder: Path
    core: Core
    agent: Agent
    oracle: Oracle

    def join(self, devices: Sequence[Device], *, core_port: int | None = None, **more: Any) -> None:
        """Writes the site file; the core's own port, or that of a proxy before it."""
        port = self.core.port if core_port is None else core_port
        self.agent.write_site(devices, core_port=port, **more)

    def meet_at(self, broker: Mosquitto) -> None:
        """Call before both are started: they talk over `broker`."""
        self.agent.broker = broker
        password = broker.password_files[CLIENT_ID]
        self.core.more = ("--mqtt", broker.url, "--mqtt-password-file", str(password))
        for process in (self.agent, self.core):
            process.environment["SSL_CERT_FILE"] = str(broker.ca)

    async def punch(self, terminal: ZkTerminal, *rows: AttendanceRow) -> None:
        """Somebody punches; the oracle knows first."""
        await self.oracle.made(keys_of(terminal.serial, rows))
        await terminal.punch(*rows)

    async def settled(self, *, weakened: bool = False, quiet_s: float = 0.0) -> Verdict:
        """Waits until the core holds what was made, then judges; also when it never does: when for
        PATIENCE_S nothing more has come. However slow the machine is, what comes is waited for.

        quiet_s   how long nothing may change in the end, for claims about what must not arrive
        """
        patience_s = WEAKENED_PATIENCE_S if weakened else PATIENCE_S
        deadline, held = time.monotonic() + patience_s, 0
        while True:
            began = time.monotonic()
            verdict = await self.judge()
            now = time.monotonic()
            arrived = verdict.held - verdict.doubled - verdict.foreign
            if arrived != held:
                deadline, held = now + patience_s, arrived
            if (verdict.lost == 0 and verdict.made) or now > deadline:
                break
            # Reading all that the core holds must not slow down what it waits for.
            await asyncio.sleep(max(0.15, 4 * (now - began)))
        if quiet_s:
            await asyncio.sleep(quiet_s)
            verdict = await self.judge()
        return verdict

    async def judge(self) -> Verdict:
        await self.oracle.held(self.core.punches())
        return await self.oracle.judge()


class RigTerminal(ZkTerminal):
    """A simulated terminal that knows its serial."""

    def __init__(
        self,
        serial: str,
        rows: Sequence[AttendanceRow] = (),
        faults: Faults | None = None,
        *,
        worn: Mapping[int, bytes] | None = None,
        **config: Any,
    ) -> None:
        self.serial = serial
        settings = {"clock": wall, "packet_bytes": 65_528} | config
        super().__init__(
            TerminalConfig(serial=serial, **settings), list(rows), list(USERS), faults, worn=worn
        )


@contextlib.asynccontextmanager
async def rig_site(
    *, serve: bool = True, core_weakened: Sequence[str] = ()
) -> AsyncIterator[RigSite]:
    """A folder with a core that is served (unless not wanted); the agent is started by the claim."""
    with tempfile.TemporaryDirectory(prefix="clockline-rig-") as name:
        folder = Path(name)
        core, agent = Core(folder), Agent(folder)
        await asyncio.to_thread(_introduce, core, agent)
        try:
            if serve:
                await core.serve(core_weakened)
            async with oracle_process(folder) as oracle:
                yield RigSite(folder, core, agent, oracle)
        finally:
            await agent.kill()
            await core.kill()
            if KEEP in os.environ:
                shutil.copytree(folder, os.environ[KEEP], dirs_exist_ok=True)


def _introduce(core: Core, agent: Agent) -> None:
    """A core with its key, and a gateway that it knows; enrolment itself is tested elsewhere."""
    template = _template()
    for file in template.iterdir():
        shutil.copy2(file, core.database.with_name(file.name))
    make_known(core.database, agent.folder / "state", GATEWAY, site=SITE)


@cache
def _template() -> Path:
    """The folder of a core that was set up, made once."""
    folder = Path(tempfile.mkdtemp(prefix="clockline-rig-core-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    database = folder / "core.db"
    words = [sys.executable, "-m", "hr_core", "--db", str(database), "init"]
    subprocess.run(words, check=True, capture_output=True, env=_environment())
    return folder


# Killed with the rig: a claim that is interrupted leaves nobody behind.
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def _prepare_child(more: Callable[[], None] | None) -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if more is not None:
        more()


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONHASHSEED": "0"}


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)


async def until(
    condition: Callable[[], Any], *, what: str, within_s: float = PATIENCE_S, pause_s: float = 0.02
) -> None:
    """Raises ClaimError when it does not come true."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise ClaimError(f"after {within_s:g} s still not: {what}")
        await asyncio.sleep(pause_s)


# Names a folder into which a run is copied when it ends, to look at logs and databases.
KEEP = "CLOCKLINE_RIG_KEEP"

SIGKILLED = -signal.SIGKILL
