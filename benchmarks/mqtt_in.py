"""How many counts a second become durable, beside aiomqtt and the disk itself.

    python -m benchmarks.mqtt_in [--messages 10000] [--rounds 5] [--folder PATH]

A real Mosquitto, one publisher that costs next to nothing (bytes made beforehand), and the gateway,
each a process of its own on the same cores. Ours is `edge-agent run` as it is installed: driver, spool,
acknowledgement after the commit. The peer is `benchmarks/aiomqtt_peer.py`: a commit per message, as its
users write it. Both take turns, the median counts. Durable is what another process reads in the file.

The broker keeps its queue in memory here: what is measured is the gateway.
"""

import argparse
import contextlib
import os
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from protocols.mqtt_packets import Published, encode_packet
from simulators.mqtt_broker import encode_publish
from tests.drivers.line_agent import LineAgent
from tests.drivers.line_broker import LineBroker

_STATIONS = 40
_FSYNCS = 200
_PATIENCE_S = 120
_START_MS = 1_795_300_000_000


def counts(messages: int, *, first: int) -> bytes:
    """The packets of one client: stations in turn, each with its own numbers."""
    packets = []
    for number in range(first, first + messages):
        station, seq = number % _STATIONS, number // _STATIONS
        payload = (
            f'{{"v":1,"boot":3,"seq":{seq},"ts":{_START_MS + number},"pieces":{seq * 2},'
            f'"badge":"E10{station:02d}"}}'
        ).encode()
        topic = f"gw/v1/plant/line{station // 10}/station{station:02d}/count"
        message = Published(topic=topic, payload=payload, qos=1, retain=False)
        packets.append(encode_publish(message, number % 0xFFFF + 1, version=4))
    return b"".join(packets)


def publish(port: int, packets: bytes, messages: int) -> None:
    """Returns when the broker has taken all: each PUBACK is four bytes."""
    with socket.create_connection(("127.0.0.1", port)) as sock:
        hello = b"\x00\x04MQTT\x04\x02\x00\x3c" + len(b"bench").to_bytes(2, "big") + b"bench"
        sock.sendall(encode_packet(1, 0, hello))
        left = 4 + 4 * messages
        sock.setblocking(False)
        place = 0
        while left:
            moved = False
            with contextlib.suppress(BlockingIOError):
                if place < len(packets):
                    place += sock.send(packets[place : place + 65536])
                    moved = True
            with contextlib.suppress(BlockingIOError):
                left -= len(sock.recv(65536))
                moved = True
            if not moved:
                time.sleep(0.001)  # noqa: TID251 - a process without an event loop


def fsync_floor(folder: Path) -> float:
    """Median seconds of a 4 KiB append with fdatasync."""
    times = []
    with (folder / "fsync").open("wb", buffering=0) as file:
        for _ in range(_FSYNCS):
            begun = perf_counter()
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
            times.append(perf_counter() - begun)
    return statistics.median(times)


def durable(file: Path, question: str) -> int:
    """What another process sees; 0 before the file is there."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
            return int(connection.execute(question).fetchone()[0] or 0)
    except sqlite3.OperationalError:
        return 0


def wait_for(file: Path, question: str, wanted: int) -> None:
    limit = perf_counter() + _PATIENCE_S
    while durable(file, question) < wanted:
        if perf_counter() > limit:
            raise SystemExit(f"{file} holds {durable(file, question)} of {wanted} readings")
        time.sleep(0.02)  # noqa: TID251 - a process without an event loop


class Ours:
    name = "ours"
    question = "SELECT coalesce(sum(last_arrival - first_arrival + 1), 0) FROM pages"

    def __init__(self, folder: Path, port: int) -> None:
        self._agent = LineAgent(
            folder, f'name = "hall"\nkind = "mqtt-line"\nhost = "127.0.0.1"\nport = {port}\n'
        )
        self._agent.start()
        self.file = folder / "spool.db"

    def stop(self) -> None:
        self._agent.kill()


class Peer:
    name = "aiomqtt"
    question = "SELECT max(id) FROM readings"

    def __init__(self, folder: Path, port: int) -> None:
        folder.mkdir()
        self.file = folder / "readings.db"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.aiomqtt_peer", str(port), str(self.file)]
        )

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def broker(folder: Path) -> Iterator[int]:
    found = LineBroker(folder, persistence="false", autosave_interval="0")
    found.start()
    try:
        yield found.port
    finally:
        found.kill()


def rate(kind: type[Ours] | type[Peer], folder: Path, port: int, messages: int) -> float:
    """Durable readings a second, from the first byte that is published to the last that is stored."""
    gateway = kind(folder, port)
    try:
        # The first readings show that it listens; their numbers are not used again.
        limit = perf_counter() + _PATIENCE_S
        heard = 0
        while not (heard := durable(gateway.file, gateway.question)):
            if perf_counter() > limit:
                raise SystemExit(f"{gateway.name} does not listen")
            publish(port, counts(1, first=0), 1)
            time.sleep(0.3)  # noqa: TID251 - a process without an event loop
        packets = counts(messages, first=_STATIONS)
        begun = perf_counter()
        publish(port, packets, messages)
        wait_for(gateway.file, gateway.question, heard + messages)
        return messages / (perf_counter() - begun)
    finally:
        gateway.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=Path.cwd())
    args = parser.parse_args()
    rates: dict[str, list[float]] = {"ours": [], "aiomqtt": []}
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        folder = Path(name)
        print(f"fsync floor: {fsync_floor(folder) * 1e6:.0f} us, load {os.getloadavg()[0]:.1f}")
        for turn in range(args.rounds):
            for kind in (Ours, Peer):
                with broker(_new(folder / f"broker-{kind.name}-{turn}")) as port:
                    found = rate(kind, folder / f"{kind.name}-{turn}", port, args.messages)
                rates[kind.name].append(found)
                print(f"round {turn + 1}: {kind.name} {found:,.0f} readings/s", flush=True)
    ours, peer = (statistics.median(rates[name]) for name in ("ours", "aiomqtt"))
    print(f"median: ours {ours:,.0f} /s, aiomqtt {peer:,.0f} /s, ratio {ours / peer:.2f}")


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder


if __name__ == "__main__":
    main()
