"""R11. Rows that nobody can decode and a record that the core refuses hold up nothing else, and
nothing of them is silent.

Control: a gateway that leaves them out.
"""

import asyncio
import random
from datetime import timedelta

from protocols.records import Channel, Punch
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

CLAIM = "R11"
TITLE = "A poison record blocks nothing and is never silent"
_WIDTH = 40


def run(seed: int, scale: Scale, *, weakened: bool = False) -> Outcome:
    return asyncio.run(_run(seed, scale, weakened=weakened))


async def _run(seed: int, scale: Scale, *, weakened: bool) -> Outcome:
    draw = random.Random(seed)
    count, spoilt, refused = scale.pick((500, 12, 1), (50_000, 500, 100))
    rows = punch_rows(count, seed)
    worn_at, refused_at = _places(draw, count, spoilt, refused)
    worn = {index: _nonsense(draw) for index in worn_at}
    readable = [row for index, row in enumerate(rows) if index not in worn]
    async with (
        rig_site(serve=False) as site,
        RigTerminal("R11-GATE", rows, worn=worn) as gate,
    ):
        for index in refused_at:
            row = rows[index]
            site.core.plant(
                Punch(
                    serial=gate.serial,
                    user_id=row.user_id,
                    device_time=row.time,
                    state=row.state,
                    verify=row.verify + 1,
                    channel=Channel.PULL,
                )
            )
        await site.core.serve()
        site.join([Device(name="gate", port=gate.address[1], serial=gate.serial)])
        await site.oracle.made(keys_of(gate.serial, readable))
        await site.agent.start(["poison_skipped"] if weakened else ())
        await until(lambda: site.agent.stored() > 0, what="the log is stored")
        await site.punch(gate, row_at(wall() - timedelta(minutes=50), 7))
        verdict = await site.settled(weakened=weakened, quiet_s=1.0)
        dead = site.agent.ask("SELECT count(*) FROM dead_letters WHERE code <> ''")[0][0]
        quarantined = site.agent.ask("SELECT count(*) FROM quarantine WHERE reason <> ''")[0][0]
    silent = (refused - dead) + (spoilt - quarantined)
    return Outcome(
        claim=CLAIM,
        holds=verdict.clean and silent == 0,
        numbers={
            "punches": verdict.made,
            "undecodable": spoilt,
            "quarantined": quarantined,
            "refused": refused,
            "dead_letters": dead,
            "blocked": verdict.lost,
            "silent": silent,
        },
        seed=seed,
    )


def _places(
    draw: random.Random, count: int, spoilt: int, refused: int
) -> tuple[set[int], list[int]]:
    """Not in the first rows: a log that begins with nonsense is another matter."""
    drawn = draw.sample(range(count // 10, count), spoilt + refused)
    return set(drawn[:spoilt]), drawn[spoilt:]


def _nonsense(draw: random.Random) -> bytes:
    """A row of a sector that was erased, or a user id that is none."""
    if draw.random() < 0.5:
        return b"\xff" * _WIDTH
    return draw.randbytes(2) + bytes(range(1, 25)) + draw.randbytes(_WIDTH - 26)
