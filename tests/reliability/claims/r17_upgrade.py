"""R17. An upgrade with a full buffer delivers all of it, killed in the middle or not; a broken site file
and an older agent leave the buffer as it is, byte for byte.

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
from tests.reliability.oracle import Key
from tests.reliability.outcome import Outcome, Scale
from tests.reliability.site import REPOSITORY, SIGKILLED, Agent, Device, RigSite, rig_site

CLAIM = "R17"
TITLE = "Upgrade, downgrade and a broken site file keep the buffer"
_GOLDEN = REPOSITORY / "tests" / "edge_agent" / "spool" / "golden"
_NOBODY = 9  # the discard port: no terminal there
_NEWER = len(schema.migrations()) + 1


def run(seed: int, scale: Scale, *, weakened: bool = False) -> Outcome:
    return asyncio.run(_run(seed, scale, weakened=weakened))


async def _run(seed: int, scale: Scale, *, weakened: bool) -> Outcome:
    draw = random.Random(seed)
    made = lost = doubled = killed = refused = untouched = 0
    kills = scale.pick(2, 200)
    golden = sorted(
        path for path in _GOLDEN.glob("schema_*.sql") if path.with_suffix(".json").exists()
    )
    for dump in golden:
        async with rig_site() as site:
            site.join([Device(name="gone", port=_NOBODY, serial="GONE")])
            _play(dump, site.agent.spool)
            await site.oracle.made(_waiting(site.agent.spool, dump.with_suffix(".json")))
            refused_one, untouched_one = await _refusals(site)
            refused, untouched = refused + refused_one, untouched + untouched_one
            for _ in range(kills):
                await site.agent.start([f"in_migration:{draw.randrange(1, 3)}"])
                killed += await site.agent.ended() == SIGKILLED
            await site.agent.start(["migration_begins_anew"] if weakened else ())
            verdict = await site.settled(weakened=weakened, within_s=20, quiet_s=0.5)
        made, lost, doubled = made + verdict.made, lost + verdict.lost, doubled + verdict.doubled
    return Outcome(
        claim=CLAIM,
        holds=made > 0
        and lost == doubled == 0
        and killed > 0
        and refused == untouched == 2 * len(golden),
        numbers={
            "released_schemas": len(golden),
            "waiting_rows": made,
            "kills_in_migration": killed,
            "refused_starts": refused,
            "left_byte_identical": untouched,
            "lost": lost,
            "doubled": doubled,
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


def _waiting(spool: Path, facts: Path) -> list[Key]:
    """The punches that the core has not had, as the code of that release said; read before any
    migration.
    """
    waiting = {bytes.fromhex(one) for one in json.loads(facts.read_text())["peek"]["core"]}
    with closing(sqlite3.connect(spool)) as connection:
        rows = connection.execute("SELECT event_id, body FROM events WHERE kind = 'punch'")
        records = [json.loads(body) for event_id, body in rows if event_id in waiting]
    return [
        Key(record["serial"], record["user_id"], record["device_time"], record["state"])
        for record in records
    ]
