"""Reads a terminal with pyzk and prints what it saw, as JSON. Run as a program of its own: pyzk is
GPL-2.0, so neither shipped code nor the test process may import it.

    python pyzk_peer.py HOST PORT COMM_KEY tcp|udp
"""

import json
import sys

from zk import ZK


def main() -> None:
    host, port, key, transport = sys.argv[1:]
    udp = transport == "udp"
    peer = ZK(host, port=int(port), timeout=5, password=int(key), force_udp=udp, ommit_ping=True)
    connection = peer.connect()
    try:
        seen = {
            "serial": connection.get_serialnumber(),
            "platform": connection.get_platform(),
            "name": connection.get_device_name(),
            "version": connection.get_firmware_version(),
            "time": connection.get_time().isoformat(),
            "users": [[user.uid, user.user_id, user.name] for user in connection.get_users()],
            "log": [
                [row.user_id, row.timestamp.isoformat(), row.status, row.punch]
                for row in connection.get_attendance()
            ],
            "records": connection.records,
        }
    finally:
        connection.disconnect()
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main()
