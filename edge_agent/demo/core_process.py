"""The HR core as the demo starts it: its own processes, spoken to by command line and HTTP only.

Edge and core never import each other; the demo knows `hr-core` as an operator does.
"""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from edge_agent.errors import CommandError

_STOP_LIMIT_S = 10.0
_DEGRADED = 1  # ran, and has something to say about the data


class DemoCore:
    """A served core on a database of its own; a context manager."""

    def __init__(self, folder: Path) -> None:
        if importlib.util.find_spec("hr_core") is None or not _core_extra_installed():
            raise CommandError(
                "the HR core is not installed here",
                where="demo",
                remedy="The demo needs the whole product; install the extra: "
                'pip install "clockline[core]"',
                try_command="make demo",
            )
        self._folder = folder
        self.database = folder / "core.db"
        self._server: subprocess.Popen[str] | None = None
        self.url = ""

    def prepare(self, people_file: Path) -> None:
        """Sets the core up and loads the people."""
        self.command("init")
        self.command("import", str(people_file))

    def agree(self, agreements_file: Path) -> None:
        """Pay agreements: one person proposes them, another approves."""
        proposed = self.answer(
            "pay", "agreements", "import", str(agreements_file), "--by", "demo HR"
        )
        self.command("approvals", "approve", str(proposed["approval"]), "--by", "demo manager")

    def token(self, gateway: str, site: str) -> str:
        """With which the gateway joins."""
        return str(self.answer("token", gateway, "--site", site)["token"])

    def command(self, *words: str) -> str:
        """Runs `hr-core WORDS`; what it printed. Raises CommandError when it fails."""
        done = subprocess.run(
            self._argv(*words), capture_output=True, text=True, check=False, cwd=self._folder
        )
        if done.returncode not in (0, _DEGRADED):
            raise CommandError(
                f"ended with {done.returncode}: {done.stderr.strip() or done.stdout.strip()}",
                where=f"hr-core {' '.join(words)}",
                remedy="This should not happen in a demo; please report it",
                try_command="edge-agent doctor",
            )
        return done.stdout

    def answer(self, *words: str) -> Any:
        """The last JSON object that `hr-core WORDS --json` printed."""
        return json.loads(self.command(*words, "--json").strip().splitlines()[-1])

    def __enter__(self) -> Self:
        return self

    def serve(self) -> None:
        """Starts the server on a free loopback port and waits until it listens."""
        self._server = subprocess.Popen(
            self._argv("serve", "--host", "127.0.0.1", "--port", "0"),
            stdout=subprocess.PIPE,
            text=True,
            cwd=self._folder,
        )
        assert self._server.stdout is not None  # noqa: S101 - we asked for the pipe
        line = self._server.stdout.readline().strip()
        if not line.startswith("listening "):
            raise CommandError(
                f"did not start (it said {line!r})",
                where="hr-core serve",
                remedy="Look at the lines above",
                try_command="edge-agent doctor",
            )
        self.url = f"http://{line.removeprefix('listening ')}"

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is None:
            return
        self._server.terminate()
        try:
            self._server.wait(_STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        if self._server.stdout is not None:
            self._server.stdout.close()

    def _argv(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "hr_core", "--db", str(self.database), *words]


def _core_extra_installed() -> bool:
    return importlib.util.find_spec("sqlalchemy") is not None
