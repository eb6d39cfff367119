"""How long to wait before the core is tried again: bounded, jittered, pure."""

from msgspec import Struct

_DOUBLINGS = 32  # keeps 2**n small; the longest wait is reached long before


class Backoff(Struct, frozen=True, kw_only=True):
    """The plan. Seconds; `jitter` of each call is a random number in [0, 1)."""

    first_s: float = 1.0
    longest_s: float = 120.0  # a core that is back gets its punches within two minutes
    refused_s: float = 600.0  # a new token or certificate is noticed without a restart
    # A proxy's mistaken header must not silence a gateway for a day.
    longest_retry_after_s: float = 3600.0

    def after_failure(self, failures: int, *, jitter: float) -> float:
        """The wait after `failures` failures in a row, between half and the whole doubled step.

        Jitter keeps a hundred gateways from coming back in the instant their core does.
        """
        step: float = self.first_s * 2 ** min(failures - 1, _DOUBLINGS)
        return min(step, self.longest_s) * (0.5 + jitter / 2)

    def after_refusal(self, *, jitter: float) -> float:
        return self.refused_s * (0.5 + jitter / 2)

    def after_busy(self, failures: int, retry_after_s: float | None, *, jitter: float) -> float:
        """At least what the core asked for, and never less than the growing step."""
        asked = min(retry_after_s or 0.0, self.longest_retry_after_s)
        return max(asked, self.after_failure(failures, jitter=jitter))
