"""R19. A published watermark never lies: every punch up to it is at the core.

Sampled by `edge-agent watermark --json` while agent and core are killed and the line breaks.
"""

import asyncio
import json
import random
import sys
from datetime import datetime, timedelta
from typing import Any

from tests.reliability.chaos_proxy import chaos_proxy
from tests.reliability.outcome import Outcome, Scale
from tests.reliability.site import (
    PEOPLE,
    REPOSITORY,
    ClaimError,
    Device,
    RigSite,
    RigTerminal,
    keys_of,
    punch_rows,
    rig_site,
    row_at,
    wall,
)

CLAIM = "R19"
POLLS_TO_REACH = 30  # the mark of a read travels with a batch of its own, some seconds later
TITLE = "The watermark never lies"


def run(seed: int, scale: Scale, *, weakened: bool = False) -> Outcome:
    return asyncio.run(_run(seed, scale, weakened=weakened))


async def _run(seed: int, scale: Scale, *, weakened: bool) -> Outcome:
    draw = random.Random(seed)
    schedules = scale.pick(8, 10_000)
    rows = punch_rows(300, seed)
    moment = wall() - timedelta(minutes=55)
    lies = published = 0
    async with (
        rig_site(core_weakened=["core_takes_half"] if weakened else ()) as site,
        RigTerminal("R19-GATE", rows) as gate,
        chaos_proxy("127.0.0.1", site.core.port, speaks="http") as proxy,
    ):
        device = Device(name="gate", port=gate.address[1], serial=gate.serial)
        site.join([device], core_port=proxy.port, batch_records=draw.randrange(20, 80))
        await site.oracle.made(keys_of(gate.serial, rows))
        await site.agent.start()
        for _ in range(POLLS_TO_REACH):  # a watermark that says nothing cannot lie
            if _complete_until(await _watermark(site), gate.serial) is not None:
                break
            await asyncio.sleep(0.5)
        for _ in range(schedules):
            await _disturb(site, proxy, draw)
            for _ in range(draw.randrange(1, 15)):
                # A terminal writes what its clock shows: a row dated back would be no lie of ours.
                moment = max(wall().replace(microsecond=0), moment)
                await site.punch(gate, row_at(moment, draw.randrange(1, PEOPLE + 1)))
                await asyncio.sleep(draw.uniform(0, 0.05))
            until = _complete_until(await _watermark(site), gate.serial)
            if until is None:
                continue
            published += 1
            await site.judge()
            lies += await site.oracle.missing_until(gate.serial, until) > 0
        await proxy.set()
        verdict = await site.settled(weakened=weakened)
        newest = max(row.time for row in gate.log).isoformat()
        agrees, reached = False, None
        for _ in range(POLLS_TO_REACH):
            told = await _watermark(site)
            reached = _complete_until(told, gate.serial)
            agrees = _counts(told, gate.serial) == {len(gate.log)}
            if agrees and reached is not None and reached >= newest:
                break
            await asyncio.sleep(0.5)
    return Outcome(
        claim=CLAIM,
        holds=verdict.clean and lies == 0 and agrees and reached is not None and reached >= newest,
        numbers={
            "schedules": schedules,
            "published": published,
            "lies": lies,
            "punches": verdict.made,
            "lost": verdict.lost,
            "doubled": verdict.doubled,
            "counts_agree": int(agrees),
            "reaches_the_newest": int(reached is not None and reached >= newest),
        },
        seed=seed,
    )


async def _disturb(site: RigSite, proxy: Any, draw: random.Random) -> None:
    match draw.randrange(5):
        case 0:
            await site.agent.kill()
            await site.agent.start()
        case 1:
            await site.core.kill()
            await site.core.serve()
        case 2:
            await proxy.set(swallow_responses=1)
        case 3:
            await proxy.set(answer_status=503, answer_times=1)
        case _:
            await proxy.cut()


async def _watermark(site: RigSite) -> list[dict[str, Any]]:
    """What `edge-agent watermark --json` says, a line each."""
    words = ("edge_agent", "watermark", "-c", str(site.agent.site_file), "--json")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=REPOSITORY,
    )
    out, err = await process.communicate()
    # 1: something holds one of them back, which is an answer.
    if process.returncode not in {0, 1} and b"there is no spool" not in err:
        raise ClaimError(f"watermark said nothing: {err.decode()[-500:]}")
    # Nothing before the first read of a device.
    return [json.loads(line) for line in out.decode().splitlines() if line.strip()]


def _counts(told: list[dict[str, Any]], serial: str) -> set[int | None]:
    """What it says of the device's rows, in four places: one number once all is delivered."""
    places = ("on_device", "fetched", "stored", "acked")
    return {line[place] for line in told if line["serial"] == serial for place in places}


def _complete_until(told: list[dict[str, Any]], serial: str) -> str | None:
    """As the terminal's wall clock (the site's zone is UTC), to the second below."""
    for line in told:
        if line["serial"] == serial:
            until = line["complete_until"]
            if until is None:
                return None
            return datetime.fromisoformat(until).replace(tzinfo=None, microsecond=0).isoformat()
    return None
