"""A database server that does not answer: gateways keep what they have, pages say so."""

import httpx
import pytest

from hr_core.store.database import open_database
from tests.hr_core.api.running_core import core_app
from tests.hr_core.ingest.batch_samples import punch_batch
from tests.hr_core.signed_batches import seal


@pytest.fixture
async def core():
    engine = open_database("postgresql://hr:not-shown@127.0.0.1:1/core")  # nobody listens there
    transport = httpx.ASGITransport(core_app(engine))
    async with httpx.AsyncClient(transport=transport, base_url="http://core") as client:
        yield client
    engine.dispose()


async def test_a_batch_is_to_be_sent_again(core):
    _, body, headers = seal(punch_batch(1))
    answer = await core.post("/api/v1/batches", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "storage_unreachable")
    assert int(answer.headers["Retry-After"]) >= 10
    assert "not-shown" not in answer.text


async def test_the_core_calls_itself_broken(core):
    answer = await core.get("/api/v1/health")
    assert (answer.status_code, answer.json()["status"]) == (503, "broken")
