"""Asking again on a link that loses, doubles and reorders packets. No clock: the runner counts time.

The same packet goes out again, with the same reply id, so that an answer to any copy is an answer.
What the terminal sends for a request (1500, the 1501s by index, the closing ACK) is told apart by
command and session field, therefore a bulk transfer fills up over as many copies as it takes:
reading a chunk (1504) is idempotent.
"""

from protocols.errors import LimitExceededError
from protocols.zk.framing import Packet

# The index of a bulk packet is a u16; beside the numbered ones there are an announcement and an ACK.
_MAX_ANSWERS = 0x1_0000 + 16


class Retransmission:
    """The request in flight, and which of its answers have come. One per connection.

    asks  how often a request is sent without anything new coming back, before the terminal counts
          as gone. 1 is for a stream: nothing is repeated, and nothing is taken for a duplicate.
    """

    def __init__(self, asks: int) -> None:
        self.asks = asks
        self.limit = asks  # of the request in flight
        self._packet: Packet | None = None
        self._asked = 0
        self._seen: set[tuple[int, int]] = set()

    def begin(self, packet: Packet, *, once: bool = False) -> None:
        """`packet` was sent; it is the request in flight. `once`: it is not sent again."""
        self._packet = packet
        self.limit = 1 if once else self.asks
        self._asked = 1
        self._seen.clear()

    def is_new(self, answer: Packet) -> bool:
        """False for a copy of an answer that has come already. A new one restores patience.

        Raises LimitExceededError for more answers than a request can have.
        """
        if self.asks == 1:
            return True
        key = (answer.command, answer.session)
        if key in self._seen:
            return False
        if len(self._seen) == _MAX_ANSWERS:
            raise LimitExceededError("too many answers to one request", limit=_MAX_ANSWERS)
        self._seen.add(key)
        self._asked = 1
        return True

    @property
    def in_flow(self) -> bool:
        """Answers to the last copy are coming: a pause now means a lost packet, not a slow terminal."""
        return bool(self._seen) and self._asked == 1

    def again(self) -> Packet | None:
        """After a silence: what to send once more, None when it was asked often enough."""
        if self._packet is None or self._asked >= self.limit:
            return None
        self._asked += 1
        return self._packet
