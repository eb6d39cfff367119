"""What a host knows of one edge node: its births, aliases, sequence and session.

Specification 3.0, chapter 5 (host-reordering, ndeath, alias rules). Nothing that arrives is thrown
away for its place in the sequence: the counters are cumulative, so order only tells what is missing.
"""

from collections.abc import Iterator

from msgspec import Struct

from protocols.errors import LimitExceededError
from protocols.sparkplug.datatypes import DataType, Value, meaning
from protocols.sparkplug.encoding import BD_SEQ, REBIRTH
from protocols.sparkplug.payload import LONG_VALUE, MAX_METRICS, Metric, Payload
from protocols.sparkplug.quirks import NAME_PREFIXES, Deviation
from protocols.sparkplug.sequence import Place, Sequence
from protocols.sparkplug.topics import MessageType, Topic

_OF_PLACES = {
    Place.AHEAD: Deviation.SEQ_GAP,
    Place.REPEATED: Deviation.SEQ_REPEATED,
    Place.IMPOSSIBLE: Deviation.SEQ_OUT_OF_RANGE,
}


class Reading(Struct, frozen=True, kw_only=True, gc=False):
    """A metric under its own name, with the value that its type gives it.

    tag        None: an alias that no birth has defined
    timestamp  milliseconds, the payload's where the metric has none; None without both
    late       of a message that came after its successors
    """

    tag: str | None
    value: Value
    datatype: int | None
    timestamp: int | None
    metric: Metric
    deviations: tuple[Deviation, ...] = ()
    late: bool = False


class Heard(Struct, frozen=True, kw_only=True):
    """What a message was. `deviations` are those of the message; its readings have their own beside.

    began   the message opened a session of the node (NBIRTH)
    ended   it ended one (NDEATH of this session)
    lost    messages that are known to be lost by this
    """

    readings: tuple[Reading, ...]
    deviations: tuple[Deviation, ...] = ()
    bd_seq: int | None = None
    began: bool = False
    ended: bool = False
    lost: int = 0


class _Definition(Struct, frozen=True, gc=False):
    device: str | None
    name: str
    datatype: int | None


class EdgeNode:
    """`wanted_at` is when a rebirth shall be asked for (monotonic seconds), None: not at all."""

    def __init__(self, *, reorder_s: float) -> None:
        self._reorder_s = reorder_s
        self.online = False
        self.bd_seq: int | None = None
        self.wanted_at: float | None = None
        self._ever_died = False
        self._alive: set[str | None] = set()
        self._names: dict[tuple[str | None, str], _Definition] = {}
        self._aliases: dict[int, _Definition] = {}
        self._sequence = Sequence()
        # Some devices have a connection of their own, with its own will, bdSeq and sequence.
        self._apart: dict[str, Sequence] = {}

    def feed(self, topic: Topic, payload: Payload, now_s: float) -> Heard:
        """Raises LimitExceededError beyond the cap on definitions."""
        match topic.type:
            case MessageType.NBIRTH:
                return self._node_birth(payload)
            case MessageType.NDEATH:
                return self._node_death(payload, now_s)
            case _ if topic.type.is_command:
                return Heard(readings=tuple(self._commands(payload)))
            case _:
                return self._sequenced(topic, payload, now_s)

    def gap_closes_at(self) -> float | None:
        """When missing messages count as lost; None while none are."""
        since = [one.missing_since for one in self._sequences() if one.missing_since is not None]
        return min(since) + self._reorder_s if since else None

    def give_up_missing(self) -> int:
        """How many messages are lost. From now on nobody waits for them."""
        return sum(one.give_up() for one in self._sequences())

    def want_rebirth(self, at_s: float) -> None:
        if self.wanted_at is None or at_s < self.wanted_at:
            self.wanted_at = at_s

    def _node_birth(self, payload: Payload) -> Heard:
        deviations = list(_of_message(payload))
        found = next((m for m in payload.metrics if m.name == BD_SEQ), None)
        bd_seq = _integer(found)
        if bd_seq is None:
            deviations.append(Deviation.MISSING_BD_SEQ)
        elif found is not None and found.datatype != DataType.INT64:
            deviations.append(Deviation.BD_SEQ_NOT_INT64)
        if bd_seq is not None and bd_seq == self.bd_seq and self._ever_died and not self.online:
            deviations.append(Deviation.BD_SEQ_REUSED)
        if not any(m.name == REBIRTH for m in payload.metrics):
            deviations.append(Deviation.NO_REBIRTH_METRIC)
        lost = self._sequence.restart(payload.seq)
        self._names = {key: one for key, one in self._names.items() if one.device in self._apart}
        self._aliases = {
            key: one for key, one in self._aliases.items() if one.device in self._apart
        }
        self._alive = {None, *self._apart}
        self.online, self.bd_seq, self.wanted_at = True, bd_seq, None
        deviations += self._define(None, payload)
        return Heard(
            readings=tuple(self._readings(None, payload, late=False)),
            deviations=tuple(deviations),
            bd_seq=bd_seq,
            began=True,
            lost=lost,
        )

    def _node_death(self, payload: Payload, now_s: float) -> Heard:
        """A death of an earlier session comes late and means nothing. Timestamps of deaths are those
        of the connect.
        """
        bd_seq = _integer(next((m for m in payload.metrics if m.name == BD_SEQ), None))
        readings = tuple(self._commands(payload))
        if bd_seq is not None and self.online and bd_seq != self.bd_seq:
            self.want_rebirth(now_s + self._reorder_s)
            return Heard(readings=readings, deviations=(Deviation.BD_SEQ_UNMATCHED,), bd_seq=bd_seq)
        was_online, self.online, self._ever_died = self.online, False, True
        self._alive = {*self._apart}
        self.wanted_at = None  # who is gone answers nothing; its birth will say all
        return Heard(
            readings=readings,
            deviations=() if bd_seq is not None else (Deviation.MISSING_BD_SEQ,),
            bd_seq=bd_seq,
            ended=was_online,
            lost=self._sequence.restart(None),
        )

    def _sequenced(self, topic: Topic, payload: Payload, now_s: float) -> Heard:
        deviations = list(_of_message(payload))
        device = topic.device
        if topic.type is MessageType.DBIRTH and device is not None:
            self._note_connection(device, payload)
        place = self._take_seq(device, payload.seq, now_s)
        if place in _OF_PLACES:
            deviations.append(_OF_PLACES[place])
        if not self._is_born(topic):
            deviations.append(Deviation.NO_BIRTH)
            self.want_rebirth(now_s)
        if topic.type is MessageType.DBIRTH:
            self._alive.add(device)
            deviations += self._define(device, payload)
        elif topic.type is MessageType.DDEATH:
            self._alive.discard(device)
        readings = tuple(self._readings(device, payload, late=place is Place.LATE))
        if any(reading.tag is None for reading in readings):
            self.want_rebirth(now_s)
        return Heard(readings=readings, deviations=tuple(deviations))

    def _note_connection(self, device: str, payload: Payload) -> None:
        if any(metric.name == BD_SEQ for metric in payload.metrics):
            self._apart.setdefault(device, Sequence()).restart(None)
        else:
            self._apart.pop(device, None)

    def _is_born(self, topic: Topic) -> bool:
        if topic.device in self._apart:
            return topic.type is MessageType.DBIRTH or topic.device in self._alive
        needed = None if topic.type is MessageType.DBIRTH else topic.device
        return self.online and needed in self._alive

    def _take_seq(self, device: str | None, seq: int | None, now_s: float) -> Place:
        """Starts and ends the reorder time. A node that is not born yet has no sequence."""
        apart = self._apart.get(device) if device is not None else None
        if seq is None or (apart is None and not self.online):
            return Place.NEXT
        return (apart or self._sequence).take(seq, now_s)

    def _sequences(self) -> Iterator[Sequence]:
        yield self._sequence
        yield from self._apart.values()

    def _define(self, device: str | None, payload: Payload) -> list[Deviation]:
        deviations = []
        self._forget(device)
        for metric in payload.metrics:
            if metric.name is None:
                continue
            definition = _Definition(device, metric.name, metric.datatype)
            self._names[device, metric.name] = definition
            if metric.alias is not None:
                if metric.alias in self._aliases:
                    deviations.append(Deviation.ALIAS_TWICE)
                self._aliases[metric.alias] = definition
        if len(self._names) > MAX_METRICS:
            self._forget(device)
            raise LimitExceededError(
                f"the births of a node define more than {MAX_METRICS} metrics", limit=MAX_METRICS
            )
        return deviations

    def _forget(self, device: str | None) -> None:
        if any(definition.device == device for definition in self._names.values()):
            self._names = {k: one for k, one in self._names.items() if one.device != device}
            self._aliases = {k: one for k, one in self._aliases.items() if one.device != device}

    def _readings(self, device: str | None, payload: Payload, *, late: bool) -> Iterator[Reading]:
        for metric in payload.metrics:
            deviations: list[Deviation] = []
            definition = self._defined(device, metric, deviations)
            datatype = metric.datatype
            if not datatype and definition is not None:
                datatype = definition.datatype
            tag = definition.name if definition is not None else metric.name
            if tag is None:
                deviations.append(Deviation.UNKNOWN_ALIAS)
            elif definition is None and self.online:
                deviations.append(Deviation.NOT_IN_BIRTH)
            timestamp = metric.timestamp if metric.timestamp is not None else payload.timestamp
            if timestamp is None:
                deviations.append(Deviation.MISSING_TIMESTAMP)
            if datatype == DataType.UINT32 and metric.field == LONG_VALUE:
                deviations.append(Deviation.UINT32_AS_LONG)
            yield Reading(
                tag=tag,
                value=_value(metric, datatype, deviations),
                datatype=datatype,
                timestamp=timestamp,
                metric=metric,
                deviations=tuple(deviations),
                late=late,
            )

    def _defined(
        self, device: str | None, metric: Metric, deviations: list[Deviation]
    ) -> _Definition | None:
        if metric.name is None:
            return None if metric.alias is None else self._aliases.get(metric.alias)
        found = self._names.get((device, metric.name))
        if found is not None:
            return found
        for prefix in NAME_PREFIXES:
            found = self._names.get((device, prefix + metric.name))
            if found is not None:
                deviations.append(Deviation.PREFIXED_NAME)
                return found
        return None

    def _commands(self, payload: Payload) -> Iterator[Reading]:
        """Of messages that stand outside births and sequence."""
        for metric in payload.metrics:
            deviations: list[Deviation] = []
            yield Reading(
                tag=metric.name,
                value=_value(metric, metric.datatype, deviations),
                datatype=metric.datatype,
                timestamp=metric.timestamp if metric.timestamp is not None else payload.timestamp,
                metric=metric,
                deviations=tuple(deviations),
            )


def _of_message(payload: Payload) -> Iterator[Deviation]:
    if payload.seq is None:
        yield Deviation.MISSING_SEQ
    if payload.bare:
        yield Deviation.BARE_ENVELOPE


def _value(metric: Metric, datatype: int | None, deviations: list[Deviation]) -> Value:
    if metric.is_null:
        return None
    try:
        return meaning(metric.value, datatype)
    except ValueError:
        deviations.append(Deviation.OUT_OF_RANGE)
        return metric.value


def _integer(metric: Metric | None) -> int | None:
    if metric is None or metric.is_null or isinstance(metric.value, bool):
        return None
    return metric.value if isinstance(metric.value, int) else None
