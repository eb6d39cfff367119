"""The fast reader beside a running agent."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from drivers.contract import Delivery
from edge_agent.spool.errors import SpoolError
from edge_agent.spool.reading import read_ledger
from protocols.records import Quarantined
from protocols.uplink import Verdict
from tests.edge_agent.spool.deliveries import NOON, answer, append, punches

NOBODY = 65_534


async def test_the_ledger_of_a_running_agent(spool, path):
    bad = Quarantined(source="SN1", offset=160, reason="day 40", raw=b"\xff")
    await append(
        spool,
        Delivery(
            serial="SN1", records=punches(range(4)), quarantined=(bad,), on_device=5, log_rows=5
        ),
    )
    await append(spool, Delivery(serial="SN2", records=punches(range(2), "SN2")))
    batch = await spool.next_batch("core", limit=3)
    await spool.settle("core", answer(batch, (Verdict.ACCEPTED, Verdict.REJECTED, Verdict.KEEP)))

    ledger = read_ledger(path)

    assert json.loads(json.dumps(ledger)) == ledger
    first, second = ledger["devices"]
    assert first == {
        "serial": "SN1",
        "name": "gate",
        "on_device": 5,
        "fetched": 5,
        "received": 5,
        "stored": 4,
        "known": 0,
        "quarantined": 1,
        "quarantined_again": 0,
        "deleted": 0,
        "thinned": 0,
        "acked": 1,
        "acked_by": {"core": 1},
        "last_fetch_at": NOON.isoformat(),
        "complete_until": None,
        "held_by": "clock_unknown",
    }
    assert (second["serial"], second["on_device"], second["fetched"]) == ("SN2", None, 2)
    assert second["acked_by"] == {"core": 0}
    assert ledger["backlog"]["core"] == {
        "punch-live": 4,
        "punch-backlog": 0,
        "count-live": 0,
        "count-backlog": 0,
        "telemetry": 0,
    }
    assert ledger["dead_letters"] == {"core": 1}
    assert ledger["quarantined"] == 1
    assert ledger["file_bytes"] > path.stat().st_size
    assert (await spool.stats()).backlog["core"] == ledger["backlog"]["core"]


async def test_a_stopped_spool_is_read_too(spool, path):
    await append(spool, Delivery(serial="SN1", records=punches(range(2))))
    spool.close()
    assert read_ledger(path)["devices"][0]["stored"] == 2


@pytest.fixture
def no_root():
    """Root may write everywhere, so the test is somebody else for a while."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    yield
    if root:
        os.seteuid(0)


@pytest.fixture
def read_only_copy(spool, path):
    spool.close()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy.db"
        shutil.copy(path, copy)
        copy.chmod(0o444)
        copy.parent.chmod(0o555)
        yield copy
        copy.parent.chmod(0o755)


def test_a_copy_is_read_where_nothing_may_be_written(read_only_copy, no_root):
    assert not os.access(read_only_copy.parent, os.W_OK, effective_ids=True)
    assert read_ledger(read_only_copy)["devices"] == []


def test_what_is_no_spool_is_told(path):
    with pytest.raises(SpoolError) as missing:
        read_ledger(path)
    assert missing.value.code == "spool_missing"
    path.write_bytes(b"")
    with pytest.raises(SpoolError) as empty:
        read_ledger(path)
    assert empty.value.code == "spool_schema_older"
    path.write_bytes(b"no database" * 100)
    with pytest.raises(SpoolError) as foreign:
        read_ledger(path)
    assert foreign.value.code == "spool_corrupt"


def test_importing_it_imports_nothing_heavy(repository):
    script = (
        "import sys; import edge_agent.spool.reading\n"
        "ours = {n for n in sys.modules if n.split('.')[0] in ('edge_agent', 'drivers', 'protocols')}\n"
        "assert ours == {'edge_agent', 'edge_agent.spool', 'edge_agent.spool.reading', "
        "'edge_agent.spool.errors', 'edge_agent.spool.completeness'}, ours\n"
        "heavy = {'msgspec', 'pydantic', 'asyncio', 'typing_extensions'} & sys.modules.keys()\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", script], cwd=repository, check=True)
