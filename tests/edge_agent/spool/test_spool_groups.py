"""A group of deliveries is stored as each alone would be, and one that fails takes no other along."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.contract import Delivery
from edge_agent.spool import row_folding, schema
from edge_agent.spool.codec import Envelope, PastReading
from edge_agent.spool.intake import EventLog
from edge_agent.spool.lanes import Lane
from edge_agent.spool.writer import _JOB_ERRORS
from protocols.punch_columns import columns_of
from protocols.records import DeviceEvent, Flag, Quarantined
from tests.edge_agent.spool.deliveries import NOON, append, punch, punches

TABLES = ("pages", "devices", "quarantine", "read_marks", "holds")


@cache
def template():
    with closing(sqlite3.connect(":memory:")) as connection:
        row_folding.register(connection)
        for script in schema.migrations():
            connection.executescript(script)
        connection.execute("INSERT INTO boots VALUES (1, 'boot', 0)")
        return connection.serialize()


def memory():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.deserialize(template())
    return connection


def rows_of(connection):
    return {
        table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()  # noqa: S608 - our own names
        for table in TABLES
    }


def event(serial, number):
    """A log that was found cleared, or a clearing told by the terminal's own operation log."""
    at = datetime(2026, 11, 21, 8) + timedelta(seconds=number)
    return DeviceEvent(
        serial=serial.removesuffix("/operations"), device_time=at, raw=bytes([number]),
        code="log_cleared" if number % 2 else "data_cleared",
        detail={"epoch": 1, "rows_before": 3, "rows_now": 0} if number % 2 else {},
    )  # fmt: skip


def delivery_of(serial, numbers, form, *, whole, spoiled):
    records = punches(numbers, serial)
    packed = columns_of(records) if form == "columns" else None
    if form == "event":
        records = tuple(event(serial, number) for number in numbers)
    if form == "flagged":
        records = tuple(
            type(one)(serial=serial, user_id="7", device_time=one.device_time, state=0, verify=1,
                      flags=(Flag.FUTURE,))
            for one in records
        )  # fmt: skip
    bad = Quarantined(source=serial, offset=numbers[0], reason="broken", raw=b"\xff")
    return Delivery(
        serial=serial, records=() if packed is not None else records, packed=packed,
        quarantined=(bad,) if spoiled else (), cursor=bytes(numbers[:1]),
        on_device=len(numbers) if whole else None, log_rows=len(numbers),
    )  # fmt: skip


def envelope_of(minute, offset_ms, lane, *, suspect):
    at = NOON + timedelta(minutes=minute)
    return Envelope(
        device_name=f"gate {minute % 2}", zone="Asia/Shanghai", lane=lane, received_at=at,
        monotonic_ms=minute, clock_offset_ms=offset_ms,
        flags=(Flag.CLOCK_SUSPECT,) if suspect else (),
        reading=PastReading(read_from=at, offset_ms=offset_ms or 0),
    )  # fmt: skip


deliveries = st.builds(
    delivery_of,
    st.sampled_from(["SN1", "SN2", "SN3", "SN1/operations"]),
    st.lists(st.integers(0, 40), min_size=1, max_size=4),
    st.sampled_from(["rows", "rows", "columns", "event", "flagged"]),
    whole=st.booleans(),
    spoiled=st.booleans(),
)
envelopes = st.builds(
    envelope_of,
    st.integers(0, 30),
    st.sampled_from([None, 0, 250, -90_000]),
    st.sampled_from([Lane.PUNCH_LIVE, Lane.PUNCH_BACKLOG]),
    suspect=st.booleans(),
)
groups = st.lists(st.lists(st.tuples(deliveries, envelopes), min_size=1, max_size=6), max_size=5)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(groups, st.sets(st.integers(0, 4)), st.sets(st.integers(0, 4)))
def test_groups_store_what_each_alone_would(groups, undone, between):
    """Some groups are undone and come again; between some, another job writes into `devices`."""
    with closing(memory()) as together, closing(memory()) as alone:
        log = EventLog(together, boot=1)
        for number, group in enumerate(groups):
            together.execute("BEGIN")
            if number in undone:
                log.append_all(together, group)
                together.execute("ROLLBACK")
                together.execute("BEGIN")
                log = at_the_end_of(log, together)
            outcomes = log.append_all(together, group)
            together.execute("COMMIT")
            expected = [
                EventLog(alone, boot=1).append_all(alone, [arrival])[0] for arrival in group
            ]
            assert outcomes == expected
            if number in between:
                for connection in (together, alone):
                    connection.execute("UPDATE devices SET newest_time = NULL, ends = NULL")
                    connection.execute("DELETE FROM pages")
                    log = at_the_end_of(log, together)
        assert rows_of(together) == rows_of(alone)


def at_the_end_of(log, connection):
    """`log` with its numbers set back, so that both spools number alike; its ledgers stay."""
    log._next_arrival = EventLog(connection, boot=1)._next_arrival
    return log


async def test_a_hundred_that_come_at_once_are_one_commit(spool):
    await append(spool, Delivery(serial="SN1"))
    before = spool._writer.commits
    waiting = [
        append(spool, Delivery(serial=f"SN{n}", records=punches((n,), f"SN{n}")))
        for n in range(100)
    ]
    appended = await asyncio.gather(*waiting)
    assert [one.stored for one in appended] == [1] * 100
    assert spool._writer.commits == before + 1


async def test_one_that_fails_takes_no_other_of_its_group_along(spool):
    for serial in ("SN0", "SN1", "SN2"):
        await append(spool, Delivery(serial=serial))
    before = spool._writer.commits

    async def into(serial, name):
        return await spool.append(
            Delivery(serial=serial, records=(punch(1, serial),)), device_name=name,
            zone="Asia/Shanghai", lane=Lane.PUNCH_LIVE, received_at=NOON, clock_offset_ms=0,
        )  # fmt: skip

    results = await asyncio.gather(
        into("SN0", "gate"), into("SN1", None), into("SN2", "gate"), into("NEW", "gate"),
        return_exceptions=True,
    )  # fmt: skip
    assert spool._writer.commits == before + 1
    assert isinstance(results[1], _JOB_ERRORS)
    assert [one.stored for one in (results[0], *results[2:])] == [1, 1, 1]
    # And what is known of the devices is what is stored: each again, and one later.
    for serial, known in (("SN0", 1), ("SN1", 0), ("SN2", 1), ("NEW", 1)):
        again = await append(spool, Delivery(serial=serial, records=punches((1, 2), serial)))
        assert (again.known, again.stored) == (known, 2 - known)


async def test_a_new_device_that_is_undone_is_no_device(spool):
    """Its row went with the group, and leaves nothing by which that is seen but itself."""

    def fail(_connection):
        raise LookupError

    first = asyncio.gather(
        append(spool, Delivery(serial="SN9")), spool._writer.run(fail), return_exceptions=True
    )
    assert isinstance((await first)[1], LookupError)
    assert (await append(spool, Delivery(serial="SN9", records=punches((1,), "SN9")))).stored == 1
    stats = await spool.stats()
    assert [(one.serial, one.stored) for one in stats.devices] == [("SN9", 1)]


async def test_what_is_not_handed_over_yet_is_stored_by_close(spool, path, clock):
    task = asyncio.ensure_future(append(spool, Delivery(serial="SN1", records=punches((1,)))))
    await asyncio.sleep(0)  # it has asked; the loop has not come round to the writer
    spool.close()
    assert (await task).stored == 1
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as reader:
        assert reader.execute("SELECT stored FROM devices").fetchall() == [(1,)]


def test_ledgers_of_nothing_are_not_kept():
    with closing(memory()) as connection, pytest.raises(ValueError, match="taken"):
        EventLog(connection, boot=1)._ledgers.keep({}, None)
