"""R2. kill -9 of agent and core, at random moments and at the worst ones, and of the broker between
them: nothing lost or doubled.

Controls: an agent that stores the cursor before the records; one that takes the broker's word for the
core's.
"""

import asyncio
import random
from dataclasses import replace

from tests.reliability.breaking import AGENT_POINTS, CORE_POINTS
from tests.reliability.broker_kills import kill_brokers
from tests.reliability.outcome import Outcome, Scale
from tests.reliability.plant import Plant
from tests.reliability.site import (
    SIGKILLED,
    Device,
    RigSite,
    RigTerminal,
    keys_of,
    punch_rows,
    rig_site,
)

CLAIM = "R2"
TITLE = "kill -9 at any moment loses and doubles nothing"
_DEVICES = 2


def run(seed: int, scale: Scale, *, weakened: bool = False) -> Outcome:
    ours = asyncio.run(_run(seed, scale, weakened=weakened))
    brokers = asyncio.run(kill_brokers(seed, scale, weakened=weakened))
    both = (ours.holds, brokers.clean)
    return replace(
        ours,
        holds=any(both) if weakened else all(both),  # each control must be seen to fail
        numbers={**ours.numbers, **brokers.numbers},
    )


async def _run(seed: int, scale: Scale, *, weakened: bool) -> Outcome:
    draw = random.Random(seed)
    loops = 1 if weakened else scale.pick(3, 300)
    backlog = scale.pick(600, 20_000)
    async with rig_site() as site:
        gates = [RigTerminal(f"R2-{n}", punch_rows(backlog, seed + n)) for n in range(_DEVICES)]
        async with gates[0], gates[1]:
            for gate in gates:
                await site.oracle.made(keys_of(gate.serial, gate.log))
            site.join(
                [Device(name=g.serial, port=g.address[1], serial=g.serial) for g in gates],
                batch_records=draw.randrange(30, 70),
            )
            plant = Plant(site, gates, draw)
            named = await _at_named_points(site, plant, weakened=weakened)
            killed = {"agent": 0, "core": 0}
            for _ in range(loops):
                for name, after in (("agent", draw.uniform(0.3, 2.0)), ("core", 0.0)):
                    await plant.punch_for(after or draw.uniform(0.1, 0.8))
                    await _kill(site, name)
                    killed[name] += 1
            await plant.punch()
            verdict = await site.settled(weakened=weakened, quiet_s=1.0)
    return Outcome(
        claim=CLAIM,
        holds=verdict.clean and named == len(AGENT_POINTS) + len(CORE_POINTS) + weakened,
        numbers={
            "kills_of_agent": killed["agent"],
            "kills_of_core": killed["core"],
            "kills_at_named_points": named,
            "punches": verdict.made,
            "lost": verdict.lost,
            "doubled": verdict.doubled,
            "foreign": verdict.foreign,
        },
        seed=seed,
    )


async def _kill(site: RigSite, name: str) -> None:
    if name == "core":
        await site.core.kill()
        await site.core.serve()
    else:
        await site.agent.kill()
        await site.agent.start()


async def _at_named_points(site: RigSite, plant: Plant, *, weakened: bool) -> int:
    """Lets each process die once at each of its points; how many did. Both run afterwards."""
    died = 0
    for point in ("cursor_first,after_cursor", *AGENT_POINTS) if weakened else AGENT_POINTS:
        await plant.punch()
        await site.agent.start(point.split(","))
        died += await site.agent.ended() == SIGKILLED
    for point in CORE_POINTS:
        await site.core.kill()
        await site.core.serve([point])
        await plant.punch()
        if not site.agent.alive:
            await site.agent.start()
        died += await site.core.ended() == SIGKILLED
    await site.core.serve()
    return died
