"""A file of schema 1 (a row for every event) opens as what it was.

golden/schema_1.sql is the dump of a spool that the code of schema 1 wrote: five lanes' worth of
rows, of them kept, dead, in flight, settled by one of two sinks, received before the clock was set.
golden/schema_1.json is what that code answered to the questions asked here.
"""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from drivers.contract import Delivery
from edge_agent.spool.errors import SpoolError
from edge_agent.spool.reading import read_ledger
from edge_agent.spool.results import Backlog, DeadLetter, StoredEvent
from edge_agent.spool.schema import APPLICATION_ID
from edge_agent.spool.store import Spool
from edge_agent.timekeeping import ClockStep
from protocols.identity import event_id
from protocols.punch_columns import columns_of
from protocols.uplink import Observation, Verdict
from tests.edge_agent.spool.deliveries import (
    BOOT,
    NOON,
    ManualClock,
    answer,
    append,
    punches,
    sent,
)

GOLDEN = Path(__file__).with_name("golden")
FACTS = json.loads((GOLDEN / "schema_1.json").read_text(encoding="utf-8"))
LATER = NOON + timedelta(seconds=31)


@pytest.fixture
def old_file(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((GOLDEN / "schema_1.sql").read_text(encoding="utf-8"))
        connection.execute("PRAGMA user_version = 1")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    return path


@pytest.fixture
def migrated(old_file):
    spool = Spool.open(old_file, clock=ManualClock(LATER, 1_031.0), boot_id=BOOT)
    yield spool
    spool.close()


async def test_every_question_has_the_answer_of_before(migrated, path):
    for identity, event in FACTS["found"].items():
        found = await migrated.find(bytes.fromhex(identity))
        assert found == msgspec.convert(event, StoredEvent)
    for sink, backlog in FACTS["backlog"].items():
        assert (await migrated.backlog(sink)).rows == msgspec.convert(backlog, Backlog).rows
        peeked = await migrated.peek(sink, limit=100)
        assert [observation.event_id for observation in peeked] == FACTS["peek"][sink]
    dead = msgspec.convert(FACTS["dead"], tuple[DeadLetter, ...])
    assert await migrated.dead_letters("core") == dead
    for serial, cursor in FACTS["cursors"].items():
        assert (await migrated.cursor(serial) or b"").decode() == cursor
    assert str(await migrated.last_stored_at()) == FACTS["last_stored_at"]
    ledger = read_ledger(path)
    for device in FACTS["ledger"]["devices"]:  # since exports, `acked` is the core's word alone
        device["acked"] = device["acked_by"]["core"]
    for device in ledger["devices"]:
        assert (device.pop("deleted"), device.pop("thinned")) == (0, 0)  # counted since schema 4
        assert device.pop("complete_until") is None  # marked since schema 5
        assert device.pop("held_by") is not None
    assert {name: ledger[name] for name in FACTS["ledger"]} == FACTS["ledger"]


async def test_the_batch_in_flight_is_the_same_and_all_else_follows_in_order(migrated):
    flight = await migrated.next_batch("core", limit=1)
    old = FACTS["flight"]
    assert flight.number == old["number"]
    assert len(flight.salt) == 32
    assert flight.observations == msgspec.convert(old["observations"], tuple[Observation, ...])
    received = sent(flight)
    await migrated.settle("core", answer(flight))
    while batch := await migrated.next_batch("core", limit=7):
        assert batch.number > old["number"]
        received += sent(batch)
        await migrated.settle("core", answer(batch, [Verdict.DUPLICATE]))
    assert sorted(received) == sorted(FACTS["peek"]["core"])
    assert len(set(received)) == len(received)


async def test_what_was_stored_is_known_and_what_comes_is_new(migrated):
    again = (*punches(range(24)), *punches((30, 25, 26)))
    appended = await append(migrated, Delivery(serial="SN1", records=again))
    assert (appended.stored, appended.known) == (0, 27)
    appended = await append(migrated, Delivery(serial="SN1", packed=columns_of(punches(range(60)))))
    assert (appended.stored, appended.known) == (33, 27)
    assert (await migrated.backlog("new")).total == len(FACTS["found"]) + 33


async def test_rows_that_wait_for_the_clock_are_corrected_one_by_one(migrated):
    suspect_zero = datetime(1970, 1, 1, 0, 1, tzinfo=UTC) - timedelta(seconds=1_031)
    step = ClockStep(
        step=timedelta(days=20_000), trusted=True, regained=True, suspect_zero=suspect_zero
    )
    corrected = await migrated.correct_received_at(BOOT, step)
    assert (corrected.moved, corrected.announced) == (4, 0)
    row = await migrated.find(event_id(punches((41,), "SN2")[0]))
    assert row.observation.flags == ()


def test_a_row_that_would_become_another_event_changes_nothing(old_file):
    """Better an agent that says so than a punch under another name."""
    with closing(sqlite3.connect(old_file)) as connection, connection:
        connection.execute(
            """UPDATE events SET
                body = CAST(replace(CAST(body AS TEXT), '"1003"', '"1004"') AS BLOB)"""
        )
        before = connection.execute("SELECT * FROM events").fetchall()
    with pytest.raises(SpoolError):
        Spool.open(old_file, clock=ManualClock(), boot_id=BOOT)
    with closing(sqlite3.connect(old_file)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert connection.execute("SELECT * FROM events").fetchall() == before
