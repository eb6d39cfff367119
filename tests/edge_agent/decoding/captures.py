"""Builds captures as a terminal and its host would leave them, whole or damaged."""

import json
import struct
from datetime import datetime, timedelta
from pathlib import Path

from edge_agent.decoding import Summary
from edge_agent.decoding.kinds import load_decoder
from protocols.zk.attendance import AttendanceRow, Layout, encode_attendance
from protocols.zk.framing import Packet, encode_packet, encode_tcp
from protocols.zk.users import User, encode_users

MORNING = datetime(2026, 3, 2, 7, 58)
SESSION = 0xC45E


def log(layout: Layout, rows: int) -> bytes:
    return encode_attendance(
        (
            AttendanceRow(
                uid=index % 9 + 1,
                user_id=str(1001 + index % 9),
                time=MORNING + timedelta(minutes=11 * index),
                state=index % 2,
            )
            for index in range(rows)
        ),
        layout,
    )


def people(width: int, count: int) -> bytes:
    return encode_users(
        (User(uid=n, user_id=str(1000 + n), name=f"P{n}") for n in range(1, count + 1)),
        width,
        passwords=dict.fromkeys(range(1, count + 1), "48151"),
    )


def with_size_word(records: bytes) -> bytes:
    return struct.pack("<I", len(records)) + records


class Wire:
    """Packets of one conversation; `dump` writes them as `zkcapture/1`."""

    def __init__(self) -> None:
        self.packets: list[tuple[str, Packet]] = []
        self._reply_id = 0

    def ask(self, command: int, data: bytes = b"") -> None:
        self._reply_id += 1
        self._add("TX", command, data, SESSION)

    def answer(self, command: int, data: bytes = b"", *, session: int = SESSION) -> None:
        self._add("RX", command, data, session)

    def _add(self, direction: str, command: int, data: bytes, session: int) -> None:
        packet = Packet(command=command, session=session, reply_id=self._reply_id, data=data)
        self.packets.append((direction, packet))

    def read_table(self, request: str, records: bytes, *, chunk: int = 4096, packet: int = 1008):
        """A deferred read: 1503, 1504 by chunk, FREE_DATA."""
        content = with_size_word(records)
        self.ask(1503, bytes.fromhex(request))
        size = struct.pack("<I", len(content))
        self.answer(2000, b"\0" + size + size + b"\0\0\0\0")
        for offset in range(0, len(content), chunk):
            part = content[offset : offset + chunk]
            self.ask(1504, struct.pack("<II", offset, len(part)))
            self.answer(1500, struct.pack("<II", len(part), packet))
            for index, start in enumerate(range(0, len(part), packet)):
                self.answer(1501, part[start : start + packet], session=index)
            self.answer(2000)
        self.ask(1502)
        self.answer(2000)
        return self

    def dump(self, *, transport: str = "tcp", only: str | None = None, cut: int = 0) -> bytes:
        """`only` one side; `cut` the TCP stream of each side into segments of that many bytes."""
        encode = encode_tcp if transport == "tcp" else encode_packet
        frames = [
            (direction, encode(packet))
            for direction, packet in self.packets
            if only in {None, direction}
        ]
        if cut:
            frames = [
                (side, stream[start : start + cut])
                for side in ("RX", "TX")
                for stream in [b"".join(data for direction, data in frames if direction == side)]
                for start in range(0, len(stream), cut)
            ]
        return capture(frames, transport)


def capture(frames: list[tuple[str, bytes]], transport: str = "tcp") -> bytes:
    return json.dumps(
        {
            "schema": "zkcapture/1",
            "transport": transport,
            "frames": [{"dir": side, "hex": data.hex(), "note": "x"} for side, data in frames],
        }
    ).encode()


def decode(kind: str, data: bytes) -> tuple[list[dict], Summary]:
    summary = Summary()
    rows = []
    for row in load_decoder(kind)(data, source="input", summary=summary):
        summary.count(row)
        json.dumps(row)
        rows.append(row)
    return rows, summary


def of_kind(rows: list[dict], kind: str) -> list[dict]:
    return [row for row in rows if row["kind"] == kind]


def file_rows(kind: str, path: Path) -> tuple[list[dict], dict, int]:
    """(rows, summary, exit code) of the runner on a file."""
    from edge_agent.decoding import decode_files

    lines: list[str] = []
    code = decode_files(kind, [path], out=lines.append)
    *rows, summary = map(json.loads, lines)
    return rows, summary["summary"], code
