"""The claims R1–R21, one line each, with what was measured.

    python -m benchmarks.reliability --seed 1 --short [R1 R3 …]

Exits 0 only if all hold. Under CLOCKLINE_CONTROL=normal each claim runs over a variant of our
processes that lacks the protection it is about (tests/reliability/weakened.py): those must lose.
"""

import argparse
import os
import random
import sys
import time

from tests.reliability.outcome import Outcome, Scale
from tests.reliability.registry import CLAIMS, claims

CONTROLS = {"": False, "normal": True}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="CLAIM", help="only these")
    parser.add_argument("--seed", type=int, help="of everything random (default: a new one)")
    parser.add_argument("--short", action="store_true", help="seconds a claim instead of hours")
    arguments = parser.parse_args()
    seed = random.SystemRandom().randrange(2**31) if arguments.seed is None else arguments.seed
    scale = Scale.SHORT if arguments.short else Scale.LONG
    control = os.environ.get("CLOCKLINE_CONTROL", "")
    if control not in CONTROLS:
        parser.error(f"CLOCKLINE_CONTROL={control}: known is only 'normal'")
    known = claims()
    wanted = arguments.names or CLAIMS
    held = [_run(name, known, seed, scale, weakened=CONTROLS[control]) for name in wanted]
    return 0 if all(held) else 1


def _run(name, known, seed, scale, *, weakened) -> bool:
    if name not in known:
        print(f"{name:<4} PENDING no test of this claim yet", flush=True)
        return False
    begin = time.monotonic()
    try:
        outcome = known[name].run(seed, scale, weakened=weakened)
    except Exception as exc:  # noqa: BLE001 - one claim that cannot be tried stops no other
        outcome = Outcome(
            claim=name, holds=False, numbers={"error": f"{type(exc).__name__}: {exc}"}, seed=seed
        )
    print(f"{outcome.line()} took={time.monotonic() - begin:.1f}s", flush=True)
    return outcome.holds


if __name__ == "__main__":
    sys.exit(main())
