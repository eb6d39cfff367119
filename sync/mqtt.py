"""Batches to the core through an MQTT 5 broker; with sync.broker_session what imports aiomqtt.

The broker is a line, not a place to keep records: a batch stays in flight in the spool until the
core's own signed answer has come, so whatever the broker loses or delivers twice costs a resend.
For that reason a request expires at the broker when nobody waits for its answer any more.
"""

import asyncio
import contextlib
import math
from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from secrets import token_bytes

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from typing_extensions import override

from protocols.batch_chain import ChainHead
from protocols.core_signature import encode_head
from protocols.errors import ProtocolError
from protocols.mqtt_uplink import (
    ANSWERS,
    BATCHES,
    CHAIN,
    CONTENT_TYPE,
    ENCODING_PROPERTY,
    STATUS_PROPERTY,
    broker_address,
    single_properties,
    topic_of,
)
from protocols.signed_request import CHAIN_TARGET, NONCE_BYTES, sign_request
from protocols.uplink import Answer
from sync.addresses import is_loopback
from sync.broker_session import (
    NO_SUBSCRIBERS,
    NOT_ALLOWED,
    TOO_LARGE,
    BrokerSession,
    Credentials,
    new_properties,
    reasons_of,
)
from sync.certificates import is_untrusted
from sync.core_replies import MAX_ANSWER_BYTES, MAX_ERROR_BYTES, Reply, ReplyReader
from sync.errors import CoreRefusedError, CoreUnreachableError, UplinkError
from sync.identity import GatewayIdentity
from sync.ports import Transport
from sync.sealing import SealedBatch

_CORRELATION_BYTES = 16


class MqttTransport(Transport):
    """One core behind the broker at `url`: `mqtts://…`, or `mqtt://` on this machine.

    One request at a time. `who.tls` must be given for `mqtts://`. Raises CoreRefusedError when
    punches would leave this machine unencrypted, or the address or the name cannot be used.
    """

    def __init__(
        self,
        url: str,
        identity: GatewayIdentity,
        *,
        timeout_s: float,
        who: Credentials,
        entropy: Callable[[int], bytes] = token_bytes,
    ) -> None:
        self._where = f"core {url}"
        try:
            self._address = broker_address(url)
            self._answers = topic_of(identity.gateway, ANSWERS)
        except ProtocolError as exc:
            remedy = "Write uplink.url like mqtts://broker.example.com"
            raise self._refused(str(exc), "wrong_address", remedy) from exc
        if not self._address.tls and not is_loopback(self._address.host):
            raise self._refused(
                "punches would be sent in clear text",
                "plain_mqtt",
                "Write the address with mqtts://",
            )
        if self._address.tls != (who.tls is not None):
            raise self._refused("TLS goes with mqtts://", "wrong_address", "Check uplink.url")
        self._who = who
        self._identity = identity
        self._timeout_s = timeout_s
        self._entropy = entropy
        self._reader = ReplyReader(identity.core_public, where=self._where, carrier="status")
        self._turn = asyncio.Lock()
        self._session: BrokerSession | None = None
        self._taken = False  # by the broker: from then on it is the core that is silent
        self._closing: set[asyncio.Task[None]] = set()
        self._asked: tuple[bytes, bytes] = (b"", b"")  # batch hash and its correlation

    @override
    async def send(self, sealed: SealedBatch) -> Answer:
        headers = {**sealed.signed.as_headers(), ENCODING_PROPERTY: sealed.content_encoding}
        correlation = self._correlation(sealed)
        reply = await self._ask(BATCHES, headers, sealed.body, correlation)
        return self._reader.verdicts(sealed, self._reader.receipt(sealed, reply))

    @override
    async def chain_head(self, ours: ChainHead) -> ChainHead:
        gateway, body = self._identity.gateway, encode_head(self._identity.gateway, ours)
        nonce = self._entropy(NONCE_BYTES)
        request = sign_request(self._identity.key, gateway, CHAIN_TARGET, nonce=nonce, body=body)
        reply = await self._ask(CHAIN, request.as_headers(), body, nonce)
        head, _takes = self._reader.chain_head(request, reply)
        return head

    @property
    @override
    def takes(self) -> frozenset[str]:
        return frozenset()  # batches are JSON here: nothing could ask for a second answer

    @override
    async def aclose(self) -> None:
        await self._drop()
        await asyncio.gather(*self._closing)

    def _correlation(self, sealed: SealedBatch) -> bytes:
        """The same as long as the same batch is sent: a late answer is an answer. It is signed for
        this very batch, so nothing else hangs on it.
        """
        batch_hash = sealed.signed.batch_hash()
        if self._asked[0] != batch_hash:
            number = b"%d-" % sealed.batch.number
            self._asked = (batch_hash, number + self._entropy(_CORRELATION_BYTES))
        return self._asked[1]

    async def _ask(
        self, kind: str, headers: Mapping[str, str], body: bytes, correlation: bytes
    ) -> Reply:
        properties = self._properties(headers, correlation)
        topic = topic_of(self._identity.gateway, kind)
        async with self._turn:
            self._taken = False
            try:
                async with asyncio.timeout(self._timeout_s):
                    return await self._exchange(topic, body, properties, correlation)
            except TimeoutError as exc:
                if not self._taken:
                    await self._drop()
                raise self._silent() from exc
            except aiomqtt.MqttError as exc:
                await self._drop()
                raise self._lost(exc) from exc

    def _properties(self, headers: Mapping[str, str], correlation: bytes) -> Properties:
        properties = new_properties(PacketTypes.PUBLISH)
        properties.UserProperty = list(headers.items())
        properties.ContentType = CONTENT_TYPE
        properties.ResponseTopic = self._answers
        properties.CorrelationData = correlation
        properties.MessageExpiryInterval = math.ceil(self._timeout_s)
        return properties

    async def _exchange(
        self, topic: str, body: bytes, properties: Properties, correlation: bytes
    ) -> Reply:
        session = self._session
        if session is not None:
            try:
                return await self._request(session, topic, body, properties, correlation)
            except aiomqtt.MqttError as exc:
                # A connection that broke while it was idle is no failure of this request.
                if reasons_of(exc):
                    raise
                await self._drop()
        session = await self._connect()
        return await self._request(session, topic, body, properties, correlation)

    async def _connect(self) -> BrokerSession:
        session = BrokerSession(self._address, self._who, timeout_s=self._timeout_s)
        # aiomqtt opens the socket in a thread that cannot be cancelled: let it end, then close.
        opening = asyncio.ensure_future(session.__aenter__())
        try:
            await asyncio.shield(opening)
        except BaseException:
            self._close_later(_close_opened(opening, session))
            raise
        self._session = session
        await session.hear(self._answers)
        return session

    async def _request(
        self,
        session: BrokerSession,
        topic: str,
        body: bytes,
        properties: Properties,
        correlation: bytes,
    ) -> Reply:
        await session.tell(topic, body, properties)
        self._taken = True
        async for message in session.messages:
            found = message.properties
            if getattr(found, "CorrelationData", None) == correlation and not message.retain:
                return self._reply(found, message.payload)
        raise aiomqtt.MqttError("disconnected")  # the iterator ends by raising

    def _reply(self, properties: Properties | None, payload: object) -> Reply:
        content = payload if isinstance(payload, bytes) else b""
        try:
            headers = single_properties(getattr(properties, "UserProperty", []))
            status = _status(headers.get(STATUS_PROPERTY, ""))
        except ProtocolError as exc:
            raise self._reader.rubbish(str(exc)) from exc
        limit = MAX_ANSWER_BYTES if status == HTTPStatus.OK else MAX_ERROR_BYTES
        return Reply(status, headers, content if len(content) <= limit else None)

    async def _drop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            closing = self._close_later(session.close())
            await asyncio.shield(closing)

    def _close_later(self, close: Coroutine[None, None, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(close)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        return task

    def _silent(self) -> CoreUnreachableError:
        if self._taken:
            what = "the broker has the request, and no core answered it"
            remedy = "check that hr-core serve --mqtt runs at this broker, and the core's load"
        else:
            what = "the broker did not take the request"
            remedy = "check the line, and that the broker has no message_size_limit: it drops what "
            remedy += "is larger without a word"
        return CoreUnreachableError(
            f"{what} within {self._timeout_s:g} s",
            where=self._where,
            remedy=f"It is tried again by itself; if it repeats, {remedy}, or raise "
            "uplink.timeout_s",
            code="core_timeout",
        )

    def _lost(self, exc: aiomqtt.MqttError) -> UplinkError:
        reasons = reasons_of(exc)
        if is_untrusted(exc):
            return self._refused(
                f"its certificate is not trusted ({exc})",
                "tls_untrusted",
                "Check this gateway's clock first, then the broker's certificate and name; for a "
                "private CA set SSL_CERT_FILE",
            )
        if reasons & NOT_ALLOWED:
            return self._refused(
                f"the broker refuses this gateway ({exc})",
                "broker_refused",
                "Check uplink.broker (password or certificate), that the broker's user is the "
                "gateway's name, and its ACL file (docs/mqtt.md)",
            )
        if TOO_LARGE in reasons:
            return self._refused(
                f"the broker {exc}",
                "batch_refused",
                "Raise max_packet_size of the broker (docs/mqtt.md), or lower uplink.batch_records",
            )
        return self._unreachable(exc, reasons)

    def _unreachable(self, exc: aiomqtt.MqttError, reasons: set[int]) -> CoreUnreachableError:
        what, code = f"the broker cannot be reached ({exc})", "core_unreachable"
        remedy = "check the network, the address and that the broker runs"
        if NO_SUBSCRIBERS in reasons:
            what, code = "the broker answers, but no core listens there", "no_core"
            remedy = "check that hr-core serve --mqtt runs and may read there (the broker's ACL)"
        return CoreUnreachableError(
            what,
            where=self._where,
            remedy=f"It is tried again by itself; if it repeats, {remedy}",
            code=code,
        )

    def _refused(self, what: str, code: str, remedy: str) -> CoreRefusedError:
        return CoreRefusedError(what, where=self._where, remedy=remedy, code=code)


async def _close_opened(opening: "asyncio.Future[BrokerSession]", session: BrokerSession) -> None:
    with contextlib.suppress(aiomqtt.MqttError):
        await opening
    await session.close()


def _status(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) == 3):
        raise ProtocolError("an answer without a status")
    return int(text)
