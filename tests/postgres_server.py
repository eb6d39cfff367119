"""A real PostgreSQL on a free loopback port, in a folder that goes with it.

PostgreSQL refuses to run as root: tests that do give it the account of the Debian package, or nobody.
The server dies with the process that started it, however that one ends.
"""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg
from psycopg import sql

from tests.free_ports import free_port

USER = "clockline"
PASSWORD = "not-shown-to-anybody"
_PROGRAMS = Path("/usr/lib/postgresql")
_STARTS_WITHIN_S = 30


class PostgresServer:
    """`durable`: with fsync, for what measures; tests that only ask for answers are faster without."""

    def __init__(self, *, durable=False, folder=None, settings=None):
        self.settings = settings or {}
        self.folder = Path(tempfile.mkdtemp(prefix="clockline-postgres-", dir=folder)).resolve()
        self.port = free_port()
        self._durable = durable
        self._process = None
        self._databases = 0
        self._account = _account()
        if self._account is not None:
            shutil.chown(self.folder, self._account.pw_uid, self._account.pw_gid)

    def create(self):
        """The cluster. Its order of texts is not that of code points: ours must not depend on it."""
        secret = self.folder / "secret"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)  # the folder is closed to others
        self._run(
            "initdb", f"--pgdata={self.folder / 'data'}", f"--username={USER}",
            f"--pwfile={secret}", "--auth=scram-sha-256", "--encoding=UTF8", "--no-sync",
            "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en",
        )  # fmt: skip

    def start(self):
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.folder,
            "fsync": "on" if self._durable else "off",
            **self.settings,
        }
        words = [f"--{name}={value}" for name, value in settings.items()]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._as_account("postgres", "-D", self.folder / "data", *words),
                cwd=self.folder, stdout=log, stderr=log,
            )  # fmt: skip
        deadline = time.monotonic() + _STARTS_WITHIN_S
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL does not start:\n{self.log()}")
            time.sleep(0.02)  # noqa: TID251 - no loop here

    def _is_ready(self):
        """As pg_ctl finds it out: the last line that the server writes there."""
        with contextlib.suppress(FileNotFoundError):
            status = (self.folder / "data" / "postmaster.pid").read_text()
            return status.rstrip().endswith("ready")
        return False

    def stop(self):
        """At once: nothing of it is needed any more, or the test is about just that."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            (self.folder / "data" / "postmaster.pid").unlink(missing_ok=True)

    def remove(self):
        self.stop()
        # Its children may still be about to notice that it is gone.
        for _ in range(50):
            shutil.rmtree(self.folder, ignore_errors=True)
            if not self.folder.exists():
                return
            time.sleep(0.02)  # noqa: TID251 - no loop here

    def url(self, database):
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def admin(self, statement):
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def new_database(self, template=None):
        """Name of a new one: empty, or a copy of `template`, which nobody is connected to."""
        self._databases += 1
        name = f"test_{self._databases}"
        self.admin(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(template or "template0")
            )
        )
        return name

    def drop(self, database):
        self.admin(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)))

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def _run(self, *words):
        done = subprocess.run(
            self._as_account(*words), cwd=self.folder, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{words[0]} failed:\n{done.stdout}{done.stderr}")

    def _as_account(self, program, *words):
        account = self._account
        change = (
            []
            if account is None
            else [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
        )
        return ["setpriv", *change, "--pdeathsig=KILL", _programs() / program, *words]


@contextlib.contextmanager
def postgres_server(**options):
    server = PostgresServer(**options)
    try:
        server.create()
        server.start()
        yield server
    finally:
        server.remove()


def _programs():
    """The newest version's. Raises FileNotFoundError: a missing part is a failed set-up."""
    found = sorted(_PROGRAMS.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise FileNotFoundError(
            f"no PostgreSQL server in {_PROGRAMS}: run tests/system-packages (apt: postgresql)"
        )
    return found[-1].parent


def _account():
    """None when this process is not root's."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise LookupError("neither the account postgres nor nobody is here, and root may not run it")
