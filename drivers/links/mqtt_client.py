"""paho's client with fewer system calls: what a message costs here decides how many a gateway takes.

paho reads each packet in three calls and sends each acknowledgement in one. The two methods that
are overridden are paho's own seam for TLS and websockets; should a later paho lose them, this is
paho as it comes, only slower (`test_mqtt_link` tells).
"""

from typing import Final

from paho.mqtt.client import Client
from typing_extensions import override

# About a hundred counts: longer, and the other devices of the gateway wait for them.
_READ_BYTES: Final = 16 * 1024
_DISCONNECT: Final = 0xE0


class BufferedClient(Client):
    """`read_packets` and `write_packets` in place of `loop_read` and `loop_write`."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # paho's own, passed through
        self._received = b""
        self._place = 0
        self._unsent = bytearray()

    def read_packets(self) -> bool:
        """Takes what one read of the socket gives. True when more waits that no selector tells."""
        self.loop_read()
        while self.socket() is not None and self._place < len(self._received):
            self.loop_read()
        pending = getattr(self.socket(), "pending", None)  # of TLS
        return pending is not None and pending() > 0

    def write_packets(self) -> bool:
        """Sends all that is queued in one piece. True when some of it did not go yet.

        Raises OSError when the connection is gone.
        """
        self.loop_write()
        if self._unsent and self.socket() is not None:
            try:
                sent = super()._sock_send(self._unsent)
            except BlockingIOError:
                return True
            del self._unsent[:sent]
        return bool(self._unsent) and self.socket() is not None

    @override
    def _sock_recv(self, bufsize: int) -> bytes:
        if self._place >= len(self._received):
            self._received, self._place = super()._sock_recv(max(bufsize, _READ_BYTES)), 0
        start = self._place
        found = self._received[start : start + bufsize]
        self._place = start + len(found)
        return found

    @override
    def _sock_send(self, buf: bytes | bytearray) -> int:
        self._unsent += buf
        if buf[0] == _DISCONNECT:  # paho closes the socket behind it
            super()._sock_send(self._unsent)
            self._unsent.clear()
        return len(buf)
