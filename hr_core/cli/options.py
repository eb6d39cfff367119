"""Options that commands share, exit codes, and opening the core's database."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from hr_core.errors import CoreError, NotFoundError

if TYPE_CHECKING:
    from datetime import date

    import sqlalchemy as sa

    from hr_core.clock import Month
    from hr_core.store.log_mover import EmptyLog

DEFAULT_DB = "clockline-core.db"
_REMEDY = "create it with hr-core init, or point --db or CLOCKLINE_DB at the right one"

DbOption = Annotated[
    str | None,
    typer.Option(
        "--db",
        help=f"Database URL or SQLite file [default: CLOCKLINE_DB or ./{DEFAULT_DB}].",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
ByOption = Annotated[
    str | None, typer.Option("--by", help="Who [default: your account].", show_default=False)
]
MonthOption = Annotated[str, typer.Option("--month", help="The month, like 2026-10.")]


class ExitCode(IntEnum):
    OK = 0
    DEGRADED = 1  # done, and something needs a person's eye
    BROKEN = 2
    USAGE = 3


def database_url(context: typer.Context, db: str | None) -> str:
    """From the command, the program, the environment, in this order."""
    chosen = db or context.find_root().obj or os.environ.get("CLOCKLINE_DB") or DEFAULT_DB
    return chosen if "://" in chosen else f"sqlite:///{Path(chosen).absolute()}"


def has_database(context: typer.Context, db: str | None) -> bool:
    """Whether one was named, or lies where one would be looked for."""
    chosen = db or context.find_root().obj or os.environ.get("CLOCKLINE_DB")
    return bool(chosen) or Path(DEFAULT_DB).exists()


def new_engine(context: typer.Context, db: str | None) -> sa.Engine:
    """Raises NotFoundError for a URL that SQLAlchemy does not understand."""
    import sqlalchemy as sa

    import hr_core.store.all_tables  # noqa: F401 - imported for the tables it defines
    from hr_core.store.database import open_database

    url = database_url(context, db)
    try:
        return open_database(url)
    except (sa.exc.ArgumentError, ImportError) as exc:
        raise NotFoundError(
            f"this --db cannot be used: {exc}",  # without the URL: a password may stand in it
            remedy="give a file, sqlite:////path/core.db or postgresql://user@host/name",
        ) from exc


class OpenCore(NamedTuple):
    engine: sa.Engine
    empty_log: EmptyLog


@contextmanager
def core(context: typer.Context, db: str | None) -> Iterator[sa.Engine]:
    """An initialised database, closed at the end. Raises CoreError when there is none: a mistyped
    path must not become a new empty core.
    """
    with open_core(context, db) as opened:
        yield opened.engine


@contextmanager
def open_core(context: typer.Context, db: str | None) -> Iterator[OpenCore]:
    """As `core`, with a way to take what was overwritten out of the log too."""
    from hr_core.store.log_mover import visiting

    engine = _existing_engine(context, db)
    with visiting(engine) as empty_log, _sound(engine):
        yield OpenCore(engine, empty_log)


@contextmanager
def migrated_core(context: typer.Context, db: str | None) -> Iterator[sa.Engine]:
    """As `core`, brought to this schema first."""
    from hr_core.store.log_mover import visiting

    engine = _existing_engine(context, db)
    with visiting(engine):
        migrate_older(engine)
        with _sound(engine):
            yield engine


@contextmanager
def served_core(context: typer.Context, db: str | None) -> Iterator[sa.Engine]:
    """As `core`, for the one process that serves it. Brings an older one to this schema first."""
    from hr_core.store.log_mover import serving

    engine = _existing_engine(context, db)
    with serving(engine):
        migrate_older(engine)
        with _sound(engine):
            yield engine


def migrate_older(engine: sa.Engine) -> None:
    """Says so on stderr. Raises StorageError."""
    from hr_core.store.database import SCHEMA_VERSION, describe, initialise, stored_version

    with engine.connect() as conn:
        found = stored_version(conn)
    if found is not None and initialise(engine) != SCHEMA_VERSION:
        print(f"{describe(engine)}: schema {found} is now {SCHEMA_VERSION}", file=sys.stderr)


def _existing_engine(context: typer.Context, db: str | None) -> sa.Engine:
    """Raises CoreError when there is no such file."""
    from hr_core.store.database import database_file

    engine = new_engine(context, db)
    file = database_file(engine)
    if file is not None and not file.exists():
        raise CoreError(f"there is no database {file}", remedy=_REMEDY)
    return engine


@contextmanager
def _sound(engine: sa.Engine) -> Iterator[None]:
    """Raises CoreError when it is no core's database, one of another schema, or fails meanwhile."""
    import sqlalchemy as sa

    from hr_core.store.database import SCHEMA_VERSION, describe, shown, stored_version
    from hr_core.store.errors import SchemaVersionError

    where = shown(engine.url)
    try:
        with engine.connect() as conn:
            found = stored_version(conn)
        if found is None:
            raise CoreError(
                f"there is no core in {where} (it has no schema_version)", remedy=_REMEDY
            )
        if found != SCHEMA_VERSION:
            raise SchemaVersionError(where=describe(engine), found=found, expected=SCHEMA_VERSION)
        yield
    except sa.exc.SQLAlchemyError as exc:
        cause = getattr(exc, "orig", None) or exc
        raise CoreError(f"{where} is not a sound core database ({cause})", remedy=_REMEDY) from exc
    finally:
        engine.dispose()


@contextmanager
def reading(context: typer.Context, db: str | None) -> Iterator[sa.Connection]:
    with core(context, db) as engine, engine.connect() as conn:
        yield conn


@contextmanager
def writing(context: typer.Context, db: str | None) -> Iterator[sa.Connection]:
    """One write transaction: committed at the end, rolled back on any error."""
    from hr_core.store import database

    with core(context, db) as engine, database.writing(engine) as conn:
        yield conn


def parse_month(text: str) -> Month:
    """Raises a usage error."""
    from hr_core.clock import Month

    try:
        return Month.parse(text)
    except ValueError as exc:
        raise typer.BadParameter(str(exc), param_hint="--month") from exc


def parse_day(text: str, option: str = "--day") -> date:
    """Raises a usage error that names `option`."""
    from datetime import datetime

    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a date of the wall clock
    except ValueError as exc:
        raise typer.BadParameter(
            f"{text!r} is not a day like 2026-11-21", param_hint=option
        ) from exc


def today_here(conn: sa.Connection) -> date:
    """By the plant's wall clock."""
    from hr_core.clock import SystemClock
    from hr_core.people.today import today_at

    return today_at(conn, SystemClock().now())


def print_json(value: object) -> None:
    import msgspec

    # Blanks after comma and colon, as the gateway's commands print.
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=0) + b"\n")
    sys.stdout.buffer.flush()
