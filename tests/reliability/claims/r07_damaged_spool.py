"""R7. A damaged spool never keeps an agent from starting: what can be read of it is delivered, what a
terminal still holds is read again.

Control: deleting the damaged file.
"""

import asyncio
import random
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from tests.reliability.outcome import Outcome, Scale
from tests.reliability.site import (
    Device,
    RigTerminal,
    keys_of,
    punch_rows,
    rig_site,
    until,
)

CLAIM = "R7"
TITLE = "A damaged buffer heals by itself"
_PENDING = "a damaged spool is refused, not healed: branch spoollife"
_PAGE = 4_096
# Of the terminal that is gone: a damaged place of 4 KiB costs no more than the rows packed there.
_KEPT_SHARE = 0.5


def run(seed: int, scale: Scale, *, weakened: bool = False) -> Outcome:
    if find_spec("edge_agent.spool.salvage") is None:
        return Outcome(claim=CLAIM, holds=False, numbers={}, seed=seed, pending=_PENDING)
    return asyncio.run(_run(seed, scale, weakened=weakened))


async def _run(seed: int, scale: Scale, *, weakened: bool) -> Outcome:
    draw = random.Random(seed)
    damages = list(_DAMAGES) if weakened else scale.pick(list(_DAMAGES), list(_DAMAGES) * 50)
    started = here_lost = gone_made = gone_lost = doubled = told = 0
    for number, name in enumerate(damages[:1] if weakened else damages):
        outcome = await _one(seed + number, _DAMAGES[name], draw, weakened=weakened)
        if outcome is None:
            continue
        started += 1
        here_lost += outcome[0]
        gone_made += outcome[1]
        gone_lost += outcome[2]
        doubled += outcome[3]
        told += outcome[4]
    tried = 1 if weakened else len(damages)
    return Outcome(
        claim=CLAIM,
        holds=started == told == tried
        and here_lost == doubled == 0
        and gone_lost <= gone_made * (1 - _KEPT_SHARE),
        numbers={
            "damages": tried,
            "starts": started,
            "said_so": told,
            "lost_of_terminals_there": here_lost,
            "rows_of_terminals_gone": gone_made,
            "lost_of_them": gone_lost,
            "doubled": doubled,
        },
        seed=seed,
    )


async def _one(
    seed: int, damage: Callable[[Path, random.Random], None], draw: random.Random, *, weakened: bool
) -> tuple[int, int, int, int, int] | None:
    """None: the agent does not start. Else lost of the terminal that is there, made and lost of the
    one that is gone, doubled, and whether it was said.
    """
    count = 4_000
    async with rig_site() as site:
        here = RigTerminal("R7-HERE", punch_rows(count, seed))
        gone = RigTerminal("R7-GONE", punch_rows(count, seed + 1))
        async with here:
            async with gone:
                devices = [
                    Device(name=gate.serial, port=gate.address[1], serial=gate.serial)
                    for gate in (here, gone)
                ]
                for gate in (here, gone):
                    await site.oracle.made(keys_of(gate.serial, gate.log))
                site.agent.write_site(devices, core_port=None)
                await site.agent.start()
                await until(lambda: site.agent.stored() == 2 * count, what="both logs are stored")
                await site.agent.stop()
            damage(site.agent.spool, draw)
            site.join(devices, batch_records=2_000)
            await site.agent.start(["damage_thrown_away"] if weakened else ())
            await asyncio.sleep(1.5)
            if not site.agent.alive:
                return None
            verdict = await site.settled(within_s=10, weakened=weakened)
            held = site.core.count_of(here.serial)
            told = "salvage" in site.agent.log.read_text() or weakened
    return count - held, count, verdict.lost - (count - held), verdict.doubled, int(told)


def _zero_a_page(spool: Path, draw: random.Random) -> None:
    content = bytearray(spool.read_bytes())
    page = draw.randrange(1, len(content) // _PAGE)
    content[page * _PAGE : (page + 1) * _PAGE] = bytes(_PAGE)
    spool.write_bytes(content)


def _flip_bytes(spool: Path, draw: random.Random) -> None:
    content = bytearray(spool.read_bytes())
    start = draw.randrange(_PAGE, len(content) - 64)
    for offset in range(start, start + 64):
        content[offset] ^= draw.randrange(1, 256)
    spool.write_bytes(content)


def _spoil_the_header(spool: Path, draw: random.Random) -> None:
    content = bytearray(spool.read_bytes())
    content[:16] = draw.randbytes(16)
    spool.write_bytes(content)


def _cut_the_end(spool: Path, draw: random.Random) -> None:
    content = spool.read_bytes()
    spool.write_bytes(content[: len(content) - draw.randrange(1, 3 * _PAGE)])


_DAMAGES: dict[str, Callable[[Path, random.Random], None]] = {
    "header": _spoil_the_header,
    "zeroed page": _zero_a_page,
    "flipped bytes": _flip_bytes,
    "cut end": _cut_the_end,
}
