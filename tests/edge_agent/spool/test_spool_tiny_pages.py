"""Each live punch is a page of one row: 200,000 of them must not slow what the agent does all day."""

import time
from contextlib import closing

from benchmarks.spool import fill_with_tiny_pages
from drivers.contract import Delivery
from edge_agent.spool.schema import connect
from edge_agent.spool.store import Spool
from tests.edge_agent.spool.deliveries import BOOT, append, punches


async def best(call, rounds=5):
    seconds = []
    for _ in range(rounds):
        begin = time.perf_counter()
        await call()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


async def day(spool, first):
    """The best times of a live append, of a batch, of a look at the backlog."""
    numbers = iter(range(first, first + 100))

    async def one():
        await append(spool, Delivery(serial="SN1", records=punches([next(numbers)])))

    async def batch():  # the filled pages hold one punch again and again: no answer could be given
        assert await spool.next_batch(f"sink {next(numbers)}", limit=100) is not None

    return {"append": await best(one), "batch": await best(batch, 2),
            "stats": await best(spool.stats)}  # fmt: skip


async def test_two_hundred_thousand_pages_of_one_row(path, clock):
    spool = Spool.open(path, clock=clock, boot_id=BOOT)
    await append(spool, Delivery(serial="SN1", records=punches(range(1))))
    await append(spool, Delivery(serial="SN1", records=punches(range(1, 200))))
    empty = await day(spool, 200)
    spool.close()
    fill_with_tiny_pages(path, 200_000)
    with closing(connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM pages").fetchone()[0] > 200_000
    spool = Spool.open(path, clock=clock, boot_id=BOOT)
    try:
        full = await day(spool, 500_000)
    finally:
        spool.close()
    # Each may be as slow as a busy machine makes it, but not by the number of pages.
    assert full["append"] < 5 * empty["append"] + 0.005
    assert full["batch"] < 10 * empty["batch"] + 0.02
    assert full["stats"] < 0.3
