"""R21. The core comes back from an older backup: the gateway sends again what the core lost by it.

Control: a gateway that never goes back.
"""

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from tests.reliability.outcome import Outcome, Scale
from tests.reliability.site import (
    PEOPLE,
    Core,
    Device,
    RigTerminal,
    keys_of,
    punch_rows,
    rig_site,
    row_at,
    until,
    wall,
)

CLAIM = "R21"
TITLE = "A core restored from a backup gets back what it lost"


def run(seed: int, scale: Scale, *, weakened: bool = False) -> Outcome:
    return asyncio.run(_run(seed, scale, weakened=weakened))


async def _run(seed: int, scale: Scale, *, weakened: bool) -> Outcome:
    before, after = scale.pick((600, 400), (6_000, 4_000))
    rows = punch_rows(before, seed)
    moment = wall() - timedelta(minutes=50)
    async with rig_site() as site, RigTerminal("R21-GATE", rows) as gate:
        device = Device(name="gate", port=gate.address[1], serial=gate.serial)
        site.join([device], batch_records=100)
        await site.oracle.made(keys_of(gate.serial, rows))
        await site.agent.start(["never_rewinds"] if weakened else ())
        await site.settled()
        backup = _backup(site.core)
        more = [row_at(moment + timedelta(seconds=n), 1 + n % PEOPLE) for n in range(after)]
        for first in range(0, after, 50):
            await site.punch(gate, *more[first : first + 50])
        await until(lambda: site.core.count() == before + after, what="the core has all")
        await site.core.kill()
        _restore(site.core, backup)
        at_restore = site.core.count()
        await site.core.serve()
        await site.punch(gate, row_at(moment + timedelta(seconds=after + 5), 3))
        verdict = await site.settled(weakened=weakened, quiet_s=0.5)
    return Outcome(
        claim=CLAIM,
        holds=verdict.clean and at_restore == before,
        numbers={
            "punches": verdict.made,
            "at_backup": at_restore,
            "at_core": verdict.held,
            "lost": verdict.lost,
            "doubled": verdict.doubled,
        },
        seed=seed,
    )


def _backup(core: Core) -> Path:
    copy = core.database.with_suffix(".backup")
    with (
        closing(sqlite3.connect(core.database)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
    return copy


def _restore(core: Core, backup: Path) -> None:
    for suffix in ("-wal", "-shm"):
        core.database.with_name(f"{core.database.name}{suffix}").unlink(missing_ok=True)
    core.database.write_bytes(backup.read_bytes())
