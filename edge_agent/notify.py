"""Telling systemd how we are: the sd_notify datagram protocol, without a library for six lines.

Outside systemd (no NOTIFY_SOCKET) every call does nothing.
"""

import os
import socket
from collections.abc import Mapping

_MICROSECONDS = 1_000_000


class Notifier:
    """Speaks to the socket that systemd names in the environment."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        environment = os.environ if environment is None else environment
        address = environment.get("NOTIFY_SOCKET", "")
        # A leading @ stands for the NUL of an abstract socket.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog_s = int(environment.get("WATCHDOG_USEC", "0")) / _MICROSECONDS

    def ready(self, status: str) -> None:
        self._send(f"READY=1\nSTATUS={status}")

    def alive(self, status: str) -> None:
        """Feeds the watchdog; call only when every vital part has moved or is rightly idle."""
        self._send(f"WATCHDOG=1\nSTATUS={status}")

    def reloading(self, monotonic_s: float) -> None:
        """The site file is read anew; `ready` tells that it was."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={int(monotonic_s * _MICROSECONDS)}")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.sendto(message.encode(), self._address)
