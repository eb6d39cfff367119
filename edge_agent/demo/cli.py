"""`edge-agent demo [--input FILE] [--json]`."""

import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from edge_agent.decoding.input_file import read_input
from edge_agent.decoding.unreadable import UnreadableError
from edge_agent.demo.account import Account, settle_account
from edge_agent.demo.core_process import DemoCore
from edge_agent.demo.export_scene import play_export
from edge_agent.demo.month_scene import play_month
from edge_agent.demo.stage import Progress
from edge_agent.demo.stepped_clock import StuckSceneError
from edge_agent.demo.summary import print_summary
from edge_agent.errors import CommandError, ExitCode
from edge_agent.logs import configure_logs
from edge_agent.spool.errors import SpoolError

SEED = 20261001
# A terminal's log of a million rows is 45 MB of text; more than that is another kind of file.
MAX_INPUT_BYTES = 64 * 1024 * 1024


def run_demo(*, input_file: Path | None, as_json: bool, keep: Path | None = None) -> int:
    """Plays the scene, prints the account. Exit code 0 only if all counts agree.

    `keep`: a folder, empty or new, in which the databases stay for a closer look.
    """
    import logging

    configure_logs(level=logging.ERROR)
    data = None if input_file is None else _read(input_file)
    began = time.monotonic()
    with _folder(keep) as folder, _progress() as progress, DemoCore(folder) as core:
        try:
            if data is None:
                played = asyncio.run(play_month(folder, core, progress, seed=SEED))
            else:
                now = datetime.now(UTC)
                played = asyncio.run(play_export(folder, core, data, progress, now=now))
        except (StuckSceneError, SpoolError) as error:
            raise CommandError(
                str(error),
                where="demo",
                remedy="Check the free space of the temporary folder, then try again",
                try_command="edge-agent doctor",
            ) from error
        progress("computing pay", 1, 1)
        account = settle_account(core, played, seconds=time.monotonic() - began)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(account), indent=0).decode())
    else:
        print_summary(account)
    return ExitCode.OK if account.agrees else ExitCode.BROKEN


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="clockline-demo-") as name:
            yield Path(name)
        return
    try:
        keep.mkdir(parents=True, exist_ok=True)
        taken = any(keep.iterdir())
    except OSError as error:  # a file of that name, a folder above it that others own
        raise CommandError(
            f"cannot be made a folder ({error.strerror or error})",
            where=str(keep),
            remedy="Name a new folder where you may write",
            try_command="edge-agent demo --keep NEW_FOLDER",
        ) from error
    if taken:
        raise CommandError(
            "is not empty",
            where=str(keep),
            remedy="Name a new folder: the demo must start from nothing",
            try_command="edge-agent demo --keep NEW_FOLDER",
        )
    yield keep.absolute()


def _read(path: Path) -> bytes:
    try:
        return read_input(path, limit=MAX_INPUT_BYTES)
    except UnreadableError as error:
        raise CommandError(
            error.what,
            where=str(path),
            remedy=error.remedy,
            try_command="edge-agent demo --input FILE",
        ) from error


@contextlib.contextmanager
def _progress() -> Iterator[Progress]:
    """A bar on a terminal, nothing in a pipe."""
    if not sys.stderr.isatty():
        yield _quiet
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description:22}"), BarColumn(40), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting the core", total=None)
        yield lambda what, done, total: bar.update(
            task, description=what, completed=done, total=total
        )


def _quiet(_what: str, _done: int, _total: int) -> None: ...


def account_of(text: str) -> Account:
    """The account that `demo --json` printed, for tests and other programs."""
    return msgspec.json.decode(text, type=Account)
