"""From the records of one batch to rows of raw_events, or why a record is refused.

Most of a batch are punches of a few devices that came together. What neighbours share is worked out
once, which makes a plain punch ten times cheaper than on its own; whatever is not plainly sound
goes to `judge`, so that no refusal is decided in two places.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from hr_core.ingest.instants import EPOCH, MICROSECOND, Instants
from hr_core.ingest.judge import Refusal, judge, wrong_arrival, zone_named
from hr_core.store.database import to_microseconds
from hr_core.store.event_rows import EventRow, encode_flags, row_of_values, split_record
from protocols.batch_chain import BatchHead
from protocols.identity import event_id_at, event_ticks, spelled_key
from protocols.records import Count, Punch, Record
from protocols.uplink import Observation

_INT32_FIRST, _INT32_LAST = -(2**31), 2**31 - 1
_FIRST_TICK = event_ticks(EPOCH)
_US_OF_TICK = 1_000
_RECORD_AT = len(b'{"event_id":"' + bytes(32) + b'","record":')
_RAW = b',"raw":"'  # in a punch: an unescaped quote is in no text, and no other key is so named


class _Arrival:
    """What a row says of how the record came; `instants` is of its zone."""

    def __init__(self, one: Observation, instants: Instants) -> None:
        self.same_as = one
        self.instants = instants
        self.received_at = to_microseconds(one.received_at)
        self.flags = encode_flags(one.flags)


class BatchRows:
    """Rows of the batch of `head`; `salts` and `spelled` (record_digest.record_bytes) by position.

    `stored_at` is aware UTC.
    """

    def __init__(
        self,
        head: BatchHead,
        *,
        salts: Sequence[bytes],
        spelled: Sequence[bytes],
        stored_at: datetime,
    ) -> None:
        self._gateway, self._number = head.gateway, head.number
        self._salts = salts
        self._spelled = spelled
        self._stored_at = to_microseconds(stored_at)
        self._instants: dict[str, Instants] = {}
        self._serials: dict[str, bytes] = {}
        self._states: dict[tuple[int, int], bytes] = {}
        self._arrival: _Arrival | None = None

    def row(self, position: int, one: Observation) -> EventRow | Refusal:
        record = one.record
        if type(record) is not Punch or not record.raw:
            return self._judged(position, one)
        arrival = self._arrival_of(one)
        wall, state, ordinal = record.device_time, record.state, record.ordinal
        if (
            arrival is None
            or wall.tzinfo is not None
            or "\0" in record.user_id
            or "\0" in record.serial
            or not _INT32_FIRST <= state <= _INT32_LAST
            or not _INT32_FIRST <= record.verify <= _INT32_LAST
            or not _INT32_FIRST <= ordinal <= _INT32_LAST
        ):
            return self._judged(position, one)
        microseconds = (wall - EPOCH) // MICROSECOND
        at = arrival.instants.of(microseconds)
        key = event_id_at(
            microseconds // _US_OF_TICK + _FIRST_TICK,
            self._key(record.serial, record.user_id, state, ordinal),
        )
        if at is None or key.hex() != one.event_id:
            return self._judged(position, one)
        spelled = self._spelled[position]
        body = spelled[_RECORD_AT : spelled.index(_RAW, _RECORD_AT)] + b"}"
        return row_of_values((
            key, "punch", record.serial, record.user_id, at, one.zone, arrival.received_at,
            one.clock_offset_ms, arrival.flags, self._gateway, self._number, position,
            self._salts[position], self._stored_at, body, record.raw,
        ))  # fmt: skip

    def _judged(self, position: int, one: Observation) -> EventRow | Refusal:
        finding = judge(one)
        if isinstance(finding, Refusal):
            return finding
        record = one.record
        body, raw = split_record(record)
        return EventRow(
            finding.key,
            str(record.__struct_config__.tag),
            device_of(record),
            record.user_id if isinstance(record, Punch) else None,
            to_microseconds(finding.at),
            one.zone,
            to_microseconds(one.received_at),
            one.clock_offset_ms,
            encode_flags(one.flags),
            self._gateway,
            self._number,
            position,
            self._salts[position],
            self._stored_at,
            body,
            raw,
        )

    def _arrival_of(self, one: Observation) -> _Arrival | None:
        """None for one that is refused."""
        last = self._arrival
        if one.received_at.tzinfo is not UTC:
            return None
        if (
            last is not None
            and one.received_at == last.same_as.received_at
            and one.zone == last.same_as.zone
            and one.clock_offset_ms == last.same_as.clock_offset_ms
            and one.flags == last.same_as.flags
        ):
            return last
        if wrong_arrival(one) is not None:
            return None
        instants = self._instants.get(one.zone)
        if instants is None:
            zone = zone_named(one.zone)
            if isinstance(zone, Refusal):
                return None
            instants = self._instants[one.zone] = Instants(zone)
        self._arrival = _Arrival(one, instants)
        return self._arrival

    def _key(self, serial: str, user_id: str, state: int, ordinal: int) -> bytes:
        """`identity.punch_key`, from parts that were spelled before: in a big plant most rows of a
        batch name a person and state that no earlier one named.
        """
        before, behind = self._serials.get(serial), self._states.get((state, ordinal))
        if before is None:
            before = self._serials[serial] = spelled_key(("punch", serial))
        if behind is None:
            behind = self._states[state, ordinal] = spelled_key((str(state), str(ordinal)))
        user = user_id.encode()
        return before + len(user).to_bytes(4, "big") + user + behind


def device_of(record: Record) -> str:
    return record.source if isinstance(record, Count) else record.serial
