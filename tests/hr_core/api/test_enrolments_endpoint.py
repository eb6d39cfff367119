"""POST /api/v1/enrolments over a real socket: caps, limits, signatures, one line in the log each."""

import asyncio

import httpx
import pytest

import hr_core.store.all_tables
from hr_core.api import attempts as limits
from hr_core.api.attempts import BURST, MAX_SOURCES, PER_SECOND, Attempts
from hr_core.api.enrolments import EnrolmentDesk
from hr_core.enrolment import TokenOrder, issue_token
from hr_core.store.database import open_database, writing
from hr_core.store.gateway_log import acts
from protocols.enrolment import (
    ENROLMENTS_PATH,
    MAX_MESSAGE_BYTES,
    ROTATION_PATH,
    STATUS_PATH,
    EnrolmentAnswer,
    KeyReport,
    KeyStatus,
    RotationAnswer,
    ask_status,
    ask_to_enrol,
    ask_to_rotate,
    encode,
    read_answer,
)
from protocols.enrolment_token import EnrolmentToken, decode_token
from protocols.signing import SigningKey
from tests.hr_core.api.running_core import StoppedClock, core_app, serving
from tests.hr_core.ingest.batch_samples import NOW

CORE, KEY, NEW = (SigningKey(bytes([number] * 32)) for number in (1, 2, 3))
assert hr_core.store.all_tables


class Seconds:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
async def desk(engine):
    desk = EnrolmentDesk(engine, CORE, now=StoppedClock().now, monotonic=Seconds())
    app = core_app(engine, extra_routes=desk.routes())
    async with serving(app) as url, httpx.AsyncClient(base_url=url) as client:
        yield client


@pytest.fixture
def token(engine):
    order = TokenOrder(gateway="gw-1", site="plant")
    text, _ = issue_token(
        engine, order, core_public=CORE.public, now=NOW, secret=bytes(16), source="ann"
    )
    return decode_token(text)


def code(answer):
    return answer.json()["error"]["code"]


def log(engine):
    with engine.connect() as conn:
        return [(act.act, act.detail) for act in acts(conn)][1:]


async def test_a_whole_life(desk, token, engine):
    request = encode(ask_to_enrol(token, KEY))
    answers = [await desk.post(ENROLMENTS_PATH, content=request) for _ in range(2)]
    assert answers[0].content == answers[1].content
    enrolled = read_answer(answers[0].content, EnrolmentAnswer, CORE.public)
    assert (enrolled.gateway, enrolled.site, enrolled.valid_from) == ("gw-1", "plant", NOW)

    query = ask_status("gw-1", KEY, CORE.public, nonce=bytes(16))
    answer = await desk.post(STATUS_PATH, content=encode(query))
    assert read_answer(answer.content, KeyReport, CORE.public).status is KeyStatus.IN_FORCE

    rotation = encode(ask_to_rotate("gw-1", KEY, NEW, CORE.public))
    answer = await desk.post(ROTATION_PATH, content=rotation)
    assert read_answer(answer.content, RotationAnswer, CORE.public).public_key == NEW.public
    assert log(engine) == [("enrolled", ""), ("enrolled", ""), ("rotated", "")]


async def test_refusals_have_codes_and_one_line_each(desk, token, engine):
    await desk.post(ENROLMENTS_PATH, content=encode(ask_to_enrol(token, KEY)))
    stranger = EnrolmentToken(
        secret=bytes([9] * 16), gateway="gw-1", core_public=CORE.public, expires_at=0
    )
    other_core = EnrolmentToken(
        secret=bytes(16), gateway="gw-1", core_public=NEW.public, expires_at=0
    )
    for request, status, expected in (
        (encode(ask_to_enrol(token, NEW)), 403, "token_used"),
        (encode(ask_to_enrol(stranger, NEW)), 403, "token_unknown"),
        (encode(ask_to_enrol(other_core, NEW)), 403, "wrong_signature"),
        (b"{}", 422, "not_understood"),
        (b"[" * 4_000, 422, "not_understood"),
        (b"\x28\xb5\x2f\xfd zstd", 422, "not_understood"),
    ):
        answer = await desk.post(ENROLMENTS_PATH, content=request)
        assert (answer.status_code, code(answer)) == (status, expected)
    assert [detail for act, detail in log(engine) if act == "refused"] == [
        "token_used", "token_unknown", "wrong_signature", *["not_understood"] * 3,
    ]  # fmt: skip


async def test_a_long_body_is_not_read(desk, engine):
    async def endless():
        for _ in range(1_000):
            yield b"x" * MAX_MESSAGE_BYTES

    answer = await desk.post(ENROLMENTS_PATH, content=endless())
    assert (answer.status_code, code(answer)) == (413, "too_large")
    with engine.connect() as conn:
        assert [act.detail for act in acts(conn)] == ["too_large"]


async def test_a_dawdling_body_is_cut(desk, monkeypatch):
    monkeypatch.setattr("hr_core.api.enrolments._BODY_TIMEOUT_S", 0.1)

    async def dawdling():
        yield b"{"
        await asyncio.sleep(1)
        yield b"}"

    answer = await desk.post(ENROLMENTS_PATH, content=dawdling())
    assert (answer.status_code, code(answer)) == (408, "body_timeout")


async def test_a_guesser_has_to_wait_and_a_gateway_that_is_welcome_does_not(desk, token, caplog):
    request = encode(ask_to_enrol(token, KEY))
    for _ in range(BURST * 2):
        assert (await desk.post(ENROLMENTS_PATH, content=request)).status_code == 200
    for _ in range(BURST):
        assert (await desk.post(ENROLMENTS_PATH, content=b"{}")).status_code == 422
    caplog.clear()
    for _ in range(3):
        answer = await desk.post(ENROLMENTS_PATH, content=request)
        assert (answer.status_code, code(answer)) == (429, "too_many_attempts")
        assert answer.headers["Retry-After"] == "3"
    assert caplog.text.count("has to wait") == 1


async def test_reading_is_not_a_way_in(desk):
    for path in (ENROLMENTS_PATH, ROTATION_PATH, STATUS_PATH):
        assert (await desk.get(path)).status_code == 405


def test_credit_comes_back_with_time():
    seconds = Seconds()
    attempts = Attempts(seconds)
    assert [attempts.wait_s("10.0.0.1") for _ in range(BURST)] == [0] * BURST
    wait = attempts.wait_s("10.0.0.1")
    assert wait > 0
    assert attempts.wait_s("10.0.0.2") == 0
    seconds.now += wait
    assert attempts.wait_s("10.0.0.1") == 0
    seconds.now += BURST / PER_SECOND * 10
    assert [attempts.wait_s("10.0.0.1") for _ in range(BURST)] == [0] * BURST
    assert attempts.wait_s("10.0.0.1") > 0


def test_a_customer_s_ipv6_addresses_are_one():
    attempts = Attempts(Seconds())
    for number in range(BURST):
        assert attempts.wait_s(f"2001:db8:1:2::{number:x}") == 0
    assert attempts.wait_s("2001:db8:1:2:ffff::1") > 0
    assert attempts.wait_s("2001:db8:1:3::1") == 0
    assert attempts.wait_s("::ffff:10.0.0.1") == 0


def test_memory_is_bounded_and_the_crowd_is_limited_too(monkeypatch):
    monkeypatch.setattr(limits, "MAX_SOURCES", 50)
    assert MAX_SOURCES >= 500
    seconds = Seconds()
    attempts = Attempts(seconds)
    free = sum(attempts.wait_s(f"10.0.{n // 250}.{n % 250}") == 0 for n in range(1_000))
    assert len(attempts) <= 51
    assert free == 50 + BURST
    seconds.now += BURST / PER_SECOND + 1
    assert attempts.wait_s("10.9.9.9") == 0
    assert len(attempts) < 50, "idle accounts are dropped"


async def test_a_sick_database_asks_for_patience(desk, token, engine, database_url, monkeypatch):
    monkeypatch.setattr("hr_core.store.database.BUSY_TIMEOUT_MS", 50)
    engine.dispose()  # the next connection has the short patience
    other = open_database(database_url)
    with writing(other):
        for request in (encode(ask_to_enrol(token, KEY)), b"{}"):
            answer = await desk.post(ENROLMENTS_PATH, content=request)
            assert (answer.status_code, code(answer)) == (503, "storage_busy")
            assert answer.headers["Retry-After"]
    other.dispose()
    answer = await desk.post(ENROLMENTS_PATH, content=encode(ask_to_enrol(token, KEY)))
    assert answer.status_code == 200
