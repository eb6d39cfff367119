"""The contract on the wire: who may send, what is taken, what is refused and in which words."""

import asyncio
import threading
import tracemalloc
from datetime import timedelta

import httpx
import pytest
import zstandard
from msgspec.structs import replace
from starlette.requests import Request

from hr_core.api import batches as endpoint
from hr_core.api import body
from hr_core.api.errors import ApiError
from hr_core.api.refusal_book import WRITE_EVERY_S
from hr_core.store.chains import head_of
from hr_core.store.database import writing
from hr_core.store.errors import StorageError
from hr_core.store.events import count_events
from hr_core.store.gateway_keys import refuse_keys, register_key
from hr_core.store.refusals import refusals_of
from protocols.batch_chain import LAST_NUMBER, NO_BATCH, ChainHead, body_digest
from protocols.core_signature import (
    check_batch_answer,
    check_request_answer,
    decode_head,
    decode_refused_head,
    encode_head,
)
from protocols.errors import ProtocolError
from protocols.records import Flag
from protocols.signed_request import CHAIN_TARGET, DEVICES_TARGET, sign_request
from protocols.signing import SigningKey
from protocols.uplink import MAX_BATCH_BYTES, decode_answer, encode_batch
from tests.hr_core.api.running_core import core_app, serving
from tests.hr_core.ingest.batch_samples import NOW, batch_of, observe, punch, punch_batch
from tests.hr_core.signed_batches import CORE_KEY, enrol, key_of, seal

PATH = "/api/v1/batches"
OTHER = SigningKey(b"other".ljust(32))
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def core(engine):
    """A client of a running core that knows gateway gate-1."""
    enrol(engine)
    async with (
        serving(core_app(engine)) as url,
        httpx.AsyncClient(base_url=url, timeout=10) as client,
    ):
        yield client


def post(core, sealed, **headers):
    _, content, signed_headers = sealed
    return core.post(PATH, content=content, headers=signed_headers | headers)


def stored(engine):
    with engine.connect() as conn:
        return count_events(conn)["punch"]


def head(engine, gateway="gate-1"):
    with engine.connect() as conn:
        return head_of(conn, gateway)


def error_of(response):
    assert response.headers["Content-Type"] == "application/json"
    told = response.json()
    assert set(told) <= {"error", "head"}
    assert set(told["error"]) == {"code", "what", "remedy"}
    assert told["error"]["remedy"]
    return response.status_code, told["error"]["code"]


async def counted(engine, *, within_s=5):
    """(gateway, code, times) of what was refused, once it is written down."""
    async with asyncio.timeout(within_s):
        while True:
            with engine.connect() as conn:
                found = refusals_of(conn)
            if found:
                return [(one.gateway, one.code, one.total) for one in found]
            await asyncio.sleep(0.05)


async def test_a_batch_is_stored_chained_and_answered_with_the_cores_signature(core, engine):
    batch = punch_batch(3)
    sealed = seal(batch)
    response = await post(core, sealed)
    assert response.status_code == 200
    answer = decode_answer(response.content, batch)
    assert [judged.verdict for judged in answer.verdicts] == ["accepted"] * 3
    assert answer.batch_hash == sealed[0].batch_hash().hex() == head(engine).batch_hash.hex()
    signature = response.headers["clockline-core-signature"]
    check_batch_answer(CORE_KEY.public, sealed[0], response.content, signature)
    for wrong in (
        (OTHER.public, sealed[0], response.content),
        (CORE_KEY.public, seal(punch_batch(3, number=2))[0], response.content),
        (CORE_KEY.public, sealed[0], response.content + b" "),
    ):
        with pytest.raises(ProtocolError):
            check_batch_answer(*wrong, signature)
    assert stored(engine) == 3


async def test_without_compression_it_is_another_signed_type(core, engine):
    content = encode_batch(punch_batch(2))
    signed, _, _ = seal(
        punch_batch(2),
        content_type="application/json; coding=identity",
        body_digest=body_digest(content),
    )
    plain = {"Content-Type": "application/json", **signed.as_headers()}
    refused = await core.post(PATH, content=content, headers=plain | {"Content-Encoding": "zstd"})
    assert error_of(refused) == (403, "bad_signature"), "the coding is signed too"
    assert (await core.post(PATH, content=content, headers=plain)).status_code == 200
    assert stored(engine) == 2


@pytest.mark.parametrize(
    ("gateway", "key", "expected"),
    [
        ("gate-9", None, (401, "unknown_gateway")),
        ("gate-1", OTHER, (403, "bad_signature")),
    ],
)
async def test_nobody_else_is_taken_for_the_gateway(core, engine, gateway, key, expected):
    sealed = seal(batch_of(observe(punch()), gateway=gateway), key=key)
    assert error_of(await post(core, sealed)) == expected
    assert stored(engine) == 0


async def test_a_key_is_refused_from_its_date_on_and_the_date_is_said(core, engine):
    with writing(engine) as conn:
        refuse_keys(conn, "gate-1", refused_from=NOW - MINUTE, reason="stolen")
    refused = await post(core, seal(punch_batch(1)))
    assert error_of(refused) == (403, "key_revoked")
    assert "2026-11-21 00:59 UTC" in refused.json()["error"]["what"]
    new = SigningKey(b"new".ljust(32))
    with writing(engine) as conn:
        register_key(conn, "gate-1", new.public, NOW)
    assert error_of(await post(core, seal(punch_batch(1)))) == (403, "key_revoked")
    assert (await post(core, seal(punch_batch(1), key=new))).status_code == 200
    assert stored(engine) == 1


@pytest.mark.parametrize(
    "name",
    [
        "clockline-gateway", "clockline-batch", "clockline-previous", "clockline-records",
        "clockline-root", "clockline-signature",
    ],
)  # fmt: skip
async def test_a_head_that_lacks_a_header_or_has_it_twice_is_none(core, engine, name):
    _, content, headers = seal(punch_batch(1))
    lacking = {key: value for key, value in headers.items() if key != name}
    assert error_of(await core.post(PATH, content=content, headers=lacking)) == (400, "bad_head")
    twice = [*headers.items(), (name, headers[name])]
    assert error_of(await core.post(PATH, content=content, headers=twice)) == (400, "bad_head")
    assert stored(engine) == 0


@pytest.mark.parametrize("name", ["Content-Type", "Content-Encoding"])
async def test_a_doubled_type_or_coding_is_refused(core, name):
    _, content, headers = seal(punch_batch(1))
    twice = [*headers.items(), (name.lower(), headers[name])]
    assert error_of(await core.post(PATH, content=content, headers=twice)) == (400, "bad_head")


@pytest.mark.parametrize("number", [0, LAST_NUMBER + 1, 10**40])
async def test_a_number_that_no_database_holds_is_no_head(core, number):
    sealed = seal(punch_batch(1))
    refused = await post(core, sealed, **{"clockline-batch": str(number)})
    assert error_of(refused) == (400, "bad_head")


@pytest.mark.parametrize("name", ["clockline-batch", "clockline-previous", "clockline-records"])
async def test_a_head_changed_on_the_way_is_not_signed(core, engine, name):
    sealed = seal(punch_batch(1))
    other = {"clockline-batch": "2", "clockline-previous": "11" * 32, "clockline-records": "2"}
    refused = await post(core, sealed, **{name: other[name]})
    assert error_of(refused) == (403, "bad_signature")
    assert stored(engine) == 0


async def test_a_body_that_was_cut_or_changed_is_not_signed(core, engine):
    _, content, headers = seal(punch_batch(50))
    for changed in (content[:-9], content + b"\0", b"", content[:99] + b"x" + content[100:]):
        refused = await core.post(PATH, content=changed, headers=headers)
        assert error_of(refused) == (403, "bad_signature")
    assert stored(engine) == 0
    assert (await core.post(PATH, content=content, headers=headers)).status_code == 200


async def test_the_head_of_another_gateway_proves_nothing(core, engine):
    enrol(engine, "gate-2")
    _, _, theirs = seal(batch_of(observe(punch()), gateway="gate-2"))
    _, content, _ = seal(batch_of(observe(punch())))
    refused = await core.post(PATH, content=content, headers=theirs)
    assert error_of(refused) == (403, "bad_signature")
    body_of_other = seal(
        batch_of(observe(punch())),
        content=encode_batch(batch_of(observe(punch()), gateway="gate-2")),
    )
    assert error_of(await post(core, body_of_other)) == (422, "head_mismatch")
    assert stored(engine) == 0


async def test_a_replayed_batch_changes_nothing_and_a_reordered_one_is_not_taken(core, engine):
    first = seal(punch_batch(2))
    second = seal(punch_batch(2, first=2, number=2), previous=first[0].batch_hash())
    third = seal(punch_batch(2, first=4, number=3), previous=second[0].batch_hash())
    assert (await post(core, first)).status_code == 200
    refused = await post(core, third)
    assert error_of(refused) == (409, "chain_gap")
    assert decode_refused_head(refused.content) == head(engine)
    check_batch_answer(
        CORE_KEY.public, third[0], refused.content, refused.headers["clockline-core-signature"]
    )
    for sealed in (second, third):
        assert (await post(core, sealed)).status_code == 200
    replayed = await post(core, first)
    answer = decode_answer(replayed.content, punch_batch(2))
    assert [judged.verdict for judged in answer.verdicts] == ["duplicate"] * 2
    assert head(engine).number == 3
    assert stored(engine) == 6


async def test_the_same_batch_compressed_otherwise_is_the_same_batch(core, engine):
    batch = punch_batch(40)
    first, again = seal(batch, level=1), seal(batch, level=19)
    assert first[0].batch_hash() != again[0].batch_hash()
    await post(core, first)
    answer = decode_answer((await post(core, again)).content, batch)
    assert answer.batch_hash == first[0].batch_hash().hex()
    after = seal(punch_batch(1, first=50, number=2), previous=bytes.fromhex(answer.batch_hash))
    assert (await post(core, after)).status_code == 200


@pytest.mark.parametrize("what", ["other records", "other predecessor"])
async def test_a_fork_is_refused_and_both_batches_are_named(core, engine, what):
    first = seal(punch_batch(2))
    await post(core, first)
    here = head(engine)
    if what == "other records":
        fork = seal(punch_batch(2, first=7))
    else:
        fork = seal(punch_batch(2, first=7, number=2), previous=bytes([7]) * 32)
    refused = await post(core, fork)
    assert error_of(refused) == (409, "chain_fork")
    told = refused.json()
    assert here.batch_hash.hex()[:16] in told["error"]["what"]
    assert fork[0].batch_hash().hex()[:16] in told["error"]["what"]
    assert "SD card" in told["error"]["remedy"]
    assert decode_refused_head(refused.content) == here
    assert stored(engine) == 2


async def ask(core, nonce, *, ours=NO_BATCH, key=None, gateway="gate-1", target=CHAIN_TARGET):
    """(question, answer)"""
    question = encode_head(gateway, ours)
    request = sign_request(key or key_of(), gateway, target, nonce=nonce, body=question)
    return request, await core.post("/api/v1/chain", content=question, headers=request.as_headers())


async def test_a_gateway_may_ask_where_its_chain_ends(core, engine):
    request, response = await ask(core, bytes(16))
    signature = response.headers["clockline-core-signature"]
    assert decode_head(response.content) == NO_BATCH
    check_request_answer(CORE_KEY.public, request, response.content, signature)
    await post(core, seal(punch_batch(2)))
    later, response = await ask(core, bytes([1]) * 16)
    assert decode_head(response.content) == head(engine)
    with pytest.raises(ProtocolError):  # an old answer to a new question
        check_request_answer(CORE_KEY.public, later, response.content, signature)
    assert error_of((await ask(core, bytes(16), key=OTHER))[1]) == (403, "bad_signature")
    stranger = await ask(core, bytes(16), gateway="gate-9")
    assert error_of(stranger[1]) == (401, "unknown_gateway")
    assert error_of(await core.post("/api/v1/chain")) == (400, "bad_head")
    elsewhere = await ask(core, bytes(16), target=DEVICES_TARGET)
    assert error_of(elsewhere[1]) == (403, "bad_signature")
    rubbish = sign_request(key_of(), "gate-1", CHAIN_TARGET, nonce=bytes(16), body=b"[")
    refused = await core.post("/api/v1/chain", content=b"[", headers=rubbish.as_headers())
    assert error_of(refused) == (422, "not_a_head")
    flood = await core.post("/api/v1/chain", content=bytes(5_000), headers=rubbish.as_headers())
    assert error_of(flood) == (413, "too_large")


@pytest.mark.parametrize(
    ("ours", "code"),
    [
        (lambda chain: chain[2], None),
        (lambda chain: chain[1], None),  # an answer was lost
        (lambda chain: NO_BATCH, None),  # a new spool
        (lambda chain: chain[0], "chain_fork"),  # an old copy of the spool
        (lambda chain: replace(chain[2], batch_hash=bytes(32)), "chain_fork"),
        (lambda chain: ChainHead(number=4, batch_hash=bytes(32)), "chain_gap"),
    ],
    ids=["same", "one-behind", "new", "old-copy", "other", "ahead"],
)
async def test_the_core_sees_that_two_chains_differ_when_it_is_asked(core, engine, ours, code):
    chain = []
    for number in (1, 2, 3):
        previous = chain[-1].batch_hash if chain else NO_BATCH.batch_hash
        sealed = seal(punch_batch(1, first=number, number=number), previous=previous)
        assert (await post(core, sealed)).status_code == 200
        chain.append(head(engine))
    _, response = await ask(core, bytes(16), ours=ours(chain))
    assert decode_head(response.content) == chain[2], "the answer is the head in any case"
    if code is None:
        await asyncio.sleep(WRITE_EVERY_S + 0.2)
        with engine.connect() as conn:
            assert refusals_of(conn) == []
    else:
        assert await counted(engine) == [("gate-1", code, 1)]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"schema":"clockline.batch/3"}',
        b'{"schema":"\xff"}',
        b'{"x":' + b"[" * 100_000,
        b"[" * 10_000_000,
        encode_batch(punch_batch(1))[:-1],
    ],
    ids=["empty", "html", "list", "schema", "utf8", "nesting", "nested-10MB", "cut"],
)
async def test_what_is_no_batch_is_refused_even_when_it_is_signed(core, content):
    refused = await post(core, seal(punch_batch(1), content=content))
    assert error_of(refused) == (422, "not_a_batch")


async def test_refusals_are_counted_and_logged_once_and_the_honest_gateway_goes_on(
    core, engine, caplog
):
    forged = seal(punch_batch(1), key=OTHER)
    for _ in range(5):
        await post(core, forged)
    for number in range(3):
        await post(core, seal(batch_of(observe(punch()), gateway=f"made-up-{number}")))
    assert (await post(core, seal(punch_batch(2)))).status_code == 200
    assert await counted(engine) == [("", "unknown_gateway", 3), ("gate-1", "bad_signature", 5)]
    told = [one.getMessage() for one in caplog.records if "refused" in one.getMessage()]
    assert len(told) == 2
    await post(core, forged)
    async with asyncio.timeout(5):
        while ("gate-1", "bad_signature", 6) not in await counted(engine):
            await asyncio.sleep(0.05)
    assert len([one for one in caplog.records if "refused" in one.getMessage()]) == 2
    assert stored(engine) == 2


async def test_a_gateway_whose_clock_is_in_1970_is_refused_only_when_it_hides_it(core, engine):
    never_set = {"received_at": NOW.replace(year=1970)}
    batch = batch_of(
        observe(punch(1), **never_set),
        observe(punch(2), **never_set, flags=(Flag.GATEWAY_CLOCK_SUSPECT,)),
    )
    answer = decode_answer((await post(core, seal(batch))).content, batch)
    assert [(one.verdict, one.code) for one in answer.verdicts] == [
        ("rejected", "gateway_clock_unset"),
        ("accepted", None),
    ]
    assert await counted(engine) == [("gate-1", "gateway_clock_unset", 1)]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Content-Type": "text/plain"}, "not_json"),
        ({"Content-Type": ""}, "not_json"),
    ],
)
async def test_other_types_are_refused(core, headers, code):
    assert error_of(await post(core, seal(punch_batch(1)), **headers)) == (415, code)


@pytest.mark.parametrize("coding", ["br", "zstd, zstd"])
async def test_other_codings_are_refused_even_when_they_are_signed(core, coding):
    sealed = seal(punch_batch(1), content_type=f"application/json; coding={coding}")
    refused = await post(core, sealed, **{"Content-Encoding": coding})
    assert error_of(refused) == (415, "unknown_encoding")


async def test_a_zstd_bomb_is_stopped_before_it_inflates(core):
    bomb = seal(punch_batch(1), content=bytes(400 * 1024 * 1024), level=19)
    assert len(bomb[1]) < 100_000
    tracemalloc.start()
    tracemalloc.reset_peak()
    response = await post(core, bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert error_of(response) == (413, "too_large")
    assert peak < 4 * MAX_BATCH_BYTES


async def test_an_unsigned_bomb_is_not_even_opened(core, monkeypatch):
    monkeypatch.setattr(endpoint, "inflate", lambda *_: pytest.fail("inflated unproven bytes"))
    bomb = seal(punch_batch(1), content=bytes(1024 * 1024), key=OTHER)
    assert error_of(await post(core, bomb)) == (403, "bad_signature")


async def test_a_frame_that_asks_for_a_huge_window_or_is_cut_is_refused(core):
    parameters = zstandard.ZstdCompressionParameters(window_log=27, enable_ldm=True)
    stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    frame = stream.compress(b"{}" * 1000) + stream.flush()
    whole = seal(punch_batch(1))[1]
    for content, code in ((frame, "not_zstd"), (b"no zstd", "not_zstd"), (whole[:-9], None)):
        _, _, headers = seal(punch_batch(1), body_digest=body_digest(content))
        refused = await core.post(PATH, content=content, headers=headers)
        status, told = error_of(refused)
        assert status == 422
        assert code is None or told == code


async def test_an_announced_flood_is_refused_unread(core):
    reader, writer = await asyncio.open_connection(core.base_url.host, core.base_url.port)
    _, _, headers = seal(punch_batch(1))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(
        f"POST {PATH} HTTP/1.1\r\nHost: core\r\n{lines}"
        f"Content-Length: {MAX_BATCH_BYTES + 1}\r\n\r\n".encode()
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
    response = await core.post(PATH, content=flood(), headers=seal(punch_batch(1))[2])
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

    response = await core.post(PATH, content=dawdle(), headers=seal(punch_batch(1))[2])
    assert error_of(response) == (408, "body_timeout")


async def test_a_body_that_breaks_off_is_no_slow_one():
    sent = iter(
        [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    )

    async def receive():
        return next(sent)

    request = Request({"type": "http", "headers": []}, receive)
    with pytest.raises(ApiError, match="after 1 bytes") as refusal:
        await body.read_body(request)
    assert (refusal.value.status, refusal.value.code) == (400, "body_cut")


async def test_more_waiting_batches_than_memory_allows_are_asked_to_come_back(
    core, engine, monkeypatch
):
    monkeypatch.setattr(endpoint, "MAX_WAITING", 2)
    for name in ("gate-2", "gate-3"):
        enrol(engine, name)
    release, real = threading.Event(), endpoint.ingest_batch

    def held(*args, **kwargs):
        release.wait(10)
        return real(*args, **kwargs)

    monkeypatch.setattr(endpoint, "ingest_batch", held)
    sealed = [
        seal(batch_of(observe(punch(n)), gateway=f"gate-{n}"), key=key_of(f"gate-{n}"))
        for n in range(1, 4)
    ]
    posts = [asyncio.create_task(post(core, one)) for one in sealed]
    done, waiting = await asyncio.wait(posts, return_when=asyncio.FIRST_COMPLETED, timeout=5)
    [refused] = [task.result() for task in done]
    assert error_of(refused) == (503, "core_busy")
    assert refused.headers["Retry-After"].isdigit()
    release.set()
    assert [(await task).status_code for task in waiting] == [200, 200]
    assert stored(engine) == 2


async def test_a_sick_database_is_said_with_its_remedy(core, monkeypatch):
    def sick(*_args, **_kwargs):
        raise StorageError("the disk is full", where="db", remedy="Free space", code="storage_full")

    monkeypatch.setattr(endpoint, "ingest_batch", sick)
    response = await post(core, seal(punch_batch(1)))
    assert error_of(response) == (503, "storage_full")
    assert int(response.headers["Retry-After"]) >= 10
