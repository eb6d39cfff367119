"""R4. After weeks without a line, a long backlog drains in little memory, and live punches overtake it.

Control: one queue, first in, first out.
"""

import asyncio
import random
import time
from datetime import timedelta

from drivers.contract import Delivery
from edge_agent.spool.lanes import Lane
from edge_agent.spool.store import Spool
from edge_agent.system_clock import SystemClock
from protocols.records import Punch
from tests.reliability.oracle import Key
from tests.reliability.outcome import Outcome, Scale
from tests.reliability.site import (
    Device,
    RigSite,
    RigTerminal,
    rig_site,
    row_at,
    until,
    wall,
)

CLAIM = "R4"
TITLE = "A long backlog drains in little memory, live punches first"
_MORE_KIB = 30 * 1024
_LIVE_WITHIN_S = 5.0
_OLD = "R4-OLD"
_CHUNK = 5_000


def run(seed: int, scale: Scale, *, weakened: bool = False) -> Outcome:
    return asyncio.run(_run(seed, scale, weakened=weakened))


async def _run(seed: int, scale: Scale, *, weakened: bool) -> Outcome:
    draw = random.Random(seed)
    backlog, live = scale.pick((60_000, 3), (1_000_000, 30))
    patches = ["one_queue"] if weakened else []
    async with rig_site() as site, RigTerminal("R4-GATE") as gate:
        device = Device(name="gate", port=gate.address[1], serial=gate.serial)
        site.join([device], batch_records=1_000, timeout_s=10)
        idle_kib = await _idle_memory(site, patches)
        await _fill(site, backlog)
        await site.agent.start(patches)
        await until(lambda: site.core.count() > 0, what="the backlog begins to drain")
        began, peak_kib = time.monotonic(), 0
        latencies, overtook = [], 0
        for number in range(live):
            await asyncio.sleep(draw.uniform(0.1, 0.3))
            row = row_at(wall() + timedelta(seconds=number), 1 + number)
            pressed = time.monotonic()
            await site.punch(gate, row)
            while site.core.count_of(gate.serial) <= number and time.monotonic() < pressed + 60:
                peak_kib = max(peak_kib, site.agent.rss_kib())
                await asyncio.sleep(0.02)
            latencies.append(time.monotonic() - pressed)
            overtook += site.core.count() < backlog
        while site.core.count() < backlog + live and time.monotonic() < began + 600:
            peak_kib = max(peak_kib, site.agent.rss_kib())
            await asyncio.sleep(0.1)
        drained_s = time.monotonic() - began
        verdict = await site.settled()
    return Outcome(
        claim=CLAIM,
        holds=verdict.clean
        and peak_kib - idle_kib <= _MORE_KIB
        and max(latencies) < _LIVE_WITHIN_S
        and overtook == live,
        numbers={
            "backlog": backlog,
            "idle_mib": idle_kib / 1024,
            "more_mib": (peak_kib - idle_kib) / 1024,
            "drained_s": drained_s,
            "live_punches": live,
            "live_overtook": overtook,
            "live_max_s": max(latencies),
            "lost": verdict.lost,
            "doubled": verdict.doubled,
        },
        seed=seed,
    )


async def _idle_memory(site: RigSite, patches: list[str]) -> int:
    """Of the agent on an empty spool, after its first reads and one delivered punch's worth."""
    await site.agent.start(patches)
    await until(lambda: site.agent.snapshot().get("devices"), what="the agent runs")
    await asyncio.sleep(1.5)
    idle = site.agent.rss_kib()
    await site.agent.stop()
    return idle


async def _fill(site: RigSite, rows: int) -> None:
    """As an agent without a line has collected it: its own spool, its own intake."""
    first = wall() - timedelta(days=40)
    spool = Spool.open(site.agent.spool, clock=SystemClock(), boot_id="weeks-before")
    try:
        for start in range(0, rows, _CHUNK):
            records = tuple(
                Punch(
                    serial=_OLD,
                    user_id=str(1_000 + number % 900),
                    device_time=first + timedelta(seconds=number),
                    state=0,
                    verify=1,
                    raw=number.to_bytes(40, "big"),
                )
                for number in range(start, min(start + _CHUNK, rows))
            )
            await site.oracle.made(
                [Key(_OLD, one.user_id, one.device_time.isoformat(), one.state) for one in records]
            )
            await spool.append(
                Delivery(serial=_OLD, records=records),
                device_name="old",
                zone="UTC",
                lane=Lane.PUNCH_BACKLOG,
                received_at=SystemClock().now(),
                clock_offset_ms=None,
            )
    finally:
        spool.close()
