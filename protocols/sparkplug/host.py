"""A Sparkplug host application without its socket: messages in, readings and requests out."""

from collections import Counter
from typing import Final

from msgspec import Struct

from protocols.errors import LimitExceededError
from protocols.sparkplug.edge_node import EdgeNode, Heard
from protocols.sparkplug.payload import Payload
from protocols.sparkplug.quirks import Deviation
from protocols.sparkplug.topics import Topic

# One gateway hears the boxes of a line or of a hall. More is a wrong subscription, or an attack.
MAX_NODES: Final = 2_000
REORDER_S: Final = 2.0
REBIRTH_EVERY_S: Final = 30.0


class Lost(Struct, frozen=True):
    """So many messages of a node did not come within the reorder time."""

    node_key: str
    messages: int


class Due(Struct, frozen=True):
    """What the passing of time has made due: node keys that are to be asked for a rebirth now."""

    rebirths: tuple[str, ...]
    lost: tuple[Lost, ...]


class SparkplugHost:
    """Times are monotonic seconds. A rebirth is asked for once per node in `rebirth_every_s`: a birth
    is the largest message that a node has, and a node that is asked again and again does nothing
    else.
    """

    def __init__(
        self, *, reorder_s: float = REORDER_S, rebirth_every_s: float = REBIRTH_EVERY_S
    ) -> None:
        self._reorder_s = reorder_s
        self._rebirth_every_s = rebirth_every_s
        self._nodes: dict[str, EdgeNode] = {}
        self._asked_at: dict[str, float] = {}
        self.deviations: Counter[tuple[str, Deviation]] = Counter()
        """How often each source did what it should not."""

    def online(self, node_key: str) -> bool:
        node = self._nodes.get(node_key)
        return node is not None and node.online

    def feed(
        self, topic: Topic, payload: Payload, *, now_s: float, retained: bool = False
    ) -> Heard:
        """What the message says. STATE is not for a host to feed.

        Raises LimitExceededError beyond the caps on nodes and on their metrics.
        """
        key = topic.node_key
        node = self._nodes.get(key)
        if node is None:
            if len(self._nodes) >= MAX_NODES:
                raise LimitExceededError(f"more than {MAX_NODES} edge nodes", limit=MAX_NODES)
            node = self._nodes[key] = EdgeNode(reorder_s=self._reorder_s)
        heard = node.feed(topic, payload, now_s)
        extra: list[Deviation] = []
        if topic.type.is_data:
            extra += _both_names(heard)
        if retained:
            extra.append(Deviation.RETAINED)
            node.want_rebirth(now_s)
        if extra:
            heard = Heard(
                readings=heard.readings,
                deviations=(*heard.deviations, *extra),
                bd_seq=heard.bd_seq,
                began=heard.began,
                ended=heard.ended,
                lost=heard.lost,
            )
        self._count(topic.source, heard)
        return heard

    def due(self, now_s: float) -> Due:
        """Call when `next_due_s` has come. What is told once is not told again."""
        lost, rebirths = [], []
        for key, node in self._nodes.items():
            closes = node.gap_closes_at()
            if closes is not None and closes <= now_s:
                lost.append(Lost(key, node.give_up_missing()))
                node.want_rebirth(now_s)
            if self._asks_at(key, node) <= now_s:
                node.wanted_at = None
                self._asked_at[key] = now_s
                rebirths.append(key)
        return Due(tuple(rebirths), tuple(lost))

    def next_due_s(self) -> float | None:
        """The earliest time at which `due` has something to say."""
        times = [at for node in self._nodes.values() if (at := node.gap_closes_at()) is not None]
        times += [
            self._asks_at(key, node)
            for key, node in self._nodes.items()
            if node.wanted_at is not None
        ]
        return min(times, default=None)

    def want_rebirth(self, node_key: str, now_s: float) -> None:
        """Of a node of which something could not be read."""
        if node_key in self._nodes:
            self._nodes[node_key].want_rebirth(now_s)

    def _asks_at(self, key: str, node: EdgeNode) -> float:
        if node.wanted_at is None:
            return float("inf")
        return max(node.wanted_at, self._asked_at.get(key, float("-inf")) + self._rebirth_every_s)

    def _count(self, source: str, heard: Heard) -> None:
        for deviation in heard.deviations:
            self.deviations[source, deviation] += 1
        for reading in heard.readings:
            for deviation in reading.deviations:
                self.deviations[source, deviation] += 1


def _both_names(heard: Heard) -> list[Deviation]:
    both = any(r.metric.name is not None and r.metric.alias is not None for r in heard.readings)
    return [Deviation.NAME_AND_ALIAS] if both else []
