"""The demo clock for Clockline's conformance suite; README.md says how to run it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from drivers.catalog import load_driver
from drivers.contract import DriverContext
from tests.drivers.conformance import START, HandClock, Rig

from demo_clock.simulator import DemoClock


@asynccontextmanager
async def demo_clock(folder: Path) -> AsyncIterator[Rig]:
    clock = HandClock()
    site_start = START.replace(tzinfo=None) + timedelta(hours=8)
    async with DemoClock(now=lambda: site_start + timedelta(seconds=clock.elapsed_s)) as device:
        host, port = device.address

        async def produce() -> None:
            clock.elapsed_s += 60
            time = site_start + timedelta(seconds=clock.elapsed_s)
            device.rows.append(f"007|{time.isoformat()}|0|1")

        kind = load_driver("demo-clock")
        config = kind.manifest.config.model_validate(
            {"name": "gate", "kind": "demo-clock", "host": host, "port": port, "timeout_s": 1}
        )
        yield Rig(
            driver=kind(config, DriverContext(clock=clock, zone="Asia/Shanghai")),
            serial=device.serial,
            produce=produce,
            vanish=device.stop,
        )
