"""Each live punch is a page of one row: 200,000 of them must not slow what the agent does all day.

Work is counted in steps of SQLite's virtual machine, which a busy machine does not change.
"""

from contextlib import closing

import pytest

from benchmarks.spool import fill_with_tiny_pages
from drivers.contract import Delivery
from edge_agent.spool import reader, writer
from edge_agent.spool.schema import connect
from edge_agent.spool.store import Spool
from tests.edge_agent.spool.deliveries import BOOT, append, punches

PAGES = 200_000
SINKS = 2  # one for each batch that was asked for
GRAIN = 10  # steps; a call that is over sooner counts for none


@pytest.fixture
def steps(monkeypatch):
    """A list that grows by one each GRAIN steps of any connection of the spool."""
    found = []

    def counted(path):
        connection = connect(path)
        connection.set_progress_handler(lambda: found.append(None), GRAIN)
        return connection

    for module in (reader, writer):
        monkeypatch.setattr(module, "connect", counted)
    return found


async def day(spool, first, steps):
    """The steps of a live append, of a batch, of a look at the backlog."""

    async def of(call):
        before = len(steps)
        await call
        return (len(steps) - before) * GRAIN

    one = Delivery(serial="SN1", records=punches([first]))
    # The filled pages hold one punch again and again: no answer could be given.
    return {
        "append": await of(append(spool, one)),
        "batch": await of(spool.next_batch(f"sink {first}", limit=100)),
        "stats": await of(spool.stats()),
    }


async def test_two_hundred_thousand_pages_of_one_row(path, clock, steps):
    spool = Spool.open(path, clock=clock, boot_id=BOOT)
    await append(spool, Delivery(serial="SN1", records=punches(range(1))))
    await append(spool, Delivery(serial="SN1", records=punches(range(1, 200))))
    empty = await day(spool, 200, steps)
    spool.close()
    fill_with_tiny_pages(path, PAGES)
    with closing(connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM pages").fetchone()[0] > PAGES
    spool = Spool.open(path, clock=clock, boot_id=BOOT)
    try:
        full = await day(spool, 500_000, steps)
    finally:
        spool.close()
    for what in ("append", "batch"):
        assert 0 < full[what] < 1.5 * empty[what] + 100, what
    # The backlog of each sink is a sum over its pages: 14 steps for each, and nothing else grows.
    assert full["stats"] < empty["stats"] + 16 * PAGES * SINKS
