"""Ports of this machine that a test may give to a server, or leave without one."""

import itertools
import os
import socket

# Below 32768, where Linux begins to number connections: none of them takes a port that was looked
# for a moment ago. Each worker has a thousand for itself, and each process begins elsewhere in it.
_LOWEST, _EACH, _SHARES = 20_000, 1_000, 12
_share = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _SHARES
_turns = itertools.count(os.getpid() * 7)


def free_port() -> int:
    for turn in itertools.islice(_turns, _EACH):
        port = _LOWEST + _share * _EACH + turn % _EACH
        with socket.socket() as probe:
            try:
                probe.bind(("", port))  # of every address, as 127.0.0.70
            except OSError:
                continue
            return port
    raise OSError(f"none of {_EACH} ports is free")
