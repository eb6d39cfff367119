"""What an exporter is: the way of one sink of the spool into a system that is not our core.

An exporter judges every record of a batch, exactly once, as soon as its fate is known. What it has
judged is not handed to it again when it fails afterwards; what it has not judged is, also after a
crash: so the other system must be able to tell a second delivery of the same punch, or the exporter
must ask it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

from msgspec import Struct

from protocols.records import Count, DeviceEvent, Direction, Punch
from protocols.uplink import Observation, RecordVerdict, Verdict

Judge = Callable[[RecordVerdict], None]


class Sense(StrEnum):
    """What another system is told of a punch's direction."""

    IN = "in"
    OUT = "out"
    NONE = "none"  # sent without a direction
    TOGGLE = "toggle"  # in or out by what the other system has open
    SKIP = "skip"  # not exported


# A break is left by coming in: systems with two directions know no third.
DEFAULT_SENSES: Mapping[Direction, Sense] = MappingProxyType(
    {
        Direction.IN: Sense.IN,
        Direction.OUT: Sense.OUT,
        Direction.BREAK_OUT: Sense.OUT,
        Direction.BREAK_IN: Sense.IN,
        Direction.OVERTIME_IN: Sense.IN,
        Direction.OVERTIME_OUT: Sense.OUT,
        Direction.UNKNOWN: Sense.NONE,
    }
)


class ExportBatch(Struct, frozen=True, kw_only=True):
    """Records in order of arrival. After a failure: those of the same batch that are not judged.

    first_arrival, last_arrival  of the whole batch; with `sink` they name it for ever
    device_names                 of the site file, by serial
    """

    sink: str
    gateway: str
    site: str
    number: int
    first_arrival: int
    last_arrival: int
    observations: tuple[Observation, ...]
    device_names: Mapping[str, str]


class Exporter(Protocol):
    """One way out. All methods raise ExportError."""

    async def deliver(self, batch: ExportBatch, judge: Judge) -> None:
        """Judges every record; one that is accepted or duplicate is durable over there."""
        ...

    async def check(self) -> str:
        """Whether address, credentials and rights are as they must be. Leaves nothing behind.

        Returns what was found, in a sentence.
        """
        ...

    def preview(self, batch: ExportBatch) -> Sequence[str]:
        """What `deliver` would send, as lines for a person. Asks nobody."""
        ...

    async def aclose(self) -> None:
        """Safe to call twice."""
        ...


class Selection(Struct, frozen=True, kw_only=True):
    """Which records leave by an export. `devices`: names of the site file, empty for all."""

    kinds: frozenset[str] = frozenset({"punch"})
    devices: frozenset[str] = frozenset()
    senses: Mapping[Direction, Sense] = DEFAULT_SENSES

    def takes(self, observation: Observation, device_names: Mapping[str, str]) -> bool:
        record = observation.record
        if kind_of(record) not in self.kinds:
            return False
        if isinstance(record, Punch) and self.senses[record.direction] is Sense.SKIP:
            return False
        serial = record.source if isinstance(record, Count) else record.serial
        return not self.devices or device_names.get(serial) in self.devices


def kind_of(record: Punch | Count | DeviceEvent) -> str:
    match record:
        case Punch():
            return "punch"
        case Count():
            return "count"
        case DeviceEvent():
            return "device_event"


def accepted(observation: Observation) -> RecordVerdict:
    return RecordVerdict(event_id=observation.event_id, verdict=Verdict.ACCEPTED)


def duplicate(observation: Observation) -> RecordVerdict:
    return RecordVerdict(event_id=observation.event_id, verdict=Verdict.DUPLICATE)


def rejected(observation: Observation, code: str, detail: str) -> RecordVerdict:
    return RecordVerdict(
        event_id=observation.event_id, verdict=Verdict.REJECTED, code=code, detail=detail
    )


def kept(observation: Observation, code: str, detail: str) -> RecordVerdict:
    return RecordVerdict(
        event_id=observation.event_id, verdict=Verdict.KEEP, code=code, detail=detail
    )


def punches_of(observations: Iterable[Observation]) -> list[tuple[Observation, Punch]]:
    """The punches among them; an export of punches is handed nothing else."""
    return [
        (observation, observation.record)
        for observation in observations
        if isinstance(observation.record, Punch)
    ]
