"""A device that speaks by itself and keeps no log: there is nothing to count and nothing to fetch."""

from collections.abc import AsyncIterator

from typing_extensions import override

from drivers.contract import Delivery, Driver, LogCount


class TalkingDriver(Driver):
    """For Mode.TALKS; what it says comes through `live` alone."""

    @override
    async def count(self) -> LogCount:
        return LogCount(records=None)

    @override
    async def fetch(self, cursor: bytes | None) -> AsyncIterator[Delivery]:
        """Ends at once, without a page."""
        nothing: tuple[Delivery, ...] = ()
        for delivery in nothing:
            yield delivery
