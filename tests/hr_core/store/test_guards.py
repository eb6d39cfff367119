"""Guards are there in every database: a new one, one that was migrated, one opened again."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from hr_core.store.database import initialise, metadata, writing
from hr_core.store.guards import Guard, drop_guards, guard, guard_names
from tests.hr_core.conftest import opened

GOLDEN = Path(__file__).parent / "golden" / "release-0.1.0.sql"


def test_a_migrated_database_has_the_guards_of_a_new_one(tmp_path, sqlite_engine):
    path = tmp_path / "old.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(GOLDEN.read_text(encoding="utf-8"))
    with opened(f"sqlite:///{path}") as engine:
        initialise(engine)
        with engine.connect() as conn, sqlite_engine.connect() as new:
            tables = set(sa.inspect(conn).get_table_names())
            expected = [
                name for table in metadata.tables.values() if table.name in tables
                for name in (f"guard_{table.name}_{one.name}" for one in table.info.get("guards", ()))
            ]  # fmt: skip
            assert guard_names(conn) == sorted(expected)
            assert set(guard_names(conn)) <= set(guard_names(new))
            assert "guard_audit_log_kept" in expected


def test_every_guard_has_a_name_of_its_own():
    for table in metadata.tables.values():
        names = [one.name for one in table.info.get("guards", ())]
        assert len(set(names)) == len(names), table.name


@pytest.fixture
def notes(engine):
    other = sa.MetaData()
    table = sa.Table(
        "notes",
        other,
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("text", sa.Text),
    )
    guard(table, Guard("UPDATE", "kept", "OLD.text = 'kept'", "it's kept"))
    guard(table, Guard("DELETE", "odd", {"sqlite": "OLD.number % 2", "postgresql":
                       "OLD.number % 2 = 1"}, "odd ones stay"))  # fmt: skip
    with writing(engine) as conn:
        other.create_all(conn)
        rows = [{"number": 1, "text": "kept"}, {"number": 2, "text": "free"}]
        conn.execute(sa.insert(table), rows)
    yield table
    with writing(engine) as conn:
        drop = [name for name in guard_names(conn) if name.startswith("guard_notes_")]
        assert len(drop) == 2
        other.drop_all(conn)


def test_a_guard_refuses_what_it_names_and_nothing_else(engine, notes):
    with writing(engine) as conn:
        conn.execute(sa.update(notes).where(notes.c.number == 2).values(text="x"))
        conn.execute(sa.delete(notes).where(notes.c.number == 2))
    with writing(engine) as conn, pytest.raises(sa.exc.IntegrityError, match="it's kept"):
        conn.execute(sa.update(notes).values(text="x"))
    with writing(engine) as conn, pytest.raises(sa.exc.IntegrityError, match="odd ones stay"):
        conn.execute(sa.delete(notes))


def test_a_transaction_that_fails_keeps_its_guards(engine):
    def fail():
        with writing(engine) as conn:
            drop_guards(conn)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with engine.connect() as conn:
        assert guard_names(conn)
