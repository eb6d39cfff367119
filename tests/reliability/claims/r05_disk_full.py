"""R5. The disk of the spool is full: no crash, the terminal keeps its punches, and when there is room
again the agent goes on by itself.

On a small tmpfs where we may mount one (real ENOSPC), else under RLIMIT_FSIZE.
Control: a gateway that shrugs a failed write off.
"""

import asyncio
import contextlib
import os
import random
import resource
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from tests.reliability.outcome import Outcome, Scale
from tests.reliability.site import (
    ClaimError,
    Device,
    RigSite,
    RigTerminal,
    keys_of,
    punch_rows,
    rig_site,
    row_at,
    until,
    wall,
)

CLAIM = "R5"
TITLE = "A full disk loses nothing and heals alone"
_ROOM = 192 * 1024
_RECOVERS_WITHIN_S = 10.0


def run(seed: int, scale: Scale, *, weakened: bool = False) -> Outcome:
    return asyncio.run(_run(seed, scale, weakened=weakened))


@dataclass(frozen=True)
class _Disk:
    kind: str
    limit: Callable[[], None] | None  # in the agent's process, before it starts
    make_room: Callable[[int], None]  # given the agent's pid


async def _run(seed: int, scale: Scale, *, weakened: bool) -> Outcome:
    draw = random.Random(seed)
    rows = punch_rows(scale.pick(40_000, 90_000), seed, step_s=draw.randrange(3, 40))
    full_for_s = scale.pick(4.0, 120.0)
    async with (
        rig_site() as site,
        RigTerminal("R5-GATE", rows) as gate,
        _small_disk(site) as disk,
    ):
        site.join(
            [Device(name="gate", port=gate.address[1], serial=gate.serial)], batch_records=2_000
        )
        await site.oracle.made(keys_of(gate.serial, rows))
        patches = ["full_disk_shrugged_off"] if weakened else []
        await site.agent.start(patches, preexec=disk.limit)
        told = await _problem(site, weakened=weakened)
        await asyncio.sleep(full_for_s)
        alive, left = site.agent.alive, len(gate.log)
        while_full = (await site.judge()).held
        stored = site.agent.stored()
        if stored >= len(rows):
            raise ClaimError(f"the disk was not full: all {stored} rows are stored")
        disk.make_room(site.agent.pid)
        began = time.monotonic()
        with contextlib.suppress(Exception):
            await until(
                lambda: site.agent.stored() > stored,
                what="it stores again",
                within_s=_RECOVERS_WITHIN_S * (1 if weakened else 3),
            )
        recovered_s = time.monotonic() - began
        await site.punch(gate, row_at(wall(), 7))
        verdict = await site.settled(weakened=weakened)
    return Outcome(
        claim=CLAIM,
        holds=verdict.clean
        and alive
        and left == len(rows)
        and recovered_s < _RECOVERS_WITHIN_S
        and while_full < len(rows),
        numbers={
            "disk": disk.kind,
            "punches": verdict.made,
            "at_core_while_full": while_full,
            "agent_alive": int(alive),
            "told": told,
            "left_on_device": left,
            "recovered_after_s": recovered_s,
            "lost": verdict.lost,
            "doubled": verdict.doubled,
        },
        seed=seed,
    )


async def _problem(site: RigSite, *, weakened: bool) -> str:
    """The code by which `status` names what is wrong, once it does."""

    def code() -> str:
        devices = site.agent.snapshot().get("devices", [])
        errors = [device["error"] for device in devices if device["error"]]
        return str(errors[0]["code"]) if errors else ""

    if weakened:
        await asyncio.sleep(2)
        return code() or "-"
    await until(code, what="the agent says that its disk is full")
    return code()


@contextlib.asynccontextmanager
async def _small_disk(site: RigSite) -> AsyncIterator[_Disk]:
    state, aside = site.folder / "state", site.folder / "aside"
    shutil.copytree(state, aside)
    if not _mount(state, _ROOM * 2):
        yield _Disk("RLIMIT_FSIZE", _limit, _unlimit)
        return
    try:
        shutil.copytree(aside, state, dirs_exist_ok=True)  # the gateway's key
        yield _Disk("tmpfs", None, lambda _pid: _remount(state))
    finally:
        await site.agent.kill()
        _unmount(state)


def _mount(folder: Path, size: int) -> bool:
    if os.geteuid() != 0:
        return False
    words = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    return subprocess.run(words, check=False, capture_output=True).returncode == 0


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", str(folder)], check=False, capture_output=True)


def _remount(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=512m", str(folder)], check=True)


def _limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (_ROOM, hard))


def _unlimit(pid: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
