"""Cutting the power of a recorded run many times, and looking for what it had acknowledged."""

import random
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from edge_agent.spool import failed_sync
from edge_agent.spool.errors import SpoolError
from edge_agent.spool.lanes import LANE_BY_NUMBER
from edge_agent.spool.store import Spool
from edge_agent.spool.stored_rows import LAST_ARRIVAL, rows_of_lane
from edge_agent.system_clock import SystemClock
from protocols.identity import event_id
from tests.reliability.powercut import Cut, Disk, Event, Said, lay_out, record
from tests.reliability.recorded_run import punch
from tests.reliability.site import REPOSITORY, ClaimError

# Only read back, so memory serves; the run itself is recorded, not timed.
_MEMORY = Path("/dev/shm")  # noqa: S108 - a temporary folder inside it


@dataclass
class Losses:
    cuts: int = 0
    acknowledged: int = 0  # of the whole run
    cuts_that_lost: int = 0
    lost: int = 0
    worst: int = 0
    unreadable: int = 0
    why: str = ""  # the first that could not be opened

    def add(self, lost: int | str) -> None:
        """`lost`: acknowledged records that are gone, or why the file cannot be opened."""
        self.cuts += 1
        if isinstance(lost, str):
            self.unreadable += 1
            self.why = self.why or lost
        elif lost:
            self.cuts_that_lost += 1
            self.lost += lost
            self.worst = max(self.worst, lost)

    def __iadd__(self, other: "Losses") -> Self:
        self.cuts += other.cuts
        self.acknowledged += other.acknowledged
        self.cuts_that_lost += other.cuts_that_lost
        self.lost += other.lost
        self.worst = max(self.worst, other.worst)
        self.unreadable += other.unreadable
        self.why = self.why or other.why
        return self

    @property
    def none(self) -> bool:
        return self.cuts > 0 and self.acknowledged > 0 and not (self.lost or self.unreadable)


def told(claim: str, seed: int, losses: Losses) -> None:
    """Progress, on stderr: a long form takes a quarter of an hour."""
    print(f"{claim} run of seed {seed}: {losses}", file=sys.stderr, flush=True)


def recorded(
    what: str,
    folder: Path,
    *,
    rounds: int,
    seed: int,
    weakened: Sequence[str] = (),
    inject: Sequence[str] = (),
) -> list[Event]:
    """The events of a run of `recorded_run` on `folder`/`what`.db."""
    run = ("tests.reliability.recorded_run", what, str(folder / f"{what}.db"))
    module = ("tests.reliability.child", ",".join(weakened)) if weakened else ()
    argv = [sys.executable, "-m", *module, *run, str(rounds), str(seed)]
    return record(
        argv, folder / "trace", inject=inject, cwd=REPOSITORY, again_after=failed_sync.EXIT_CODE
    )


def losses_of_cuts(
    events: Sequence[Event], what: str, recorded_in: Path, *, cuts: int, seed: int
) -> Losses:
    """Cuts the power at `cuts` moments of the run, drawn by `seed`, in each of the three ways."""
    draw = random.Random(seed)
    first = next((n for n, event in enumerate(events) if isinstance(event, Said)), None)
    if first is None:
        raise ClaimError("the recorded run acknowledged nothing")
    moments = sorted(draw.randrange(first, len(events)) for _ in range(cuts))
    ways = list(Cut)
    losses, disk = Losses(), Disk()
    for number, event in enumerate(events):
        disk.follow(event)
        while moments and moments[0] == number:
            moments.pop(0)
            how = ways[losses.cuts % len(ways)]
            losses.add(_lost(disk.cut(how, draw), disk.said, what, recorded_in))
    losses.acknowledged = len(disk.said)
    return losses


def _lost(
    image: dict[str, bytes], acknowledged: Sequence[str], what: str, recorded_in: Path
) -> int | str:
    in_memory = _MEMORY if _MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="clockline-cut-", dir=in_memory) as name:
        folder = Path(name)
        lay_out(image, recorded_in, folder)
        try:
            held = _READERS[what](folder / f"{what}.db")
        except (SpoolError, sqlite3.Error) as error:
            return f"{error!r} ({ {file: len(content) for file, content in image.items()} })"
    promised = {event_id(punch(*_numbered(line))) for line in acknowledged}
    return len(promised - held)


def _numbered(line: str) -> tuple[str, int]:
    serial, _, number = line.partition(" ")
    return serial, int(number)


def _in_spool(path: Path) -> set[bytes]:
    """Opened as the agent does after a power cut."""
    Spool.open(path, clock=SystemClock(), boot_id="after").close()
    with closing(sqlite3.connect(path)) as connection:
        return {
            row.event_id
            for lane in LANE_BY_NUMBER
            for row in rows_of_lane(connection, lane, after=0, until=LAST_ARRIVAL)
        }


def _in_core(path: Path) -> set[bytes]:
    with closing(sqlite3.connect(path)) as connection:
        if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("quick_check")
        return {row[0] for row in connection.execute("SELECT event_id FROM raw_events")}


_READERS: dict[str, Callable[[Path], set[bytes]]] = {"spool": _in_spool, "core": _in_core}
