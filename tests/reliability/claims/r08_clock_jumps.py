"""R8. The gateway's clock jumps: order and count stay, each jump is recorded, the cadence stays.

A time service's step, an hour back (as a wrong zone or a set summer time), ten years ahead and back,
a dead battery (1970) and back. Only the wall clock moves, as in a real step; records carry the
monotonic clock and the boot beside it. Control: intervals and stamps by the wall clock alone.
"""

import asyncio
import time
from datetime import timedelta
from itertools import pairwise

from protocols.records import DeviceEvent, Punch
from tests.reliability.outcome import Outcome, Scale
from tests.reliability.site import (
    Device,
    RigTerminal,
    keys_of,
    punch_rows,
    rig_site,
    row_at,
    until,
    wall,
)
from tests.reliability.spooled import lost_and_doubled, stored_punches, stored_rows

CLAIM = "R8"
TITLE = "A jump of the gateway's clock changes neither order nor count"

HOUR, YEAR = 3_600.0, 365 * 86_400.0
# What the clock is off by, one after the other. The way back from the future is not believed before
# a time service says so, so it comes last.
JUMPS = (3.0, -HOUR, 0.0, -56 * YEAR, 0.0, 10 * YEAR, 0.0)
SLOW_S = 3.0  # from the finger to the spool, at an interval of 0.3 s


def run(seed: int, scale: Scale, *, weakened: bool = False) -> Outcome:
    return asyncio.run(_run(seed, scale, weakened=weakened))


async def _run(seed: int, scale: Scale, *, weakened: bool) -> Outcome:
    rounds = scale.pick(1, 20)
    rows = punch_rows(50, seed)
    made = keys_of("R8", rows)
    async with rig_site(serve=False) as site, RigTerminal("R8", rows) as gate:
        agent = site.agent
        agent.write_site([Device(name="gate", port=gate.address[1], serial="R8")], core_port=None)
        moved = agent.folder / "moved"
        agent.environment = {"WATCHDOG_USEC": "2000000"}  # the pulse beats each half second
        await agent.start([f"moved_clock:{moved}", *(["wall_clock_for_all"] if weakened else [])])
        await until(lambda: agent.stored() == len(made), what="the log is read")
        slowest_s = 0.0
        for number, offset_s in enumerate(JUMPS * rounds, start=1):
            moved.write_text(str(offset_s))
            await asyncio.sleep(1.2)  # two beats of the pulse, and a commit
            punch = row_at(wall() + timedelta(seconds=number), 1 + number % 40)
            made += keys_of("R8", [punch])
            began_s = time.monotonic()
            await gate.punch(punch)
            while agent.stored() < len(made) and time.monotonic() - began_s < 2 * SLOW_S:
                await asyncio.sleep(0.02)
            slowest_s = max(slowest_s, time.monotonic() - began_s)
        await agent.stop()
        stored = stored_rows(agent)
        lost, doubled = lost_and_doubled(made, stored_punches(agent))
    punches = [row for row in stored if isinstance(row.record, Punch)]
    told = [
        row for row in stored
        if isinstance(row.record, DeviceEvent) and row.record.code == "gateway_clock_step"
    ]  # fmt: skip
    back = sum(later.monotonic_ms < earlier.monotonic_ms for earlier, later in pairwise(punches))
    boots = len({row.boot for row in stored})
    jumps = len(JUMPS) * rounds
    return Outcome(
        claim=CLAIM,
        holds=lost == doubled == back == 0
        and boots == 1
        and len(told) >= jumps
        and slowest_s < SLOW_S,
        numbers={
            "jumps": jumps,
            "told": len(told),
            "punches": len(made),
            "lost": lost,
            "doubled": doubled,
            "out_of_order": back,
            "slowest_to_spool_s": slowest_s,
        },
        seed=seed,
    )
