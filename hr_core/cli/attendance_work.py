"""What the attendance commands share: a recomputer, whom it computes, and what a terminal shows."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from datetime import date
from typing import TYPE_CHECKING

import typer

from hr_core.cli.options import open_core

if TYPE_CHECKING:
    import sqlalchemy as sa

    from hr_core.attendance.live.recomputing import Recomputer
    from hr_core.store.log_mover import EmptyLog

STEP_S = 0.25  # a person waits for it


def recomputer_of(engine: sa.Engine, empty_log: EmptyLog) -> Recomputer:
    import time

    from hr_core.attendance.live.recomputing import Recomputer
    from hr_core.clock import SystemClock
    from hr_core.store.checkpoint import HARD_BYTES
    from hr_core.store.database import database_file, initialise

    file = database_file(engine)

    def rest() -> None:
        """Nobody else moves the log while no server runs; a year of days would fill the disk."""
        if file is not None:
            with contextlib.suppress(FileNotFoundError):
                if file.with_name(f"{file.name}-wal").stat().st_size > HARD_BYTES:
                    empty_log()

    initialise(engine)  # tables that came with an update
    return Recomputer(engine, now=SystemClock().now, monotonic=time.monotonic, rest=rest)


@contextlib.contextmanager
def up_to_date(context: typer.Context, db: str | None) -> Iterator[sa.Connection]:
    """To read from, after what came in meanwhile is computed: no server may run."""
    with open_core(context, db) as (engine, empty_log):
        with progress("punches entered") as told:
            recomputer_of(engine, empty_log).catch_up(budget_s=STEP_S, told=told)
        with engine.connect() as conn:
            yield conn


def people_meant(engine: sa.Engine, employee: str | None, on: date) -> list[str]:
    """Raises NotFoundError."""
    import sqlalchemy as sa

    from hr_core.people.lookup import person_of_number
    from hr_core.store.people import people

    with engine.connect() as conn:
        if employee is not None:
            return [person_of_number(conn, employee, on)]
        query = sa.select(people.c.number).order_by(people.c.number)
        return list(conn.execute(query).scalars())


@contextlib.contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal; nothing in a pipe."""
    if not sys.stderr.isatty():
        yield lambda _done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)
