"""The engine's promises: durable, one writer, no foreign schema, instants that keep their zone."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa

from hr_core.store import database
from hr_core.store.database import (
    UtcInstant,
    describe,
    initialise,
    insert_or_ignore,
    open_database,
    schema_version,
    writing,
)
from hr_core.store.errors import SchemaVersionError, StorageBusyError, StorageError
from hr_core.store.events import batches, gateways
from tests.hr_core.conftest import opened

NOW = datetime(2026, 11, 21, 1, 2, 3, 456789, tzinfo=UTC)
GATEWAY_ROW = {"name": "g", "site": "s", "created_at": NOW}


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 10_000)],
)
def test_every_connection_to_sqlite_is_prepared(sqlite_engine, pragma, value):
    engine = sqlite_engine
    for _ in range(2):
        with engine.connect() as conn:
            assert conn.exec_driver_sql(f"PRAGMA {pragma}").scalar_one() == value
        engine.dispose()


def test_initialise_twice_keeps_what_is_there(engine):
    with writing(engine) as conn:
        conn.execute(gateways.insert().values(**GATEWAY_ROW))
    initialise(engine)
    with engine.connect() as conn:
        assert conn.execute(sa.select(gateways.c.name)).scalars().all() == ["g"]


@pytest.mark.parametrize(("found", "remedy"), [(99, "Run the hr-core version"), (0, "Back the")])
def test_another_schema_version_is_refused_and_left_alone(new_database_url, found, remedy):
    with opened(new_database_url) as engine:
        initialise(engine)
        with writing(engine) as conn:
            conn.execute(schema_version.update().values(version=found))
            batches.drop(conn)
        with pytest.raises(SchemaVersionError) as caught:
            initialise(engine)
        assert (caught.value.found, caught.value.expected) == (found, database.SCHEMA_VERSION)
        assert caught.value.remedy.startswith(remedy)
        assert not sa.inspect(engine).has_table("batches")


def test_a_folder_that_is_not_there_is_named(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path}/no/core.db")
    with pytest.raises(StorageError, match=r"no/core\.db"):
        initialise(engine)


def test_a_write_takes_the_lock_before_it_reads(engine, monkeypatch):
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 20)
    engine.dispose()  # the next connections have the short patience
    with writing(engine) as conn:
        conn.execute(sa.select(gateways)).all()
        with pytest.raises(StorageBusyError) as caught, writing(engine):
            pytest.fail("two writers at once")
    assert caught.value.code == "storage_busy"
    with writing(engine):  # free again
        pass


def test_readers_go_on_while_a_writer_works(engine):
    with writing(engine) as conn:
        conn.execute(gateways.insert().values(**GATEWAY_ROW))
        with engine.connect() as reader:
            assert reader.execute(sa.select(gateways)).all() == []


def test_an_error_inside_rolls_back(engine):
    def fail_after_a_write():
        with writing(engine) as conn:
            conn.execute(gateways.insert().values(**GATEWAY_ROW))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_a_write()
    with engine.connect() as conn:
        assert conn.execute(sa.select(gateways)).all() == []


def test_wrong_sql_is_not_blamed_on_the_disk(engine):
    with pytest.raises(sa.exc.DatabaseError, match="no_such"), writing(engine) as conn:
        conn.exec_driver_sql("SELECT * FROM no_such")


def test_a_file_that_is_no_database_is_blamed(tmp_path):
    (tmp_path / "core.db").write_bytes(b"not a database at all" * 100)
    engine = open_database(f"sqlite:///{tmp_path}/core.db")
    with pytest.raises(StorageError, match=r"core\.db"):
        initialise(engine)
    engine.dispose()


def test_insert_or_ignore_leaves_the_first_row(engine):
    with writing(engine) as conn:
        for site in ("first", "second"):
            conn.execute(insert_or_ignore(conn, gateways).values(**GATEWAY_ROW | {"site": site}))
        assert conn.execute(sa.select(gateways.c.site)).scalars().all() == ["first"]


def test_instants_keep_their_microsecond_and_come_back_as_utc(engine):
    shanghai = NOW.astimezone(timezone(timedelta(hours=8)))
    with writing(engine) as conn:
        conn.execute(gateways.insert().values(**GATEWAY_ROW | {"created_at": shanghai}))
        found = conn.execute(sa.select(gateways.c.created_at)).scalar_one()
    assert found == NOW
    assert found.utcoffset() == timedelta(0)


def test_a_naive_instant_is_refused():
    with pytest.raises(TypeError):
        UtcInstant().process_bind_param(datetime(2026, 1, 1), sa.create_mock_engine)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://hr:secret@db/core",
        "postgresql://hr@db/core?password=secret&sslpassword=secret",
    ],
)
def test_messages_hide_the_passwords(url):
    engine = open_database(url)
    assert "secret" not in describe(engine)
    assert "hr" in describe(engine)


@pytest.mark.parametrize("url", ["mysql://u@h/core", "postgresql+psycopg2://u@h/core"])
def test_no_core_runs_on_others(url):
    with pytest.raises(sa.exc.ArgumentError, match="no core runs on"):
        open_database(url)


def test_texts_sort_by_code_point_whatever_the_language_of_the_server(engine):
    names = ["a", "B", "ä", "Z", "_", "9", "打卡", "10"]
    with writing(engine) as conn:
        for name in names:
            conn.execute(gateways.insert().values(**GATEWAY_ROW | {"name": name}))
    with engine.connect() as conn:
        found = conn.execute(sa.select(gateways.c.name).order_by(gateways.c.name)).scalars().all()
        last = conn.execute(sa.select(sa.func.max(gateways.c.name))).scalar_one()
    assert found == sorted(names)
    assert last == max(names)


def test_a_reader_sees_one_moment(engine):
    query = sa.select(sa.func.count()).select_from(gateways)
    with engine.connect() as reader:
        assert reader.execute(query).scalar_one() == 0
        with writing(engine) as conn:
            conn.execute(gateways.insert().values(**GATEWAY_ROW))
        assert reader.execute(query).scalar_one() == 0
    with engine.connect() as reader:
        assert reader.execute(query).scalar_one() == 1


def test_writers_follow_each_other_and_none_builds_on_an_old_state(engine):
    """Read, then write what was read plus one: a lost update would show."""
    with writing(engine) as conn:
        conn.execute(gateways.insert().values(**GATEWAY_ROW | {"site": "0"}))

    def count_up(times):
        for _ in range(times):
            with writing(engine) as conn:
                site = conn.execute(sa.select(gateways.c.site)).scalar_one()
                conn.execute(gateways.update().values(site=str(int(site) + 1)))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count_up, [10] * 4))
    with engine.connect() as conn:
        assert conn.execute(sa.select(gateways.c.site)).scalar_one() == "40"
