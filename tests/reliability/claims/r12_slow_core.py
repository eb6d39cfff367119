"""R12. A slow, busy or silent core slows no collecting, and is not hammered.

Control: a gateway that stores and sends in turn.
"""

import asyncio
import random
import statistics
import time
from datetime import datetime, timedelta
from typing import Any

from tests.reliability.chaos_proxy import chaos_proxy
from tests.reliability.outcome import Outcome, Scale
from tests.reliability.site import (
    PEOPLE,
    Device,
    RigSite,
    RigTerminal,
    rig_site,
    row_at,
    until,
    wall,
)

CLAIM = "R12"
TITLE = "A slow core slows no collecting"
_RETRY_AFTER_S = 3
# Of the time from finger to spool; a pull a second is the agent's own rhythm (HINT_PAUSE_S).
_MORE_S = 0.5
_GIVES_UP_S = 3.0
_TROUBLES: dict[str, dict[str, Any]] = {
    "busy": {"answer_status": 503, "retry_after_s": _RETRY_AFTER_S},
    "half_open": {"half_open": True},
    "dripping": {"throttle_bytes_s": 200},
}


def run(seed: int, scale: Scale, *, weakened: bool = False) -> Outcome:
    return asyncio.run(_run(seed, scale, weakened=weakened))


async def _run(seed: int, scale: Scale, *, weakened: bool) -> Outcome:
    people = _People(random.Random(seed))
    punches = scale.pick(5, 200)
    async with (
        rig_site() as site,
        RigTerminal("R12-GATE") as gate,
        chaos_proxy("127.0.0.1", site.core.port, speaks="http") as proxy,
    ):
        device = Device(name="gate", port=gate.address[1], serial=gate.serial, poll_s=0.2)
        site.join([device], core_port=proxy.port, timeout_s=4)
        await site.agent.start(["collecting_waits"] if weakened else ())
        await until(site.agent.spool.exists, what="the spool is made")
        usual = await people.punch(site, gate, punches)
        troubled, asked = {}, 0
        for name, trouble in _TROUBLES.items():
            await proxy.set(**trouble)
            before, began = await proxy.counts(), time.monotonic()
            troubled[name] = await people.punch(site, gate, punches)
            if name == "busy":
                lasted = time.monotonic() - began
                asked = (await proxy.counts()).requests - before.requests
                allowed = 1 + lasted / _RETRY_AFTER_S
        await proxy.set()
        await proxy.cut()
        verdict = await site.settled(weakened=weakened)
    slowest = max(max(times) for times in troubled.values())
    return Outcome(
        claim=CLAIM,
        holds=verdict.clean and slowest <= max(usual) * 1.2 + _MORE_S and asked <= allowed,
        numbers={
            "usual_p50_s": statistics.median(usual),
            "usual_max_s": max(usual),
            **{f"{name}_max_s": max(times) for name, times in troubled.items()},
            "asked_while_busy": asked,
            "allowed_by_retry_after": int(allowed),
            "lost": verdict.lost,
            "doubled": verdict.doubled,
        },
        seed=seed,
    )


class _People:
    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self._moment: datetime = wall() - timedelta(minutes=50)

    async def punch(self, site: RigSite, gate: RigTerminal, count: int) -> list[float]:
        """Seconds from finger to spool, each, up to the first that takes too long."""
        times = []
        for _ in range(count):
            self._moment += timedelta(seconds=1)
            await site.punch(gate, row_at(self._moment, self._draw.randrange(1, PEOPLE + 1)))
            began = time.monotonic()
            while site.agent.stored() < len(gate.log) and time.monotonic() < began + _GIVES_UP_S:
                await asyncio.sleep(0.01)
            times.append(time.monotonic() - began)
            if times[-1] >= _GIVES_UP_S:
                break
            await asyncio.sleep(self._draw.uniform(0, 0.2))
        return times
