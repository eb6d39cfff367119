"""A file of schema 1 (a row for every event) opens as what it was.

golden/schema_1.sql is the dump of a spool that the code of schema 1 wrote: five lanes' worth of
rows, of them kept, dead, in flight, settled by one of two sinks, received before the clock was set.
golden/schema_1.json is what that code answered to the questions asked here, of a sink `new` too,
which had nothing yet: so the core stands now, because batches were no chain then.
"""

import copy
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
from edge_agent.spool.results import Backlog, StoredEvent
from edge_agent.spool.schema import APPLICATION_ID
from edge_agent.spool.store import Spool
from edge_agent.timekeeping import ClockStep
from hr_core.ingest.batches import ingest_batch
from hr_core.ingest.opening import open_batch
from hr_core.store.chains import head_of
from hr_core.store.database import initialise, open_database
from protocols.identity import event_id
from protocols.punch_columns import columns_of
from protocols.uplink import Verdict, encode_batch
from sync.identity import GatewayIdentity
from sync.sealing import Sealer
from tests.edge_agent.spool.deliveries import (
    BOOT,
    NOON,
    ManualClock,
    answer,
    append,
    punches,
    sent,
)
from tests.hr_core.signed_batches import CORE_KEY, GATEWAY, enrol, key_of

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
def engine(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path}/core.db")
    initialise(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def migrated(old_file):
    spool = Spool.open(old_file, clock=ManualClock(LATER, 1_031.0), boot_id=BOOT)
    yield spool
    spool.close()


async def test_every_question_has_the_answer_of_before(migrated, path):
    for identity, event in FACTS["found"].items():
        found = await migrated.find(bytes.fromhex(identity))
        event["sinks"]["core"] = "waiting"
        assert found == msgspec.convert(event, StoredEvent)
    for sink in FACTS["backlog"]:
        then = "new" if sink == "core" else sink
        backlog = msgspec.convert(FACTS["backlog"][then], Backlog)
        assert (await migrated.backlog(sink)).rows == backlog.rows
        peeked = await migrated.peek(sink, limit=100)
        assert [observation.event_id for observation in peeked] == FACTS["peek"][then]
    assert await migrated.dead_letters("core") == ()
    for serial, cursor in FACTS["cursors"].items():
        assert (await migrated.cursor(serial) or b"").decode() == cursor
    assert str(await migrated.last_stored_at()) == FACTS["last_stored_at"]
    ledger = read_ledger(path)
    facts = copy.deepcopy(FACTS["ledger"])
    facts["dead_letters"] = {}
    facts["backlog"]["core"] = FACTS["backlog"]["new"]["rows"]
    for device in facts["devices"]:  # since exports, `acked` is the core's word alone
        device["acked"] = device["acked_by"]["core"] = 0
    for device in ledger["devices"]:
        assert (device.pop("deleted"), device.pop("thinned")) == (0, 0)  # counted since schema 4
        assert device.pop("complete_until") is None  # marked since schema 5
        assert device.pop("held_by") is not None
    assert {name: ledger[name] for name in facts} == facts


async def test_a_core_that_never_saw_this_gateway_takes_all_of_it_from_batch_1(migrated, engine):
    """Batch 2 was in flight, and no core takes it first."""
    enrol(engine)
    sealer = Sealer(
        GatewayIdentity(gateway=GATEWAY, key=key_of(), core_public=CORE_KEY.public), site="plant"
    )
    numbers, accepted = [], []
    while pending := await migrated.next_batch("core", limit=7):
        sealed = sealer.seal(pending)
        opened = open_batch(sealed.signed, key_of().public, encode_batch(sealed.batch))
        told = ingest_batch(engine, opened, received_at=LATER, core_key=CORE_KEY)
        numbers.append(told.number)
        accepted += [one.event_id for one in told.verdicts if one.verdict is Verdict.ACCEPTED]
        await migrated.settle("core", told, batch_hash=bytes.fromhex(told.batch_hash))
    assert numbers == list(range(1, len(numbers) + 1))
    assert sorted(accepted) == sorted(FACTS["found"])
    with engine.connect() as conn:
        assert head_of(conn, GATEWAY) == await migrated.chain_head("core")
    acked = {device.serial: device.acked for device in (await migrated.stats()).devices}
    assert acked == {"BOX": 3, "SN1": 30, "SN2": 11}


async def test_a_sink_without_a_chain_goes_on_where_it_was(migrated):
    received = []
    while batch := await migrated.next_batch("webhook", limit=7):
        assert batch.number > 1
        received += sent(batch)
        await migrated.settle("webhook", answer(batch, [Verdict.DUPLICATE]))
    assert sorted(received) == sorted(FACTS["peek"]["webhook"])
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
