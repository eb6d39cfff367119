"""Writes the golden spool of the present release: every table filled, as an SQL dump.

    python -m tests.edge_agent.spool.golden.make 0.1.0

Run it with each release and commit the file; never change the file of a release that is out.
"""

import asyncio
import sqlite3
import sys
import tempfile
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from drivers.contract import Delivery
from edge_agent.spool.acts import Person
from edge_agent.spool.dead_letters import discard, read_dead_letters
from edge_agent.spool.lanes import Lane
from edge_agent.spool.retention import Keep
from edge_agent.spool.store import PastReading, Spool
from edge_agent.spool.units import Replacement, order_replacement
from protocols.records import Count, DeviceEvent, Quarantined
from protocols.uplink import Verdict
from tests.edge_agent.spool.deliveries import BOOT, NOON, ManualClock, answer, append, punches

FOLDER = Path(__file__).parent
HEADER = ("application_id", "user_version")


async def fill(path: Path) -> None:
    clock = ManualClock()
    spool = Spool.open(path, clock=clock, boot_id=BOOT, entropy=lambda count: b"s" * count)
    try:
        await spool.take_up_unit("gate", "SN1", names=["gate"], zone="UTC", received_at=NOON)
        bad = Quarantined(source="SN1", offset=40, reason="day 40", raw=b"\xff" * 40)
        await append(spool, Delivery(serial="SN1", records=punches(range(40)), quarantined=(bad,),
                                     cursor=b"41"),
                     lane=Lane.PUNCH_BACKLOG)  # fmt: skip
        await append(spool, Delivery(serial="SN1", records=punches([50])))
        count = Count(source="line", tag="good", metric="pieces", value=7, boot_id="b", seq=1,
                      source_time=NOON)  # fmt: skip
        event = DeviceEvent(serial="SN1", code="door_open",
                            device_time=NOON.replace(tzinfo=None))  # fmt: skip
        await append(spool, Delivery(serial="line", records=(count,)), lane=Lane.COUNT_LIVE)
        await append(spool, Delivery(serial="SN1", records=(event,)), lane=Lane.TELEMETRY)
        cleared = DeviceEvent(serial="SN1", code="log_cleared",
                              device_time=NOON.replace(tzinfo=None),
                              detail={"rows_before": 9, "rows_now": 41, "epoch": 1})  # fmt: skip
        await append(
            spool, Delivery(serial="SN1/operations", records=(cleared,)), lane=Lane.TELEMETRY
        )
        await spool.append(
            Delivery(serial="SN1", records=punches([60]), on_device=41, log_rows=41),
            device_name="gate", zone="UTC", lane=Lane.PUNCH_LIVE, received_at=NOON,
            clock_offset_ms=0, past_reading=PastReading(read_from=NOON, offset_ms=3),
        )  # fmt: skip
        batch = await spool.next_batch("core", limit=10)
        await spool.settle(
            "core",
            answer(batch, [Verdict.REJECTED, Verdict.KEEP, Verdict.REJECTED]),
            batch_hash=b"h" * 32,
        )
        await spool.next_batch("core", limit=5)
        await spool.housekeeping.retire(Keep(), NOON, timedelta())
    finally:
        spool.close()
    letter = read_dead_letters(path, "core").letters[-1]
    discard(path, [letter], "a fitter tried the terminal", Person("ops", NOON))
    order_replacement(path, Replacement("gate", "SN1", "SN9", NOON, "ops", None))


def dump(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        pragmas = [
            f"PRAGMA {name} = {connection.execute(f'PRAGMA {name}').fetchone()[0]};"
            for name in HEADER
        ]
        return "\n".join((*pragmas, *connection.iterdump())) + "\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spool.db"
        asyncio.run(fill(path))
        (FOLDER / f"spool_{sys.argv[1]}.sql").write_text(dump(path), encoding="utf-8")


if __name__ == "__main__":
    main()
