"""R7. A damaged spool never keeps an agent from starting: what can be read of it is delivered, what a
terminal still holds is read again, and what is lost is named.

Control: deleting the damaged file.
"""

import ast
import asyncio
import contextlib
import random
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
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
    until,
)
from tests.reliability.spooled import lost_and_doubled, stored_punches

CLAIM = "R7"
TITLE = "A damaged buffer heals by itself"
_PAGE = 4_096
# Of the terminal that is gone: one damaged place costs no more than the rows packed there.
_KEPT_SHARE = 0.5
_GROUPS, _GROUP = 6, 300  # rows that were stored together are packed together
_QUIET_S = 1.0  # three polls: what comes twice has come by then
_NAMED = re.compile(r"lost=\"?({.*?})")


def run(seed: int, scale: Scale, *, weakened: bool = False) -> Outcome:
    return asyncio.run(_run(seed, scale, weakened=weakened))


async def _run(seed: int, scale: Scale, *, weakened: bool) -> Outcome:
    draw = random.Random(seed)
    damages = list(_DAMAGES) if weakened else scale.pick(list(_DAMAGES), list(_DAMAGES) * 50)
    tried = damages[:1] if weakened else damages
    total = _Damaged()
    for number, name in enumerate(tried):
        await _one(seed + number, _DAMAGES[name], draw, total, weakened=weakened)
    return Outcome(
        claim=CLAIM,
        holds=total.started == len(tried)
        and total.here_lost == total.doubled == total.unnamed == 0
        and total.gone_lost <= total.gone_made * (1 - _KEPT_SHARE),
        numbers={"damages": len(tried), **asdict(total)},
        seed=seed,
    )


@dataclass
class _Damaged:
    """`here`: the terminal still holds its log; `gone`: it does not answer any more."""

    started: int = 0
    here_lost: int = 0
    gone_made: int = 0
    gone_lost: int = 0
    unnamed: int = 0  # of these, what the agent did not say
    doubled: int = 0


async def _one(
    seed: int,
    damage: Callable[[Path, random.Random], None],
    draw: random.Random,
    total: _Damaged,
    *,
    weakened: bool,
) -> None:
    count = _GROUPS * _GROUP
    rows = punch_rows(count, seed + 1)
    async with rig_site() as site:
        here = RigTerminal("R7-HERE", punch_rows(count, seed))
        gone = RigTerminal("R7-GONE")
        async with here:
            async with gone:
                devices = [
                    Device(name=gate.serial, port=gate.address[1], serial=gate.serial, live=False)
                    for gate in (here, gone)
                ]
                await site.oracle.made(keys_of(here.serial, here.log))
                site.agent.write_site(devices, core_port=None)
                await site.agent.start()
                for first in range(0, count, _GROUP):
                    await site.punch(gone, *rows[first : first + _GROUP])
                    await until(
                        lambda: site.agent.stored() == count + len(gone.log), what="all is stored"
                    )
                await site.agent.stop()
            damage(site.agent.spool, draw)
            site.join(devices, batch_records=2_000)
            await site.agent.start(["damage_thrown_away"] if weakened else ())
            with contextlib.suppress(ClaimError):  # then what is missing is judged
                await until(
                    lambda: not site.agent.alive or _all_arrived(site, here.serial, count),
                    what="the core has what the terminal and the spool hold",
                    pause_s=0.5,  # each look reads all of both
                )
            if not site.agent.alive:
                return
            await asyncio.sleep(_QUIET_S)
            verdict = await site.judge()
            log = site.agent.log.read_text()
            here_lost = count - site.core.count_of(here.serial)
    gone_lost = verdict.lost - here_lost
    total.started += 1
    total.here_lost += here_lost
    total.gone_made += count
    total.gone_lost += gone_lost
    total.unnamed += gone_lost - _named(log).get(gone.serial, 0)
    total.doubled += verdict.doubled


def _all_arrived(site: RigSite, serial: str, count: int) -> bool:
    """The terminal's log is at the core, and all that the spool of the new start holds.

    Nothing was at the core before that start, so what it has tells that the start is over.
    """
    if site.core.count_of(serial) < count:
        return False
    _, only_in_spool = lost_and_doubled(site.core.punches(), stored_punches(site.agent))
    return only_in_spool == 0


def _named(log: str) -> dict[str, int]:
    """By serial, the rows that the agent said are lost."""
    found = _NAMED.search(log)
    return ast.literal_eval(found[1]) if found else {}


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
