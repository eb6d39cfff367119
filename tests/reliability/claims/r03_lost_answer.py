"""R3. The core stores a batch, its answer is lost: the gateway sends it again, nothing doubles.

Control: a core that inserts whatever comes.
"""

import asyncio
import random

from tests.reliability.chaos_proxy import chaos_proxy
from tests.reliability.outcome import Outcome, Scale
from tests.reliability.site import Device, RigTerminal, keys_of, punch_rows, rig_site

CLAIM = "R3"
TITLE = "An answer that is lost doubles nothing"


def run(seed: int, scale: Scale, *, weakened: bool = False) -> Outcome:
    return asyncio.run(_run(seed, scale, weakened=weakened))


async def _run(seed: int, scale: Scale, *, weakened: bool) -> Outcome:
    draw = random.Random(seed)
    swallow, twice = scale.pick((2, 3), (6, 200))
    rows = punch_rows(scale.pick(400, 20_000), seed)
    async with (
        rig_site(core_weakened=["core_forgets"] if weakened else ()) as site,
        RigTerminal("R3-GATE", rows) as gate,
        chaos_proxy("127.0.0.1", site.core.port, speaks="http") as proxy,
    ):
        await proxy.set(swallow_responses=swallow, duplicate_requests=twice)
        device = Device(name="gate", port=gate.address[1], serial=gate.serial)
        site.join([device], core_port=proxy.port, batch_records=draw.randrange(20, 60))
        await site.oracle.made(keys_of(gate.serial, rows))
        await site.agent.start()
        verdict = await site.settled(quiet_s=1.0)
        counts = await proxy.counts()
    return Outcome(
        claim=CLAIM,
        holds=verdict.clean and counts.swallowed == swallow and counts.duplicated == twice,
        numbers={
            "punches": verdict.made,
            "answers_swallowed": counts.swallowed,
            "requests_doubled": counts.duplicated,
            "lost": verdict.lost,
            "doubled": verdict.doubled,
        },
        seed=seed,
    )
