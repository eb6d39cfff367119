"""Brings a database of an older release to this one's schema, in one transaction.

The revisions are Alembic's, and its operations run them; which of them a database has is in our own
`schema_version`, so there is one truth. Forward only: who wants to go back restores a backup.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import Script, ScriptDirectory

from hr_core.store.database import describe, metadata, schema_version, stored_version, writing
from hr_core.store.errors import SchemaVersionError, StorageError
from hr_core.store.guards import create_guards, drop_guards

FOLDER = Path(__file__).with_name("migrations")


def migrate(engine: sa.Engine) -> None:
    """Raises SchemaVersionError for one that no revision here starts from, StorageError."""
    with _rebuilding(engine) as conn:
        found = stored_version(conn)
        steps = revisions()
        if found is None or all(found != number(step) for step in steps):
            raise SchemaVersionError(
                where=describe(engine), found=found or 0, expected=number(steps[-1])
            )
        drop_guards(conn)
        apply(conn, [step for step in steps if number(step) > found])
        create_guards(conn, metadata)


def revisions() -> list[Script]:
    """The oldest first."""
    return list(reversed(list(ScriptDirectory(FOLDER).walk_revisions())))


def number(revision: Script) -> int:
    """The schema version that it leads to."""
    return int(revision.revision)


def apply(conn: sa.Connection, steps: list[Script]) -> None:
    """In the caller's write transaction."""
    context = MigrationContext.configure(conn)
    for step in steps:
        with Operations.context(context):
            step.module.upgrade()
        conn.execute(schema_version.update().values(version=number(step)))


@contextmanager
def _rebuilding(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A write transaction in which SQLite may drop a table that others refer to: it changes a table
    by making it anew. What refers to nothing in the end is refused.
    """
    with writing(engine, checks_references=False) as conn:
        yield conn
        if engine.dialect.name == "sqlite":
            broken: list[Any] = list(conn.exec_driver_sql("PRAGMA foreign_key_check"))
            if broken:
                raise StorageError(
                    f"{len(broken)} rows refer to nothing after the migration ({broken[0]})",
                    where=describe(engine),
                    remedy="Nothing was changed; report this with the line above",
                    code="migration_failed",
                )
