"""Batches in columns on the wire: stored, judged behind, and their verdicts asked for."""

import asyncio

import httpx
import msgspec
import pytest

from hr_core.api.page_judge import PageJudge
from hr_core.ingest import pages
from hr_core.store.database import writing
from hr_core.store.errors import StorageError
from hr_core.store.events import count_events
from hr_core.store.gateway_keys import register_key
from protocols.batch_chain import NO_BATCH
from protocols.column_batch import COLUMNS_TYPE
from protocols.core_signature import (
    SIGNATURE_HEADER,
    check_batch_answer,
    check_request_answer,
    decode_named_head,
    encode_head,
)
from protocols.signed_request import CHAIN_TARGET, answer_target, sign_request
from protocols.uplink import decode_answer
from tests.hr_core.api.running_core import core_app, serving
from tests.hr_core.ingest.batch_samples import GATEWAY, NOW
from tests.hr_core.ingest.test_ingest_columns import a_batch, in_columns
from tests.hr_core.signed_batches import CORE_KEY, enrol, key_of, seal

PATH = "/api/v1/batches"


@pytest.fixture
async def core(engine):
    enrol(engine)
    async with (
        serving(core_app(engine)) as url,
        httpx.AsyncClient(base_url=url, timeout=10) as client,
    ):
        yield client


@pytest.fixture
def idle_judge(monkeypatch):
    """A core that stores and never comes to judging."""
    monkeypatch.setattr(PageJudge, "kick", lambda _judge: None)


def post(core, signed, body):
    headers = signed.as_headers() | {"Content-Type": COLUMNS_TYPE, "Content-Encoding": "identity"}
    return core.post(PATH, content=body, headers=headers)


async def ask(core, number, *, gateway=GATEWAY):
    """(response, request), the core's signature checked."""
    target = answer_target(number)
    request = sign_request(key_of(gateway), gateway, target, nonce=bytes(16))
    response = await core.get(target.partition(" ")[2], headers=request.as_headers())
    if response.is_success:
        said = response.headers[SIGNATURE_HEADER]
        check_request_answer(CORE_KEY.public, request, response.content, said)
    return response


def stored(engine):
    with engine.connect() as conn:
        return count_events(conn)["punch"]


async def test_stored_then_judged(core, engine):
    batch = a_batch()
    signed, body = in_columns(batch)
    response = await post(core, signed, body)
    assert response.status_code == 202
    said = response.headers[SIGNATURE_HEADER]
    check_batch_answer(CORE_KEY.public, signed, response.content, said)
    assert response.json() == {
        "schema": "clockline.stored/1",
        "number": 1,
        "batch_hash": signed.batch_hash().hex(),
    }
    response = await ask(core, 1)
    assert response.status_code == 200
    answer = decode_answer(response.content, batch)
    assert answer.batch_hash == signed.batch_hash().hex()
    assert {one.verdict for one in answer.verdicts} == {"accepted"}
    assert stored(engine) == 20


async def test_sent_again_it_is_answered_as_it_was(core, engine):
    signed, body = in_columns(a_batch())
    await post(core, signed, body)
    first = await ask(core, 1)
    again = await post(core, signed, body)
    assert (again.status_code, again.content) == (200, first.content)
    assert stored(engine) == 20


async def test_the_json_form_of_a_stored_batch_is_that_batch(core, engine, idle_judge):
    signed, body = in_columns(a_batch())
    assert (await post(core, signed, body)).status_code == 202
    assert (await ask(core, 1)).status_code == 202
    _, content, headers = seal(a_batch())
    response = await core.post(PATH, content=content, headers=headers)
    answer = decode_answer(response.content, a_batch())
    assert answer.batch_hash == signed.batch_hash().hex()
    assert {one.verdict for one in answer.verdicts} == {"duplicate"}
    assert stored(engine) == 20


async def test_what_a_crash_has_left_is_judged_at_the_start(engine):
    enrol(engine)
    signed, body = in_columns(a_batch())
    pages.store_page(engine, signed, key_of().public, body, received_at=NOW)
    async with serving(core_app(engine)):
        async with asyncio.timeout(5):
            while stored(engine) < 20:
                await asyncio.sleep(0.01)


async def test_a_sick_disk_is_told_to_who_asks_and_judging_goes_on_later(core, engine, monkeypatch):
    signed, body = in_columns(a_batch())
    sick = StorageError("the disk is full", where="here", remedy="free it", code="storage_full")

    def fail(*_args, **_more):
        raise sick

    with monkeypatch.context() as broken:
        broken.setattr("hr_core.api.page_judge.judge_next_page", fail)
        assert (await post(core, signed, body)).status_code == 202
        response = await ask(core, 1)
        assert (response.status_code, response.json()["error"]["code"]) == (503, "storage_full")
    assert (await ask(core, 1)).status_code == 200
    assert stored(engine) == 20


async def test_only_its_own_gateway_gets_an_answer(core, engine):
    with writing(engine) as conn:
        register_key(conn, "gate-2", key_of("gate-2").public, NOW)
    await post(core, *in_columns(a_batch()))
    for number, gateway in ((1, "gate-2"), (2, GATEWAY), (2**63, GATEWAY)):
        response = await ask(core, number, gateway=gateway)
        assert (response.status_code, response.json()["error"]["code"]) == (404, "no_answer")
    assert (await ask(core, 1, gateway="stranger")).status_code == 401


@pytest.mark.parametrize(
    ("changes", "content", "told"),
    [
        ({}, b"CLCB\x01rubbish", (403, "bad_signature")),
        ({"records": 19}, None, (422, "head_mismatch")),
        ({"number": 2}, None, (422, "head_mismatch")),
        ({"previous": bytes([1]) * 32}, None, (409, "chain_fork")),
    ],
)
async def test_what_is_refused_stores_nothing(core, engine, changes, content, told):
    signed, body = in_columns(a_batch(), **changes)
    response = await post(core, signed, content or body)
    assert (response.status_code, response.json()["error"]["code"]) == told
    assert (await ask(core, 1)).status_code == 404


async def test_the_head_names_what_the_core_reads(core):
    body = encode_head(GATEWAY, NO_BATCH)
    request = sign_request(key_of(), GATEWAY, CHAIN_TARGET, nonce=bytes(16), body=body)
    headers = request.as_headers() | {"Content-Type": "application/json"}
    response = await core.post("/api/v1/chain", content=body, headers=headers)
    assert decode_named_head(response.content).takes == (COLUMNS_TYPE,)
    assert msgspec.json.decode(response.content)["takes"] == [COLUMNS_TYPE]
