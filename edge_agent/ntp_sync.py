"""What the machine's time service says: systemd-timesyncd touches a file at each synchronisation.

Other services (chrony, ntpd) leave no such file; under them a clock that was wrong in the future is
believed again once real time has passed it, as without any service. The kernel's own flag would be
more general, but the unit's ProtectClock= forbids to read it.
"""

from datetime import UTC, datetime
from pathlib import Path

SYNCHRONISED = Path("/run/systemd/timesync/synchronized")


class NtpSync:
    """Looks at the file when asked."""

    def __init__(self, path: Path = SYNCHRONISED) -> None:
        self._path = path
        self._told: int | None = None

    def reference(self) -> datetime | None:
        """The time of a synchronisation that was not told before, by the clock as it was set then:
        a moment ago, when this is asked every few seconds. None for no news.
        """
        try:
            touched = self._path.stat().st_mtime_ns
        except OSError:
            return None
        if touched == self._told:
            return None
        self._told = touched
        return datetime.fromtimestamp(touched / 1e9, UTC)
