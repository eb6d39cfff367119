"""How fast a ZK attendance log is decoded: ours, pyzk's and the floor, in the same run.

    python benchmarks/zk_parse.py [--rows N] [--json]

floor  `struct.iter_unpack` over the same bytes and nothing else
columns layout choice, all checks of every field, and columns that are ready to store: the way of a
       plain log
decode layout choice and decoding to punches: what pyzk does too, and checks of every field
ours   decode, and ordinals and repeats: all that a pull does with the bytes
pyzk   `get_attendance()` of pyzk 0.9 on the same bytes, its transport stubbed, in a process of its
       own (GPL-2.0: this process never imports it)

Seconds are of CPU: a neighbour would lengthen pyzk's one run of five seconds and spare our best.
"""

import argparse
import json
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from protocols.ordinals import LogOrder
from protocols.punch_columns import MAX_ROWS, PunchColumns
from protocols.records import Punch, Quarantined
from protocols.zk.attendance import (
    AttendanceRow,
    Layout,
    choose_layout,
    decode_attendance,
    encode_attendance,
)
from protocols.zk.attendance_columns import ColumnDecoder
from protocols.zk.shared_seconds import shared_seconds

ROUNDS = 10  # before pyzk and again after; pyzk once, its time is beyond any noise
RECORD = struct.Struct("<H24sBIBI4x")

PYZK = """
import json, sys, time
from zk import ZK

content = open(sys.argv[1], "rb").read()
peer = ZK("127.0.0.1", ommit_ping=True)
peer.read_sizes = lambda: setattr(peer, "records", (len(content) - 4) // 40)
peer.get_users = lambda: []
peer.read_with_buffer = lambda *_: (content, len(content))
start = time.process_time()
rows = peer.get_attendance()
took = time.process_time() - start
last = rows[-1]
json.dump({"seconds": took, "rows": len(rows), "last": [last.user_id, str(last.timestamp)]}, sys.stdout)
"""


def attendance_log(rows: int) -> bytes:
    """A log as a plant of 300 people writes it: 40-byte records, four punches a day."""
    start = datetime(2024, 1, 1, 7, 30, tzinfo=UTC).replace(tzinfo=None)
    return encode_attendance(
        (
            AttendanceRow(
                uid=index % 300 + 1,
                user_id=str(1001 + index % 300),
                time=start + timedelta(seconds=71 * index),
                state=index % 2,
                verify=15,
            )
            for index in range(rows)
        ),
        Layout.ATT40,
    )


class Best:
    """The best time of each piece of work, over rounds that take turns: a busy spell of the
    machine then hits all alike and none for good.
    """

    def __init__(self, work: dict[str, Callable[[], object]]) -> None:
        self._work = work
        self.seconds = dict.fromkeys(work, float("inf"))

    def play(self, rounds: int) -> None:
        for _ in range(rounds):
            for name, run in self._work.items():
                start = time.process_time()
                run()
                took = time.process_time() - start
                self.seconds[name] = min(self.seconds[name], took)


def decode(table: bytes) -> list[Punch | Quarantined]:
    choice = choose_layout(table, now_year=2026)
    return list(decode_attendance(table, choice.layout, serial="S1"))


def decode_and_place(table: bytes) -> list[Punch]:
    order = LogOrder(shared_seconds(table, Layout.ATT40))
    return [order.place(row) for row in decode(table) if isinstance(row, Punch)]


def decode_by_columns(table: bytes) -> list[PunchColumns]:
    """Pages, as a pull makes them. Fails unless each is plain, in order and later than the last."""
    choice = choose_layout(table, now_year=2026)
    decoder = ColumnDecoder(choice.layout, serial="S1")
    piece_bytes = MAX_ROWS * choice.layout.width
    pieces = (table[start : start + piece_bytes] for start in range(0, len(table), piece_bytes))
    pages = [page for page in map(decoder.decode, pieces) if page is not None]
    if any(one.times[-1] >= two.times[0] for one, two in pairwise(pages)):
        raise SystemExit("the log is not in order")
    return pages


def run_pyzk(table: bytes) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "attlog.bin")
        path.write_bytes(struct.pack("<I", len(table)) + table)
        done = subprocess.run(
            [sys.executable, "-c", PYZK, str(path)], check=True, capture_output=True, text=True
        )
    return dict(json.loads(done.stdout))


def measure(rows: int) -> dict[str, object]:
    table = attendance_log(rows)
    punches = decode_and_place(table)
    if [punch for page in decode_by_columns(table) for punch in page.punches()] != punches:
        raise SystemExit("columns and rows disagree")
    best = Best(
        {
            "floor": lambda: sum(1 for _ in RECORD.iter_unpack(table)),
            "columns": lambda: decode_by_columns(table),
            "decode": lambda: decode(table),
            "ours": lambda: decode_and_place(table),
        }
    )
    best.play(ROUNDS)
    pyzk = run_pyzk(table)
    best.play(ROUNDS)
    last = [punches[-1].user_id, str(punches[-1].device_time)]
    if (len(punches), last) != (pyzk["rows"], pyzk["last"]):
        raise SystemExit(f"the two decoders disagree: {len(punches)} {last}, pyzk {pyzk}")
    floor, columns, decoding, ours = best.seconds.values()
    peer = float(str(pyzk["seconds"]))
    return {
        "rows": rows,
        "floor_s": round(floor, 4),
        "columns_s": round(columns, 5),
        "decode_s": round(decoding, 4),
        "ours_s": round(ours, 4),
        "pyzk_s": round(peer, 3),
        "pyzk_over_columns": round(peer / columns),
        "pyzk_over_decode": round(peer / decoding, 1),
        "pyzk_over_ours": round(peer / ours, 1),
        "ours_over_floor": round(ours / floor, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = measure(options.rows)
    if options.json:
        print(json.dumps(result))
        return
    print(f"{result['rows']} records of 40 bytes")
    print(f"  floor (iter_unpack)        {result['floor_s']} s")
    print(
        f"  ours, by columns           {result['columns_s']} s = "
        f"1/{result['pyzk_over_columns']} of pyzk"
    )
    print(f"  ours, decode               {result['decode_s']} s")
    print(
        f"  ours, decode and ordinals  {result['ours_s']} s = {result['ours_over_floor']} x floor"
    )
    print(
        f"  pyzk 0.9                   {result['pyzk_s']} s = {result['pyzk_over_decode']} x decode"
    )


if __name__ == "__main__":
    main()
