"""R9. A terminal whose clock was reset, runs ahead or jumps: every punch arrives, the odd ones flagged.

Control: a bridge that skips what cannot be true.
"""

import asyncio
import json
import random
from datetime import datetime, timedelta

from protocols.zk.attendance import AttendanceRow
from tests.reliability.outcome import Outcome, Scale
from tests.reliability.site import (
    PEOPLE,
    Device,
    RigSite,
    RigTerminal,
    keys_of,
    punch_rows,
    rig_site,
    row_at,
    wall,
)

CLAIM = "R9"
TITLE = "A wrong device clock drops no punch"
_POWER_BACK = datetime(2000, 1, 1, 0, 0, 5)
_FAR = datetime(2063, 4, 5, 11, 0)


def run(seed: int, scale: Scale, *, weakened: bool = False) -> Outcome:
    return asyncio.run(_run(seed, scale, weakened=weakened))


async def _run(seed: int, scale: Scale, *, weakened: bool) -> Outcome:
    draw = random.Random(seed)
    count, odd = scale.pick((300, 25), (30_000, 2_000))
    rows = punch_rows(count, seed)
    reset = _series(draw, _POWER_BACK, odd)
    ahead = _series(draw, _FAR, odd)
    at = draw.randrange(count // 4, count // 2)
    log = [*rows[:at], *reset, *rows[at:], *ahead]
    patches = ["implausible_dropped"] if weakened else []
    async with rig_site() as site, RigTerminal("R9-GATE", log) as gate:
        site.join([Device(name="gate", port=gate.address[1], serial=gate.serial)])
        await site.oracle.made(keys_of(gate.serial, log))
        await site.agent.start(patches)
        await site.settled(weakened=weakened)
        # The clock jumps back by a day while people punch, and is set right again.
        gate.set_clock(-86_400)
        jumped = [row_at(wall() - timedelta(days=1, seconds=n), 1 + n % PEOPLE) for n in range(5)]
        await site.punch(gate, *jumped)
        gate.set_clock(0)
        await site.punch(gate, row_at(wall(), 3))
        verdict = await site.settled(weakened=weakened, quiet_s=0.5)
        unflagged = _unflagged(site, [*reset, *ahead])
    return Outcome(
        claim=CLAIM,
        holds=verdict.clean and unflagged == 0,
        numbers={
            "punches": verdict.made,
            "of_the_year_2000": len(reset),
            "of_2063": len(ahead),
            "dropped": verdict.lost,
            "doubled": verdict.doubled,
            "odd_but_unflagged": unflagged,
        },
        seed=seed,
    )


def _series(draw: random.Random, first: datetime, count: int) -> list[AttendanceRow]:
    """Pairs of one second among them: after a reset, people punch in a row."""
    moments = [first + timedelta(seconds=number // 2) for number in range(count)]
    return [
        row_at(moment, draw.randrange(1, PEOPLE + 1), state=number % 2)
        for number, moment in enumerate(moments)
    ]


def _unflagged(site: RigSite, odd: list[AttendanceRow]) -> int:
    """How many punches of these times the core holds without a word about it."""
    times = {row.time.isoformat() for row in odd}
    found = site.core.ask("SELECT body FROM raw_events WHERE kind = 'punch'")
    bodies = [json.loads(body) for (body,) in found]
    return sum(body["device_time"] in times and not body.get("flags") for body in bodies)
