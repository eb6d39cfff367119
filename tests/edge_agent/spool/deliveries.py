"""Clocks, records and verdicts for the tests of the spool."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from random import Random

from drivers.contract import Delivery
from edge_agent.spool.lanes import Lane
from edge_agent.spool.results import Appended, PendingBatch
from edge_agent.spool.store import Spool
from protocols.identity import event_id
from protocols.records import Flag, Punch
from protocols.uplink import Answer, RecordVerdict, Verdict

NOON = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
BOOT = "boot-1"
SHIFT_START = datetime(2026, 11, 21, 8, 0)


class ManualClock:
    """Stands still until told; wall and monotonic move together unless `step` is used."""

    def __init__(self, now=NOON, monotonic=1_000.0):
        self.wall = now
        self.counter = monotonic

    def now(self):
        return self.wall

    def monotonic(self):
        return self.counter

    async def sleep(self, seconds):
        self.advance(seconds)

    def advance(self, seconds):
        self.wall += timedelta(seconds=seconds)
        self.counter += seconds

    def step(self, delta):
        self.wall += delta


def punch(number: int, serial: str = "SN1", raw: bytes = b"") -> Punch:
    """Distinct for each number; later numbers are later."""
    return Punch(
        serial=serial,
        user_id=f"{1000 + number % 50}",
        device_time=SHIFT_START + timedelta(seconds=number),
        state=0,
        verify=1,
        raw=raw or number.to_bytes(8, "big"),
    )


def punches(numbers: Iterable[int], serial: str = "SN1") -> tuple[Punch, ...]:
    return tuple(punch(number, serial) for number in numbers)


def bulky(numbers: Iterable[int]) -> tuple[Punch, ...]:
    """Punches that no compression makes small."""
    return tuple(punch(number, raw=Random(number).randbytes(300)) for number in numbers)


def ids(records: Iterable[Punch]) -> list[str]:
    return [event_id(record).hex() for record in records]


async def append(
    spool: Spool,
    delivery: Delivery,
    *,
    lane: Lane = Lane.PUNCH_LIVE,
    received_at: datetime = NOON,
    flags: tuple[Flag, ...] = (),
) -> Appended:
    return await spool.append(
        delivery,
        device_name="gate",
        zone="Asia/Shanghai",
        lane=lane,
        received_at=received_at,
        clock_offset_ms=250,
        flags=flags,
    )


def answer(batch: PendingBatch, verdicts: Iterable[Verdict] = ()) -> Answer:
    """`verdicts` in the order of the batch; what they do not reach is accepted."""
    words = list(verdicts)
    words += [Verdict.ACCEPTED] * (len(batch.observations) - len(words))
    return Answer(
        number=batch.number,
        verdicts=tuple(
            RecordVerdict(
                event_id=observation.event_id,
                verdict=verdict,
                code="unknown_person" if verdict in {Verdict.REJECTED, Verdict.KEEP} else None,
            )
            for observation, verdict in zip(batch.observations, words, strict=True)
        ),
    )


def sent(batch: PendingBatch) -> list[str]:
    return [observation.event_id for observation in batch.observations]
