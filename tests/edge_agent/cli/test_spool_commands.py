"""`edge-agent spool`: beside a running agent where it reads, refused where it would write."""

import csv
import io
import json
import sqlite3
from contextlib import closing

import pytest

from edge_agent.front_door import main
from edge_agent.spool.store import Spool
from tests.edge_agent.spool.deliveries import ManualClock
from tests.edge_agent.status.gateway_on_disk import SERIAL, make_gateway


@pytest.fixture
def site(tmp_path):
    return make_gateway(tmp_path, punches=30, quarantined=2)


@pytest.fixture
def run(site, capsys):
    def call(*arguments):
        code = main(["spool", *arguments, "-c", str(site)])
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def spool_path(site):
    return site.parent / "state" / "spool.db"


def test_stats_beside_a_running_agent(run, spool_path):
    agent = Spool.open(spool_path, clock=ManualClock(), boot_id="agent")
    try:
        code, out, _ = run("stats", "--json")
        stats = json.loads(out)
        assert (code, stats["devices"][0]["stored"], stats["quarantined"]) == (0, 30, 2)
        assert stats["oldest_received_at"]
        assert "30" in run("stats")[1]
    finally:
        agent.close()


def test_peek_shows_what_waits(run):
    code, out, _ = run("peek", "--json", "-n", "3")
    rows = json.loads(out)
    assert (code, len(rows), rows[0]["kind"], rows[0]["serial"]) == (0, 3, "punch", SERIAL)
    assert "1007" in run("peek")[1]


def test_verify_names_every_fault(run, spool_path):
    code, out, _ = run("verify", "--json")
    assert (code, json.loads(out)["rows"], json.loads(out)["faults"]) == (0, 30, [])
    assert "all as it was written" in run("verify")[1]
    with closing(sqlite3.connect(spool_path)) as connection, connection:
        connection.execute("UPDATE pages SET body = substr(body, 1, length(body) - 1)")
        connection.execute("UPDATE devices SET stored = stored + 1")
        connection.execute(
            "INSERT INTO unsettled VALUES ('core', 1, 99, x'00', 1, 0, 0, NULL, 1, 0)"
        )
    code, out, _ = run("verify", "--json")
    faults = [(fault["where"], fault["what"]) for fault in json.loads(out)["faults"]]
    assert code == 2
    assert [where for where, _ in faults] == ["page 1", SERIAL, SERIAL, "core"]
    assert "checksum" in faults[0][1]


def test_export_filters_by_time_device_and_state(run, tmp_path):
    code, out, _ = run("export", "--since", "2026-11-21T08:10:00", "--until", "2026-11-21T08:12:00")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [row["device_time"][11:16] for row in rows] == ["08:10", "08:11"]
    assert rows[0]["device"] == "gate"
    assert "raw" not in rows[0]
    assert run("export", "--device", "none")[1] == ""
    assert run("export", "--state", "dead")[1] == ""
    assert "raw" in json.loads(run("export", "--raw")[1].splitlines()[0])
    assert run("export", "--state", "gone")[0] == 3
    target = tmp_path / "rows.csv"
    assert run("export", "--csv", "-o", str(target), "--device", "gate")[0] == 0
    table = list(csv.DictReader(io.StringIO(target.read_text())))
    assert (len(table), table[0]["user_id"], table[0]["lane"]) == (30, "1007", "punch-live")
    assert target.stat().st_mode & 0o077 == 0


async def test_compact_gives_space_back_and_refuses_beside_an_agent(site, spool_path, capsys):
    agent = Spool.open(spool_path, clock=ManualClock(), boot_id="agent")
    assert main(["spool", "compact", "-c", str(site)]) == 2
    assert "process" in capsys.readouterr().err
    agent.close()
    with closing(sqlite3.connect(spool_path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE much (x)")
        connection.execute("INSERT INTO much VALUES (zeroblob(2000000))")
        connection.execute("DROP TABLE much")
    before = spool_path.stat().st_size
    assert main(["spool", "compact", "-c", str(site)]) == 0
    assert spool_path.stat().st_size < before / 4
    assert spool_path.stat().st_mode & 0o077 == 0
    assert sorted(file.name for file in spool_path.parent.iterdir()) == [
        "spool.db",
        "spool.db.lock",
    ]
    agent = Spool.open(spool_path, clock=ManualClock(), boot_id="agent")
    try:
        assert (await agent.stats()).devices[0].stored == 30
    finally:
        agent.close()
