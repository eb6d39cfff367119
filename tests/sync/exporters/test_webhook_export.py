"""Signed batches at a receiver that checks them as docs/exporters.md tells it to."""

import asyncio
import contextlib
import hmac
import json
from hashlib import sha256

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from protocols.records import Direction
from protocols.uplink import Verdict
from sync.exporters.errors import (
    ExportBusyError,
    ExportRefusedError,
    ExportUnreachableError,
)
from sync.exporters.webhook import REPLAY_WINDOW_S, WebhookExporter, WebhookSettings, signature
from tests.hr_core.api.running_core import serving
from tests.hr_core.ingest.batch_samples import NOW, count, device_event, observe
from tests.sync.exporters.export_doubles import (
    ACCEPTED,
    DUPLICATE,
    ExportOutboxDouble,
    batch_of,
    came,
    left,
    loop_over,
    verdicts_of,
)
from tests.sync.uplink_doubles import InstantClock, answering, listening, reply

SECRET = b"a shared secret"


class Receiver:
    """Stores each record once by its id; refuses what is not signed, too old, or not in order."""

    def __init__(self):
        self.time = NOW.timestamp
        self.stored = {}
        self.bodies = []
        self.keys = []
        self.bad_ids = set()
        self.judges = False
        self.asgi = Starlette(routes=[Route("/in", self._take, methods=["POST"])])

    async def _take(self, request):
        body = await request.body()
        stamp = request.headers["clockline-timestamp"]
        expected = hmac.new(SECRET, stamp.encode() + b"." + body, sha256).hexdigest()
        if request.headers["clockline-signature"] != f"v1={expected}":
            return Response("signature", 401)
        if abs(self.time() - int(stamp)) > REPLAY_WINDOW_S:
            return Response("too old", 401)
        batch = json.loads(body)
        assert batch["schema"] == "clockline.webhook/1"
        ids = [record["id"] for record in batch["records"]]
        if self.bad_ids & set(ids) and not self.judges:
            return Response("a record is\nunprocessable", 422)
        self.keys.append(request.headers["idempotency-key"])
        self.bodies.append(batch)
        verdicts = []
        for record in batch["records"]:
            word = "duplicate" if record["id"] in self.stored else "accepted"
            if record["id"] in self.bad_ids:
                verdicts.append({"id": record["id"], "verdict": "rejected", "code": "bad"})
                continue
            self.stored.setdefault(record["id"], record)
            verdicts.append({"id": record["id"], "verdict": word})
        return (
            JSONResponse({"verdicts": verdicts}, 207) if self.judges else Response(status_code=204)
        )


@contextlib.asynccontextmanager
async def webhook(receiver, *, clock=None, **settings):
    async with serving(receiver.asgi) as url:
        fields = {"url": f"{url}/in", "secret": SECRET, "timeout_s": 2.0} | settings
        async with exporter_to(clock=clock, **fields) as exporter:
            yield exporter


@contextlib.asynccontextmanager
async def exporter_to(*, clock=None, **fields):
    exporter = WebhookExporter(
        WebhookSettings(**{"secret": SECRET} | fields), clock=clock or InstantClock()
    )
    try:
        yield exporter
    finally:
        await exporter.aclose()


def test_the_signature_is_what_the_page_says():
    # printf '1795222800.{}' | openssl dgst -sha256 -hmac 'a shared secret'
    expected = "ef03076621f68baa8958c8e6b1cad77cd1d271be7810cfb733d06c4a6963caff"
    assert signature(SECRET, 1795222800, b"{}") == f"v1={expected}"


async def test_a_punch_with_the_fewest_fields():
    receiver = Receiver()
    async with webhook(receiver) as exporter:
        assert await verdicts_of(exporter, came(card="0001234567")) == [ACCEPTED]
    [record] = receiver.stored.values()
    assert record == {
        "id": came().event_id,
        "kind": "punch",
        "serial": "ZK0001",
        "device": "gate",
        "user_id": "1007",
        "device_time": "2026-11-21T08:00:00",
        "zone": "Asia/Shanghai",
        "utc": "2026-11-21T00:00:00Z",
        "direction": "in",
        "state": 0,
        "method": "unknown",
        "verify": 15,
        "work_code": None,
        "ordinal": 0,
        "received_at": "2026-11-21T01:00:00Z",
        "clock_offset_ms": -1500,
        "flags": [],
    }


async def test_cards_and_raw_bytes_only_when_asked_for():
    receiver = Receiver()
    async with webhook(receiver, with_card=True, with_raw=True) as exporter:
        await verdicts_of(exporter, came(card="0001234567"))
    [record] = receiver.stored.values()
    assert (record["card"], record["raw"]) == ("0001234567", "00ff00000000")


async def test_counts_and_device_events():
    receiver = Receiver()
    async with webhook(receiver) as exporter:
        await verdicts_of(exporter, observe(count()), observe(device_event()))
    counted, event = receiver.stored.values()
    assert (counted["kind"], counted["serial"], counted["value"]) == ("count", "LINE-1", 100)
    assert (event["kind"], event["code"], event["detail"]) == (
        "device_event",
        "power_on",
        {"op": 0},
    )


async def test_no_direction_is_null():
    receiver = Receiver()
    async with webhook(receiver) as exporter:
        await verdicts_of(exporter, came(direction=Direction.UNKNOWN), left(1))
    assert [record["direction"] for record in receiver.stored.values()] == [None, "out"]


async def test_a_forged_or_replayed_batch_is_told_by_the_receiver():
    receiver = Receiver()
    async with webhook(receiver, secret=b"another") as exporter:
        with pytest.raises(ExportRefusedError):
            await verdicts_of(exporter, came())
    receiver.time = lambda: NOW.timestamp() + REPLAY_WINDOW_S + 1
    async with webhook(receiver) as exporter:
        with pytest.raises(ExportRefusedError) as caught:
            await verdicts_of(exporter, came())
    assert caught.value.code == "credentials_refused"
    assert receiver.stored == {}


async def test_verdicts_for_each_record():
    receiver = Receiver()
    receiver.judges = True
    async with webhook(receiver) as exporter:
        await verdicts_of(exporter, came(0))
        receiver.bad_ids = {came(1).event_id}
        assert await verdicts_of(exporter, came(0), came(1), came(2)) == [
            DUPLICATE,
            (Verdict.REJECTED, "bad"),
            ACCEPTED,
        ]


async def test_one_bad_record_costs_only_itself():
    receiver = Receiver()
    receiver.bad_ids = {came(5).event_id}
    punches = [came(number) for number in range(9)]
    async with webhook(receiver) as exporter:
        verdicts = await verdicts_of(exporter, *punches)
    assert verdicts == [ACCEPTED] * 5 + [(Verdict.REJECTED, "http_422")] + [ACCEPTED] * 3
    assert list(receiver.stored) == [one.event_id for one in punches if one != punches[5]]


async def test_the_same_records_have_the_same_key_and_others_another():
    receiver = Receiver()
    async with webhook(receiver) as exporter:
        await verdicts_of(exporter, came(0), number=1)
        await verdicts_of(exporter, came(0), number=1)
        await verdicts_of(exporter, came(1), number=1)  # a spool that began anew
    assert receiver.keys[0] == receiver.keys[1] != receiver.keys[2]


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        (reply("500 Oops"), ExportUnreachableError, "http_500"),
        (reply("429 Slow", Retry_After=40), ExportBusyError, "export_busy"),
        (reply("403 No"), ExportRefusedError, "credentials_refused"),
        (reply("404 No"), ExportRefusedError, "wrong_address"),
        (reply("302 Away", Location="http://x/"), ExportRefusedError, "wrong_address"),
        (reply("207 Multi", b"[]"), ExportUnreachableError, "rubbish_answer"),
        (reply("200 OK", b'{"verdicts": []}'), ExportUnreachableError, "rubbish_answer"),
        (reply("200 OK", b'{"verdicts": 7}'), ExportUnreachableError, "rubbish_answer"),
        (b"", ExportUnreachableError, "export_unreachable"),
        (b"SSH-2.0-x\r\n", ExportUnreachableError, "export_unreachable"),
    ],
)
async def test_what_settles_nothing(answer, error, code):
    async with answering(answer) as (url, _), exporter_to(url=url) as exporter:
        judged = []
        with pytest.raises(error) as caught:
            await exporter.deliver(batch_of(came()), judged.append)
    assert (caught.value.code, judged) == (code, [])


async def test_an_answer_that_never_ends_is_cut_at_its_cap():
    async def flood(_head, _body, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        block = b"10000\r\n" + bytes(0x10000) + b"\r\n"
        while True:
            writer.write(block)
            await writer.drain()

    async with answering(flood) as (url, _), exporter_to(url=url) as exporter:
        with pytest.raises(ExportUnreachableError) as caught:
            await verdicts_of(exporter, came())
    assert caught.value.code == "rubbish_answer"


async def test_a_half_open_peer_costs_one_time_out():
    asked = []

    async def silent(reader, writer):
        asked.append("once")
        await reader.read()

    async with (
        listening(silent) as port,
        exporter_to(url=f"http://127.0.0.1:{port}", timeout_s=0.2) as exporter,
    ):
        async with asyncio.timeout(1):
            with pytest.raises(ExportUnreachableError) as caught:
                await verdicts_of(exporter, came())
    assert caught.value.code == "export_timeout"
    assert len(asked) == 1


async def test_nobody_listens():
    async with listening(lambda reader, writer: None) as port:
        pass
    async with exporter_to(url=f"http://127.0.0.1:{port}") as exporter:
        with pytest.raises(ExportUnreachableError) as caught:
            await verdicts_of(exporter, came())
    assert caught.value.code == "export_unreachable"


async def test_killed_before_settling_each_record_is_stored_once():
    receiver = Receiver()
    receiver.judges = True
    outbox = ExportOutboxDouble(came(number) for number in range(6))
    async with webhook(receiver) as exporter:
        batch = await outbox.next_batch("hr", limit=100)
        await exporter.deliver(batch_of(*batch.observations), lambda verdict: None)
        loop = loop_over(outbox, exporter)
        assert await loop.drain_once() == 6
    assert len(receiver.stored) == 6
    assert (loop.state.accepted, loop.state.duplicate) == (0, 6)


async def test_check_sends_no_record():
    receiver = Receiver()
    async with webhook(receiver) as exporter:
        assert "204" in await exporter.check()
    assert receiver.stored == {}
    assert receiver.bodies[0]["test"] is True
