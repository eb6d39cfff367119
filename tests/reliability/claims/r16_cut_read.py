"""R16. The connection breaks in the middle of a log: all of it is read again, none of it is cleared.

Control: a driver that takes what came for the whole log.
"""

import asyncio
import random
from datetime import timedelta

from simulators.zk_terminal import Faults
from tests.reliability.outcome import Outcome, Scale
from tests.reliability.site import (
    PEOPLE,
    Device,
    RigTerminal,
    keys_of,
    punch_rows,
    rig_site,
    row_at,
    until,
    wall,
)

CLAIM = "R16"
TITLE = "A read that breaks off loses nothing"
_ROW_BYTES = 40


def run(seed: int, scale: Scale, *, weakened: bool = False) -> Outcome:
    return asyncio.run(_run(seed, scale, weakened=weakened))


async def _run(seed: int, scale: Scale, *, weakened: bool) -> Outcome:
    draw = random.Random(seed)
    cuts, group = scale.pick((3, 200), (200, 500))
    rows = punch_rows(scale.pick(1_500, 5_000), seed)
    moment = wall() - timedelta(minutes=55)
    async with (
        rig_site() as site,
        RigTerminal("R16-GATE", rows) as gate,
    ):
        site.join([Device(name="gate", port=gate.address[1], serial=gate.serial)])
        await site.oracle.made(keys_of(gate.serial, rows))
        gate.faults = Faults(close_after=draw.randrange(1, len(rows) * _ROW_BYTES))
        await site.agent.start(["short_read_believed"] if weakened else ())
        await until(lambda: gate.connections > 0, what="the agent asks the terminal")
        for number in range(cuts):
            await until(lambda: not gate._open, what="the connection breaks in the read")
            gate.faults = Faults()
            await until(lambda: gate._open, what="the agent comes back")
            if number + 1 == cuts:
                break
            if not weakened:
                await site.settled()
            gate.faults = Faults(close_after=draw.randrange(1, group * _ROW_BYTES))
            for _ in range(group):
                moment += timedelta(seconds=1)
                await site.punch(gate, row_at(moment, draw.randrange(1, PEOPLE + 1)))
        verdict = await site.settled(weakened=weakened, quiet_s=0.5)
        left = len(gate.log)
    return Outcome(
        claim=CLAIM,
        holds=verdict.clean and left == verdict.made,
        numbers={
            "reads_cut": cuts,
            "punches": verdict.made,
            "lost": verdict.lost,
            "doubled": verdict.doubled,
            "left_on_device": left,
        },
        seed=seed,
    )
