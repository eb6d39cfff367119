"""Plays a dialogue against a function that answers requests: no sockets, no time."""

from collections import deque
from collections.abc import Callable, Iterable

from protocols.zk.exchange import NEXT, Dialogue, Request, SilenceError
from protocols.zk.framing import Packet

Device = Callable[[Request], Iterable[Packet]]


def packet(command: int, data: bytes = b"", *, session: int = 0x45CF) -> Packet:
    return Packet(command=command, session=session, reply_id=1, data=data)


class Play:
    """Runs dialogues; `requests` is what the terminal was asked."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._pending: deque[Packet] = deque()
        self.requests: list[Request] = []

    def run(self, dialogue: Dialogue):
        """The dialogue's result; silence is thrown where nothing is left to deliver."""
        step = next(dialogue)
        try:
            while True:
                if step is not NEXT:
                    self.requests.append(step)
                    self._pending = deque(self._device(step))
                if self._pending:
                    step = dialogue.send(self._pending.popleft())
                else:
                    step = dialogue.throw(SilenceError("silent"))
        except StopIteration as stop:
            return stop.value

    @property
    def commands(self) -> list[int]:
        return [request.command for request in self.requests]
