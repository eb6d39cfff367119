"""A real core on a real socket, inside the test's own event loop."""

import asyncio
import contextlib
from datetime import datetime

from hr_core.api.app import create_app
from hr_core.api.server import serve
from tests.hr_core.ingest.batch_samples import NOW
from tests.hr_core.signed_batches import CORE_KEY


class StoppedClock:
    def now(self) -> datetime:
        return NOW


@contextlib.asynccontextmanager
async def serving(app):
    """Yields http://127.0.0.1:PORT."""
    address = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(
        serve(app, "127.0.0.1", 0, lambda host, port: address.set_result((host, port)))
    )
    try:
        async with asyncio.timeout(5):
            host, port = await address
        yield f"http://{host}:{port}"
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def core_app(engine, **options):
    return create_app(engine, clock=StoppedClock(), core_key=CORE_KEY, **options)
