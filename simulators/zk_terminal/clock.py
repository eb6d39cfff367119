"""The clock in a terminal: it is set wrong, runs too fast, and jumps when its battery fails."""

from datetime import datetime, timedelta

from simulators.zk_terminal.config import TerminalConfig

_MILLION = 1_000_000


class TerminalClock:
    """Runs from the moment it is made, which is when the terminal is switched on."""

    def __init__(self, config: TerminalConfig) -> None:
        self._place = config.clock
        self._drift = config.clock_drift_ppm / _MILLION
        self._jump = timedelta(seconds=config.clock_jump_s)
        self._jumps_at: datetime | None = None
        self._set_at = self._place()
        self._offset = timedelta(seconds=config.clock_offset_s)
        if config.clock_jump_after_s is not None:
            self._jumps_at = self._set_at + timedelta(seconds=config.clock_jump_after_s)

    def now(self) -> datetime:
        """What it shows."""
        place = self._place()
        if self._jumps_at is not None and place >= self._jumps_at:
            self._jumps_at = None
            self._offset += self._jump
        return place + self._offset + (place - self._set_at) * self._drift

    def show(self, time: datetime) -> None:
        """Somebody sets it to `time`; from here on it drifts anew."""
        self._set_at = self._place()
        self._offset = time - self._set_at

    def run_ahead(self, offset: timedelta) -> None:
        """Of the place's time."""
        self.show(self._place() + offset)
