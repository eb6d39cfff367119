"""A database of an older release becomes one of this release, and nothing in it is lost."""

import contextlib
import sqlite3
import textwrap
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from hr_core.cli import main
from hr_core.store import database, migrate
from hr_core.store.database import initialise, metadata, stored_version, writing
from hr_core.store.errors import SchemaVersionError, StorageError
from tests.hr_core.conftest import opened
from tools.new_migration import missing

GOLDEN = Path(__file__).parent / "golden" / "release-0.1.0.sql"
EXPLAIN = ("pay", "explain", "1", "E001")
LACKING = "the code has tables or columns that no migration makes: tools/new_migration.py NAME"


def by_migrations(engine):
    with writing(engine) as conn:
        migrate.apply(conn, migrate.revisions())


def differences(engine):
    with engine.connect() as conn:
        context = MigrationContext.configure(
            conn, opts={"compare_type": True, "compare_server_default": True}
        )
        return compare_metadata(context, metadata)


def schema(engine):
    """Each table with what the database itself says of it, order of columns aside."""
    inspector = sa.inspect(engine)
    found = {}
    for table in sorted(inspector.get_table_names()):
        columns = sorted(
            (one["name"], str(one["type"]), getattr(one["type"], "collation", None),
             one["nullable"], one["default"])
            for one in inspector.get_columns(table)
        )  # fmt: skip
        found[table] = (
            columns,
            inspector.get_pk_constraint(table),
            sorted(inspector.get_foreign_keys(table), key=str),
            sorted(map(_index, inspector.get_indexes(table))),
            sorted(inspector.get_unique_constraints(table), key=str),
            sorted(inspector.get_check_constraints(table), key=str),
        )
    return found


def _index(one):
    """A condition is an object that equals itself alone: by its text."""
    options = sorted((name, str(value)) for name, value in one["dialect_options"].items())
    return one["name"], tuple(one["column_names"]), bool(one["unique"]), tuple(options)


def without_rowid(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table'")
        return {name for name, sql in rows if "WITHOUT ROWID" in sql}


def golden(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(GOLDEN.read_text(encoding="utf-8"))
    return path


def everything(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        return {
            name: sorted(connection.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr)  # noqa: S608 - our own names
            for (name,) in names
        }


def add_step(version, statement):
    [file] = (migrate.FOLDER / "versions").glob(f"{version:04}_*.py")
    file.write_text(f"{file.read_text()}    {statement}\n")


@pytest.fixture
def step(monkeypatch, tmp_path):
    """A migration behind the newest one; gives its version."""
    version = database.SCHEMA_VERSION + 1
    folder = tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    for file in (migrate.FOLDER / "versions").glob("[0-9]*.py"):
        (folder / "versions" / file.name).write_bytes(file.read_bytes())
    body = """
        import sqlalchemy as sa
        from alembic import op

        revision = "{version:04}"
        down_revision = "{before:04}"


        def upgrade():
            with op.batch_alter_table("pay_runs") as table:
                table.add_column(sa.Column("closed_by", sa.Text()))
                table.alter_column("total_fen", existing_type=sa.BigInteger(), nullable=True)
    """
    (folder / "versions" / f"{version:04}_closed.py").write_text(
        textwrap.dedent(body).format(version=version, before=version - 1)
    )
    monkeypatch.setattr(migrate, "FOLDER", folder)
    monkeypatch.setattr(database, "SCHEMA_VERSION", version)
    return version


def test_both_ways_lead_to_one_schema(new_database_url, request, tmp_path):
    with opened(new_database_url) as engine:
        by_migrations(engine)
        assert differences(engine) == [], LACKING
        migrated = schema(engine)
        kind = engine.dialect.name
    if kind == "sqlite":
        other = f"sqlite:///{tmp_path}/fresh.db"
        with opened(other) as engine:
            initialise(engine)
            assert schema(engine) == migrated
        assert without_rowid(tmp_path / "fresh.db") == without_rowid(tmp_path / "core.db")
        return
    with request.getfixturevalue("postgres_core").database() as other, opened(other) as engine:
        assert schema(engine) == migrated


def test_the_comparison_sees_what_is_missing(new_database_url):
    with opened(new_database_url) as engine:
        by_migrations(engine)
        with writing(engine) as conn:
            conn.exec_driver_sql("ALTER TABLE pay_runs DROP COLUMN scheme")
        assert [one[0] for one in differences(engine)] == ["add_column"]


def test_versions_run_without_a_gap_from_the_first_release():
    numbers = [migrate.number(one) for one in migrate.revisions()]
    assert numbers == list(range(2, database.SCHEMA_VERSION + 1))


def test_the_first_release_opens_with_everything_in_it(tmp_path):
    path = golden(tmp_path / "core.db")
    before = everything(path)
    with opened(f"sqlite:///{path}") as engine:
        assert initialise(engine) == 2
        assert differences(engine) == [], LACKING
    after = everything(path)
    changed = {"schema_version", "device_users", "pay_runs", "pay_lines"}
    assert {name: after[name] for name in before if name not in changed} == {
        name: rows for name, rows in before.items() if name not in changed
    }
    always = ("0001-01-01", None)
    assert after["device_users"] == [
        (serial, user_id, *always, number, 0) for serial, user_id, number in before["device_users"]
    ]
    assert after["pay_runs"] == [(*row, "unknown") for row in before["pay_runs"]]
    assert after["pay_lines"] == [(*row, "earned") for row in before["pay_lines"]]
    assert after["employee_numbers"] == [(one, *always, one) for one in ("E001", "E002")]
    assert after["person_keys"] == [("E001",), ("E002",)]
    assert len(before["raw_events"]) == 16
    assert main(["--db", str(path), *EXPLAIN]) == 0


def test_an_older_one_is_brought_over_with_its_rows(tmp_path, step):
    path = golden(tmp_path / "core.db")
    slips = everything(path)["pay_slips"]
    with opened(f"sqlite:///{path}") as engine:
        initialise(engine)
        with engine.connect() as conn:
            assert stored_version(conn) == step
            assert conn.exec_driver_sql("SELECT closed_by FROM pay_runs").all() == [(None,)]
            assert conn.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
            assert conn.exec_driver_sql("PRAGMA foreign_key_check").all() == []
    assert everything(path)["pay_slips"] == slips, "who refers to the rebuilt table stays"


def test_an_older_one_is_brought_over_on_both(new_database_url, step, monkeypatch):
    with monkeypatch.context() as before:
        before.setattr(database, "SCHEMA_VERSION", step - 1)
        with opened(new_database_url) as engine:
            initialise(engine)
    with opened(new_database_url) as engine:
        assert initialise(engine) == step - 1
        assert initialise(engine) == step
        assert "closed_by" in {one["name"] for one in sa.inspect(engine).get_columns("pay_runs")}


def test_a_migration_that_fails_leaves_what_was(new_database_url, step, monkeypatch):
    with monkeypatch.context() as before:
        before.setattr(database, "SCHEMA_VERSION", step - 1)
        with opened(new_database_url) as engine:
            initialise(engine)
    add_step(step, 'op.execute("SELECT * FROM no_such")')
    with opened(new_database_url) as engine:
        was = schema(engine)
        with pytest.raises(sa.exc.DatabaseError, match="no_such"):
            initialise(engine)
        assert schema(engine) == was
        with engine.connect() as conn:
            assert stored_version(conn) == step - 1


def test_rows_that_refer_to_nothing_are_refused(tmp_path, step):
    path = golden(tmp_path / "core.db")
    add_step(step, 'op.execute("DELETE FROM pay_runs")')
    with opened(f"sqlite:///{path}") as engine, pytest.raises(StorageError) as caught:
        initialise(engine)
    assert caught.value.code == "migration_failed"
    assert everything(path)["pay_runs"]


def test_two_starts_at_once_migrate_once(tmp_path, step):
    path = golden(tmp_path / "core.db")
    with opened(f"sqlite:///{path}") as engine:
        migrate.migrate(engine)
        migrate.migrate(engine)  # the one that came second finds it done
        with engine.connect() as conn:
            assert stored_version(conn) == step


class TestCommands:
    def test_a_command_does_not_migrate_behind_ones_back(self, tmp_path, step, capsys):
        path = golden(tmp_path / "core.db")
        assert main(["--db", str(path), *EXPLAIN]) == 2
        said = capsys.readouterr().err
        assert f"has schema 2, this hr-core speaks schema {step}" in said
        assert "hr-core migrate" in said

    @pytest.mark.parametrize("command", ["migrate", "init"])
    def test_migrate_and_init_do_and_say_so(self, tmp_path, step, capsys, command):
        path = golden(tmp_path / "core.db")
        key = tmp_path / "core.key"
        words = ["--new-core-key", "--core-key", str(key)] if command == "init" else []
        assert main(["--db", str(path), command, *words]) == 0
        assert f"schema 2 is now {step}" in capsys.readouterr().err
        assert main(["--db", str(path), *EXPLAIN]) == 0
        assert main(["--db", str(path), "migrate"]) == 0
        assert "is now" not in capsys.readouterr().err

    def test_a_newer_one_is_refused_by_all(self, tmp_path, capsys):
        path = golden(tmp_path / "core.db")
        newer = database.SCHEMA_VERSION + 1
        with opened(f"sqlite:///{path}") as engine, writing(engine) as conn:
            conn.execute(database.schema_version.update().values(version=newer))
        for words in (["init"], ["migrate"], EXPLAIN, ["serve"]):
            assert main(["--db", str(path), *words]) == 2
            assert f"the database has schema {newer}" in capsys.readouterr().err
        with opened(f"sqlite:///{path}") as engine, pytest.raises(SchemaVersionError) as caught:
            initialise(engine)
        assert caught.value.found == newer


class TestTheTool:
    @pytest.fixture
    def new_table(self):
        table = sa.Table(
            "visitors",
            metadata,
            sa.Column("name", sa.Text, primary_key=True),
            sa.Column("came_at", database.UtcInstant, nullable=False),
            sqlite_with_rowid=False,
        )
        yield table
        metadata.remove(table)

    def test_what_the_code_has_more_is_written_as_a_migration(self, new_table, step):
        body = missing(migrate.revisions()[:-1])
        assert 'op.create_table("visitors"' in body.replace("'", '"').replace("(\n    ", "(")
        assert "TEXT" in body
        assert "sa.BigInteger()" in body
        assert "sqlite_with_rowid=False" in body
        assert "pay_runs" not in body

    def test_nothing_to_migrate(self):
        assert missing(migrate.revisions()) == "pass", LACKING
