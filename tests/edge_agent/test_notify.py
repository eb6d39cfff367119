"""sd_notify against a real datagram socket, as systemd listens."""

import socket

import pytest

from edge_agent.notify import Notifier


@pytest.fixture(params=["path", "abstract"])
def listener(request, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        if request.param == "path":
            address = str(tmp_path / "notify.sock")
            bound.bind(address)
            shown = address
        else:
            shown = f"@clockline-test-{tmp_path.name}"
            bound.bind("\0" + shown[1:])
        bound.settimeout(2)
        yield bound, shown


def test_the_messages_of_a_life(listener):
    bound, address = listener
    notifier = Notifier({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "60000000"})
    notifier.ready("0/2 devices up")
    notifier.alive("2/2 devices up")
    notifier.stopping()
    assert bound.recv(1000) == b"READY=1\nSTATUS=0/2 devices up"
    assert bound.recv(1000) == b"WATCHDOG=1\nSTATUS=2/2 devices up"
    assert bound.recv(1000) == b"STOPPING=1"
    assert notifier.watchdog_s == 60


def test_outside_systemd_nothing_is_sent_and_nothing_fails():
    notifier = Notifier({})
    notifier.ready("fine")
    assert notifier.watchdog_s == 0
