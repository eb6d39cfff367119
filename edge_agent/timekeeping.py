"""Whether the gateway's own clock can be trusted, and what to write while it cannot.

A small box without a battery for its clock starts in 1970, or where it was switched off. Punches
are stored all the same: with a receipt time that only grows, and the flag that says what it is
worth. When the clock is set, the measured step corrects them (`Spool.correct_received_at`).
"""

from datetime import datetime, timedelta

from msgspec import Struct

from drivers.ports import Clock
from protocols.records import Flag

# Time services slew what is less (systemd-timesyncd 0.4 s, ntpd 0.128 s) and step what is more;
# between two reads of a busy box less than this passes.
STEP = timedelta(milliseconds=500)

# A clock that goes back by less was corrected, not lost.
BACKWARD_TOLERANCE = timedelta(seconds=60)


class Stamp(Struct, frozen=True, kw_only=True):
    """A receipt: aware UTC, the monotonic second, and what the time is worth."""

    received_at: datetime
    monotonic_s: float
    flags: tuple[Flag, ...] = ()


class ClockStep(Struct, frozen=True, kw_only=True):
    """The wall clock moved by `step` against the monotonic one.

    trusted      whether it can be trusted now
    regained     trust came back with this step: receipts flagged until now are wrong by `step`
    suspect_zero the wall time that the timeline before the step gives to monotonic zero
    """

    step: timedelta
    trusted: bool
    regained: bool
    suspect_zero: datetime


class Timekeeper:
    """Believes the wall clock unless it is earlier than a time that has certainly passed.

    last_stored  latest trusted receipt in the spool, None in an empty one
    floor        a date in the past when this release was made

    While the clock is not believed, receipts follow the last timeline by the monotonic counter:
    they keep their order and distances whatever the wall clock does meanwhile.
    """

    def __init__(self, clock: Clock, last_stored: datetime | None, floor: datetime) -> None:
        self._clock = clock
        self._passed = floor if last_stored is None else max(floor, last_stored)
        wall, monotonic = self._read()
        self._zero = wall - monotonic
        self._trusted = self._believable(wall)

    @property
    def trusted(self) -> bool:
        return self._trusted

    def stamp(self) -> Stamp:
        """The receipt time of what arrives now. Never fails, never refuses."""
        wall, monotonic = self._read()
        if self._trusted and self._believable(wall):
            self._passed = max(self._passed, wall)
            return Stamp(received_at=wall, monotonic_s=monotonic.total_seconds())
        return Stamp(
            received_at=self._zero + monotonic,
            monotonic_s=monotonic.total_seconds(),
            flags=(Flag.GATEWAY_CLOCK_SUSPECT,),
        )

    def check(self) -> ClockStep | None:
        """Call every second or so: tells a step of the wall clock, and trust lost or regained."""
        wall, monotonic = self._read()
        if self._believable(wall):
            return self._follow(wall, monotonic)
        if not self._trusted:
            return None
        self._trusted = False
        return ClockStep(
            step=wall - (self._zero + monotonic),
            trusted=False,
            regained=False,
            suspect_zero=self._zero,
        )

    def confirm(self, reference: datetime) -> ClockStep | None:
        """Someone who knows (the time service, see `ntp_sync`) says that it is `reference` now.

        The only way back for a clock that was set right after a spell in the future: by the rule
        above it is earlier than times that seemed to have passed.
        """
        wall, monotonic = self._read()
        if abs(wall - reference) > BACKWARD_TOLERANCE:
            return None
        self._passed = min(self._passed, wall)
        return self._follow(wall, monotonic)

    def _follow(self, wall: datetime, monotonic: timedelta) -> ClockStep | None:
        before, regained = self._zero, not self._trusted
        self._trusted = True
        self._passed = max(self._passed, wall)
        self._zero = wall - monotonic
        step = self._zero - before
        if not regained and abs(step) < STEP:
            return None
        return ClockStep(step=step, trusted=True, regained=regained, suspect_zero=before)

    def _believable(self, wall: datetime) -> bool:
        return wall >= self._passed - BACKWARD_TOLERANCE

    def _read(self) -> tuple[datetime, timedelta]:
        return self._clock.now(), timedelta(seconds=self._clock.monotonic())
