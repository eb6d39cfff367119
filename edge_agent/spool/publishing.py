"""Which watermarks the core is told, and with which batch.

A batch carries what is proven by the answers to the batches before it. So whatever becomes of its own
records, and however late it arrives, the core that takes it holds all that they promise: it takes a
batch only behind the one that this batch names as the one before.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from edge_agent.spool.codec import instant, microseconds
from edge_agent.spool.completeness import LOGS_OF_PUNCHES, completeness
from protocols.uplink import MAX_WATERMARKS, Watermark

CORE = "core"

# A device that is read every few seconds must not fill every batch, nor a quiet site make one for
# every poll: absence is judged by the day.
SPACING_US = 60_000_000
QUIET_SPACING_US = 300_000_000

_PASSING = frozenset({None, "waiting"})  # every fresh punch waits for a moment

_ROWS = f"""
    SELECT device, serial, on_device, coalesce(log_rows, stored + quarantined), stored FROM devices
    WHERE {LOGS_OF_PUNCHES} ORDER BY device LIMIT {MAX_WATERMARKS}"""  # noqa: S608 - our own words

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Watermark).decode
_decode_all = msgspec.json.Decoder(tuple[Watermark, ...]).decode


def watermarks_of(connection: sqlite3.Connection, sink: str) -> tuple[Watermark, ...]:
    """Of every device, as it is now; proven for the batches that `sink` has answered."""
    return tuple(mark for _, mark in _by_device(connection, sink))


def watermarks_due(
    connection: sqlite3.Connection, sink: str, now: datetime, *, alone: bool
) -> tuple[Watermark, ...]:
    """What the next batch tells, noted as told. `alone`: the batch would hold nothing else."""
    if sink != CORE:
        return ()
    told = {
        device: _Told(at, _decode(watermark))
        for device, at, watermark in connection.execute(
            "SELECT device, at, watermark FROM published WHERE sink = ?", (sink,)
        )
    }
    at = microseconds(now)
    due = [
        (device, mark)
        for device, mark in _by_device(connection, sink)
        if _is_due(told.get(device), mark, at, alone=alone)
    ]
    connection.executemany(
        """INSERT INTO published (sink, device, at, watermark) VALUES (?, ?, ?, ?)
        ON CONFLICT (sink, device) DO UPDATE SET at = excluded.at, watermark = excluded.watermark
        """,
        [(sink, device, at, _encode(mark)) for device, mark in due],
    )
    return tuple(mark for _, mark in due)


def encode_watermarks(marks: Sequence[Watermark]) -> bytes | None:
    return _encode(marks) if marks else None


def decode_watermarks(stored: bytes | None) -> tuple[Watermark, ...]:
    return () if stored is None else _decode_all(stored)


class _Told(Struct, frozen=True):
    at: int
    mark: Watermark


def _by_device(connection: sqlite3.Connection, sink: str) -> Iterator[tuple[int, Watermark]]:
    found = completeness(connection, sink)
    for device, serial, on_device, fetched, stored in connection.execute(_ROWS).fetchall():
        until, held_by = found[device]
        yield (
            device,
            Watermark(
                serial=serial,
                complete_until=None if until is None else instant(until),
                on_device=on_device,
                fetched=fetched,
                stored=stored,
                held_by=held_by,
            ),
        )


def _is_due(told: _Told | None, mark: Watermark, at: int, *, alone: bool) -> bool:
    if told is None:
        return not alone or mark.complete_until is not None
    before = told.mark
    if mark == before:
        return False
    if _is_news(before.complete_until, mark.complete_until) or at < told.at:
        return True  # the gateway's clock was set back: nobody knows how long it is ago
    only_time = replace(before, complete_until=mark.complete_until) == mark
    passing = {before.held_by, mark.held_by} <= _PASSING
    quiet = only_time or (passing and mark.complete_until == before.complete_until)
    return at - told.at >= (QUIET_SPACING_US if alone and quiet else SPACING_US)


def _is_news(before: datetime | None, now: datetime | None) -> bool:
    """The first that can be said at all; or what was told holds no more, and is taken back."""
    if before is None or now is None:
        return before is not now
    return now < before
