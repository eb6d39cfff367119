"""R15. The connection to a terminal breaks again and again while people punch: no gap, no double.

Control: a listener that does not look back.
"""

import asyncio
import random
from datetime import timedelta

from tests.reliability.chaos_proxy import chaos_proxy
from tests.reliability.outcome import Outcome, Scale
from tests.reliability.site import (
    PEOPLE,
    Device,
    RigTerminal,
    keys_of,
    punch_rows,
    rig_site,
    row_at,
    wall,
)

CLAIM = "R15"
TITLE = "What is punched while the live connection is down arrives"


def run(seed: int, scale: Scale, *, weakened: bool = False) -> Outcome:
    return asyncio.run(_run(seed, scale, weakened=weakened))


async def _run(seed: int, scale: Scale, *, weakened: bool) -> Outcome:
    draw = random.Random(seed)
    lasts_s, longest_up_s = scale.pick((8.0, 2.0), (600.0, 5.0))
    rows = punch_rows(100, seed)
    moment = wall() - timedelta(minutes=55)
    async with (
        rig_site() as site,
        RigTerminal("R15-GATE", rows) as gate,
        chaos_proxy(*gate.address) as proxy,
    ):
        # Long intervals: what is not told live is found only because the agent looks.
        site.join([Device(name="gate", port=proxy.port, serial=gate.serial, poll_s=20.0)])
        await site.oracle.made(keys_of(gate.serial, rows))
        await site.agent.start(["no_gap_fill"] if weakened else ())
        await site.settled()
        loop = asyncio.get_running_loop()
        ends, next_cut = loop.time() + lasts_s, 0.0
        while loop.time() < ends:
            moment += timedelta(seconds=1)
            await site.punch(gate, row_at(moment, draw.randrange(1, PEOPLE + 1)))
            if loop.time() > next_cut:
                await proxy.cut()
                next_cut = loop.time() + draw.uniform(0, longest_up_s)
            await asyncio.sleep(draw.uniform(0, 0.1))
        verdict = await site.settled(weakened=weakened, quiet_s=0.5)
        cut = (await proxy.counts()).cut
    return Outcome(
        claim=CLAIM,
        holds=verdict.clean and cut > 0,
        numbers={
            "connections_cut": cut,
            "punches": verdict.made,
            "missed": verdict.lost,
            "doubled": verdict.doubled,
        },
        seed=seed,
    )
