"""Cirrus Link's own edge node against our host, through a real Mosquitto, with a kill -9 between."""

import contextlib
import itertools
import json
import subprocess
import threading

import pytest

from protocols.records import Count, DeviceEvent
from tests.drivers.line_agent import LineAgent, until
from tests.drivers.line_broker import line_broker

PERIOD_MS = 20
SOURCE = "FactoryA/Line3Box/ST-07"


class EdgeNode:
    def __init__(self, repository, port):
        peers = repository / "tests" / "peers"
        assert (peers / "node_modules" / "sparkplug-client").is_dir(), "run make test once (npm ci)"
        command = ["node", "edge_node.js", f"tcp://127.0.0.1:{port}", str(PERIOD_MS)]
        self.process = subprocess.Popen(
            command, cwd=peers, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.said = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            with contextlib.suppress(json.JSONDecodeError):
                self.said.append(json.loads(line))

    def stop(self):
        """Kill: the broker tells its death."""
        self.process.kill()
        self.process.wait()
        self._reader.join()
        self.process.stdout.close()

    @property
    def pieces(self):
        return next((one["pieces"] for one in reversed(self.said) if "pieces" in one), None)

    @property
    def rebirths_asked(self):
        return sum(one.get("ncmd", False) for one in self.said)


@pytest.fixture
def broker(tmp_path):
    with line_broker(tmp_path / "broker") as found:
        yield found


def agent_at(broker, tmp_path):
    return LineAgent(
        tmp_path / "agent",
        f'name = "boxes"\nkind = "sparkplug-host"\nhost = "127.0.0.1"\nport = {broker.port}\n'
        'groups = ["FactoryA"]\nhost_id = "hall"\nrebirth_every_s = 5\nreorder_s = 0.5\n',
    )


def pieces(agent):
    return [r for r in agent.counts() if r.tag == "Counters/Pieces"]


def made(records):
    """Over the wrap of 32 bits."""
    values = [record.value for record in sorted(records, key=lambda r: r.seq)]
    return sum((b - a) % 2**32 for a, b in itertools.pairwise(values))


@pytest.mark.slow
def test_pieces_of_the_peer_survive_a_kill_of_the_agent(repository, tmp_path, broker):
    agent = agent_at(broker, tmp_path)
    node = EdgeNode(repository, broker.port)
    try:
        until(lambda: node.pieces is not None and len(node.said) > 20)
        agent.start()  # in the middle of its session: no birth was heard
        until(lambda: node.rebirths_asked == 1, what=agent.log)
        until(lambda: len(pieces(agent)) > 30, what=agent.log)
        agent.kill()
        before = len(node.said)
        until(lambda: len(node.said) > before + 40)  # nobody hears these
        agent.start()
        until(lambda: node.rebirths_asked == 2, what=agent.log)
        heard = len(pieces(agent))
        until(lambda: len(pieces(agent)) > heard + 30, what=agent.log)
        node.stop()
        last = node.pieces
        until(lambda: pieces(agent)[-1].value == last, what=lambda: f"{last} {agent.log()}")
        until(lambda: "sparkplug_ndeath" in codes(agent), what=agent.log)
    finally:
        node.stop() if node.process.poll() is None else None
        agent.kill()
    records = pieces(agent)
    assert made(records) == (last - records[0].value) % 2**32, "a counter loses no piece"
    assert all(isinstance(r, Count) and r.source == SOURCE for r in records)
    assert len({(r.source, r.tag, r.boot_id, r.seq) for r in records}) == len(records)
    assert records[-1].badge == "E1001"
    assert {"sparkplug_nbirth", "sparkplug_dbirth"} <= codes(agent)


def codes(agent):
    return {record.code for record in agent.records() if isinstance(record, DeviceEvent)}
