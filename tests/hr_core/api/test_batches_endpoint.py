"""The contract on the wire: who may send, what is taken, what is refused and in which words."""

import asyncio
import threading
import tracemalloc

import httpx
import pytest
import zstandard

from hr_core.api import batches as endpoint
from hr_core.api import body
from hr_core.store.errors import StorageError
from hr_core.store.events import count_events
from protocols.records import Flag
from protocols.uplink import MAX_BATCH_BYTES, decode_answer, encode_batch
from tests.hr_core.api.running_core import core_app, serving, token_for
from tests.hr_core.ingest.batch_samples import batch_of, observe, punch, punch_batch

PATH = "/api/v1/batches"
JSON = {"Content-Type": "application/json"}
ZSTD = JSON | {"Content-Encoding": "zstd"}


@pytest.fixture
async def core(engine):
    """A client of a running core that carries the gateway's token."""
    headers = {"Authorization": f"Bearer {token_for(engine)}"}
    async with (
        serving(core_app(engine)) as url,
        httpx.AsyncClient(base_url=url, headers=headers, timeout=10) as client,
    ):
        yield client


def stored(engine):
    with engine.connect() as conn:
        return count_events(conn)["punch"]


def error_of(response):
    assert response.headers["Content-Type"] == "application/json"
    error = response.json()["error"]
    assert set(error) == {"code", "what", "remedy"}
    assert error["remedy"]
    return response.status_code, error["code"]


@pytest.mark.parametrize("compressed", [True, False])
async def test_a_batch_is_stored_and_answered(core, engine, compressed):
    batch = punch_batch(3)
    content = encode_batch(batch)
    if compressed:
        response = await core.post(PATH, content=zstandard.compress(content), headers=ZSTD)
    else:
        response = await core.post(PATH, content=content, headers=JSON)
    assert response.status_code == 200
    answer = decode_answer(response.content, batch)
    assert [judged.verdict for judged in answer.verdicts] == ["accepted"] * 3
    assert stored(engine) == 3


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer wrong", "Basic Zzp6", "bearer \xff\xfe", "x" * 8000],
)
async def test_without_the_right_token_nothing_is_taken(core, engine, authorization):
    del core.headers["Authorization"]
    headers = (
        JSON if authorization is None else JSON | {"Authorization": authorization.encode("latin-1")}
    )
    response = await core.post(PATH, content=encode_batch(punch_batch(1)), headers=headers)
    assert error_of(response) == (401, "token_refused")
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert stored(engine) == 0


async def test_a_token_speaks_for_its_own_gateway_only(core, engine):
    batch = batch_of(observe(punch()), gateway="gate-2")
    response = await core.post(PATH, content=encode_batch(batch), headers=JSON)
    assert error_of(response) == (403, "wrong_gateway")
    assert stored(engine) == 0


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"schema":"clockline.batch/2"}',
        b'{"schema":"\xff"}',
        b'{"x":' + b"[" * 100_000,
        encode_batch(punch_batch(1))[:-1],
        encode_batch(punch_batch(1)).replace(b'"number":1', b'"number":9223372036854775808'),
    ],
    ids=["empty", "html", "list", "schema", "utf8", "nesting", "cut", "number"],
)
async def test_what_is_no_batch_is_refused(core, content):
    response = await core.post(PATH, content=content, headers=JSON)
    assert error_of(response) == (422, "not_a_batch")


async def test_a_record_of_a_newer_gateway_holds_up_no_other(core, engine):
    batch = batch_of(observe(punch(1)), observe(punch(2), flags=(Flag.FUTURE,)))
    content = encode_batch(batch).replace(b'["future"]', b'["of_2031"]')
    response = await core.post(PATH, content=content, headers=JSON)
    answer = decode_answer(response.content, batch)
    assert [judged.verdict for judged in answer.verdicts] == ["accepted", "keep"]
    assert stored(engine) == 1


async def test_a_cut_or_foreign_zstd_frame_is_refused(core):
    frame = zstandard.compress(encode_batch(punch_batch(50)))
    response = await core.post(PATH, content=frame[:-9], headers=ZSTD)
    assert response.status_code == 422
    response = await core.post(PATH, content=b"no zstd at all", headers=ZSTD)
    assert error_of(response) == (422, "not_zstd")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Content-Type": "text/plain"}, "not_json"),
        ({}, "not_json"),
        (JSON | {"Content-Encoding": "br"}, "unknown_encoding"),
        (JSON | {"Content-Encoding": "zstd, zstd"}, "unknown_encoding"),
    ],
)
async def test_other_types_and_encodings_are_refused(core, headers, code):
    response = await core.post(PATH, content=encode_batch(punch_batch(1)), headers=headers)
    assert error_of(response) == (415, code)


async def test_a_zstd_bomb_is_stopped_before_it_inflates(core):
    bomb = zstandard.compress(bytes(400 * 1024 * 1024), 19)
    assert len(bomb) < 100_000
    tracemalloc.start()
    tracemalloc.reset_peak()
    response = await core.post(PATH, content=bomb, headers=ZSTD)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert error_of(response) == (413, "too_large")
    assert peak < 4 * MAX_BATCH_BYTES


async def test_a_frame_that_asks_for_a_huge_window_is_refused(core):
    parameters = zstandard.ZstdCompressionParameters(window_log=27, enable_ldm=True)
    compressor = zstandard.ZstdCompressor(compression_params=parameters)
    stream = compressor.compressobj()
    frame = stream.compress(b"{}" * 1000) + stream.flush()
    response = await core.post(PATH, content=frame, headers=ZSTD)
    assert error_of(response) == (422, "not_zstd")


async def test_an_announced_flood_is_refused_unread(core):
    reader, writer = await asyncio.open_connection(core.base_url.host, core.base_url.port)
    authorization = core.headers["Authorization"]
    writer.write(
        f"POST {PATH} HTTP/1.1\r\nHost: core\r\nAuthorization: {authorization}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {MAX_BATCH_BYTES + 1}\r\n\r\n".encode()
    )
    assert (await reader.readline()).startswith(b"HTTP/1.1 413")
    writer.close()
    await writer.wait_closed()


async def test_a_chunked_flood_is_refused_and_not_kept(core, monkeypatch):
    monkeypatch.setattr(body, "MAX_BODY_BYTES", 1_000_000)

    async def flood():
        for _ in range(500):
            yield bytes(65_536)

    tracemalloc.start()
    tracemalloc.reset_peak()
    response = await core.post(PATH, content=flood(), headers=JSON)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert error_of(response) == (413, "too_large")
    assert peak < 8_000_000  # of 32 MB sent


async def test_a_body_that_dawdles_is_given_up(core, monkeypatch):
    monkeypatch.setattr(body, "BODY_TIMEOUT_S", 0.1)

    async def dawdle():
        yield b"{"
        await asyncio.sleep(0.5)
        yield b"}"

    response = await core.post(PATH, content=dawdle(), headers=JSON)
    assert error_of(response) == (408, "body_timeout")


async def test_more_waiting_batches_than_memory_allows_are_asked_to_come_back(
    core, engine, monkeypatch
):
    monkeypatch.setattr(endpoint, "MAX_WAITING", 2)
    release, real = threading.Event(), endpoint.ingest_batch

    def held(*args, **kwargs):
        release.wait(10)
        return real(*args, **kwargs)

    monkeypatch.setattr(endpoint, "ingest_batch", held)
    content = [encode_batch(punch_batch(2, first=2 * n, number=n)) for n in range(3)]
    posts = [asyncio.create_task(core.post(PATH, content=one, headers=JSON)) for one in content]
    done, waiting = await asyncio.wait(posts, return_when=asyncio.FIRST_COMPLETED, timeout=5)
    [refused] = [task.result() for task in done]
    assert error_of(refused) == (503, "core_busy")
    assert refused.headers["Retry-After"].isdigit()
    release.set()
    assert [(await task).status_code for task in waiting] == [200, 200]
    assert stored(engine) == 4


async def test_a_sick_database_is_said_with_its_remedy(core, monkeypatch):
    def sick(*_args, **_kwargs):
        raise StorageError("the disk is full", where="db", remedy="Free space", code="storage_full")

    monkeypatch.setattr(endpoint, "ingest_batch", sick)
    response = await core.post(PATH, content=encode_batch(punch_batch(1)), headers=JSON)
    assert error_of(response) == (503, "storage_full")
    assert int(response.headers["Retry-After"]) >= 10
