"""Opening: mode, lock, migrations, foreign and damaged files. Every refusal has a remedy."""

import asyncio
import os
import sqlite3
import stat
import sys
from contextlib import closing

import pytest

from drivers.contract import Delivery
from edge_agent.spool import schema
from edge_agent.spool.reading import KNOWN_SCHEMA
from edge_agent.spool.store import (
    Spool,
    SpoolCorruptError,
    SpoolError,
    SpoolFullError,
    SpoolLockedError,
)
from tests.edge_agent.spool.deliveries import BOOT, append, punches


def open_spool(path, clock):
    return Spool.open(path, clock=clock, boot_id=BOOT)


def refusal(path, clock, kind=SpoolError):
    with pytest.raises(kind) as refused:
        open_spool(path, clock)
    assert str(path) in str(refused.value)
    assert refused.value.remedy
    return refused.value


async def test_files_are_private(spool, path):
    await append(spool, Delivery(serial="SN1", records=punches(range(3))))
    files = sorted(file.name for file in path.parent.iterdir())
    assert files == ["spool.db", "spool.db-shm", "spool.db-wal", "spool.db.lock"]
    for name in files:
        assert stat.S_IMODE((path.parent / name).stat().st_mode) == 0o600


async def test_never_two_writers(spool, path, clock, repository):
    error = refusal(path, clock, SpoolLockedError)
    assert f"process {os.getpid()}" in error.what
    script = (
        "import sys; from pathlib import Path; from edge_agent.spool.store import *\n"
        "try: Spool.open(Path(sys.argv[1]), clock=__import__('edge_agent.system_clock')"
        ".system_clock.SystemClock(), boot_id='other')\n"
        "except SpoolLockedError: sys.exit(7)"
    )
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(path), cwd=repository
    )
    assert await other.wait() == 7

    spool.close()
    open_spool(path, clock).close()


def test_a_failed_open_frees_the_lock(path, clock):
    path.write_bytes(b"this is no database" * 100)
    refusal(path, clock, SpoolCorruptError)
    path.unlink()
    open_spool(path, clock).close()


def test_a_missing_folder_is_told(tmp_path, clock):
    assert refusal(tmp_path / "none" / "spool.db", clock).code == "spool_no_folder"


def test_a_folder_in_place_of_the_file_is_told(tmp_path, clock):
    (tmp_path / "spool.db").mkdir()
    assert refusal(tmp_path / "spool.db", clock).code == "spool_no_access"


def test_another_programs_database_is_left_alone(path, clock):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE invoices (id)")
    before = path.read_bytes()
    assert refusal(path, clock, SpoolCorruptError).code == "spool_foreign"
    assert path.read_bytes() == before


async def test_damage_is_found_at_open(path, clock):
    spool = open_spool(path, clock)
    await append(spool, Delivery(serial="SN1", records=punches(range(2_000))))
    spool.close()
    with path.open("r+b") as file:
        for page in range(10, path.stat().st_size // 4_096, 3):
            file.seek(page * 4_096)
            file.write(b"\xa5" * 512)
    assert refusal(path, clock, SpoolCorruptError).code == "spool_corrupt"


def test_the_schema_of_a_newer_agent_is_refused(path, clock):
    open_spool(path, clock).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {KNOWN_SCHEMA + 1}")
    error = refusal(path, clock)
    assert error.code == "spool_schema_newer"
    assert str(KNOWN_SCHEMA + 1) in error.what


def test_the_fast_reader_knows_the_newest_schema():
    assert len(schema.migrations()) == KNOWN_SCHEMA


async def test_migrations_run_once_and_each_as_a_whole(path, clock, monkeypatch):
    spool = open_spool(path, clock)
    await append(spool, Delivery(serial="SN1", records=punches(range(3))))
    spool.close()
    known = schema.migrations()
    good = "CREATE TABLE second (x); INSERT INTO second VALUES (1);"
    broken = "CREATE TABLE third (x); INSERT INTO nowhere VALUES (1);"

    monkeypatch.setattr(schema, "migrations", lambda: (*known, good, broken))
    refusal(path, clock)
    with closing(sqlite3.connect(path)) as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema")}
        assert connection.execute("PRAGMA user_version").fetchone() == (KNOWN_SCHEMA + 1,)
    assert "second" in tables
    assert "third" not in tables

    monkeypatch.setattr(schema, "migrations", lambda: (*known, good))
    open_spool(path, clock).close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM second").fetchone() == (1,)
        assert connection.execute(
            "SELECT sum(last_arrival - first_arrival + 1) FROM pages"
        ).fetchone() == (3,)


async def test_arrivals_go_on_after_what_sinks_have_settled(path, clock):
    """Rows that every sink has may be deleted later: new ones must never take their numbers."""
    spool = open_spool(path, clock)
    await append(spool, Delivery(serial="SN1", records=punches(range(3))))
    spool.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO sinks VALUES ('core', 1, 3, 3)")
        connection.execute("DELETE FROM pages")
    spool = open_spool(path, clock)
    try:
        await append(spool, Delivery(serial="SN1", records=punches(range(5, 6))))
        assert (await spool.backlog("core")).total == 1
    finally:
        spool.close()


def test_a_disk_without_room_for_a_new_spool_is_told(path, clock, monkeypatch):
    def cramped(where, connect=schema.connect):
        connection = connect(where)
        connection.execute("PRAGMA max_page_count = 2")
        return connection

    monkeypatch.setattr(schema, "connect", cramped)
    refusal(path, clock, SpoolFullError)
