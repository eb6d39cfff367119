"""One direction of a network that loses, doubles and swaps datagrams."""

import asyncio
import random
from collections.abc import Callable
from typing import Final

from simulators.zk_terminal.config import Disturbance

Address = tuple[str, int]

_HELD_S: Final = 0.005  # a swapped datagram goes at last when none comes to overtake it


class Way:
    """`disturbance` is asked for each datagram, so that it may change while the terminal runs."""

    def __init__(
        self,
        deliver: Callable[[bytes, Address], None],
        disturbance: Callable[[], Disturbance],
        *,
        seed: str,
    ) -> None:
        self._deliver = deliver
        self._disturbance = disturbance
        self._random = random.Random(seed)  # noqa: S311 - repeatable faults, not secrets
        self._held: tuple[bytes, Address] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._carried = 0

    def carry(self, datagram: bytes, address: Address) -> None:
        self._carried += 1
        number = self._carried
        does, draw = self._disturbance(), self._random.random
        if draw() < does.lose or number in does.lose_nth:
            return
        for _ in range(2 if draw() < does.duplicate or number in does.duplicate_nth else 1):
            if self._held is None and (draw() < does.reorder or number in does.reorder_nth):
                self._held = (datagram, address)
                self._timer = asyncio.get_running_loop().call_later(_HELD_S, self._release)
            else:
                self._deliver(datagram, address)
                self._release()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _release(self) -> None:
        self.close()
        held, self._held = self._held, None
        if held is not None:
            self._deliver(*held)
