"""R1. What the spool or the core acknowledged is there after a power cut at any moment.

Control: the same processes with `synchronous = NORMAL`.
"""

import tempfile
from pathlib import Path

from tests.reliability.outcome import Outcome, Scale
from tests.reliability.power_loss import Losses, losses_of_cuts, recorded, told

CLAIM = "R1"
TITLE = "An acknowledged record survives power loss"
_WEAKENED = {"spool": "spool_normal", "core": "core_normal"}


def run(seed: int, scale: Scale, *, weakened: bool = False) -> Outcome:
    runs, rounds, cuts = scale.pick((1, 60, 90), (10, 150, 500))
    losses = {what: Losses() for what in _WEAKENED}
    for what, total in losses.items():
        for number in range(runs):
            _cut(what, total, seed + number, rounds=rounds, cuts=cuts, weakened=weakened)
    return Outcome(
        claim=CLAIM,
        holds=all(total.none for total in losses.values()),
        numbers={
            name: value
            for what, total in losses.items()
            for name, value in {
                f"{what}_cuts": total.cuts,
                f"{what}_acked": total.acknowledged,
                f"{what}_cuts_that_lost": total.cuts_that_lost,
                f"{what}_lost": total.lost,
                f"{what}_unreadable": total.unreadable,
                **({f"{what}_why": total.why} if total.why else {}),
            }.items()
        },
        seed=seed,
    )


def _cut(what: str, total: Losses, seed: int, *, rounds: int, cuts: int, weakened: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="clockline-rig-") as name:
        folder = Path(name)
        patches = [_WEAKENED[what]] if weakened else []
        events = recorded(what, folder, rounds=rounds, seed=seed, weakened=patches)
        losses = losses_of_cuts(events, what, folder, cuts=cuts, seed=seed)
    total += losses
    told(f"{CLAIM} {what}", seed, losses)
