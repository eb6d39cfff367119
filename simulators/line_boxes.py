"""Boxes of a production line that publish their counts, and a Sparkplug edge node, at a broker."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import msgspec

from protocols.mqtt_packets import Published
from protocols.sparkplug import (
    BD_SEQ,
    NAMESPACE,
    REBIRTH,
    DataType,
    NewMetric,
    decode_payload,
    encode_payload,
    rebirth_topic,
)
from simulators.mqtt_broker import SimulatedBroker

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SEQ_SPACE: Final = 256


def milliseconds(at: datetime) -> int:
    """Since 1970, of an aware time."""
    return int((at - _EPOCH).total_seconds() * 1000)


class LineBox:
    """One station by the form gw/v1. `now` is aware."""

    def __init__(
        self,
        broker: SimulatedBroker,
        *,
        now: Callable[[], datetime],
        station: str = "press",
        pieces: int = 0,
        boot: int = 1,
    ) -> None:
        self._broker = broker
        self._now = now
        self.topic = f"gw/v1/plant/line-1/{station}/count"
        self.pieces = pieces
        self.rejects: dict[str, int] = {}
        self.boot = boot
        self.seq = 0
        self.badge = ""

    def make(self, pieces: int = 1, *, reject: str | None = None) -> None:
        """So many pieces more, and a reject of that code among them; tells it."""
        self.pieces += pieces
        if reject is not None:
            self.rejects[reject] = self.rejects.get(reject, 0) + 1
        self.tell()

    def tell(self) -> None:
        self.seq += 1
        message: dict[str, object] = {
            "v": 1,
            "boot": self.boot,
            "seq": self.seq,
            "ts": milliseconds(self._now()),
            "pieces": self.pieces,
        }
        if self.rejects:
            message |= {"rejects": sum(self.rejects.values()), "rej": self.rejects}
        if self.badge:
            message["badge"] = self.badge
        self._broker.publish(self.topic, msgspec.json.encode(message), qos=1)

    def restart(self) -> None:
        """Power off and on, with a counter that does not keep its value."""
        self.boot += 1
        self.pieces = self.seq = 0
        self.rejects.clear()


class SparkplugNode:
    """An edge node with one device. `answers_rebirth` False: one that does not know the request."""

    def __init__(
        self,
        broker: SimulatedBroker,
        *,
        now: Callable[[], datetime],
        node: str = "Box",
        pieces: int = 0,
        answers_rebirth: bool = True,
    ) -> None:
        self._broker = broker
        self._now = now
        self._key = f"Factory/{node}"
        self._node = node
        self._seq = 0
        self._born = False
        self.bd_seq = 0
        self.pieces = pieces
        self.rejects = 0
        self.badge = ""
        self.births = 0
        if answers_rebirth:
            broker.heard = self._hear

    @property
    def source(self) -> str:
        return f"{self._key}/Station"

    def be_born(self) -> None:
        """NBIRTH and DBIRTH with all present values."""
        self.births += 1
        self._born = True
        self._seq = 0
        rebirth = NewMetric(name=REBIRTH, datatype=DataType.BOOLEAN, value=False)
        bd_seq = NewMetric(name=BD_SEQ, datatype=DataType.INT64, value=self.bd_seq)
        self._send("NBIRTH", (bd_seq, rebirth), device=None)
        self._send("DBIRTH", (self._pieces(), self._rejects(), self._badge()), device="Station")

    def make(self, pieces: int = 1, *, rejects: int = 0) -> None:
        self.pieces += pieces
        self.rejects += rejects
        changed = (self._pieces(), self._rejects()) if rejects else (self._pieces(),)
        self._send("DDATA", changed, device="Station")

    def change_badge(self, badge: str) -> None:
        self.badge = badge
        self._send("DDATA", (self._badge(), self._pieces()), device="Station")

    def die(self) -> None:
        """As the broker tells it for a box that lost its power."""
        bd_seq = NewMetric(name=BD_SEQ, datatype=DataType.INT64, value=self.bd_seq)
        payload = encode_payload((bd_seq,), timestamp=milliseconds(self._now()))
        self._broker.publish(self._topic("NDEATH", None), payload)
        self.bd_seq = (self.bd_seq + 1) % _SEQ_SPACE
        self._born = False

    def lose_message(self) -> None:
        """A message that nobody gets."""
        self._seq = (self._seq + 1) % _SEQ_SPACE

    def _pieces(self) -> NewMetric:
        return self._metric("Counters/Pieces", DataType.UINT32, self.pieces, 1)

    def _rejects(self) -> NewMetric:
        return self._metric("Counters/Rejects", DataType.UINT32, self.rejects, 2)

    def _badge(self) -> NewMetric:
        return self._metric("Operator/Badge", DataType.STRING, self.badge, 3)

    def _metric(self, name: str, kind: DataType, value: int | str, alias: int) -> NewMetric:
        at = milliseconds(self._now())
        return NewMetric(name=name, datatype=kind, value=value, timestamp=at, alias=alias)

    def _topic(self, kind: str, device: str | None) -> str:
        below = f"/{device}" if device else ""
        return f"{NAMESPACE}/Factory/{kind}/{self._node}{below}"

    def _send(self, kind: str, metrics: tuple[NewMetric, ...], *, device: str | None) -> None:
        payload = encode_payload(metrics, timestamp=milliseconds(self._now()), seq=self._seq)
        self._seq = (self._seq + 1) % _SEQ_SPACE
        self._broker.publish(self._topic(kind, device), payload)

    def _hear(self, message: Published) -> None:
        if message.topic != rebirth_topic(self._key):
            return
        asked = any(m.name == REBIRTH and m.value for m in decode_payload(message.payload).metrics)
        if asked and self._born:
            self.be_born()


def played_piece(draw: random.Random) -> str | None:
    """The reject code of a piece, None for a good one: three in a hundred are rejects."""
    return draw.choice(("scratch", "dent", "size")) if draw.random() < 0.03 else None
