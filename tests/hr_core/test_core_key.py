"""The core's own key: made once, kept beside the database, never in it, missed loudly."""

import os
import shutil
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

import hr_core.store.all_tables
from hr_core.core_key import CoreKeyError, core_key_file, open_core_key, renew_core_key
from hr_core.store.database import open_database

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)
assert hr_core.store.all_tables


def opened(engine, file, seed=bytes([7] * 32)):
    return open_core_key(engine, file, now=NOW, entropy=lambda: seed)


def test_made_once_and_for_nobody_else(sqlite_engine, tmp_path):
    engine = sqlite_engine
    file = tmp_path / "core.db.key"
    old_umask = os.umask(0)
    try:
        key = opened(engine, file)
    finally:
        os.umask(old_umask)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert opened(engine, file, bytes([8] * 32)).public == key.public
    engine.dispose()
    content = b"".join(
        path.read_bytes() for path in tmp_path.iterdir() if path.name.startswith("core.db") and
        path != file
    )  # fmt: skip
    assert key.public in content
    assert key.seed not in content
    assert key.seed.hex().encode() not in content


def test_a_restored_database_goes_on_with_the_same_file(sqlite_engine, tmp_path):
    engine = sqlite_engine
    file = tmp_path / "core.db.key"
    key = opened(engine, file)
    engine.dispose()
    with sa.create_engine(engine.url).connect() as conn:
        conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        conn.engine.dispose()
    shutil.copy(tmp_path / "core.db", tmp_path / "restored.db")
    restored = open_database(f"sqlite:///{tmp_path}/restored.db")
    assert opened(restored, file).public == key.public
    restored.dispose()


def test_a_lost_file_is_never_replaced_silently(engine, tmp_path):
    file = tmp_path / "core.db.key"
    opened(engine, file)
    file.unlink()
    with pytest.raises(CoreKeyError, match="missing") as caught:
        opened(engine, file)
    assert "backup" in caught.value.remedy
    assert "--new-core-key" in caught.value.remedy
    assert not file.exists()


@pytest.mark.parametrize(
    ("content", "what"),
    [("08" * 32, "gateways of this database pin"), ("rubbish", "not a key file"),
     ("", "not a key file"), ("07" * 33, "not a key file")],
)  # fmt: skip
def test_another_or_a_damaged_file(engine, tmp_path, content, what):
    file = tmp_path / "core.db.key"
    opened(engine, file)
    file.write_text(content)
    with pytest.raises(CoreKeyError, match=what):
        opened(engine, file)


def test_a_crash_between_file_and_database_is_mended(engine, tmp_path):
    file = tmp_path / "core.db.key"
    file.write_text("09" * 32 + "\n")
    assert opened(engine, file).seed == bytes([9] * 32)


def test_a_renewed_key(engine, tmp_path):
    file = tmp_path / "core.db.key"
    opened(engine, file)
    renewed = renew_core_key(engine, file, now=NOW, entropy=lambda: bytes([8] * 32), source="ann")
    assert opened(engine, file).public == renewed.public


def test_where_it_is(tmp_path, monkeypatch):
    monkeypatch.delenv("CLOCKLINE_CORE_KEY", raising=False)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    url = sa.make_url("sqlite:////var/lib/hr-core/core.db")
    assert core_key_file(url, None) == Path("/var/lib/hr-core/core.db.key")
    (tmp_path / "core-key").write_text("07" * 32)
    assert core_key_file(url, None) == tmp_path / "core-key"
    monkeypatch.setenv("CLOCKLINE_CORE_KEY", "/k")
    assert core_key_file(url, None) == Path("/k")
    assert core_key_file(url, Path("/chosen")) == Path("/chosen")


@pytest.mark.parametrize("url", ["sqlite://", "postgresql+psycopg://u@h/hr"])
def test_a_database_without_a_folder_must_name_one(url, monkeypatch):
    monkeypatch.delenv("CLOCKLINE_CORE_KEY", raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(CoreKeyError, match="no folder"):
        core_key_file(sa.make_url(url), None)


def test_a_folder_that_is_not_there(engine, tmp_path):
    with pytest.raises(CoreKeyError, match="cannot be written"):
        opened(engine, tmp_path / "no" / "key")
