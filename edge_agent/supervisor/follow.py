"""A device that got another address (router restart, DHCP) is found by its serial and followed.

Only the networks that the site file names are looked at, and only for a device whose serial is
known. Whoever else answers there is asked for its identity and left alone.
"""

from collections.abc import Sequence

from msgspec import Struct

from drivers.contract import DeviceConfig, DriverContext, Findable
from drivers.errors import DriverError, LinkDownError, WrongDeviceError
from drivers.ports import Clock

# One failure is a blip, two are worth a look around; the second comes within seconds.
BLIPS = 1
LOOK_EVERY_S = 30.0  # twice within the minute in which a moved device is to be found
# So long a router and a terminal may take to come back. Who is gone for longer is switched off, and
# its neighbours are not to be asked twice a minute all night.
SEARCH_S = 900.0


class Move(Struct, frozen=True, kw_only=True):
    """`config` holds the new address; `told` says old and new for people."""

    config: DeviceConfig
    serial: str
    told: str


class Follower:
    """For one device. `driver` is its class, which is what can be asked; a reload of the site file
    may change `networks`.
    """

    def __init__(
        self, driver: Findable, networks: Sequence[str], context: DriverContext, clock: Clock
    ) -> None:
        self._driver = driver
        self.networks = networks
        self._context = context
        self._clock = clock
        self._looked_at_s = float("-inf")
        self._missed_since_s: float | None = None

    def settled(self) -> None:
        """The device has answered, wherever."""
        self._missed_since_s = None

    def wait_s(self, usual_s: float) -> float:
        """Until it is tried again: while it may still turn up elsewhere, not past the next look."""
        since_s = self._missed_since_s
        if since_s is None or self._clock.monotonic() - since_s > SEARCH_S:
            return usual_s
        return min(usual_s, LOOK_EVERY_S)

    async def look(
        self, config: DeviceConfig, known_serial: str | None, error: DriverError, *, failures: int
    ) -> Move | None:
        """Where the device is now, if `error` is what a moved one causes and it is found."""
        serial = getattr(config, "serial", None) or known_serial
        if serial is None or config.follow == "off" or not _speaks_of_a_move(error, failures):
            return None
        now_s = self._clock.monotonic()
        if self._missed_since_s is None and self.networks:
            self._missed_since_s = now_s
        if not self.networks or now_s - self._looked_at_s < LOOK_EVERY_S:
            return None
        self._looked_at_s = now_s
        found = await self._driver.find(config, serial, self.networks, self._context)
        if found is None or found == config:
            return None
        old, new = self._driver.address(config), self._driver.address(found)
        return Move(config=found, serial=serial, told=f"{old} → {new}")


def _speaks_of_a_move(error: DriverError, failures: int) -> bool:
    if isinstance(error, WrongDeviceError):
        return True
    return isinstance(error, LinkDownError) and failures > BLIPS
