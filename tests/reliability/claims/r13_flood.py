"""R13. All terminals hand over full logs at once while counters talk: no punch is dropped, memory
stays bounded, and every lane keeps its share of a batch.

Control: a queue in front of the storage that drops what does not fit.
"""

import asyncio
import contextlib
import random
import time

from edge_agent.spool.lanes import WEIGHTS, Lane
from edge_agent.spool.store import Spool
from edge_agent.system_clock import SystemClock
from protocols.records import Count
from simulators.modbus_counter import CounterUnit, ModbusCounterBox
from tests.reliability.outcome import Outcome, Scale
from tests.reliability.site import (
    PATIENCE_S,
    Agent,
    Device,
    RigTerminal,
    keys_of,
    punch_rows,
    rig_site,
)
from tests.reliability.spooled import lost_and_doubled, stored_punches, stored_rows

CLAIM = "R13"
TITLE = "A flood drops no punch"

COUNTERS_A_BOX = 20
BATCH = 380
# The idle agent has about 60 MiB; a log of 100,000 rows takes 4 MiB of wire bytes.
MOST_MIB = 150


def run(seed: int, scale: Scale, *, weakened: bool = False) -> Outcome:
    return asyncio.run(_run(seed, scale, weakened=weakened))


async def _run(seed: int, scale: Scale, *, weakened: bool) -> Outcome:
    terminals, rows_each = scale.pick((4, 10_000), (10, 100_000))
    boxes, poll_s = scale.pick((2, 0.1), (10, 0.1))
    lasts_s = scale.pick(4.0, 60.0)
    logs = {f"FLOOD{n}": punch_rows(rows_each, seed + n, step_s=7) for n in range(terminals)}
    made = [key for serial, rows in logs.items() for key in keys_of(serial, rows)]
    async with rig_site(serve=False) as site, contextlib.AsyncExitStack() as stack:
        agent = site.agent
        zks = [
            await stack.enter_async_context(RigTerminal(serial, rows))
            for serial, rows in logs.items()
        ]
        counters = [await stack.enter_async_context(_box()) for _ in range(boxes)]
        agent.write_site(
            [
                Device(name=zk.serial.lower(), port=zk.address[1], serial=zk.serial, timeout_s=20)
                for zk in zks
            ],
            core_port=None,
        )
        with agent.site_file.open("a") as file:
            file.writelines(_table(n, box.port, poll_s) for n, box in enumerate(counters))
        counting = asyncio.ensure_future(_count(counters, poll_s, random.Random(seed)))
        most_kib = 0
        try:
            await agent.start(["drop_when_busy"] if weakened else ())
            began_s = time.monotonic()
            while time.monotonic() - began_s < scale.pick(PATIENCE_S, 1_800.0):
                most_kib = max(most_kib, agent.rss_kib())
                over = time.monotonic() - began_s > lasts_s
                if over and _all_fetched(agent, terminals, rows_each):
                    break
                await asyncio.sleep(0.05)
            lasted_s = time.monotonic() - began_s
            await agent.stop()
        finally:
            counting.cancel()
            await asyncio.gather(counting, return_exceptions=True)
        lost, doubled = lost_and_doubled(made, stored_punches(agent))
        readings = sum(isinstance(row.record, Count) for row in stored_rows(agent))
        least_share = await _least_share(agent)
    return Outcome(
        claim=CLAIM,
        holds=lost == doubled == 0 < readings and most_kib < MOST_MIB * 1024 and least_share >= 1,
        numbers={
            "terminals": terminals,
            "punches": len(made),
            "readings": readings,
            "readings_per_s": readings / lasted_s,
            "lost": lost,
            "doubled": doubled,
            "peak_rss_mib": most_kib / 1024,
            "least_share": least_share,
        },
        seed=seed,
    )


def _box() -> ModbusCounterBox:
    return ModbusCounterBox({unit: CounterUnit() for unit in range(1, COUNTERS_A_BOX + 1)})


def _table(number: int, port: int, poll_s: float) -> str:
    units = "".join(
        f'[[device.counters]]\nunit = {unit}\ntag = "t{unit}"\npieces = 0\nboot = 6\n'
        for unit in range(1, COUNTERS_A_BOX + 1)
    )
    return (
        f'[[device]]\nname = "line{number}"\nkind = "modbus-counter"\nhost = "127.0.0.1"\n'
        f'port = {port}\nserial = "LINE{number}"\npoll_s = {poll_s}\n{units}'
    )


async def _count(boxes: list[ModbusCounterBox], poll_s: float, draw: random.Random) -> None:
    """Every counter moves between any two polls, so that each reading is a new one."""
    while True:
        for box in boxes:
            for unit in box.units.values():
                unit.pieces += draw.randrange(1, 4)
        await asyncio.sleep(poll_s / 2)


def _all_fetched(agent: Agent, terminals: int, rows_each: int) -> bool:
    if not agent.stored():
        return False
    query = "SELECT count(*) FROM devices WHERE serial LIKE 'FLOOD%' AND on_device = ?"
    return bool(agent.ask(query, rows_each)[0][0] == terminals)


async def _least_share(agent: Agent) -> float:
    """Of the lanes that wait: rows in the next batch over what its weight promises, the least."""
    spool = Spool.open(agent.spool, clock=SystemClock(), boot_id="judge")
    try:
        waiting = (await spool.backlog("judge")).rows
        batch = await spool.next_batch("judge", limit=BATCH)
        taken = dict.fromkeys(Lane, 0)
        for seen in batch.observations if batch else ():
            found = await spool.find(bytes.fromhex(seen.event_id))
            if found is not None:
                taken[found.lane] += 1
    finally:
        spool.close()
    lanes = [lane for lane, rows in waiting.items() if rows]
    total = sum(WEIGHTS[lane] for lane in lanes)
    return min(
        (taken[lane] / min(waiting[lane], BATCH * WEIGHTS[lane] // total) for lane in lanes),
        default=0.0,
    )
