"""Every way in which a core, or what stands in its place, can answer wrongly."""

import asyncio
import contextlib
import ssl
import subprocess
import sys

import msgspec
import pytest
import zstandard

from protocols.core_signature import sign_batch_answer
from protocols.uplink import Answer, RecordVerdict, Verdict, decode_batch, encode_answer
from sync.errors import (
    ChainForkError,
    ChainGapError,
    CoreBusyError,
    CoreRefusedError,
    CoreUnreachableError,
    RubbishAnswerError,
    UplinkError,
)
from sync.http import MAX_ANSWER_BYTES, HttpTransport
from sync.sealing import Sealer
from tests.hr_core.ingest.batch_samples import punch_batch
from tests.hr_core.signed_batches import CORE_KEY, key_of
from tests.sync.uplink_doubles import (
    IDENTITY,
    Pending,
    answering,
    http_to,
    listening,
    reply,
)

SEALED = Sealer(IDENTITY, site="plant").seal(Pending(5, punch_batch(2).observations))
BATCH = SEALED.batch


def signed(body, status="200 OK", key=CORE_KEY):
    """The reply of our core."""
    signature = sign_batch_answer(key, SEALED.signed, body)
    return reply(status, body, clockline_core_signature=signature)


def accept(batch, number=None):
    return encode_answer(
        Answer(
            number=batch.number if number is None else number,
            batch_hash="ab" * 32,
            verdicts=tuple(
                RecordVerdict(event_id=one.event_id, verdict=Verdict.ACCEPTED)
                for one in batch.observations
            ),
        )
    )


async def failure(answer, *, timeout_s=5.0):
    """The error that `answer` becomes; each must tell what, where, and what to do."""
    async with answering(answer) as (url, _), http_to(url, timeout_s=timeout_s) as transport:
        with pytest.raises(UplinkError) as caught:
            await transport.send(SEALED)
    error = caught.value
    assert error.where == f"core {url}"
    assert error.what
    assert error.remedy
    return error


async def test_the_batch_arrives_whole_and_the_answer_comes_back():
    good = signed(accept(BATCH))
    async with answering(good) as (url, bodies), http_to(url + "/") as transport:
        for _ in range(2):
            answer = await transport.send(SEALED)
            assert [judged.verdict for judged in answer.verdicts] == ["accepted"] * 2
    assert bodies[0] == bodies[1]  # byte-identical when sent again
    assert decode_batch(zstandard.decompress(bodies[0])) == BATCH


async def test_the_request_says_who_and_what():
    heads = []

    async def handle(reader, writer):
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(signed(accept(BATCH)))
        await writer.drain()

    async with listening(handle) as port, http_to(f"http://127.0.0.1:{port}") as transport:
        await transport.send(SEALED)
    lines = heads[0].decode().lower().split("\r\n")
    assert lines[0] == "post /api/v1/batches http/1.1"
    head = {f"{name}: {value}" for name, value in SEALED.signed.as_headers().items()}
    assert head | {"content-encoding: zstd"} <= set(lines)
    assert {"content-type: application/json", "accept-encoding: identity"} <= set(lines)


@pytest.mark.parametrize(
    "body",
    [
        b"<html><body>Welcome to the Wi-Fi</body></html>",
        b"",
        b"{}",
        b'{"schema":"\xff',
        b'{"x":' + b"[" * 100_000,
        accept(BATCH)[:-10],
        accept(BATCH, number=6),
        accept(punch_batch(2, first=7, number=5)),
        accept(punch_batch(1, number=5)),
        accept(punch_batch(3, number=5)),
        b" " * (10 * 1024 * 1024),
    ],
    ids=[
        "html", "empty", "object", "utf8", "nesting", "cut", "number", "other", "few", "more", "10MB",
    ],
)  # fmt: skip
async def test_what_is_no_answer_to_this_batch_settles_nothing(body):
    error = await failure(signed(body))
    assert isinstance(error, RubbishAnswerError)
    assert error.code == "rubbish_answer"


async def test_an_endless_answer_is_cut_at_the_cap():
    sent = 0

    async def endless(_head, _body, writer):
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while sent < 20 * MAX_ANSWER_BYTES:
            writer.write(bytes(65_536))
            await writer.drain()
            sent += 65_536

    assert isinstance(await failure(endless), RubbishAnswerError)
    assert sent < 3 * MAX_ANSWER_BYTES  # the rest is in the sockets' buffers


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ({"Retry_After": "17"}, 17),
        ({}, None),
        ({"Retry_After": "soon"}, None),
        ({"Retry_After": "-5"}, None),
    ],
)
@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
async def test_a_busy_core_is_given_the_time_it_asks_for(status, header, seconds):
    error = await failure(reply(status, **header))
    assert isinstance(error, CoreBusyError)
    assert error.retry_after_s == seconds


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        ("401 Unauthorized", CoreRefusedError, "key_refused"),
        ("403 Forbidden", CoreRefusedError, "key_refused"),
        ("404 Not Found", CoreRefusedError, "wrong_address"),
        ("302 Found", CoreRefusedError, "wrong_address"),
        ("413 Too Large", CoreRefusedError, "batch_refused"),
        ("422 Unprocessable", CoreRefusedError, "batch_refused"),
        ("408 Timeout", CoreUnreachableError, "http_408"),
        ("500 Oops", CoreUnreachableError, "http_500"),
        ("502 Bad Gateway", CoreUnreachableError, "http_502"),
    ],
)
async def test_a_refusal_is_sorted_by_who_must_act(status, kind, code):
    error = await failure(reply(status, b"<html>", Location="http://elsewhere.invalid/"))
    assert type(error) is kind
    assert error.code == code


async def test_the_cores_own_words_reach_the_person_without_control_characters():
    body = msgspec.json.encode({"error": {"code": "c", "what": "no\x1b[2J such " + "x" * 999}})
    error = await failure(reply("401 Unauthorized", body))
    assert error.what.startswith("HTTP 401: no[2J such xxx")
    assert len(error.what) < 350


async def test_nobody_listens():
    async with answering(b"") as (url, _):
        pass
    async with http_to(url) as transport:
        with pytest.raises(CoreUnreachableError) as caught:
            await transport.send(SEALED)
    assert caught.value.code == "core_unreachable"


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{"])
async def test_a_core_that_hangs_up(start):
    assert isinstance(await failure(start), CoreUnreachableError)


async def test_a_core_that_is_no_web_server():
    assert isinstance(await failure(b"SSH-2.0-OpenSSH_9.2\r\n"), CoreUnreachableError)


async def test_a_core_that_drips_is_given_up_in_time():
    async def drip(_head, _body, writer):
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with asyncio.timeout(2):
        error = await failure(drip, timeout_s=0.2)
    assert error.code == "core_timeout"


@pytest.fixture
def certificate(tmp_path):
    """(certificate, key) that signs itself, for 127.0.0.1."""
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-keyout", key, "-out", certificate, "-days", "1", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return certificate, key


async def test_a_certificate_that_nobody_signed_needs_a_person(certificate):
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(*certificate)

    async def handle(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(signed(accept(BATCH)))
        await writer.drain()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=server_side)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        async with http_to(url) as transport:
            with pytest.raises(CoreRefusedError) as caught:
                await transport.send(SEALED)
        assert caught.value.code == "tls_untrusted"
        known = ssl.create_default_context(cafile=certificate[0])
        trusting = HttpTransport(url, IDENTITY, timeout_s=5, verify=known)
        assert (await trusting.send(SEALED)).number == 5
        await trusting.aclose()
    await asyncio.sleep(0.1)  # the server's side of a refused handshake closes in its own time


@pytest.mark.parametrize("url", ["http://core.example.com", "http://10.0.0.9:8080"])
def test_punches_never_leave_the_machine_in_clear(url):
    with pytest.raises(CoreRefusedError) as caught:
        HttpTransport(url, IDENTITY, timeout_s=5)
    assert caught.value.code == "plain_http"
    HttpTransport("http://localhost:1", IDENTITY, timeout_s=5)


def test_the_uplink_itself_does_not_load_httpx():
    code = "import sys, sync.uplink, sync.errors; sys.exit('httpx' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def told(code, **more):
    return msgspec.json.encode({"error": {"code": code, "what": "w", "remedy": "r"}, **more})


HEAD = {"gateway": "gate-1", "number": 3, "batch_hash": "cd" * 32}


async def test_an_unsigned_answer_settles_nothing():
    assert isinstance(await failure(reply("200 OK", accept(BATCH))), RubbishAnswerError)


@pytest.mark.parametrize(
    "answer",
    [
        signed(accept(BATCH), key=key_of("other")),
        reply("200 OK", accept(BATCH), clockline_core_signature="zz"),
        reply("200 OK", accept(BATCH), clockline_core_signature="00" * 64),
        signed(told("chain_gap", head=HEAD), "409 Conflict", key=key_of("other")),
    ],
    ids=["key", "hex", "zeros", "gap"],
)
async def test_another_core_than_the_pinned_one_is_not_obeyed(answer):
    error = await failure(answer)
    assert isinstance(error, CoreRefusedError)
    assert error.code == "wrong_core"


async def test_a_gap_names_the_last_batch_that_the_core_holds():
    error = await failure(signed(told("chain_gap", head=HEAD), "409 Conflict"))
    assert isinstance(error, ChainGapError)
    assert (error.head.number, error.head.batch_hash.hex()) == (3, "cd" * 32)


@pytest.mark.parametrize("head", [None, {"gateway": "g", "number": -1, "batch_hash": "cd" * 32}, 7])
async def test_a_gap_without_a_head_is_rubbish(head):
    error = await failure(signed(told("chain_gap", head=head), "409 Conflict"))
    assert isinstance(error, RubbishAnswerError)


async def test_a_fork_needs_a_person():
    error = await failure(signed(told("chain_fork", head=HEAD), "409 Conflict"))
    assert isinstance(error, ChainForkError)
    assert "SD card" in error.remedy


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("401 No", "unknown_gateway"),
        ("403 No", "key_refused"),
        ("403 No", "key_revoked"),
        ("403 No", "bad_signature"),
    ],
)
async def test_what_is_wrong_with_the_key_is_told_with_the_remedy(status, code):
    error = await failure(reply(status, told(code)))
    assert (type(error), error.code) == (CoreRefusedError, code)
    assert "edge-agent enroll" in error.remedy
