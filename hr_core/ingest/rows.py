"""From the records of one batch to rows of raw_events, or why a record is refused.

Most of a batch are punches of a few devices that came together. They are looked at column by column,
and what neighbours share is worked out once, which makes a plain punch ten times cheaper than on its
own; whatever is not plainly sound goes to `judge`, so that no refusal is decided in two places.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec import Struct

from hr_core.ingest.instants import EPOCH, MICROSECOND, Instants
from hr_core.ingest.judge import Refusal, judge, wrong_arrival, zone_named
from hr_core.store.database import to_microseconds
from hr_core.store.event_rows import EventRow, encode_flags, rows_of_columns, split_record
from protocols.batch_chain import BatchHead
from protocols.identity import event_ids_at, event_ticks, spelled_key
from protocols.records import Count, Punch, Record
from protocols.uplink import Observation

_INT32_FIRST, _INT32_LAST = -(2**31), 2**31 - 1
_FIRST_TICK = event_ticks(EPOCH)
_US_OF_TICK = 1_000
# Looked at together: what is strange makes so many be looked at one by one.
_ROWS_AT_A_TIME = 500
_RECORD_AT = len(b'{"event_id":"' + bytes(32) + b'","record":')
_RAW = b',"raw":"'  # in a punch: an unescaped quote is in no text, and no other key is so named


class _Arrival:
    """What a row says of how the record came; `instants` is of its zone."""

    def __init__(self, one: Observation, instants: Instants) -> None:
        self.same_as = one
        self.instants = instants
        self.received_at = to_microseconds(one.received_at)
        self.flags = encode_flags(one.flags)


class Found(Struct, frozen=True):
    """The rows of sound records, in the order of the batch; by position, why others are refused."""

    rows: list[EventRow]
    refused: dict[int, Refusal]


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

    def rows(self, first: int, observations: Sequence[Observation]) -> Found:
        """Of neighbours in the batch; `first` is the position of the first of them."""
        rows: list[EventRow] = []
        refused: dict[int, Refusal] = {}
        for start in range(0, len(observations), _ROWS_AT_A_TIME):
            part, place = observations[start : start + _ROWS_AT_A_TIME], first + start
            plain = self._plain(place, part)
            if plain is not None:
                rows += plain
                continue
            for position, one in enumerate(part, start=place):
                finding = self.row(position, one)
                if isinstance(finding, Refusal):
                    refused[position] = finding
                else:
                    rows.append(finding)
        return Found(rows, refused)

    def row(self, position: int, one: Observation) -> EventRow | Refusal:
        plain = self._plain(position, (one,))
        return self._judged(position, one) if plain is None else plain[0]

    def _plain(self, first: int, part: Sequence[Observation]) -> list[EventRow] | None:
        """Column by column; None unless all of them are sound punches of one zone."""
        punches = [one.record for one in part if type(one.record) is Punch and one.record.raw]
        arrivals = [arrival for arrival in map(self._arrival_of, part) if arrival is not None]
        if len(punches) < len(part) or len(arrivals) < len(part) or not _are_plain(punches):
            return None
        if len({arrival.instants for arrival in arrivals}) > 1:
            return None
        walls = [(punch.device_time - EPOCH) // MICROSECOND for punch in punches]
        at = list(map(arrivals[0].instants.of, walls))
        ids = event_ids_at(
            [wall // _US_OF_TICK + _FIRST_TICK for wall in walls], map(self._key, punches)
        )
        if None in at or list(map(bytes.hex, ids)) != [one.event_id for one in part]:
            return None
        places, rows = range(first, first + len(part)), len(part)
        spelled = self._spelled[places.start : places.stop]
        return rows_of_columns(
            ids,
            ["punch"] * rows,
            [punch.serial for punch in punches],
            [punch.user_id for punch in punches],
            at,
            [one.zone for one in part],
            [arrival.received_at for arrival in arrivals],
            [one.clock_offset_ms for one in part],
            [arrival.flags for arrival in arrivals],
            [self._gateway] * rows,
            [self._number] * rows,
            places,
            self._salts[places.start : places.stop],
            [self._stored_at] * rows,
            [one[_RECORD_AT : one.rindex(_RAW)] + b"}" for one in spelled],
            [punch.raw for punch in punches],
        )

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

    def _key(self, punch: Punch) -> bytes:
        """`identity.punch_key`, from parts that were spelled before: in a big plant most rows of a
        batch name a person and state that no earlier one named.
        """
        serial, state, ordinal = punch.serial, punch.state, punch.ordinal
        before, behind = self._serials.get(serial), self._states.get((state, ordinal))
        if before is None:
            before = self._serials[serial] = spelled_key(("punch", serial))
        if behind is None:
            behind = self._states[state, ordinal] = spelled_key((str(state), str(ordinal)))
        user = punch.user_id.encode()
        return before + len(user).to_bytes(4, "big") + user + behind


def _are_plain(punches: Sequence[Punch]) -> bool:
    """What can be told of them without their time zone."""
    numbers = [punch.state for punch in punches]
    numbers += [punch.verify for punch in punches]
    numbers += [punch.ordinal for punch in punches]
    texts = {punch.serial for punch in punches}.union([punch.user_id for punch in punches])
    return (
        min(numbers) >= _INT32_FIRST
        and max(numbers) <= _INT32_LAST
        and "\0" not in "".join(texts)
        and {punch.device_time.tzinfo for punch in punches} == {None}
    )


def device_of(record: Record) -> str:
    return record.source if isinstance(record, Count) else record.serial
