"""How long to wait before a device is tried again: bounded, jittered, a pure function."""

FIRST_DELAY_S = 2.0
LONGEST_DELAY_S = 300.0  # a repaired cable is noticed within five minutes without anyone's help
BLOCKED_DELAY_S = 600.0  # a changed key on the terminal heals without a restart of the agent
_DOUBLINGS = 16  # keeps 2**n small; the cap is reached long before


def retry_delay_s(failures: int, jitter: float) -> float:
    """Seconds before attempt `failures` + 1. `jitter` in [0, 1) spreads devices that fail together.

    The delay lies between half and the whole of the doubled step, so that forty terminals behind
    one dead switch do not come back in the same instant.
    """
    step: float = FIRST_DELAY_S * 2 ** min(failures - 1, _DOUBLINGS)
    return min(step, LONGEST_DELAY_S) * (0.5 + jitter / 2)
