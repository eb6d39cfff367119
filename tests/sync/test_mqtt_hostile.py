"""What a broker, a core, a neighbour or a power cut can do to batches on MQTT: nothing lost, nothing
doubled, each refusal told by whose fault it is.
"""

import asyncio
import contextlib
import gc
import os
import random
import ssl
import sys

import pytest
import sqlalchemy as sa

from hr_core.api.mqtt import CLIENT_ID
from hr_core.audit.verification import verify_chains
from hr_core.store.events import count_events, raw_events
from protocols.batch_chain import NO_BATCH
from protocols.column_batch import COLUMNS_TYPE
from protocols.core_signature import decode_named_head, encode_head
from protocols.errors import ProtocolError
from protocols.mqtt_uplink import ANSWERS, BATCHES, CHAIN, read_topic, topic_of
from protocols.signed_request import CHAIN_TARGET, NONCE_BYTES, sign_request
from protocols.uplink import MAX_BATCH_BYTES
from sync.backoff import Backoff
from sync.broker_session import BrokerRefusalError, Credentials
from sync.errors import CoreRefusedError, CoreUnreachableError, RubbishAnswerError, UplinkError
from sync.identity import GatewayIdentity
from sync.mqtt import MqttTransport
from sync.sealing import Sealer
from tests.hr_core.api.running_core import StoppedClock
from tests.hr_core.ingest.batch_samples import GATEWAY, observe, punch, punch_batch
from tests.hr_core.signed_batches import CORE_KEY, enrol, key_of
from tests.sync.mosquitto import OTHER, mosquitto, properties
from tests.sync.test_core_killed import WallClock
from tests.sync.uplink_doubles import IDENTITY, ListOutbox, Pending, listening, until, uplink_over

SEALED = Sealer(IDENTITY, site="plant").seal(Pending(1, punch_batch(3).observations))
HEADS = SEALED.signed.as_headers() | {"content-encoding": "zstd"}
ANSWERS_HERE = topic_of(GATEWAY, ANSWERS)
BATCHES_HERE = topic_of(GATEWAY, BATCHES)


@pytest.fixture(autouse=True)
def _enrolled(engine):
    enrol(engine)


@pytest.fixture
async def broker(tmp_path):
    folder = tmp_path / "broker"
    folder.mkdir()
    async with mosquitto(folder) as running:
        yield running


def stored(engine):
    with engine.connect() as conn:
        return count_events(conn).get("punch", 0)


def core(broker, engine):
    return broker.core(engine, StoppedClock())


async def refusals(engine, *codes):
    """Waits until exactly these (gateway, code) are counted."""

    def counted():
        with engine.connect() as conn:
            rows = conn.execute(sa.text("SELECT gateway, code FROM refusals")).all()
        return sorted(tuple(row) for row in rows) == sorted(codes)

    await until(counted, every_s=0.05)


async def failure(transport, code, kind=UplinkError):
    with pytest.raises(kind) as caught:
        await transport.send(SEALED)
    assert caught.value.code == code, caught.value
    assert caught.value.remedy
    return caught.value


async def next_answer(session, within_s=5.0):
    async with asyncio.timeout(within_s):
        return await anext(session.messages)


def status_of(message):
    return dict(message.properties.UserProperty)["clockline-status"]


def as_message(**changes):
    """The properties of SEALED as a gateway sends it, but for `changes`."""
    found = properties(b"1-x", ANSWERS_HERE)
    found.UserProperty = list(HEADS.items())
    for name, value in changes.items():
        setattr(found, name, value)
    return found


async def test_a_gateway_cannot_ask_in_anothers_name(broker):
    async with broker.session(OTHER) as thief:
        for topic in (BATCHES_HERE, topic_of(GATEWAY, "chain"), topic_of(OTHER, ANSWERS), "any"):
            with pytest.raises(BrokerRefusalError) as caught:
                await thief.tell(topic, b"x", properties())
            assert caught.value.reason == 0x87


async def test_a_gateway_does_not_hear_anothers_answers(engine, broker):
    async with core(broker, engine), broker.session(OTHER) as thief:
        for topic in (ANSWERS_HERE, BATCHES_HERE, "#", "clockline/v1/gateways/+/answers"):
            with contextlib.suppress(BrokerRefusalError):
                await thief.hear(topic)
        async with broker.transport() as transport:
            await transport.send(SEALED)  # control: who may hear it has heard it
        with pytest.raises(TimeoutError):
            await next_answer(thief, within_s=0.3)


async def test_nobody_comes_in_without_the_password(broker):
    who = Credentials(user=GATEWAY, password="guess", tls=broker.tls())
    stranger = MqttTransport(broker.url, IDENTITY, timeout_s=5, who=who)
    await failure(stranger, "broker_refused", CoreRefusedError)
    await stranger.aclose()


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # paho leaves the socket to gc
async def test_a_certificate_that_nobody_here_trusts_needs_a_person(broker):
    who = broker.who()
    default = Credentials(user=who.user, password=who.password, tls=ssl.create_default_context())
    transport = MqttTransport(broker.url, IDENTITY, timeout_s=5, who=default)
    await failure(transport, "tls_untrusted", CoreRefusedError)
    await transport.aclose()
    gc.collect()


async def test_a_broker_that_is_away(broker):
    broker.kill()
    async with broker.transport() as transport:
        await failure(transport, "core_unreachable", CoreUnreachableError)


async def test_a_broker_that_says_nothing_is_given_up_in_time(broker):
    async def mute(reader, _writer):
        await reader.read()

    async with listening(mute) as port:
        who = Credentials()
        transport = MqttTransport(f"mqtt://127.0.0.1:{port}", IDENTITY, timeout_s=0.3, who=who)
        async with asyncio.timeout(3):
            error = await failure_of_either(transport)
        assert isinstance(error, CoreUnreachableError)
        await transport.aclose()


async def failure_of_either(transport):
    with pytest.raises(UplinkError) as caught:
        await transport.send(SEALED)
    assert caught.value.code in {"core_timeout", "core_unreachable"}
    return caught.value


@pytest.mark.parametrize("url", ["mqtt://10.0.0.9", "mqtt://broker.example.com"])
async def test_punches_never_leave_the_machine_in_clear(broker, url):
    with pytest.raises(CoreRefusedError) as caught:
        MqttTransport(url, IDENTITY, timeout_s=5, who=Credentials())
    assert caught.value.code == "plain_mqtt"


async def test_a_lost_answer_costs_a_resend_and_no_double(engine, broker):
    async with core(broker, engine) as consumer, broker.transport(timeout_s=0.7) as transport:
        answer, consumer._answer = consumer._answer, lambda *_: None
        error = await failure(transport, "core_timeout", CoreUnreachableError)
        assert "the broker has the request" in error.what
        consumer._answer = answer
        again = await transport.send(SEALED)
    assert [one.verdict for one in again.verdicts] == ["duplicate"] * 3
    assert stored(engine) == 3


async def test_a_late_answer_is_an_answer(engine, broker):
    """A core that always needs longer than the gateway waits would otherwise never be heard."""
    async with core(broker, engine) as consumer, broker.transport(timeout_s=1) as transport:
        take, asked = consumer._take[BATCHES], []
        sent_again = asyncio.Event()

        async def slow(incoming):
            asked.append(incoming)
            if len(asked) > 1:
                sent_again.set()
                await asyncio.Event().wait()  # only the first request is ever answered
            await sent_again.wait()
            return await take(incoming)

        consumer._take[BATCHES] = slow
        await failure(transport, "core_timeout")
        answer = await transport.send(SEALED)
        for task in consumer._tasks:
            task.cancel()
    assert [one.verdict for one in answer.verdicts] == ["accepted"] * 3
    assert stored(engine) == 3


async def test_a_message_delivered_twice_is_stored_once(engine, broker):
    async with core(broker, engine), broker.session(GATEWAY) as gateway:
        await gateway.hear(ANSWERS_HERE)
        for _ in range(3):
            await gateway.tell(BATCHES_HERE, SEALED.body, as_message())
        answers = [await next_answer(gateway) for _ in range(3)]
    assert [status_of(one) for one in answers] == ["200"] * 3
    assert stored(engine) == 3


async def test_what_a_core_took_and_did_not_answer_is_delivered_to_the_next_core(engine, broker):
    """The core dies between receiving and answering; here no gateway sends again."""
    taken = asyncio.Event()

    async def never(_incoming):
        taken.set()
        await asyncio.Event().wait()

    async with broker.session(GATEWAY) as gateway:
        await gateway.hear(ANSWERS_HERE)
        async with core(broker, engine) as consumer:
            consumer._take[BATCHES] = never
            await gateway.tell(BATCHES_HERE, SEALED.body, as_message())
            await asyncio.wait_for(taken.wait(), 5)
            for task in consumer._tasks:  # as if it had been killed: nothing is acknowledged
                task.cancel()
        assert stored(engine) == 0
        async with core(broker, engine):
            assert status_of(await next_answer(gateway)) == "200"
    assert stored(engine) == 3


async def test_what_a_core_answered_is_not_delivered_again(engine, broker):
    """Control of the test above."""
    async with broker.session(GATEWAY) as gateway:
        await gateway.hear(ANSWERS_HERE)
        async with core(broker, engine):
            await gateway.tell(BATCHES_HERE, SEALED.body, as_message())
            await next_answer(gateway)
        async with core(broker, engine):
            with pytest.raises(TimeoutError):
                await next_answer(gateway, within_s=0.5)


async def test_columns_are_neither_offered_nor_taken(engine, broker):
    body = encode_head(GATEWAY, NO_BATCH)
    asked = sign_request(IDENTITY.key, GATEWAY, CHAIN_TARGET, nonce=bytes(NONCE_BYTES), body=body)
    many = [observe(punch(n)) for n in range(200)]
    columns = Sealer(IDENTITY, site="plant").seal(Pending(1, many), columns=True)
    assert columns.content_type == COLUMNS_TYPE
    batch = {**columns.signed.as_headers(), "content-encoding": columns.content_encoding}
    async with core(broker, engine), broker.session(GATEWAY) as gateway:
        await gateway.hear(ANSWERS_HERE)
        question = properties(b"1-x", ANSWERS_HERE, **asked.as_headers())
        await gateway.tell(topic_of(GATEWAY, CHAIN), body, question)
        told = await next_answer(gateway)
        assert (status_of(told), decode_named_head(told.payload).takes) == ("200", ())
        message = properties(b"1-y", ANSWERS_HERE, **batch)
        message.ContentType = columns.content_type
        await gateway.tell(BATCHES_HERE, columns.body, message)
        assert status_of(await next_answer(gateway)) == "415"
    assert stored(engine) == 0
    await refusals(engine, (GATEWAY, "not_json"))


async def test_another_gateways_head_under_ones_own_name(engine, broker):
    async with core(broker, engine), broker.session(OTHER) as thief:
        await thief.hear(topic_of(OTHER, ANSWERS))
        message = as_message(ResponseTopic=topic_of(OTHER, ANSWERS))
        await thief.tell(topic_of(OTHER, BATCHES), SEALED.body, message)
        assert status_of(await next_answer(thief)) == "403"
        # A stranger to this core, so counted with all strangers.
        await refusals(engine, ("", "wrong_topic"))
    assert stored(engine) == 0


@pytest.mark.parametrize(
    ("changes", "answered"),
    [
        ({"ResponseTopic": topic_of(OTHER, ANSWERS)}, True),
        ({"CorrelationData": bytes(65)}, False),
        ({"UserProperty": [*HEADS.items(), ("clockline-batch", "2")]}, True),
        ({"UserProperty": [("clockline-gateway", GATEWAY)]}, True),
    ],
    ids=["response", "correlation", "twice", "missing"],
)
async def test_a_message_that_is_no_request_is_refused_and_counted(
    engine, broker, changes, answered
):
    async with core(broker, engine), broker.session(GATEWAY) as gateway:
        await gateway.hear(ANSWERS_HERE)
        await gateway.tell(BATCHES_HERE, SEALED.body, as_message(**changes))
        if answered:
            assert status_of(await next_answer(gateway)) == "400"
        await refusals(engine, (GATEWAY, "bad_head"))
    assert stored(engine) == 0


async def test_a_wrong_signature(engine, broker):
    wrong = GatewayIdentity(gateway=GATEWAY, key=key_of("x"), core_public=CORE_KEY.public)
    sealed = Sealer(wrong, site="plant").seal(Pending(1, punch_batch(3).observations))
    async with core(broker, engine), broker.transport(wrong) as transport:
        with pytest.raises(CoreRefusedError) as caught:
            await transport.send(sealed)
        assert caught.value.code == "bad_signature"
        await refusals(engine, (GATEWAY, "bad_signature"))
    assert stored(engine) == 0


async def test_another_core_is_not_believed(engine, broker):
    pinned = GatewayIdentity(gateway=GATEWAY, key=key_of(), core_public=key_of("y").public)
    async with core(broker, engine), broker.transport(pinned) as transport:
        await failure(transport, "wrong_core", CoreRefusedError)


async def test_a_fault_in_the_core_is_answered_and_does_not_stop_it(engine, broker):
    async with core(broker, engine) as consumer, broker.transport() as transport:
        take = consumer._take[BATCHES]

        async def broken(_incoming):
            raise RuntimeError("as a bug would")

        consumer._take[BATCHES] = broken
        await failure(transport, "http_500", CoreUnreachableError)
        consumer._take[BATCHES] = take
        assert len((await transport.send(SEALED)).verdicts) == 3


async def test_a_batch_that_the_broker_finds_too_large(engine, tmp_path):
    sealed = Sealer(IDENTITY, site="plant").seal(Pending(1, punch_batch(300).observations))
    assert len(sealed.body) > 2_300
    async with (
        mosquitto(tmp_path, max_packet_size=2_300) as broker,
        core(broker, engine),
        broker.transport() as transport,
    ):
        with pytest.raises(CoreRefusedError) as caught:
            await transport.send(sealed)
        assert caught.value.code == "batch_refused"
        assert "max_packet_size" in caught.value.remedy
    assert stored(engine) == 0


async def test_a_limit_that_drops_without_a_word_is_named(tmp_path):
    """Why the profile has no message_size_limit."""
    async with (
        mosquitto(tmp_path, max_packet_size="17039360\nmessage_size_limit 100") as broker,
        broker.transport(timeout_s=0.7) as transport,
    ):
        error = await failure(transport, "core_timeout", CoreUnreachableError)
        assert "message_size_limit" in error.remedy


async def test_the_profile_takes_the_largest_batch(engine, broker):
    body = os.urandom(MAX_BATCH_BYTES)
    async with core(broker, engine), broker.session(GATEWAY) as gateway:
        await gateway.hear(ANSWERS_HERE)
        await gateway.tell(BATCHES_HERE, body, as_message())
        assert status_of(await next_answer(gateway)) == "403"  # it arrived; the head is another's


async def test_retained_rubbish_on_the_answers_topic_is_not_heard(engine, tmp_path):
    """With a broker that retains; the profile's does not."""
    async with (
        mosquitto(tmp_path, retain_available="true") as broker,
        core(broker, engine) as consumer,
        broker.transport() as transport,
    ):
        found = properties(transport._correlation(SEALED), clockline_status="200")
        told = consumer._client.publish(
            ANSWERS_HERE, b"rubbish", qos=1, retain=True, properties=found
        )
        await until(told.is_published, every_s=0.01)
        assert len((await transport.send(SEALED)).verdicts) == 3


@pytest.mark.parametrize("status", ["", "200", "abc", "20000"])
async def test_an_answer_that_no_core_signed_settles_nothing(engine, broker, status):
    async with core(broker, engine) as consumer, broker.transport() as transport:

        def forged(incoming, _reply):
            found = properties(incoming.correlation, clockline_status=status)
            consumer._client.publish(ANSWERS_HERE, b"{}", qos=1, properties=found)

        consumer._answer = forged
        await failure(transport, "rubbish_answer", RubbishAnswerError)


async def test_answers_to_other_questions_are_passed_over(engine, broker):
    async with core(broker, engine) as consumer, broker.transport() as transport:
        answer = consumer._answer

        def noisy(incoming, reply):
            for correlation in (b"", b"1-other", bytes(64)):
                found = properties(correlation, clockline_status="200")
                consumer._client.publish(ANSWERS_HERE, b"{}", qos=1, properties=found)
            answer(incoming, reply)

        consumer._answer = noisy
        assert len((await transport.send(SEALED)).verdicts) == 3


async def test_a_connection_that_broke_while_idle_is_no_failure(engine, broker):
    """Here a second machine with this name has pushed the first one out."""
    async with core(broker, engine), broker.transport() as first, broker.transport() as second:
        await first.chain_head(NO_BATCH)
        await second.chain_head(NO_BATCH)
        await asyncio.sleep(0.2)
        assert len((await first.send(SEALED)).verdicts) == 3


@pytest.mark.parametrize(
    "topic",
    ["", "clockline/v1/gateways/", "clockline/v1/gateways/a/b/batches", "x/clockline/v1/gateways/a",
     "clockline/v1/gateways//batches", "clockline/v1/gateways/a/else"],
)  # fmt: skip
def test_what_is_no_topic_of_a_gateway(topic):
    with pytest.raises(ProtocolError):
        read_topic(topic)
    assert read_topic("clockline/v1/gateways/a/batches") == ("a", "batches")


CORE = """
import asyncio, ssl, sys
from datetime import UTC, datetime
from pathlib import Path
from hr_core.api.broker import open_broker
from hr_core.api.gateway_api import GatewayApi
from hr_core.api.mqtt import MqttConsumer
from hr_core.store.database import open_database
from protocols.signing import SigningKey

async def main(database, key, url, password):
    gateways = GatewayApi.over(
        open_database(database), now=lambda: datetime.now(UTC), core_key=SigningKey(bytes.fromhex(key))
    )
    async with MqttConsumer(open_broker(url, Path(password)), gateways):
        await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""
RECORDS, KILLS = 600, 3


@contextlib.asynccontextmanager
async def core_process(engine, broker):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CORE, str(engine.url), CORE_KEY.seed.hex(), broker.url,
        str(broker.password_files[CLIENT_ID]), env=os.environ | {"SSL_CERT_FILE": str(broker.ca)},
    )  # fmt: skip
    try:
        yield
    finally:
        process.kill()
        await process.wait()


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["broker", "core"])
async def test_kill_9_loses_and_doubles_nothing(engine, broker, victim):
    seed = int(os.environ.get("CLOCKLINE_SEED", random.SystemRandom().randrange(2**32)))
    print("CLOCKLINE_SEED =", seed)
    chance = random.Random(seed)
    outbox = ListOutbox(observe(punch(n)) for n in range(RECORDS))
    quick = Backoff(first_s=0.02, longest_s=0.05)
    async with broker.transport(timeout_s=1) as transport, contextlib.AsyncExitStack() as cores:
        await cores.enter_async_context(core_process(engine, broker))
        uplink = uplink_over(
            outbox, transport, WallClock(), batch_records=5, idle_s=0.01, backoff=quick
        )
        delivering = asyncio.create_task(uplink.run())
        cut = 0
        for _ in range(KILLS):
            reached = len(outbox.settled) + chance.randrange(5, 100)
            await until(lambda: len(outbox.settled) >= reached, every_s=0.001, within_s=20)  # noqa: B023 - awaited in the loop
            await asyncio.sleep(chance.uniform(0, 0.01))  # into the middle of a batch
            cut += outbox.in_flight is not None
            if victim == "broker":
                broker.kill()
                await broker.start()
            else:
                await cores.aclose()
                await cores.enter_async_context(core_process(engine, broker))
        await until(
            lambda: not outbox.waiting and outbox.in_flight is None, every_s=0.02, within_s=30
        )
        delivering.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await delivering
    with engine.connect() as conn:
        keys = conn.execute(sa.select(raw_events.c.event_id)).scalars().all()
        (chain,) = verify_chains(conn)
    assert (chain.faults, chain.stored) == ((), RECORDS)
    acknowledged = [judged.event_id for judged in outbox.settled]
    assert sorted(key.hex() for key in keys) == sorted(acknowledged)
    assert len(set(acknowledged)) == len(acknowledged) == RECORDS
    assert {str(judged.verdict) for judged in outbox.settled} <= {"accepted", "duplicate"}
    assert cut  # control: kills did cut deliveries
