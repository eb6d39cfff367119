import asyncio
import socket

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from hr_core.api.server import serve
from hr_core.errors import CoreError
from hr_core.store.database import open_database
from tests.hr_core.api.running_core import core_app, serving
from tests.hr_core.ingest.batch_samples import batch_of, count, observe, punch, punch_batch
from tests.hr_core.signed_batches import deliver


async def get(url):
    async with httpx.AsyncClient() as client:
        return await client.get(url)


async def test_counts_per_kind_and_device(engine):
    deliver(engine, punch_batch(3))
    other = batch_of(observe(punch(9, serial="ZK0002")), observe(count()))
    deliver(engine, other)
    async with serving(core_app(engine)) as url:
        response = await get(f"{url}/api/v1/counts")
    assert response.json() == {
        "events": {"punch": 4, "count": 1, "device_event": 0},
        "devices": [
            {"kind": "count", "device": "LINE-1", "events": 1},
            {"kind": "punch", "device": "ZK0001", "events": 3},
            {"kind": "punch", "device": "ZK0002", "events": 1},
        ],
    }


async def test_health_is_the_databases_too(engine, tmp_path):
    async with serving(core_app(engine)) as url:
        response = await get(f"{url}/api/v1/health")
    assert (response.status_code, response.json()["status"]) == (200, "ok")
    empty = open_database(f"sqlite:///{tmp_path}/empty.db")
    async with serving(core_app(empty)) as url:
        response = await get(f"{url}/api/v1/health")
    empty.dispose()
    assert (response.status_code, response.json()["status"]) == (503, "broken")


async def test_pages_can_be_added(engine):
    async def hello(_request):
        return PlainTextResponse("你好")

    async with serving(core_app(engine, extra_routes=[Route("/", hello)])) as url:
        assert (await get(url)).text == "你好"
        assert (await get(f"{url}/api/v1/batches")).status_code == 405
        assert (await get(f"{url}/nothing")).status_code == 404


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "core.example.com"])  # noqa: S104 - refused
async def test_plain_http_to_the_network_needs_a_decision(engine, host):
    with pytest.raises(CoreError, match="plain HTTP") as caught:
        await serve(core_app(engine), host, 0, lambda _host, _port: pytest.fail("listens"))
    assert "proxy" in caught.value.remedy


async def test_with_the_decision_it_listens(engine):
    ready = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(
        serve(
            core_app(engine),
            "0.0.0.0",  # noqa: S104 - the subject
            0,
            lambda _host, port: ready.set_result(port),
            allow_remote=True,
        )
    )
    response = await get(f"http://127.0.0.1:{await ready}/api/v1/health")
    assert response.status_code == 200
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_taken_port_is_named(engine):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CoreError, match=f"port {port}") as caught:
            await serve(core_app(engine), "127.0.0.1", port, print)
    assert "ss -ltnp" in caught.value.remedy


async def test_stopping_frees_the_port_at_once(engine):
    async with serving(core_app(engine)) as url:
        await get(f"{url}/api/v1/health")
    with pytest.raises(httpx.ConnectError):
        await get(f"{url}/api/v1/health")
