"""Counters made of messages that say only what came since the last one.

The spool keeps readings of counters, so increments are added up here, and the sums travel in the
driver's cursor: they are stored with the reading that they gave, or not at all. A message that was
stored and not acknowledged comes again after a crash; its digest among the latest says so.
"""

from collections import deque
from hashlib import blake2b
from typing import Final, Literal

import msgspec
from msgspec import Struct

from protocols.errors import LimitExceededError, ProtocolError

# Twice what a broker may have under way to us.
REMEMBERED: Final = 1_000
_DIGEST_BYTES: Final = 8
MAX_TOTALS: Final = 10_000  # counters of one broker; each costs some 100 bytes a commit


class Total(Struct):
    value: int = 0
    seq: int = 0


class _State(Struct):
    """The cursor. `epoch` names these sums: new ones begin at 0 under another name."""

    epoch: str
    totals: dict[str, Total]
    digests: bytes
    version: Literal[1] = 1


class RunningTotals:
    """`epoch` is used when there is no cursor to go on from."""

    def __init__(self, cursor: bytes | None, *, epoch: str) -> None:
        state = _State(epoch, {}, b"") if cursor is None else _decoded(cursor)
        self.epoch = state.epoch
        self._totals = state.totals
        found = state.digests
        steps = range(0, len(found), _DIGEST_BYTES)
        self._latest = deque((found[at : at + _DIGEST_BYTES] for at in steps), maxlen=REMEMBERED)
        self._known = set(self._latest)

    def is_repeat(self, topic: str, payload: bytes) -> bool:
        """Whether this very message was added up lately; remembers it when not."""
        digest = blake2b(topic.encode() + b"\0" + payload, digest_size=_DIGEST_BYTES).digest()
        if digest in self._known:
            return True
        if len(self._latest) == REMEMBERED:
            self._known.discard(self._latest[0])
        self._latest.append(digest)
        self._known.add(digest)
        return False

    def add(self, counter: str, amount: int) -> tuple[Total, ...]:
        """The readings that `amount` more gives: of a new counter its beginning at 0 as well, from
        which the first amount is counted.
        """
        total = self._totals.get(counter)
        begun: tuple[Total, ...] = ()
        if total is None:
            if len(self._totals) >= MAX_TOTALS:
                raise LimitExceededError(f"more than {MAX_TOTALS} counters", limit=MAX_TOTALS)
            total = self._totals[counter] = Total()
            begun = (Total(0, 0),)
        total.value += amount
        total.seq += 1
        return (*begun, Total(total.value, total.seq))

    def encode(self) -> bytes:
        return msgspec.json.encode(_State(self.epoch, self._totals, b"".join(self._latest)))


def _decoded(cursor: bytes) -> _State:
    try:
        return msgspec.json.decode(cursor, type=_State)
    except msgspec.MsgspecError as exc:
        raise ProtocolError(f"the stored sums cannot be read: {exc}") from exc
