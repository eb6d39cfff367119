"""R20. The watchdog is not fed by an agent of which a part is stuck, and is fed by an idle one.

Real processes that tell a real socket, with systemd's patience shortened. (An idle hour of simulated
time is in tests/edge_agent/test_pulse.py.) Control: whoever turns the loop feeds the watchdog.
"""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from tests.reliability.outcome import Outcome, Scale
from tests.reliability.site import Device, RigTerminal, punch_rows, rig_site

CLAIM = "R20"
TITLE = "A stuck agent is restarted, an idle one is not"

WATCHDOG_S = 2.0
PARTS = ("writer", "loop", "worker")


def run(seed: int, scale: Scale, *, weakened: bool = False) -> Outcome:
    return asyncio.run(_run(seed, scale, weakened=weakened))


async def _run(seed: int, scale: Scale, *, weakened: bool) -> Outcome:
    idle_s = scale.pick(6.0, 600.0)
    seen = await asyncio.gather(*(_freeze(part, seed, idle_s, weakened=weakened) for part in PARTS))
    longest_gap_s = max(gap_s for gap_s, _ in seen)
    fed_while_stuck = sum(pings for _, pings in seen)
    return Outcome(
        claim=CLAIM,
        holds=longest_gap_s < WATCHDOG_S and fed_while_stuck == 0,
        numbers={
            "parts_frozen": len(PARTS),
            "fed_while_stuck": fed_while_stuck,
            "idle_s": idle_s,
            "longest_gap_s": longest_gap_s,
            "watchdog_s": WATCHDOG_S,
        },
        seed=seed,
    )


async def _freeze(part: str, seed: int, idle_s: float, *, weakened: bool) -> tuple[float, int]:
    """The longest gap between two pings of the idle agent, and the pings of the stuck one."""
    async with rig_site(serve=False) as site, RigTerminal("R20", punch_rows(50, seed)) as gate:
        agent = site.agent
        device = Device(name="gate", port=gate.address[1], serial=gate.serial, live=False)
        agent.write_site([device], core_port=None)
        freeze = agent.folder / "freeze"
        with _listener(agent.folder / "notify") as listener:
            agent.environment = {
                "NOTIFY_SOCKET": str(agent.folder / "notify"),
                "WATCHDOG_USEC": str(int(WATCHDOG_S * 1_000_000)),
            }
            await agent.start([f"freeze_{part}:{freeze}", *(["always_well"] if weakened else [])])
            await _pings(listener, 15.0, enough=1)
            at = await _pings(listener, idle_s)
            gaps = [later - earlier for earlier, later in pairwise(at)]
            freeze.touch()
            await _pings(listener, 2 * WATCHDOG_S)  # those of before it was noticed
            stuck = await _pings(listener, 1.5 * WATCHDOG_S)
            freeze.unlink()
        return max(gaps, default=idle_s), len(stuck)


@contextlib.contextmanager
def _listener(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.setblocking(False)
        yield listener


async def _pings(
    listener: socket.socket, seconds: float, *, enough: int | None = None
) -> list[float]:
    """When they came, until the time is up or there are enough."""
    loop = asyncio.get_running_loop()
    at: list[float] = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while enough is None or len(at) < enough:
                if b"WATCHDOG=1" in await loop.sock_recv(listener, 1_000):
                    at.append(loop.time())
    return at
