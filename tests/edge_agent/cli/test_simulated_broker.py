"""`edge-agent simulate mqtt-line` and `sparkplug` as processes, and our drivers at them."""

import asyncio
import subprocess
import sys
from contextlib import aclosing

import pytest

from drivers.catalog import load_driver
from drivers.contract import DriverContext
from edge_agent.system_clock import SystemClock
from protocols.records import Count


@pytest.mark.parametrize(
    ("simulator", "kind", "more"),
    [("mqtt-line", "mqtt-line", {}), ("sparkplug", "sparkplug-host", {"groups": ["Factory"]})],
)
async def test_the_driver_hears_the_simulated_line(simulator, kind, more):
    words = ["simulate", simulator, "--records", "500", "--live-every", "0.05"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "edge_agent", *words, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    line = (await process.stdout.readline()).decode()
    host, port = line.removeprefix("listening ").strip().split(":")
    manifest = load_driver(kind).manifest
    values = {"name": "hall", "kind": kind, "host": host, "port": int(port)}
    config = manifest.config.model_validate(values | more)
    driver = load_driver(kind)(config, DriverContext(clock=SystemClock(), zone="UTC"))
    pieces = []
    async with asyncio.timeout(15), aclosing(driver.live()) as deliveries:
        async for delivery in deliveries:
            pieces += [r for r in delivery.records if isinstance(r, Count) and r.metric == "pieces"]
            await driver.acknowledge(delivery)
            if len(pieces) > 5:
                break
    process.terminate()
    _, err = await process.communicate()
    assert err.decode().endswith("stopped\n")
    assert process.returncode == 0
    values = [count.value for count in pieces]
    assert values[0] >= 500
    assert values == sorted(values)
    assert pieces[-1].badge in {"E1001", "E1002", "E1003"}
