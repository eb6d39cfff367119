"""Spools of every release open in this one, whole; those of a later one are left untouched."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from edge_agent.spool import schema
from edge_agent.spool.reading import KNOWN_SCHEMA, MAX_PAGE_ROWS
from edge_agent.spool.store import ChainHead, Spool, SpoolError
from edge_agent.spool.verification import verify
from protocols import punch_columns
from tests.edge_agent.spool.deliveries import BOOT, answer, append, ids, punches, sent

GOLDEN = sorted((Path(__file__).parent / "golden").glob("spool_*.sql"))


def lay_down(golden, path):
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(golden.read_text(encoding="utf-8"))


def tables(path):
    with closing(sqlite3.connect(path)) as connection:
        names = [row[0] for row in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]  # fmt: skip
        return {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # noqa: S608 - its own tables
                for name in names}  # fmt: skip


def test_there_is_one_for_each_release():
    assert [file.stem for file in GOLDEN] == ["spool_0.1.0"]


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda file: file.stem)
async def test_a_spool_of_a_release_goes_on(golden, path, clock, tmp_path):
    lay_down(golden, path)
    before = tables(path)
    assert all(before.values()), f"the golden file fills every table: {before}"
    spool = Spool.open(path, clock=clock, boot_id="boot-2")
    try:
        assert spool.salvaged is None
        assert await spool.cursor("SN1") == b"41"
        assert await spool.unit_of("gate") == "SN9"
        assert await spool.chain_head("core") == ChainHead(number=1, batch_hash=b"h" * 32)
        batch = await spool.next_batch("core", limit=99)
        assert (batch.number, len(batch.observations), batch.salt) == (2, 5, b"s" * 32)
        await spool.settle("core", answer(batch))
        clock.advance(7_200)
        rest = await spool.next_batch("core", limit=99)
        assert len(rest.observations) == 46 - 10 - 5 + 1  # one was kept, one is dead, one discarded
        letters = await spool.dead_letters("core")
        assert [letter.observation.record.serial for letter in letters] == ["SN1"]
        from drivers.contract import Delivery

        again = await append(spool, Delivery(serial="SN1", records=punches(range(41))))
        assert (again.stored, again.known) == (1, 40)
    finally:
        spool.close()
    assert verify(path, lambda done, total: None).faults == ()
    fresh = tmp_path / "fresh.db"
    Spool.open(fresh, clock=clock, boot_id=BOOT).close()
    with closing(sqlite3.connect(path)) as old, closing(sqlite3.connect(fresh)) as new:
        assert schema._schema_of(old) == schema._schema_of(new), (
            "an unreleased migration changed: run tests/edge_agent/spool/golden/make.py"
        )


@pytest.mark.parametrize("closed", [True, False])
async def test_a_newer_schema_is_refused_before_anything_is_touched(path, clock, closed):
    lay_down(GOLDEN[-1], path)
    other = sqlite3.connect(path)
    other.execute("PRAGMA journal_mode = WAL")
    other.execute("PRAGMA wal_autocheckpoint = 0")
    other.execute("CREATE TABLE later (x)")
    other.execute(f"PRAGMA user_version = {KNOWN_SCHEMA + 1}")  # in the log alone, while open
    other.commit()
    copy = path.with_name("copy.db")
    if closed:
        other.close()
    for suffix in ("", "-wal"):
        if (file := path.with_name(path.name + suffix)).exists():
            copy.with_name(copy.name + suffix).write_bytes(file.read_bytes())
    other.close()
    before = {file.name: file.read_bytes() for file in path.parent.glob("copy.db*")}
    for heal in (False, True):
        with pytest.raises(SpoolError) as refused:
            Spool.open(copy, clock=clock, boot_id=BOOT, heal=heal)
        assert refused.value.code == "spool_schema_newer"
        assert str(KNOWN_SCHEMA + 1) in refused.value.what
        assert "Nothing was touched" in refused.value.remedy
    after = {file.name: file.read_bytes() for file in path.parent.glob("copy.db*")}
    after.pop("copy.db.lock")
    assert after == before


def test_the_fast_reader_knows_how_long_a_page_may_be():
    assert MAX_PAGE_ROWS == punch_columns.MAX_ROWS


async def test_the_first_rows_of_a_golden_spool_are_those_that_were_stored(path, clock):
    lay_down(GOLDEN[0], path)
    spool = Spool.open(path, clock=clock, boot_id=BOOT)
    try:
        batch = await spool.next_batch("other", limit=99)
        assert set(ids(punches(range(40)))) <= set(sent(batch))
    finally:
        spool.close()
