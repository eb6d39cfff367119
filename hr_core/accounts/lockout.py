"""How long a name waits after failed logins: growing, so that guessing stops and a typo does not."""

from datetime import datetime, timedelta

from msgspec import Struct

FREE_FAILURES = 4  # a person who mistypes, or tries the passwords of other places
_FIRST_WAIT = timedelta(seconds=30)
# At most 96 guesses a day for one name. Longer, and whoever knows a name could keep its owner out
# for a shift; hr-core account unlock ends a wait at once.
LONGEST_WAIT = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=24)


class Failures(Struct, frozen=True):
    """Of one name, somebody's or nobody's. `wait_until` None: the next attempt counts."""

    count: int = 0
    wait_until: datetime | None = None

    def wait_s(self, now: datetime) -> int:
        """0 when an attempt counts now."""
        if self.wait_until is None or self.wait_until <= now:
            return 0
        return int((self.wait_until - now).total_seconds()) + 1

    def one_more(self, now: datetime) -> "Failures":
        count = self.count + 1
        wait = wait_after(count)
        return Failures(count, now + wait if wait else None)


def wait_after(failures: int) -> timedelta:
    """0 s for the first four, then 30 s, 1, 2, 4, 8 and 15 minutes."""
    if failures <= FREE_FAILURES:
        return timedelta()
    doublings = min(failures - FREE_FAILURES - 1, 10)  # beyond it the cap has long been reached
    return min(_FIRST_WAIT * (1 << doublings), LONGEST_WAIT)
