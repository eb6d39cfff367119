"""R22. Counts over MQTT: agent and broker are killed under load, one at a time, again and again.

A reading counts once its box has the broker's PUBACK. Control: an agent that acknowledges on receipt.
"""

import contextlib
import json
import random
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.drivers.line_agent import LineAgent, until
from tests.drivers.line_broker import LineBroker
from tests.reliability.outcome import Outcome, Scale

CLAIM = "R22"
TITLE = "counts over MQTT outlive kills of agent and broker"
_PER_SECOND = 200
_STATIONS = 10
# What a box may have under way: the rig wants load, and no memory of its own.
_UNDER_WAY = 100
_SETTLED_S = 60.0


class Line:
    """Boxes behind one connection. `accepted`: (station, seq) that the broker has said to have."""

    def __init__(self, port):
        self.accepted = set()
        self._under_way = {}
        self._early = set()
        self._stopped = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, "line", clean_session=False)
        self._client.on_publish = self._taken
        self._client.reconnect_delay_set(min_delay=1, max_delay=1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._maker = threading.Thread(target=self._make)
        self._maker.start()

    def stop(self):
        """Returns when all that was made is accepted."""
        self._stopped.set()
        self._maker.join()
        until(lambda: not self._under_way, seconds=_SETTLED_S, what="the broker does not answer")
        self._client.disconnect()
        self._client.loop_stop()

    def _make(self):
        number = 0
        while not self._stopped.wait(1 / _PER_SECOND):
            if len(self._under_way) >= _UNDER_WAY:
                continue
            number += 1
            station, seq = f"st{number % _STATIONS}", number // _STATIONS
            payload = {
                "v": 1,
                "boot": 1,
                "seq": seq,
                "ts": 1_795_300_000_000 + number,
                "pieces": seq,
            }
            topic = f"gw/v1/plant/line/{station}/count"
            info = self._client.publish(topic, json.dumps(payload), qos=1)
            self._under_way[info.mid] = station, seq
            if info.mid in self._early:  # it was faster than we noted it
                self._early.discard(info.mid)
                self._taken(self._client, None, info.mid, None, None)

    def _taken(self, _client, _data, mid, _reason, _properties):
        key = self._under_way.pop(mid, None)
        if key is None:
            self._early.add(mid)
        else:
            self.accepted.add(key)


def run(seed: int, scale: Scale, *, weakened: bool = False) -> Outcome:
    draw = random.Random(seed)
    kills = scale.pick(2, 50)  # of each
    killed = Counter()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as ends:
        folder = Path(name)
        (folder / "broker").mkdir()
        broker = LineBroker(folder / "broker")
        broker.start()
        ends.callback(broker.kill)
        agent = LineAgent(
            folder / "agent",
            f'name = "hall"\nkind = "mqtt-line"\nhost = "127.0.0.1"\nport = {broker.port}\n',
            patches="acknowledges_on_receipt" if weakened else "",
        )
        ends.callback(agent.kill)
        agent.start()
        until(lambda: "device_connected" in agent.log() or _listens(broker), what=agent.log)
        line = Line(broker.port)
        for _ in range(kills):
            for victim in ("agent", "broker"):
                heard = agent.arrivals()
                until(lambda: agent.arrivals() > heard + 20, seconds=60, what=agent.log)  # noqa: B023
                time.sleep(draw.uniform(0, 0.5))  # noqa: TID251 - any moment under load
                if victim == "agent":
                    agent.kill()
                    agent.start()
                else:
                    broker.kill()
                    broker.start()
                killed[victim] += 1
        line.stop()
        wanted = line.accepted
        with contextlib.suppress(AssertionError):
            patience = 5 if weakened else _SETTLED_S
            until(lambda: wanted <= _held(agent).keys(), seconds=patience, every=1.0)
        held = _held(agent)
    lost = len(wanted - held.keys())
    doubled = sum(held.values()) - len(held)
    return Outcome(
        claim=CLAIM,
        holds=lost == 0 and doubled == 0 and killed["agent"] == killed["broker"] == kills,
        numbers={
            "kills_of_agent": killed["agent"],
            "kills_of_broker": killed["broker"],
            "readings": len(wanted),
            "lost": lost,
            "doubled": doubled,
        },
        seed=seed,
    )


def _listens(broker) -> bool:
    """The session is there, from now on the broker keeps what the agent does not fetch."""
    return "clockline-hall" in broker.log()


def _held(agent) -> Counter:
    return Counter((record.tag, record.seq) for record in agent.counts())
