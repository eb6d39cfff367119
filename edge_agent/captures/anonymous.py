"""A recording made anonymous, and proof that it still says the same about the terminal."""

import secrets
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct

from edge_agent.captures.file import encoded
from edge_agent.decoding.summary import Summary
from edge_agent.decoding.zk_frames import decode_frames
from protocols.zk.anonymisation import anonymise
from protocols.zk.capture import Segment

_KEY_BYTES = 32
_DAYS = range(30, 401)  # more than a month: no pay period is told, and less than would look old

_REPLACED = (
    "replaced: user ids, names, cards, passwords, serial number, network addresses, comm key; "
    "all times moved back by whole days, the time of day is kept"
)


class AnonymousRecording(Struct, frozen=True, kw_only=True):
    """`report`: what was done, line by line, for the person who will send the file."""

    segments: tuple[Segment, ...]
    report: tuple[str, ...]


def anonymous(segments: Sequence[Segment], transport: Literal["tcp", "udp"]) -> AnonymousRecording:
    """The key is made here and forgotten here, the number of days likewise."""
    made = anonymise(
        segments,
        transport=transport,
        key=secrets.token_bytes(_KEY_BYTES),
        days=secrets.choice(_DAYS),
        now_year=datetime.now(UTC).year,
    )
    before, after = _rows(segments, transport), _rows(made.segments, transport)
    report = [
        _REPLACED,
        f"blanked: {made.blanked:,} bytes that were not understood",
        f"tables: {', '.join(made.tables) or 'none'}",
    ]
    if before != after:
        report.append(
            f"note: the file decodes otherwise than the session did ({_told(before)} became "
            f"{_told(after)}); say so in the report"
        )
    return AnonymousRecording(segments=made.segments, report=tuple(report))


def _rows(segments: Sequence[Segment], transport: Literal["tcp", "udp"]) -> Counter[str]:
    """How many rows of each kind `decode zk-frames` makes of it."""
    data = encoded(segments, transport, raw=True)
    return Counter(row["kind"] for row in decode_frames(data, source="", summary=Summary()))


def _told(rows: Counter[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(rows.items()))
