"""R18. The site file is reloaded under load, one device changed each time: nothing is lost, and the
other devices keep their sessions.

Control: a reload that starts every device anew.
"""

import asyncio
import random
import signal
from dataclasses import replace

from tests.reliability.outcome import Outcome, Scale
from tests.reliability.site import Device, RigTerminal, keys_of, punch_rows, rig_site, until, wall
from tests.reliability.site import row_at as row
from tests.reliability.spooled import lost_and_doubled, stored_punches

CLAIM = "R18"
TITLE = "A reload loses nothing and touches no unchanged device"

# A session that breaks because a busy machine has no time to answer is no fault of a reload.
_PATIENT_S = 30.0


def run(seed: int, scale: Scale, *, weakened: bool = False) -> Outcome:
    return asyncio.run(_run(seed, scale, weakened=weakened))


async def _run(seed: int, scale: Scale, *, weakened: bool) -> Outcome:
    draw = random.Random(seed)
    reloads = scale.pick(30, 1_000)
    logs = {serial: punch_rows(200, seed + n) for n, serial in enumerate(("STEADY", "CHANGING"))}
    made = [key for serial, rows in logs.items() for key in keys_of(serial, rows)]
    async with (
        rig_site(serve=False) as site,
        RigTerminal("STEADY", logs["STEADY"]) as steady,
        RigTerminal("CHANGING", logs["CHANGING"]) as changing,
    ):
        agent = site.agent
        terminals = (steady, changing)
        devices = [
            Device(
                name=zk.serial.lower(), port=zk.address[1], serial=zk.serial, timeout_s=_PATIENT_S
            )
            for zk in terminals
        ]
        agent.write_site(devices, core_port=None)
        await agent.start(["reload_everything"] if weakened else ())
        await until(lambda: agent.stored() == len(made), what="the logs are read")
        sessions, first = steady.connections, wall()
        for number in range(1, reloads + 1):
            for zk in terminals:
                punch = row(first, draw.randrange(1, 40), state=number % 250)
                made += keys_of(zk.serial, [punch])
                await zk.punch(punch)
            changed = replace(devices[1], poll_s=round(draw.uniform(0.2, 0.5), 3) + number / 1e6)
            agent.write_site([devices[0], changed], core_port=None)
            assert agent.running is not None
            agent.running.send_signal(signal.SIGHUP)
            await until(lambda n=number: _reloads(agent.snapshot()) == n, what="reloaded")
        broken = steady.connections - sessions
        await until(lambda: agent.stored() >= len(made), what="all is read")
        await agent.stop()
        lost, doubled = lost_and_doubled(made, stored_punches(agent))
    return Outcome(
        claim=CLAIM,
        holds=lost == doubled == broken == 0,
        numbers={
            "reloads": reloads,
            "punches": len(made),
            "lost": lost,
            "doubled": doubled,
            "sessions_broken": broken,
        },
        seed=seed,
    )


def _reloads(snapshot: dict[str, dict[str, int]]) -> int:
    return snapshot.get("config", {}).get("reloads", 0)
