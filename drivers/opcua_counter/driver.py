"""Counters behind OPC UA: subscribed to, so that the server tells each change.

Readings carry the source's time and the server's status. A restart of the server is a new boot; what
was made while nobody listened is in the next reading, because counters are cumulative.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from typing_extensions import override

from drivers.contract import (
    Capability,
    Delivery,
    DriverContext,
    Identity,
    Manifest,
    Mode,
)
from drivers.errors import BlockedError, DeviceMisbehavedError, LinkDownError
from drivers.opcua_counter.client import OpcuaClient, Sample, normal_node, require_extra
from drivers.opcua_counter.config import NodesConfig, OpcuaCounterConfig
from drivers.talking import TalkingDriver
from protocols.records import Count, DeviceEvent, Record

_Metric = Literal["pieces", "rejects"]
_Role = Literal["pieces", "rejects", "badge"]

_QUEUE_SAMPLES: Final = 10_000  # while the spool is slow; then the session starts anew
_MAX_UNSTORED: Final = 1_000  # more means that whoever takes the deliveries never acknowledges
_REMEMBERED_BADGES: Final = 64  # changes within one publishing
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NOBODY: Final = frozenset({"", "0", "None"})


class _Place(NamedTuple):
    counter: NodesConfig
    role: _Role


class OpcuaCounterDriver(TalkingDriver):
    """`samples_dropped` counts what came while nobody took it."""

    manifest: ClassVar[Manifest] = Manifest(
        kind="opcua-counter",
        title="Piece counters over OPC UA (extra: clockline[opcua])",
        makes=("Siemens S7-1200/1500", "Beckhoff", "B&R", "Kepware", "any OPC UA server"),
        mode=Mode.TALKS,
        capabilities=frozenset({Capability.LIVE}),
        simulator="opcua-counter",
        config=OpcuaCounterConfig,
    )

    def __init__(self, config: OpcuaCounterConfig, context: DriverContext) -> None:
        self._config = config
        self._serial = config.known_as
        self._clock = context.clock
        self._zone = ZoneInfo(context.zone)
        self._client = OpcuaClient(config)
        self._unstored: deque[Delivery] = deque()
        self._boot = ""
        self._seq = 0
        self._values: dict[tuple[str, _Metric], Sample] = {}
        self._badges: dict[str, deque[tuple[datetime, str | None]]] = {}
        self._places: dict[str, list[_Place]] = {}
        self.samples_dropped = 0

    @override
    async def identity(self) -> Identity:
        started, facts = await self._client.started()
        self._boot = started.strftime("%Y%m%dT%H%M%S.%fZ")
        return Identity(serial=self._serial, facts=facts | {"started": self._boot})

    @override
    async def live(self) -> AsyncIterator[Delivery]:
        """One delivery per change, first those that were never acknowledged."""
        try:
            for delivery in list(self._unstored):
                yield delivery
            await self.identity()  # a server that restarted meanwhile is another boot
            samples: asyncio.Queue[Sample | None] = asyncio.Queue(_QUEUE_SAMPLES)
            for record in await self._subscribe(samples):
                yield self._held((record,))
            while (sample := await samples.get()) is not None:
                records = [
                    record
                    for place in self._places.get(sample.node, ())
                    for record in await self._records(place, sample)
                ]
                if records:
                    yield self._held(records)
            raise self._lost()
        finally:
            await self.aclose()

    @override
    async def acknowledge(self, delivery: Delivery) -> None:
        if delivery in self._unstored:
            self._unstored.remove(delivery)

    @override
    async def aclose(self) -> None:
        await self._client.aclose()

    async def _subscribe(self, samples: "asyncio.Queue[Sample | None]") -> Sequence[Record]:
        """The events of nodes that cannot be had. Raises DeviceMisbehavedError when none can."""

        def end() -> None:
            while samples.full():
                samples.get_nowait()
                self.samples_dropped += 1
            samples.put_nowait(None)

        def take(sample: Sample) -> None:
            if samples.full():
                end()  # the next session begins with present values: nothing but times is lost
            else:
                samples.put_nowait(sample)

        require_extra(self._client.where)
        config = self._config
        self._places, queue_sizes = {}, {}
        # Badges first: their present value must be known before that of the counters.
        roles: tuple[_Role, ...] = ("badge", "pieces", "rejects")
        for role in roles:
            for counter in config.counters:
                node = getattr(counter, role)
                if node is not None:
                    node = normal_node(node)
                    self._places.setdefault(node, []).append(_Place(counter, role))
                    badge = role == "badge"
                    queue_sizes[node] = config.badge_queue_size if badge else config.queue_size
        refused = await self._client.subscribe(queue_sizes, take, end)
        if len(refused) == len(queue_sizes):
            raise DeviceMisbehavedError(
                f"none of the nodes can be had ({', '.join(sorted(set(refused.values())))})",
                where=self._client.where,
                remedy="Compare the node ids in the site file with an OPC UA browser: namespaces "
                "may have other numbers after a change of the server's program",
                code="nodes_unknown",
            )
        return [
            self._event("counter_unreadable", place, {"node": node, "status": status}, raw=b"")
            for node, status in refused.items()
            for place in self._places[node]
        ]

    async def _records(self, place: _Place, sample: Sample) -> Sequence[Record]:
        records: list[Record] = []
        if sample.overflow:
            detail: dict[str, str | int] = {"node": sample.node}
            records.append(self._event("queue_overflow", place, detail, raw=sample.raw))
        if place.role == "badge":
            return [*records, *await self._badge_changed(place, sample)]
        if not isinstance(sample.value, int) or isinstance(sample.value, bool):
            told = "" if sample.value is None else str(sample.value)[:100]
            detail = {"metric": place.role, "status": sample.status, "value": told}
            return [*records, self._event("value_not_counted", place, detail, raw=sample.raw)]
        before = self._values.get((place.counter.tag, place.role))
        if before is not None and before == sample:
            return records  # the present value again, after a short break
        self._values[place.counter.tag, place.role] = sample
        return [*records, self._count(place.counter, place.role, sample)]

    async def _badge_changed(self, place: _Place, sample: Sample) -> Sequence[Record]:
        """Between two operators the counters are read once, for both: what was made until here is
        the leaving one's, what comes is the arriving one's.
        """
        tag, at = place.counter.tag, self._time_of(sample)
        badges = self._badges.setdefault(tag, deque(maxlen=_REMEMBERED_BADGES))
        badge = None if str(sample.value).strip() in _NOBODY else str(sample.value).strip()
        if sample.quality != "good":
            badge = None  # who it is, nobody knows
        first = not badges
        leaving = badges[-1][1] if badges else None
        badges.append((at, badge))
        if first or badge == leaving:
            return ()
        return [
            self._count(place.counter, role, now, badge=who, seq=seq)
            for who, seq in ((leaving, self._next_seq()), (badge, self._next_seq()))
            for role, now in await self._present(place.counter)
        ]

    async def _present(self, counter: NodesConfig) -> list[tuple[_Metric, Sample]]:
        nodes: dict[_Metric, str] = {"pieces": counter.pieces}
        if counter.rejects is not None:
            nodes["rejects"] = counter.rejects
        samples = await self._client.read(list(nodes.values()))
        return [
            (role, sample)
            for role, sample in zip(nodes, samples, strict=True)
            if isinstance(sample.value, int) and not isinstance(sample.value, bool)
        ]

    def _count(
        self,
        counter: NodesConfig,
        metric: _Metric,
        sample: Sample,
        *,
        badge: str | None = "",
        seq: int | None = None,
    ) -> Count:
        """`badge` "": whoever was there at the time of the sample."""
        at = self._time_of(sample)
        assert isinstance(sample.value, int)  # noqa: S101 - looked at before
        return Count(
            source=self._serial,
            tag=counter.tag,
            metric=metric,
            value=sample.value,
            boot_id=self._boot,
            seq=self._next_seq() if seq is None else seq,
            source_time=at,
            badge=self._badge_at(counter.tag, at) if badge == "" else badge,
            quality=sample.quality,
            raw=sample.raw,
        )

    def _time_of(self, sample: Sample) -> datetime:
        return sample.source_time or sample.server_time or self._clock.now()

    def _badge_at(self, tag: str, at: datetime) -> str | None:
        """Changes of one publishing come node by node, not in order of time."""
        badges = self._badges.get(tag, ())
        later: Iterator[str | None] = (badge for since, badge in reversed(badges) if since <= at)
        return next(later, badges[0][1] if badges else None)

    def _next_seq(self) -> int:
        """Grows with each reading; begins at the milliseconds since 1970, so that it also grows
        over the lives of drivers.
        """
        now = (self._clock.now() - _EPOCH) // timedelta(milliseconds=1)
        self._seq = max(self._seq + 1, now)
        return self._seq

    def _event(
        self, code: str, place: _Place, detail: dict[str, str | int], *, raw: bytes
    ) -> DeviceEvent:
        at = self._clock.now().astimezone(self._zone).replace(tzinfo=None)
        return DeviceEvent(
            serial=self._serial,
            code=code,
            device_time=at,
            detail={"tag": place.counter.tag, **detail},
            raw=raw or f"{place.counter.tag}/{place.role}".encode(),
        )

    def _held(self, records: Sequence[Record]) -> Delivery:
        if len(self._unstored) >= _MAX_UNSTORED:
            raise BlockedError(
                f"{_MAX_UNSTORED} changes were read and not stored",
                where=self._client.where,
                remedy="The spool does not take them: see `edge-agent doctor`",
                code="readings_not_stored",
            )
        delivery = Delivery(serial=self._serial, records=tuple(records))
        self._unstored.append(delivery)
        return delivery

    def _lost(self) -> LinkDownError:
        return LinkDownError(
            "the connection or the subscription ended",
            where=self._client.where,
            remedy="It is opened again by itself; counters go on from their present values",
            code="link_lost",
        )
