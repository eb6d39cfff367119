"""Every record gets one true verdict, and what is stored is never changed."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hr_core.ingest import batches as ingesting
from hr_core.store import database
from hr_core.store.database import open_database, writing
from hr_core.store.errors import StorageBusyError, StorageError
from hr_core.store.events import batches, count_events, event_by_id, raw_events
from protocols.batch_chain import FIRST_PREVIOUS
from protocols.identity import event_id
from protocols.records import Channel, Direction, Flag
from protocols.uplink import decode_answer, encode_answer
from tests.hr_core.ingest.batch_samples import (
    NOW,
    batch_of,
    count,
    device_event,
    observe,
    punch,
    punch_batch,
)
from tests.hr_core.signed_batches import deliver, ingest


def verdicts_of(engine, batch):
    """(verdict, code) in the order of the answer, which must be one the gateway accepts."""
    answer = deliver(engine, batch)
    checked = decode_answer(encode_answer(replace(answer, number=batch.number)), batch)
    return [(str(judged.verdict), judged.code) for judged in checked.verdicts]


def stored(engine, record):
    with engine.connect() as conn:
        return event_by_id(conn, event_id(record))


def test_each_kind_is_stored_whole(engine):
    records = [punch(flags=(Flag.REPEAT,), card="0012345678", work_code=3), count(), device_event()]
    batch = batch_of(
        *(observe(record, flags=(Flag.FUTURE,)) for record in records),
    )
    assert verdicts_of(engine, batch) == [("accepted", None)] * 3
    for record in records:
        event = stored(engine, record)
        assert event.record == record  # raw included
        assert (event.gateway, event.batch, event.ingested_at) == ("gate-1", 1, NOW)
        assert (event.zone, event.clock_offset_ms) == ("Asia/Shanghai", -1500)
        assert event.flags == (Flag.FUTURE,)
    with engine.connect() as conn:
        assert count_events(conn) == {"punch": 1, "count": 1, "device_event": 1}


def test_the_instant_is_the_wall_clock_in_the_zone_of_the_site(engine):
    shanghai = punch(1)
    tehran = punch(2)
    counted = count(3)
    batch = batch_of(
        observe(shanghai), observe(tehran, zone="Asia/Tehran"), observe(counted, zone="Asia/Tehran")
    )
    verdicts_of(engine, batch)
    assert stored(engine, shanghai).at == datetime(2026, 11, 21, 0, 1, tzinfo=UTC)
    assert stored(engine, tehran).at == datetime(2026, 11, 21, 4, 32, tzinfo=UTC)
    assert stored(engine, counted).at == counted.source_time


def test_a_batch_sent_again_changes_nothing(engine):
    batch = punch_batch(1200)  # more keys than one SELECT takes
    first = ingest(engine, batch, previous=FIRST_PREVIOUS)
    again = ingest(engine, batch, previous=FIRST_PREVIOUS)
    assert [judged.verdict for judged in first.verdicts] == ["accepted"] * 1200
    assert [judged.verdict for judged in again.verdicts] == ["duplicate"] * 1200
    assert again.batch_hash == first.batch_hash
    with engine.connect() as conn:
        assert count_events(conn)["punch"] == 1200
        assert conn.execute(sa.select(batches.c.records)).scalars().all() == [1200]


def test_a_mix_of_verdicts_keeps_the_good_ones(engine):
    known = punch(1)
    verdicts_of(engine, batch_of(observe(known)))
    forged = observe(punch(2), event_id=event_id(punch(3)).hex())
    batch = batch_of(
        observe(punch(4)),
        observe(known),
        forged,
        observe(punch(5), zone="Asia/Nowhere"),
        observe(punch(6), flags=(Flag.CLOCK_SUSPECT,)),
        observe(punch(1, verify=4)),
        number=2,
    )
    assert verdicts_of(engine, batch) == [
        ("accepted", None),
        ("rejected", "conflicting_record"),  # sent twice with different content in one batch
        ("rejected", "event_id_mismatch"),
        ("rejected", "unknown_zone"),
        ("accepted", None),
    ]
    assert stored(engine, known).record == known


@pytest.mark.parametrize(
    "zone", ["", "Asia", "../../etc/passwd", "/etc/localtime", "x\0y", "x" * 9999]
)
def test_a_zone_that_is_none_is_refused(engine, zone):
    assert verdicts_of(engine, batch_of(observe(punch(), zone=zone))) == [
        ("rejected", "unknown_zone")
    ]


@pytest.mark.parametrize(
    "other",
    [punch(verify=4), punch(card="0000000001"), punch(work_code=9), punch(raw=b"other")],
    ids=["verify", "card", "work_code", "raw"],
)
def test_a_different_punch_under_a_stored_id_is_refused_and_never_overwrites(engine, other):
    verdicts_of(engine, batch_of(observe(punch())))
    assert event_id(other) == event_id(punch())
    assert verdicts_of(engine, batch_of(observe(other), number=2)) == [
        ("rejected", "conflicting_record")
    ]
    assert stored(engine, punch()).record == punch()


@pytest.mark.parametrize(
    "again",
    [
        punch(direction=Direction.OUT, method="face"),  # another profile
        punch(flags=(Flag.FUTURE,)),  # another clock
        punch(channel=Channel.PUSH, verify=1, raw=b"1000\t2026-11-21 08:00:00\t0\t1"),
    ],
    ids=["profile", "flags", "channel"],
)
def test_another_reading_of_the_same_punch_is_a_duplicate(engine, again):
    verdicts_of(engine, batch_of(observe(punch())))
    assert verdicts_of(engine, batch_of(observe(again), number=2)) == [("duplicate", None)]
    assert stored(engine, punch()).record == punch()


def test_a_counter_that_says_two_values_at_once_is_refused(engine):
    verdicts_of(engine, batch_of(observe(count(value=100))))
    assert verdicts_of(engine, batch_of(observe(count(value=101)), number=2)) == [
        ("rejected", "conflicting_record")
    ]


def test_two_true_punches_of_one_second_stay_two(engine):
    twins = batch_of(observe(punch(ordinal=0)), observe(punch(ordinal=1)))
    assert verdicts_of(engine, twins) == [("accepted", None)] * 2


@pytest.mark.parametrize(
    ("observation", "code"),
    [
        (observe(punch(device_time=datetime(2026, 11, 21, 8, tzinfo=UTC))), "bad_time"),
        (observe(count(source_time=datetime(2026, 11, 21, 8))), "bad_time"),
        (
            observe(
                count(source_time=datetime(2026, 11, 21, 8, tzinfo=timezone(timedelta(hours=8))))
            ),
            "bad_time",
        ),
        (observe(punch(), received_at=datetime(2026, 11, 21, 8)), "bad_time"),
        (observe(punch(), received_at=datetime(1970, 1, 1, tzinfo=UTC)), "gateway_clock_unset"),
        (observe(punch(device_time=datetime(1, 1, 1))), "bad_time"),
        (observe(punch(state=2**31)), "number_out_of_range"),
        (observe(count(value=2**63)), "number_out_of_range"),
        (observe(punch(), clock_offset_ms=-(2**63) - 1), "number_out_of_range"),
        (observe(punch(user_id="10\x0007")), "bad_text"),
        (observe(punch(serial="ZK\0")), "bad_text"),
        (observe(count(source="LINE\0")), "bad_text"),
    ],
)
def test_what_no_database_can_hold_is_refused_alone(engine, observation, code):
    batch = batch_of(observation, observe(punch(9)))
    assert verdicts_of(engine, batch) == [("rejected", code), ("accepted", None)]


def test_a_fill_pattern_of_a_date_is_a_punch_like_any_other(engine):
    assert verdicts_of(engine, batch_of(observe(punch(device_time=datetime(9999, 12, 30))))) == [
        ("accepted", None)
    ]


def test_a_held_database_takes_nothing_so_that_the_chain_has_no_gap(
    engine, database_url, monkeypatch
):
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 20)
    engine.dispose()  # the next connection takes the short time-out
    other = open_database(database_url)
    with writing(other), pytest.raises(StorageBusyError) as caught:
        ingest(engine, punch_batch(2))
    other.dispose()
    assert caught.value.code == "storage_busy"
    assert verdicts_of(engine, punch_batch(2)) == [("accepted", None)] * 2


def test_a_full_disk_stores_nothing_and_says_so(sqlite_engine):
    engine = sqlite_engine
    with engine.connect() as conn:
        conn.exec_driver_sql("PRAGMA max_page_count = 1")  # refuses to grow, as a full disk does
        conn.rollback()
    with pytest.raises(StorageError) as caught:
        ingest(engine, punch_batch(2000))
    assert caught.value.code == "storage_full"
    with engine.connect() as conn:
        assert count_events(conn)["punch"] == 0


def test_a_crash_between_insert_and_commit_leaves_nothing(engine, monkeypatch):
    def crash(*_args, **_facts):
        raise KeyboardInterrupt

    monkeypatch.setattr(ingesting, "note_deliveries", crash)
    with pytest.raises(KeyboardInterrupt):
        ingest(engine, punch_batch(3))
    with engine.connect() as conn:
        assert count_events(conn)["punch"] == 0
        assert conn.execute(sa.select(batches)).all() == []


RECORDS = [*(punch(n) for n in range(12)), punch(0, ordinal=1), *(count(n) for n in range(6))]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    sent=st.lists(st.sampled_from(RECORDS), max_size=60),
    cuts=st.lists(st.integers(min_value=0, max_value=60), max_size=6),
)
def test_any_split_with_any_duplicates_stores_the_same_set(fresh_core, sent, cuts):
    accepted = 0
    edges = [0, *sorted(cuts), 60]
    with fresh_core() as engine:
        for number, (start, end) in enumerate(pairwise(edges)):
            batch = batch_of(*map(observe, sent[start:end]), number=number)
            judged = verdicts_of(engine, batch)
            assert {verdict for verdict, _ in judged} <= {"accepted", "duplicate"}
            accepted += judged.count(("accepted", None))
        with engine.connect() as conn:
            keys = conn.execute(sa.select(raw_events.c.event_id)).scalars().all()
    assert sorted(keys) == sorted({event_id(record) for record in sent})
    assert accepted == len(keys)
