"""Names and units in the spool: an update knows them, orders are safe beside a writer."""

import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from drivers.contract import Delivery
from edge_agent.spool import schema
from edge_agent.spool.store import Spool, SpoolError
from edge_agent.spool.units import Replacement, order_replacement, read_units
from tests.edge_agent.spool.deliveries import BOOT, NOON, append, punches


def an_order(old, new, name="gate"):
    return Replacement(name, old, new, NOON, "ops", None)


async def take_up(spool, serial, name="gate", names=("gate",)):
    await spool.take_up_unit(name, serial, names=names, zone="Asia/Shanghai", received_at=NOON)


async def test_an_update_knows_which_unit_was_last_read_under_each_name(path, clock, monkeypatch):
    """A spool of the first schema: of two units under one name the later one counts."""
    whole = schema.migrations()
    schema.create_file(path)
    monkeypatch.setattr(schema, "migrations", lambda: whole[:1])
    with schema.session(path) as connection:
        schema._migrate(connection)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "INSERT INTO devices (serial, name, last_fetch_at) VALUES (?, ?, ?)",
            [("EARLY", "gate", 1), ("LATE", "gate", 2), ("LATE/operations", "gate", 3),
             ("H", "hall", None)],
        )  # fmt: skip
    monkeypatch.setattr(schema, "migrations", lambda: whole)
    spool = Spool.open(path, clock=clock, boot_id=BOOT)
    try:
        assert await spool.unit_of("gate") == "LATE"
        assert await spool.unit_of("hall") == "H"
        assert await spool.last_reading("LATE") is None
    finally:
        spool.close()


async def test_orders_stand_beside_a_writer_and_only_against_the_unit_of_now(spool, path):
    assert await spool.unit_of("gate") is None
    await take_up(spool, "A")
    await append(spool, Delivery(serial="A", records=punches(range(3), "A")))
    order_replacement(path, an_order("A", "B"))
    assert await spool.unit_of("gate") == "B"
    with pytest.raises(SpoolError) as outrun:
        order_replacement(path, an_order("A", "C"))
    assert outrun.value.code == "replace_outrun"
    assert await spool.unit_of("gate") == "B"
    assert [one.new for one in read_units(path).replacements] == ["B"]


async def test_a_mended_typing_error_is_told_as_one_replacement(spool, path):
    await take_up(spool, "A")
    order_replacement(path, an_order("A", "TYPO"))
    order_replacement(path, an_order("TYPO", "B"))
    await take_up(spool, "B")
    await take_up(spool, "B")
    (event,) = (one.record for one in (await spool.peek("core")))
    assert (event.serial, event.code) == ("B", "device_replaced")
    assert (event.detail["old"], event.detail["new"]) == ("A", "B")
    assert all(one.settled_at == NOON for one in read_units(path).replacements)


async def test_a_name_that_the_site_file_still_has_keeps_its_unit(spool, path):
    await take_up(spool, "A")
    await take_up(spool, "A", name="twin", names=("gate", "twin"))
    assert read_units(path).by_name == {"gate": "A", "twin": "A"}
    await take_up(spool, "A", name="twin", names=("twin",))
    assert read_units(path).by_name == {"twin": "A"}


async def test_nothing_is_written_when_all_is_as_it_was(spool, clock, path):
    await take_up(spool, "A")
    log = path.with_name("spool.db-wal")
    before = log.stat().st_size
    for _ in range(20):
        clock.advance(timedelta(minutes=1).total_seconds())
        await take_up(spool, "A")
    assert log.stat().st_size == before
