"""Batches of JSON to any web address, signed with a shared secret.

Headers: `Clockline-Timestamp` (Unix seconds), `Clockline-Signature: v1=` and the hex HMAC-SHA256 of
timestamp, a dot and the body, `Idempotency-Key` (the same for the same records). docs/exporters.md
is the contract.
"""

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b, sha256
from typing import Any, Literal

import msgspec
from msgspec import Struct
from typing_extensions import override

from protocols.records import Count, DeviceEvent, Direction, Punch
from protocols.uplink import Observation, RecordVerdict, Verdict
from sync.exporters.contract import (
    DEFAULT_SENSES,
    ExportBatch,
    Exporter,
    Judge,
    Sense,
    accepted,
    kind_of,
    rejected,
)
from sync.exporters.times import utc_of
from sync.exporters.web import Reply, Web, plain
from sync.ports import Clock

SCHEMA: Literal["clockline.webhook/1"] = "clockline.webhook/1"
REPLAY_WINDOW_S = 300  # what a receiver should allow between timestamp and its own clock

_JUDGED_RECORDS = frozenset({400, 413, 422})  # of 4xx, those that speak of the content
_encoder = msgspec.json.Encoder()


class WebhookSettings(Struct, frozen=True, kw_only=True):
    """`with_card`, `with_raw`: personal data that only some receivers may have."""

    url: str
    secret: bytes
    timeout_s: float = 30.0
    with_card: bool = False
    with_raw: bool = False
    senses: Mapping[Direction, Sense] = DEFAULT_SENSES


class _Judged(Struct):
    id: str
    verdict: Verdict
    code: str | None = None
    detail: str | None = None


class _Verdicts(Struct):
    verdicts: list[_Judged]


def signature(secret: bytes, timestamp: int, body: bytes) -> str:
    """The value of `Clockline-Signature`."""
    return f"v1={hmac.new(secret, b'%d.' % timestamp + body, sha256).hexdigest()}"


class WebhookExporter(Exporter):
    def __init__(self, settings: WebhookSettings, *, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._web = Web(
            f"webhook {settings.url}",
            timeout_s=settings.timeout_s,
            headers={"Content-Type": "application/json"},
        )

    @override
    async def deliver(self, batch: ExportBatch, judge: Judge) -> None:
        waiting = [batch.observations]
        while waiting:
            part = waiting.pop()
            reply = await self._post(self._body(batch, part), _key(batch, part))
            if 200 <= reply.status < 300:
                for verdict in self._verdicts(reply, part):
                    judge(verdict)
            elif reply.status in _JUDGED_RECORDS and len(part) > 1:
                # One bad record must not take the others with it: the halves are tried apart.
                middle = len(part) // 2
                waiting += [part[middle:], part[:middle]]
            elif reply.status in _JUDGED_RECORDS:
                said = plain(reply.body.decode(errors="replace"))
                judge(rejected(part[0], f"http_{reply.status}", said or f"HTTP {reply.status}"))
            else:
                raise self._web.failure(reply)

    @override
    async def check(self) -> str:
        """A signed batch without records: a receiver answers 2xx and stores nothing."""
        body = _encoder.encode({"schema": SCHEMA, "test": True, "records": []})
        reply = await self._post(body, "test")
        if not 200 <= reply.status < 300:
            raise self._web.failure(reply)
        return f"a signed batch without records was answered with HTTP {reply.status}"

    @override
    def preview(self, batch: ExportBatch) -> Sequence[str]:
        return [
            _encoder.encode(self._record(one, batch.device_names)).decode()
            for one in batch.observations
        ]

    @override
    async def aclose(self) -> None:
        await self._web.aclose()

    async def _post(self, body: bytes, key: str) -> Reply:
        timestamp = int(self._clock.now().timestamp())
        headers = {
            "Clockline-Timestamp": str(timestamp),
            "Clockline-Signature": signature(self._settings.secret, timestamp, body),
            "Idempotency-Key": key,
        }
        return await self._web.request("POST", self._settings.url, content=body, headers=headers)

    def _body(self, batch: ExportBatch, part: Sequence[Observation]) -> bytes:
        return _encoder.encode(
            {
                "schema": SCHEMA,
                "gateway": batch.gateway,
                "site": batch.site,
                "sink": batch.sink,
                "batch": batch.number,
                "records": [self._record(one, batch.device_names) for one in part],
            }
        )

    def _record(self, observation: Observation, names: Mapping[str, str]) -> dict[str, Any]:
        record = observation.record
        fields: dict[str, Any] = {"id": observation.event_id, "kind": kind_of(record)}
        match record:
            case Punch():
                fields |= self._punch(record, observation.zone)
            case Count():
                fields |= _count(record)
            case DeviceEvent():
                fields |= _device_event(record, observation.zone)
        if self._settings.with_raw:
            fields["raw"] = record.raw.hex()
        return fields | {
            "device": names.get(fields["serial"]),
            "received_at": observation.received_at,
            "clock_offset_ms": observation.clock_offset_ms,
            "flags": sorted({*observation.flags, *getattr(record, "flags", ())}),
        }

    def _punch(self, punch: Punch, zone: str) -> dict[str, Any]:
        sense = self._settings.senses[punch.direction]
        fields = {
            "serial": punch.serial,
            "user_id": punch.user_id,
            **_times(punch.device_time, zone),
            "direction": sense.value if sense in {Sense.IN, Sense.OUT} else None,
            "state": punch.state,
            "method": punch.method,
            "verify": punch.verify,
            "work_code": punch.work_code,
            "ordinal": punch.ordinal,
        }
        return fields | {"card": punch.card} if self._settings.with_card else fields

    def _verdicts(self, reply: Reply, part: Sequence[Observation]) -> list[RecordVerdict]:
        """All accepted, unless the answer judges each record."""
        answer = reply.json()
        if not (isinstance(answer, dict) and "verdicts" in answer):
            if reply.status == 207:
                raise self._web.rubbish("HTTP 207 without verdicts")
            return [accepted(one) for one in part]
        try:
            judged = msgspec.convert(answer, _Verdicts).verdicts
        except msgspec.ValidationError as exc:
            raise self._web.rubbish(f"verdicts that are none ({exc})") from exc
        if sorted(one.id for one in judged) != sorted(one.event_id for one in part):
            raise self._web.rubbish("verdicts that do not judge exactly what was sent")
        return [
            RecordVerdict(
                event_id=one.id,
                verdict=one.verdict,
                code=one.code and plain(one.code),
                detail=one.detail and plain(one.detail),
            )
            for one in judged
        ]


def _times(wall: datetime, zone: str) -> dict[str, Any]:
    return {"device_time": wall, "zone": zone, "utc": utc_of(wall, zone)}


def _count(count: Count) -> dict[str, Any]:
    return {
        "serial": count.source,
        "tag": count.tag,
        "metric": count.metric,
        "reject_code": count.reject_code,
        "value": count.value,
        "boot_id": count.boot_id,
        "seq": count.seq,
        "utc": count.source_time,
        "badge": count.badge,
        "quality": count.quality,
    }


def _device_event(event: DeviceEvent, zone: str) -> dict[str, Any]:
    return {
        "serial": event.serial,
        "code": event.code,
        "detail": event.detail,
        **_times(event.device_time, zone),
    }


def _key(batch: ExportBatch, part: Sequence[Observation]) -> str:
    """Of the records, not of the batch's number: a spool that begins anew numbers from 1 again."""
    ids = "".join(one.event_id for one in part)
    return f"{batch.sink}-{blake2b(ids.encode(), digest_size=16).hexdigest()}"
