"""R10. A terminal gives its log again (a lost place, a log that wrapped): each punch counts once,
and two punches of one second stay two.

Control: a spool and a core that take whatever comes.
"""

import asyncio
import random
import sqlite3
from contextlib import closing
from datetime import timedelta

from tests.reliability.outcome import Outcome, Scale
from tests.reliability.site import (
    PEOPLE,
    Agent,
    Device,
    RigTerminal,
    keys_of,
    punch_rows,
    rig_site,
    row_at,
    wall,
)

CLAIM = "R10"
TITLE = "A log that comes again changes nothing"


def run(seed: int, scale: Scale, *, weakened: bool = False) -> Outcome:
    return asyncio.run(_run(seed, scale, weakened=weakened))


async def _run(seed: int, scale: Scale, *, weakened: bool) -> Outcome:
    draw = random.Random(seed)
    rounds, count = scale.pick((2, 400), (50, 20_000))
    rows = punch_rows(count, seed)
    twins = draw.sample(range(count), count // 20)
    for index in sorted(twins, reverse=True):
        rows.insert(index, rows[index])
    moment = wall() - timedelta(minutes=55)
    patches = ["spool_forgets"] if weakened else []
    async with (
        rig_site(core_weakened=["core_forgets"] if weakened else ()) as site,
        RigTerminal("R10-GATE", rows) as gate,
    ):
        site.join([Device(name="gate", port=gate.address[1], serial=gate.serial)])
        await site.oracle.made(keys_of(gate.serial, rows))
        await site.agent.start(patches)
        await site.settled()
        for _ in range(rounds):
            await site.agent.stop()
            _forget_place(site.agent)
            await site.agent.start(patches)
            await _again(gate)
            # The terminal is full: its oldest rows made room, so its log begins elsewhere.
            del gate.log[: draw.randrange(1, 5)]
            moment += timedelta(seconds=1)
            await site.punch(gate, row_at(moment, draw.randrange(1, PEOPLE + 1)))
            await site.settled()
        verdict = await site.settled(quiet_s=1.5)
        received, known = site.agent.ask("SELECT received, known FROM devices")[0]
    return Outcome(
        claim=CLAIM,
        holds=verdict.clean and (weakened or known > 0),
        numbers={
            "punches": verdict.made,
            "same_second_twins": len(twins),
            "rows_received": received,
            "lost": verdict.lost,
            "doubled": verdict.doubled,
        },
        seed=seed,
    )


async def _again(gate: RigTerminal) -> None:
    """Waits until the restarted agent has asked."""
    before = gate.connections
    while gate.connections == before:
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.7)


def _forget_place(agent: Agent) -> None:
    with closing(sqlite3.connect(agent.spool)) as spool, spool:
        spool.execute("UPDATE devices SET cursor = NULL")
