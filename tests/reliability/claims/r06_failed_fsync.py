"""R6. fdatasync reports EIO now and then, the power is cut later: nothing acknowledged is lost.

The syncs of commits, of checkpoints and of the start, at the gateway and at the core; after some the
process ends and is started again (failed_sync.py), as systemd does. test_failed_sync.py has the worst moments one by one.
Control: a spool that calls fdatasync again and believes the second answer.
"""

import tempfile
from itertools import product
from pathlib import Path

from tests.reliability.outcome import Outcome, Scale
from tests.reliability.power_loss import Losses, losses_of_cuts, recorded, told
from tests.reliability.powercut import Ended, SyncEnds

CLAIM = "R6"
TITLE = "A failed fsync loses nothing that was acknowledged"


def run(seed: int, scale: Scale, *, weakened: bool = False) -> Outcome:
    runs, rounds, cuts = scale.pick((2, 60, 60), (20, 150, 200))
    # strace counts for each thread: only the writer, which syncs at every commit, comes to 50. Ends
    # of the process heal what the control does to its log.
    first = {"spool": 50 if weakened else 8, "core": 25}  # the core ends at each
    total, failures, starts = Losses(), 0, 0
    whose = ["spool"] if weakened else list(first)
    for what, number in product(whose, range(seed, seed + runs)):
        with tempfile.TemporaryDirectory(prefix="clockline-rig-") as name:
            folder = Path(name)
            events = recorded(
                what,
                folder,
                rounds=rounds,
                seed=number,
                weakened=["second_fsync_believed"] if weakened else [],
                inject=[f"fdatasync:error=EIO:when={first[what] + number % 7}+{11 + number % 5}"],
            )
            losses = losses_of_cuts(events, what, folder, cuts=cuts, seed=number)
        failures += sum(isinstance(event, SyncEnds) and event.failed for event in events)
        starts += sum(isinstance(event, Ended) for event in events)
        total += losses
        told(f"{CLAIM} {what}", number, losses)
    return Outcome(
        claim=CLAIM,
        holds=total.none and failures > 0,
        numbers={
            "failed_syncs": failures,
            "starts": starts,
            "cuts": total.cuts,
            "acked": total.acknowledged,
            "cuts_that_lost": total.cuts_that_lost,
            "lost": total.lost,
            "unreadable": total.unreadable,
            **({"why": total.why} if total.why else {}),
        },
        seed=seed,
    )
