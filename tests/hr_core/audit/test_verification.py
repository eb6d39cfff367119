"""What is stored stands as it was signed; whatever byte is changed, its batch is named."""

import contextlib
import random
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from hr_core.audit.verification import verify_chains
from hr_core.store import (
    all_tables,  # noqa: F401 - imported for the tables it defines
    chains,
)
from hr_core.store.database import writing
from hr_core.store.erasures import erase_event, erasures
from hr_core.store.events import batches, raw_events
from protocols.identity import event_id
from protocols.records import Flag
from protocols.uplink import Watermark
from tests.hr_core.ingest.batch_samples import NOW, batch_of, count, device_event, observe, punch
from tests.hr_core.signed_batches import deliver, ingest
from tests.hr_core.stored_values import is_stored

ORDINARY, COUNTED, TOLD = punch(0, card="0012345678", work_code=3), count(1), device_event()


@pytest.fixture
def engine(engine):
    """Two chains: records of each kind, duplicates, one refused, one id twice."""
    mark = Watermark(serial="ZK0001", complete_until=NOW, on_device=2, fetched=2, stored=2)
    first = batch_of(
        observe(ORDINARY, flags=(Flag.FUTURE,)), observe(COUNTED), observe(TOLD), observe(punch(7)),
    )  # fmt: skip
    second = batch_of(
        observe(punch(7)),
        observe(punch(8)),
        observe(punch(8)),
        observe(punch(9), zone="Nowhere"),
        salt="22" * 32,
    )
    third = batch_of(observe(punch(7)), observe(punch(20)), gateway="gate-2")
    for one in (replace(first, watermarks=(mark,)), second, third):
        deliver(engine, one)
    return engine


def verify(engine, gateway=None):
    with engine.connect() as conn:
        return {one.gateway: one for one in verify_chains(conn, gateway)}


def faults(engine):
    return {
        (one.gateway, one.number) for report in verify(engine).values() for one in report.faults
    }


def test_what_was_taken_stands(engine):
    reports = verify(engine)
    assert [len(one.faults) for one in reports.values()] == [0, 0]
    one = reports["gate-1"]
    assert (one.batches, one.records, one.stored, one.erased, one.last) == (2, 8, 5, 0, 2)
    with engine.connect() as conn:
        assert chains.batch_of(conn, "gate-1", 2).outcomes == b"DADR"
    assert set(verify(engine, "gate-2")) == {"gate-2"}


def changed(value, chance):
    """One byte of the value is another one."""
    match value:
        case bytes():
            place = chance.randrange(len(value))
            return (
                value[:place]
                + bytes([value[place] ^ 1 << chance.randrange(8)])
                + value[place + 1 :]
            )
        case str():
            place = chance.randrange(len(value))
            return value[:place] + ("y" if value[place] == "x" else "x") + value[place + 1 :]
        case int():
            return value ^ 1 << chance.randrange(8)


def cells(table):
    names = {"batches": "number", "raw_events": "batch"}
    return [(table, column.name, names[table.name]) for column in table.columns]


@pytest.mark.parametrize(
    ("table", "column", "number"),
    [*cells(batches), *cells(raw_events)],
    ids=lambda value: getattr(value, "name", value),
)
def test_one_changed_byte_anywhere_is_found_and_its_batch_named(engine, table, column, number):
    """Every row of every column, each changed alone, several places of the long ones."""
    chance = random.Random(f"{table.name} {column}")
    key = [f"{one.name}" for one in table.primary_key]
    where = " AND ".join(f"{name} = :k{index}" for index, name in enumerate(key))
    with engine.connect() as conn:
        query = sa.text(f"SELECT gateway, {number}, {column}, {', '.join(key)} FROM {table.name}")  # noqa: S608 - our own names
        rows = conn.execute(query).all()
    tried = 0
    for gateway, batch, value, *keys in rows:
        if value is None or value in {b"", ""}:
            continue
        for _ in range(4 if isinstance(value, bytes) else 1):
            other = changed(value, chance)
            bound = {f"k{index}": one for index, one in enumerate(keys)}
            update = sa.text(f"UPDATE {table.name} SET {column} = :new WHERE {where}")  # noqa: S608 - our own names
            with engine.connect() as conn, conn.begin() as transaction:
                conn.execute(update, bound | {"new": other})
                found = {
                    (one.gateway, one.number)
                    for report in verify_chains(conn)
                    for one in report.faults
                }
                transaction.rollback()
            assert (gateway, batch) in found, f"{value!r} → {other!r}"
            tried += 1
    assert tried
    assert faults(engine) == set(), "control: unchanged, all stands"


def test_every_damaged_batch_is_named(engine):
    with writing(engine) as conn:
        conn.execute(raw_events.update().values(raw=b"x"))
    assert faults(engine) == {("gate-1", 1), ("gate-1", 2), ("gate-2", 1)}


@pytest.mark.parametrize("which", [("gate-1", 1), ("gate-1", 2), ("gate-2", 1)])
def test_a_batch_that_is_gone_is_missed(engine, which):
    with writing(engine) as conn:
        conn.execute(
            batches.delete().where(batches.c.gateway == which[0], batches.c.number == which[1])
        )
    assert which in faults(engine)


def test_a_record_that_is_gone_is_missed(engine):
    with writing(engine) as conn:
        conn.execute(raw_events.delete().where(raw_events.c.event_id == event_id(COUNTED)))
    assert faults(engine) == {("gate-1", 1)}


def test_a_record_that_nobody_sent_is_found(engine):
    with writing(engine) as conn:
        row = conn.execute(
            sa.select(raw_events).where(raw_events.c.event_id == event_id(COUNTED))
        ).one()
        conn.execute(raw_events.insert().values(**dict(row._mapping) | {"event_id": bytes(16)}))
    assert faults(engine) == {("gate-1", 1)}


def test_one_person_is_erased_and_the_chain_still_stands(engine):
    with writing(engine) as conn:
        assert erase_event(conn, event_id(ORDINARY), at=NOW, reason="request 7")
        assert not erase_event(conn, event_id(ORDINARY), at=NOW, reason="request 7")
    assert faults(engine) == set()
    assert verify(engine)["gate-1"].erased == 1
    with engine.connect() as conn:
        for trace in (ORDINARY.card.encode(), ORDINARY.raw, event_id(ORDINARY)):
            assert not is_stored(conn, trace)
        assert is_stored(conn, event_id(TOLD)), "control"
    with writing(engine) as conn:  # an erasure that nobody made hides no other loss
        conn.execute(raw_events.delete().where(raw_events.c.event_id == event_id(COUNTED)))
    assert faults(engine) == {("gate-1", 1)}
    with writing(engine) as conn:
        conn.execute(erasures.delete())
    assert faults(engine) == {("gate-1", 1)}


def test_a_replay_does_not_bring_back_what_was_erased(engine):
    batch = batch_of(observe(punch(1)), observe(punch(2)), gateway="gate-3")
    deliver(engine, batch)
    with writing(engine) as conn:
        erase_event(conn, event_id(punch(1)), at=NOW, reason="request")
    answer = ingest(engine, batch, previous=bytes(32))
    assert [one.verdict for one in answer.verdicts] == ["duplicate"] * 2
    assert verify(engine)["gate-3"].stored == 1
    assert faults(engine) == set()


def test_the_proof_costs_at_most_60_bytes_a_record(sqlite_engine):
    """Beside the same rows without position, salt, digest and outcome."""
    rows, engine = 4_000, sqlite_engine
    for start in range(0, rows, 1_000):
        records = [observe(punch(n)) for n in range(start, start + 1_000)]
        deliver(engine, batch_of(*records, salt=f"{start:064x}"))
    whole = size(engine)
    with writing(engine) as conn:
        conn.execute(batches.update().values(digests=b"", outcomes=b""))
        conn.exec_driver_sql("ALTER TABLE raw_events DROP COLUMN salt")
        conn.exec_driver_sql("ALTER TABLE raw_events DROP COLUMN position")
    bare = size(engine)
    cost = (whole - bare) / rows
    print(f"{cost:.1f} bytes a record")
    assert 40 <= cost <= 60


def size(engine):
    """Bytes of the database without its free pages."""
    engine.dispose()
    path = Path(engine.url.database)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM")
    return path.stat().st_size
