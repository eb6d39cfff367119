"""By what the end of a known log is recognised, so that a poll need read no more than that.

A row has no number and the terminal no "since": what follows the known rows is new only if these
still stand where they stood. Their last rows say so, and the first row, which a terminal that
drops or overwrites its oldest rows changes first.
"""

from datetime import datetime
from hashlib import blake2b

from msgspec import Struct

from drivers.zk_pull.packed_log import PackedLog
from protocols.zk.clock import pack_time
from protocols.zk.layouts import Layout
from protocols.zk.row_times import packed_times

# Rows carry a person and a second: as many in a row never stand at the same place of another log.
OVERLAP_ROWS = 32
MARK_BYTES = 4

# How long the rows that come while a log is read may be ahead of the clock as it was shown.
_SLACK_S = 60
_LAST_TIME = 0xFFFF_FFFF

_CHAIN_BYTES = 16
_PART_ROWS = 10_000


class KnownEnd(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `rows` rows of a log leave behind. Times are packed (`protocols.zk.clock`).

    whole         rows of the last whole read, which the cursor's digest is over …
    since         … and a chain over those that came after them; "" for none
    marks         of the last OVERLAP_ROWS rows, MARK_BYTES each
    head          mark of the first row
    newest        the latest row up to the terminal's own clock, -1 for none
    ahead         the earliest of the rows later than that clock, None for none. No known row stands
                  between the two, so that a row in there needs no other row for its ordinal
    last_is_newest  else the terminal may have begun to write over its rows from the start
    wrapped       when last anything changed, the oldest rows were gone, and that was said
    """

    whole: int
    since: str
    marks: bytes
    head: bytes
    newest: int
    ahead: int | None
    last_is_newest: bool
    wrapped: bool

    def followed_by(self, records: bytes, layout: Layout) -> "KnownEnd":
        """With new rows after the known ones, for which `leaves_alone` holds."""
        if not records:
            return self
        width = layout.width
        times = packed_times(records, layout)
        marks = self.marks + marks_of(records[-OVERLAP_ROWS * width :], width)
        return KnownEnd(
            whole=self.whole,
            since=chained(self.since, records, width),
            marks=marks[-OVERLAP_ROWS * MARK_BYTES :],
            head=self.head or mark_of(records[:width]),
            newest=max(times),
            ahead=self.ahead,
            last_is_newest=times[-1] == max(times),
            wrapped=False,
        )

    def leaves_alone(self, records: bytes, layout: Layout) -> bool:
        """Whether no row of `records` shares its second with a known row."""
        times = packed_times(records, layout)
        return not times or (
            self.newest < min(times) and (self.ahead is None or max(times) < self.ahead)
        )


def known_end(
    log: PackedLog, layout: Layout, *, clock: datetime | None = None, wrapped: bool = False
) -> KnownEnd:
    """Of a log that was read whole while the terminal's clock showed `clock`."""
    width = layout.width
    end = len(log) // width * width
    newest, ahead, last = _times(log, layout, until=_latest_rightful(clock))
    return KnownEnd(
        whole=end // width,
        since="",
        marks=marks_of(log[max(0, end - OVERLAP_ROWS * width) : end], width),
        head=marks_of(log[: min(end, width)], width),
        newest=newest,
        ahead=ahead,
        last_is_newest=last == newest,
        wrapped=wrapped,
    )


def _latest_rightful(clock: datetime | None) -> int:
    """The packed time after which no row can be from while the log was read."""
    try:
        return _LAST_TIME if clock is None else pack_time(clock) + _SLACK_S
    except ValueError:  # a clock in the 22nd century, which the packed form ends with
        return _LAST_TIME


def _times(log: PackedLog, layout: Layout, *, until: int) -> tuple[int, int | None, int]:
    """The newest up to `until`, the earliest after it, and that of the last row."""
    newest, last = -1, -1
    ahead: int | None = None
    part_bytes = _PART_ROWS * layout.width
    for start in range(0, len(log), part_bytes):
        times = packed_times(log[start : start + part_bytes], layout)
        if not times:
            continue
        last = times[-1]
        latest = max(times)
        if latest <= until:
            newest = max(newest, latest)
            continue
        newest = max([newest, *(time for time in times if time <= until)])
        ahead = min(time for time in (ahead or latest, *times) if time > until)
    return newest, ahead, last


def mark_of(row: bytes) -> bytes:
    return blake2b(row, digest_size=MARK_BYTES).digest()


def marks_of(records: bytes, width: int) -> bytes:
    """The marks of whole records, one after the other."""
    return b"".join(
        mark_of(records[start : start + width])
        for start in range(0, len(records) - width + 1, width)
    )


def chained(before: str, records: bytes, width: int) -> str:
    """A digest over rows that came at different times: the same however they were cut."""
    digest = bytes.fromhex(before)
    for start in range(0, len(records) - width + 1, width):
        digest = blake2b(digest + records[start : start + width], digest_size=_CHAIN_BYTES).digest()
    return digest.hex()
