"""The machine's clock, for everything that takes a `drivers.ports.Clock`."""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def boot_id(*, fallback: str, path: Path = _BOOT_ID) -> str:
    """The kernel's name for this boot. `fallback`, random per start, where there is none:
    monotonic times of two boots must never be compared.
    """
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return fallback
