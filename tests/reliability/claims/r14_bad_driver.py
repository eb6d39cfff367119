"""R14. One driver hangs, loops, leaks or crashes: the other devices keep their cadence.

A third party's driver, installed by its entry point. The cadence is what a person at a good terminal
sees: from the finger to the spool within two intervals, so with a jitter below one.
Control: the same driver on the agent's own loop (`isolation = "none"`).
"""

import asyncio
import os
import time
from datetime import timedelta

from tests.edge_agent.isolation.naughty import install
from tests.reliability.outcome import Outcome, Scale
from tests.reliability.site import (
    REPOSITORY,
    Device,
    RigTerminal,
    keys_of,
    punch_rows,
    rig_site,
    row_at,
    until,
    wall,
)
from tests.reliability.spooled import lost_and_doubled, stored_punches

CLAIM = "R14"
TITLE = "One bad driver costs its own device"

POLL_S = 0.5
MISCHIEFS = ("sleep", "loop", "memory", "exit", "crash")
# Long enough for every punch of the short form, were it not stored at all.
GIVE_UP_S = 6.0


def run(seed: int, scale: Scale, *, weakened: bool = False) -> Outcome:
    return asyncio.run(_run(seed, scale, weakened=weakened))


async def _run(seed: int, scale: Scale, *, weakened: bool) -> Outcome:
    longest_s, lost, doubled = 0.0, 0, 0
    for mischief in MISCHIEFS[:1] if weakened else MISCHIEFS:
        one_s, one_lost, one_doubled = await _beside(
            mischief, seed, punches=scale.pick(3, 200), weakened=weakened
        )
        longest_s = max(longest_s, one_s)
        lost, doubled = lost + one_lost, doubled + one_doubled
    return Outcome(
        claim=CLAIM,
        holds=longest_s < 2 * POLL_S and lost == doubled == 0,
        numbers={
            "mischiefs": 1 if weakened else len(MISCHIEFS),
            "interval_s": POLL_S,
            "longest_to_spool_s": longest_s,
            "lost": lost,
            "doubled": doubled,
        },
        seed=seed,
    )


async def _beside(
    mischief: str, seed: int, *, punches: int, weakened: bool
) -> tuple[float, int, int]:
    """The longest way of a punch to the spool, punches lost and doubled."""
    rows = punch_rows(100, seed)
    made = keys_of("GOOD", rows)
    async with rig_site(serve=False) as site, RigTerminal("GOOD", rows) as good:
        agent = site.agent
        install(agent.folder)
        path = os.pathsep.join([str(agent.folder), str(REPOSITORY)])
        agent.environment = {"PYTHONPATH": path}
        device = Device(name="good", port=good.address[1], serial="GOOD", poll_s=POLL_S, live=False)
        agent.write_site([device], core_port=None)
        flag = agent.folder / "well"
        with agent.site_file.open("a") as file:
            file.write(
                f'[[device]]\nname = "bad"\nkind = "naughty"\npoll_s = 0.3\nflag = "{flag}"\n'
                f'mischief = "{mischief}"\n' + ('isolation = "none"\n' if weakened else "")
            )
        flag.touch()
        await agent.start()
        await until(lambda: agent.stored() == len(made) + 3, what="both are read")
        flag.unlink()
        await asyncio.sleep(1.0)
        longest_s = 0.0
        for number in range(punches):
            punch = row_at(wall() + timedelta(seconds=number), 1 + number % 40)
            made += keys_of("GOOD", [punch])
            began_s = time.monotonic()
            await good.punch(punch)
            while agent.stored() < len(made) + 3 and time.monotonic() - began_s < GIVE_UP_S:
                await asyncio.sleep(0.01)
            longest_s = max(longest_s, time.monotonic() - began_s)
            if longest_s >= GIVE_UP_S:
                break
        await agent.kill()
        held = [key for key in stored_punches(agent) if key.serial == "GOOD"]
        lost, doubled = lost_and_doubled(made, held)
    return longest_s, lost, doubled
