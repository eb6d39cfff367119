"""Reading raw events back: half-open ranges, whole records, honest totals."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from hr_core.store.event_rows import StoredCount
from hr_core.store.events import (
    count_events,
    count_events_per_device,
    counts_between,
    distinct_device_users,
    event_by_id,
    latest_punch,
    punches_between,
    punches_of_users,
)
from protocols.identity import event_id
from protocols.records import Channel, Direction, Flag
from tests.hr_core.ingest.batch_samples import NOW, batch_of, count, device_event, observe, punch
from tests.hr_core.signed_batches import deliver

EIGHT = datetime(2026, 11, 21, 0, 0, tzinfo=UTC)  # 08:00 in Shanghai
MINUTE = timedelta(minutes=1)


@pytest.fixture
def conn(engine):
    deliver(
        engine,
        batch_of(
            *(observe(punch(n)) for n in range(5)),
            *(observe(count(n)) for n in range(3)),
            observe(device_event()),
        ),
    )
    with engine.connect() as connection:
        yield connection


def test_a_punch_comes_back_with_everything_that_was_known(conn):
    [found] = punches_between(conn, EIGHT, EIGHT + MINUTE)
    sent = punch(0)
    assert (found.serial, found.user_id, found.device_time) == ("ZK0001", "1000", sent.device_time)
    assert (found.event_id, found.at) == (event_id(sent), EIGHT)
    assert (found.state, found.direction, found.verify) == (0, Direction.IN, 15)
    assert (found.channel, found.ordinal, found.zone) == (Channel.PULL, 0, "Asia/Shanghai")
    assert (found.received_at, found.clock_offset_ms, found.flags) == (NOW, -1500, ())


def test_ranges_are_half_open(conn):
    def users(start, end):
        return [found.user_id for found in punches_between(conn, start, end)]

    assert users(EIGHT + MINUTE, EIGHT + 3 * MINUTE) == ["1001", "1002"]
    assert users(EIGHT + MINUTE, EIGHT + MINUTE) == []
    assert users(EIGHT - MINUTE, EIGHT) == []


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Niue", "America/St_Johns", "UTC"])
def test_a_range_of_instants_finds_every_zone(engine, zone):
    sent = punch(7)
    deliver(engine, batch_of(observe(sent, zone=zone)))
    with engine.connect() as conn:
        at = event_by_id(conn, event_id(sent)).at
        [found] = punches_between(conn, at, at + timedelta(microseconds=1))
        assert found.device_time == sent.device_time
        assert list(punches_between(conn, at + timedelta(microseconds=1), at + MINUTE)) == []


def test_ranges_may_begin_and_end_anywhere_in_the_calendar(conn):
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert len(list(punches_between(conn, first, last))) == 5


def test_an_index_scan_of_the_key_serves_a_range(conn):
    statements = []
    sa.event.listen(
        conn.engine, "before_cursor_execute", lambda *args: statements.append(args[2:4])
    )
    list(punches_between(conn, EIGHT, EIGHT + MINUTE))
    sql, values = statements[-1]
    if conn.dialect.name == "sqlite":
        plan = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values).all()
        assert [row[-1] for row in plan] == [
            "SEARCH raw_events USING PRIMARY KEY (event_id>? AND event_id<?)"
        ]
        return
    conn.exec_driver_sql("SET LOCAL enable_seqscan = off")  # of nine rows it would read them all
    conn.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
    plan = "\n".join(row[0] for row in conn.exec_driver_sql(f"EXPLAIN {sql}", values))
    assert "Index Scan using pk_raw_events" in plan
    assert "Index Cond: ((event_id >=" in plan


def test_punches_of_users(conn):
    def of(*users):
        found = punches_of_users(conn, users, EIGHT, EIGHT + 60 * MINUTE)
        return [punch.user_id for punch in found]

    assert of("1003", "1001", "nobody") == ["1001", "1003"]
    assert of() == []


def test_counts_come_in_order_of_source_time(conn):
    found = list(counts_between(conn, EIGHT, EIGHT + MINUTE))
    assert [(reading.seq, reading.value) for reading in found] == [(0, 100), (1, 101), (2, 102)]
    assert isinstance(found[0], StoredCount)
    assert (found[0].source, found[0].tag, found[0].metric) == ("LINE-1", "good", "pieces")
    assert list(counts_between(conn, EIGHT, EIGHT)) == []


def test_flags_of_device_and_gateway_come_together_once(engine):
    sent = punch(flags=(Flag.REPEAT, Flag.FUTURE))
    seen = observe(sent, flags=(Flag.FUTURE, Flag.GATEWAY_CLOCK_SUSPECT))
    deliver(engine, batch_of(seen))
    with engine.connect() as conn:
        found = latest_punch(conn)
    assert found.flags == (Flag.REPEAT, Flag.FUTURE, Flag.GATEWAY_CLOCK_SUSPECT)


def test_the_latest_punch_is_that_of_the_latest_clock(engine):
    with engine.connect() as conn:
        assert latest_punch(conn) is None
    deliver(engine, batch_of(observe(punch(2)), observe(count(59))))
    deliver(engine, batch_of(observe(punch(1))), at=NOW + MINUTE)
    with engine.connect() as conn:
        assert latest_punch(conn).user_id == "1002"


def test_an_event_that_is_not_there(conn):
    assert event_by_id(conn, bytes(16)) is None


def test_totals(conn, engine):
    assert count_events(conn) == {"punch": 5, "count": 3, "device_event": 1}
    assert count_events_per_device(conn) == [
        ("count", "LINE-1", 3),
        ("device_event", "ZK0001", 1),
        ("punch", "ZK0001", 5),
    ]
    conn.rollback()
    again = observe(punch(0, device_time=datetime(2026, 11, 22, 8)))
    deliver(engine, batch_of(again))
    assert distinct_device_users(conn) == [("ZK0001", f"100{n}") for n in range(5)]
