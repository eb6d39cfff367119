"""Bytes that reach the disk for a punch. They repeat exactly, so they are held to their figures."""

import json
import subprocess
import sys

import pytest

# Prints write_bytes per punch of this very process, checkpoint included.
WRITER = """
import asyncio, json, sys
from pathlib import Path
from benchmarks.spool import append, bytes_of_key_rows, opened, punches, written_bytes
from drivers.contract import Delivery
from protocols.punch_columns import columns_of

async def write(folder, size, count):
    folder.mkdir()
    deliveries = [Delivery(serial="LOG", packed=columns_of(punches(n * size, size, "LOG")))
                  for n in range(count)] if size > 1 else [
                  Delivery(serial="LOG", records=punches(n, 1, "LOG")) for n in range(count)]
    before = written_bytes()
    spool = opened(folder)
    for delivery in deliveries:
        await append(spool, delivery)
    spool.close()
    return (written_bytes() - before) / (size * count)

folder = Path(sys.argv[1])
report = {str(size): asyncio.run(write(folder / str(size), size, count))
          for size, count in ((1_000, 100), (5_000, 20), (1, 200))}
print(json.dumps({**report, "key": bytes_of_key_rows(folder)[0]}))
"""


@pytest.mark.slow
def test_a_punch_costs_few_bytes(tmp_path_factory, repository):
    reports = []
    for _ in range(2):
        folder = tmp_path_factory.mktemp("disk")
        done = subprocess.run(
            [sys.executable, "-c", WRITER, str(folder)],
            cwd=repository, check=True, capture_output=True, text=True,
        )  # fmt: skip
        reports.append(json.loads(done.stdout))
    first, second = reports
    if not first["key"]:
        pytest.fail(f"{folder} is on no real disk: set TMPDIR to a folder that is")
    for size in ("1000", "5000", "key"):
        assert first[size] == pytest.approx(second[size], rel=0.02)
    assert first["1000"] <= 2.0 * first["key"]
    assert first["5000"] <= 30
    # One lone live punch: the tail pages of four trees, once into the log and later into the file.
    assert first["1"] <= 6 * 8_192
