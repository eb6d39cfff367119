"""R17. An upgrade with a full buffer keeps what waits in it, killed in the middle or not; a broken
site file and an older agent leave the buffer as it is, byte for byte.

Control: an upgrade that begins with an empty buffer.
"""

import asyncio
import hashlib
import json
import random
import sqlite3
from contextlib import closing
from pathlib import Path

from edge_agent.spool import schema
from edge_agent.spool.store import Spool
from edge_agent.system_clock import SystemClock
from tests.reliability.outcome import Outcome, Scale
from tests.reliability.site import REPOSITORY, SIGKILLED, Agent, Device, RigSite, rig_site, until

CLAIM = "R17"
TITLE = "Upgrade, downgrade and a broken site file keep the buffer"
_GOLDEN = REPOSITORY / "tests" / "edge_agent" / "spool" / "golden"
_NOBODY = 9  # the discard port: no terminal there
_NEWER = len(schema.migrations()) + 1


def run(seed: int, scale: Scale, *, weakened: bool = False) -> Outcome:
    return asyncio.run(_run(seed, scale, weakened=weakened))


async def _run(seed: int, scale: Scale, *, weakened: bool) -> Outcome:
    draw = random.Random(seed)
    waiting = lost = extra = killed = refused = untouched = 0
    kills = scale.pick(2, 200)
    golden = sorted(path for path in _GOLDEN.glob("schema_*.sql"))
    for dump in golden:
        async with rig_site(serve=False) as site:
            site.join([Device(name="gone", port=_NOBODY, serial="GONE")], core_port=_NOBODY)
            _play(dump, site.agent.spool)
            expected = _waiting(dump.with_suffix(".json"))
            refused_one, untouched_one = await _refusals(site)
            refused, untouched = refused + refused_one, untouched + untouched_one
            for _ in range(kills):
                await site.agent.start([f"in_migration:{draw.randrange(1, 3)}"])
                killed += await site.agent.ended() == SIGKILLED
            await site.agent.start(["migration_begins_anew"] if weakened else ())
            await until(lambda: site.agent.snapshot().get("devices"), what="the agent runs")
            await site.agent.stop()
            found = await _peek(site.agent.spool)
        waiting += len(expected)
        lost += len(set(expected) - set(found))
        extra += len(found) - len(set(expected) & set(found))
    return Outcome(
        claim=CLAIM,
        holds=waiting > 0
        and lost == extra == 0
        and killed > 0
        and refused == untouched == 2 * len(golden),
        numbers={
            "released_schemas": len(golden),
            "waiting_rows": waiting,
            "kills_in_migration": killed,
            "refused_starts": refused,
            "left_byte_identical": untouched,
            "lost": lost,
            "doubled_or_foreign": extra,
        },
        seed=seed,
    )


async def _refusals(site: RigSite) -> tuple[int, int]:
    """A broken site file, then a file of a newer schema: starts refused, buffers left as they were."""
    agent = site.agent
    good = agent.site_file.read_text()
    before = _digest(agent)
    agent.site_file.write_text(good.replace("[site]", "[sight]"))
    refused = await _refuses(agent, because="sight")
    untouched = _digest(agent) == before
    agent.site_file.write_text(good)
    with closing(sqlite3.connect(agent.spool)) as spool:
        found = spool.execute("PRAGMA user_version").fetchone()[0]
        spool.execute(f"PRAGMA user_version = {_NEWER}")
    before = _digest(agent)
    refused += await _refuses(agent, because=f"schema {_NEWER}")
    untouched += _digest(agent) == before
    with closing(sqlite3.connect(agent.spool)) as spool:
        spool.execute(f"PRAGMA user_version = {found}")
    return refused, untouched


async def _refuses(agent: Agent, *, because: str) -> bool:
    said = len(agent.log.read_text()) if agent.log.exists() else 0
    await agent.start()
    return await agent.ended() > 0 and because in agent.log.read_text()[said:]


def _digest(agent: Agent) -> str:
    return hashlib.sha256(agent.spool.read_bytes()).hexdigest()


def _play(dump: Path, spool: Path) -> None:
    with closing(sqlite3.connect(spool)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(dump.read_text(encoding="utf-8"))
        # What a dump leaves out; the file's name tells the schema.
        connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {int(dump.stem.rpartition('_')[2])}")
    spool.chmod(0o600)


def _waiting(facts: Path) -> list[str]:
    """The ids of what the core is sent: all that is there, as the code of that release said to a
    sink which had nothing. Its batches were no chain, so the core's begins anew.
    """
    waiting: list[str] = json.loads(facts.read_text(encoding="utf-8"))["peek"]["new"]
    return waiting


async def _peek(path: Path) -> list[str]:
    """The same question to the code of today."""
    spool = Spool.open(path, clock=SystemClock(), boot_id="look")
    try:
        return [one.event_id for one in await spool.peek("core", limit=10_000)]
    finally:
        spool.close()
