"""Simulated lines behind MQTT: a broker of our own, with a station or an edge node at it."""

import asyncio
import random
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Literal

from edge_agent.cli.simulated import Scene
from simulators.line_boxes import LineBox, SparkplugNode, played_piece
from simulators.mqtt_broker import SimulatedBroker

_PIECE_EVERY_S = 1.0
_BADGES = ("E1001", "E1002", "E1003")
_HAND_OVER_AFTER = 60  # pieces


async def serve_broker(
    kind: Literal["mqtt-line", "sparkplug"], scene: Scene, *, pieces: int
) -> None:
    """A broker for each device; its counter stands at `pieces`, and goes on once a second."""
    async with AsyncExitStack() as running:
        brokers = [
            await running.enter_async_context(
                SimulatedBroker(host=scene.host, port=scene.port_of(number))
            )
            for number in range(scene.devices)
        ]
        for broker in brokers:
            print(f"listening {broker.host}:{broker.port}", flush=True)
        play = _station if kind == "mqtt-line" else _edge_node
        async with asyncio.TaskGroup() as lines:
            for number, broker in enumerate(brokers):
                every = scene.every or _PIECE_EVERY_S
                lines.create_task(play(broker, pieces, every, scene.luck_of(number)))


async def _station(broker: SimulatedBroker, pieces: int, every: float, draw: random.Random) -> None:
    box = LineBox(broker, now=_now, pieces=pieces)
    box.badge = draw.choice(_BADGES)
    while True:
        await asyncio.sleep(every)
        box.make(reject=played_piece(draw))
        if box.pieces % _HAND_OVER_AFTER == 0:
            box.badge = draw.choice(_BADGES)


async def _edge_node(
    broker: SimulatedBroker, pieces: int, every: float, draw: random.Random
) -> None:
    node = SparkplugNode(broker, now=_now, pieces=pieces)
    node.badge = draw.choice(_BADGES)
    node.be_born()
    while True:
        await asyncio.sleep(every)
        node.make(rejects=int(played_piece(draw) is not None))
        if node.pieces % _HAND_OVER_AFTER == 0:
            node.change_badge(draw.choice(_BADGES))


def _now() -> datetime:
    return datetime.now(UTC)
