"""The place of each punch in a complete log: ordinals among equals, and re-written blocks.

Two people cannot punch twice in one second by accident only: a log may truly hold two equal rows
(they stand together), and worn terminals write a whole block of rows a second time (the copies
stand elsewhere). Rows of one second that stand together form a run; the k-th of a run's equal rows
is a repeat when an earlier run already held k of them. So twins get ordinals 0 and 1 and both
count, while the rows of a re-written block are flagged and not paid twice.
"""

from datetime import datetime
from hashlib import blake2b

from msgspec.structs import replace

from protocols.records import Flag, Punch

_DIGEST_BYTES = 16  # a log of 1,000,000 rows collides with a chance of 1 in 10^27


class LogOrder:
    """Places the rows of one complete log, in log order. Holds two digests per distinct row."""

    def __init__(self) -> None:
        self._ordinals: dict[bytes, int] = {}
        self._most_in_a_run: dict[bytes, int] = {}
        self._run_time: datetime | None = None
        self._run: dict[bytes, int] = {}

    def place(self, punch: Punch) -> Punch:
        """`punch` with its ordinal, and flagged when it is a repeat."""
        key = _digest(
            f"{punch.device_time}\n{punch.serial}\n{punch.user_id}\n{punch.state}".encode()
        )
        ordinal = self._ordinals.get(key, 0)
        self._ordinals[key] = ordinal + 1
        repeat = self._repeats_earlier_run(punch)
        if not (ordinal or repeat):
            return punch if punch.ordinal == 0 else replace(punch, ordinal=0)
        flags = (*punch.flags, Flag.REPEAT) if repeat else punch.flags
        return replace(punch, ordinal=ordinal, flags=flags)

    def _repeats_earlier_run(self, punch: Punch) -> bool:
        if punch.device_time != self._run_time:
            self._close_run()
            self._run_time = punch.device_time
        row = _digest(punch.raw)
        nth = self._run[row] = self._run.get(row, 0) + 1
        return nth <= self._most_in_a_run.get(row, 0)

    def _close_run(self) -> None:
        for row, times in self._run.items():
            self._most_in_a_run[row] = max(times, self._most_in_a_run.get(row, 0))
        self._run.clear()


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=_DIGEST_BYTES).digest()
