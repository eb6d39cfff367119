"""A real Mosquitto for boxes and gateway, with the profile that we ship, on a free loopback port."""

import asyncio
import contextlib
import json
import os
import re
import socket
import subprocess
import time
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.free_ports import free_port

PROFILE = Path(__file__).parents[2] / "docs" / "mosquitto" / "clockline-line.conf"


def _written(file):
    return file.stat().st_mtime_ns if file.exists() else None


class LineBroker:
    """`changes` replace lines of the profile, by the name of the setting; None takes one out."""

    def __init__(self, folder, *, extra="", **changes):
        self.folder = folder
        self.port = free_port()
        self.process = None
        (folder / "data").mkdir(exist_ok=True)
        text = PROFILE.read_text()
        text = text.replace("listener 1883", f"listener {self.port} 127.0.0.1")
        text = text.replace("/var/lib/mosquitto/", f"{folder}/data/")
        for name, value in changes.items():
            line = "" if value is None else f"{name} {value}"
            text, found = re.subn(rf"(?m)^{name} .*$", line, text)
            assert found == 1, name
        if os.getuid() == 0:  # it would give up its rights, and with them the test's folder
            text += "\nuser root\n"
        (folder / "line.conf").write_text(text + extra)

    def start(self):
        with (self.folder / "broker.log").open("ab") as log:
            command = ["mosquitto", "-c", self.folder / "line.conf"]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        until = time.monotonic() + 5
        while time.monotonic() < until:
            assert self.process.poll() is None, self.log()
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(0.02)  # noqa: TID251 - called from threads and from benchmarks, not in a loop
        raise AssertionError(self.log())

    def kill(self):
        """As the power cut does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def saved(self):
        """Returns when the queue has been written anew, with all that was accepted until now."""
        file = self.folder / "data" / "mosquitto.db"
        before, until = _written(file), time.monotonic() + 30
        while _written(file) == before:
            assert time.monotonic() < until, self.log()
            time.sleep(0.02)  # noqa: TID251 - called from threads

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None

    def log(self):
        return (self.folder / "broker.log").read_text()

    @contextlib.contextmanager
    def box(self, client_id="box", *, version=paho.MQTTv311):
        """A client that publishes, by paho itself."""
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=version)
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        try:
            yield Box(client)
        finally:
            client.disconnect()
            client.loop_stop()


class Box:
    def __init__(self, client):
        self.client = client

    def say(self, topic, payload, *, qos=1, retain=False):
        """Returns when the broker has it."""
        data = payload if isinstance(payload, bytes) else json.dumps(payload)
        self.client.publish(topic, data, qos=qos, retain=retain).wait_for_publish(5)

    def count(self, seq, pieces=None, *, station="press", boot=1, **more):
        payload = {
            "v": 1, "boot": boot, "seq": seq, "ts": 1_795_300_000_000 + seq * 1000,
            "pieces": seq if pieces is None else pieces,
        }  # fmt: skip
        self.say(f"gw/v1/plant/line1/{station}/count", payload | more)


@contextlib.contextmanager
def line_broker(folder, **changes):
    folder.mkdir(parents=True, exist_ok=True)
    broker = LineBroker(folder, **changes)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


async def in_thread(function, *args, **kwargs):
    return await asyncio.to_thread(function, *args, **kwargs)
