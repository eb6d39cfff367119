"""People who punch while a claim disturbs what is behind the terminals."""

import asyncio
import random
from datetime import timedelta

from tests.reliability.site import PEOPLE, RigSite, RigTerminal, row_at, wall


class Plant:
    """Terminals at which people punch all the time, each person at most once a second."""

    def __init__(self, site: RigSite, terminals: list[RigTerminal], draw: random.Random) -> None:
        self._site, self._terminals, self._draw = site, terminals, draw
        self._moment = wall() - timedelta(minutes=50)

    async def punch(self) -> None:
        self._moment += timedelta(seconds=1)
        person = self._draw.randrange(1, PEOPLE + 1)
        await self._site.punch(self._draw.choice(self._terminals), row_at(self._moment, person))

    async def punch_for(self, seconds: float) -> None:
        """For ever when cancelled late; about 40 punches a second."""
        ends = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < ends:
            await self.punch()
            await asyncio.sleep(self._draw.uniform(0, 0.05))
