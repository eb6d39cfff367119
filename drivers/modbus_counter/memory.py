"""What the driver remembers between polls: the cursor of a device that has no memory itself."""

from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Struct

from drivers.modbus_counter.register_map import Metric, Values

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class LastReading(Struct, frozen=True, kw_only=True):
    """The last reading of one counter that was handed over for storing."""

    seq: int
    at: datetime
    pieces: int
    rejects: int | None
    badge: str | None
    boot: str

    @property
    def amounts(self) -> dict[Metric, int]:
        amounts: dict[Metric, int] = {"pieces": self.pieces}
        if self.rejects is not None:
            amounts["rejects"] = self.rejects
        return amounts

    def shows(self, values: Values) -> bool:
        return (self.pieces, self.rejects, self.badge, self.boot) == (
            values.pieces,
            values.rejects,
            values.badge,
            values.boot,
        )


class CursorUnreadableError(Exception):
    """The stored cursor was not written by this driver."""


class Memory(Struct, kw_only=True):
    """The cursor. `readings` by tag; `down` holds the tags that cannot be read, and why."""

    version: int = 1
    readings: dict[str, LastReading] = {}
    down: dict[str, str] = {}

    def is_news(self, tag: str, values: Values, *, at: datetime, max_silence: timedelta) -> bool:
        """Whether the reading says more than the one before, or that one is too long ago.

        A last reading in the future is a clock that was set back: then waiting would be blind.
        """
        last = self.readings.get(tag)
        if last is None or not last.shows(values):
            return True
        return not timedelta(0) <= at - last.at < max_silence

    def note(self, tag: str, values: Values, *, at: datetime, believed: bool = True) -> int:
        """Remembers the reading and returns its sequence number. One that is not `believed` only
        takes its number: the next is measured against the one before it.

        The first number is the milliseconds since 1970: readings come slower than that, so
        numbers keep growing even when a lost spool took the cursor with it.
        """
        last = self.readings.get(tag)
        seq = last.seq + 1 if last else (at - _EPOCH) // _MILLISECOND
        if last is not None and not believed:
            self.readings[tag] = msgspec.structs.replace(last, seq=seq)
            return seq
        self.readings[tag] = LastReading(
            seq=seq,
            at=at,
            pieces=values.pieces,
            rejects=values.rejects,
            badge=values.badge,
            boot=values.boot,
        )
        return seq

    def encode(self) -> bytes:
        return msgspec.json.encode(self)


_decoder = msgspec.json.Decoder(Memory)


def recall(cursor: bytes | None) -> Memory:
    """The memory in a stored cursor. Raises CursorUnreadableError."""
    if cursor is None:
        return Memory()
    try:
        return _decoder.decode(cursor)
    except msgspec.MsgspecError as exc:
        raise CursorUnreadableError(str(exc)) from exc
