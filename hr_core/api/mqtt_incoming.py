"""A gateway's request as an MQTT 5 message."""

from collections.abc import Mapping

from paho.mqtt.client import MQTTMessage

from hr_core.api.authentication import bad_head
from hr_core.api.body import MAX_BODY_BYTES
from hr_core.api.errors import ApiError
from protocols.errors import ProtocolError
from protocols.mqtt_uplink import (
    ANSWERS,
    BATCHES,
    CHAIN,
    ENCODING_PROPERTY,
    MAX_CORRELATION_BYTES,
    read_topic,
    single_properties,
    topic_of,
)
from protocols.signed_request import CHAIN_TARGET, GATEWAY_HEADER

_TARGETS = {BATCHES: "POST /api/v1/batches", CHAIN: CHAIN_TARGET}


class MqttIncoming:
    """`message` came under `claimed`, in whose name the broker let it publish.

    Raises ProtocolError when its topic is none on which gateways ask.
    """

    takes = ()  # a batch in columns is answered twice, and here is nothing to ask for the second

    def __init__(self, message: MQTTMessage) -> None:
        self.claimed, self.kind = read_topic(message.topic)
        if self.kind not in _TARGETS:
            raise ProtocolError(f"nothing is asked on {message.topic}")
        self.target = _TARGETS[self.kind]
        self.answers = topic_of(self.claimed, ANSWERS)
        self._payload = bytes(message.payload)
        self._properties = message.properties

    @property
    def correlation(self) -> bytes | None:
        """None when there is none that could be sent back."""
        data = getattr(self._properties, "CorrelationData", None)
        return data if data and len(data) <= MAX_CORRELATION_BYTES else None

    def headers(self) -> Mapping[str, str]:
        if self.correlation is None:
            raise bad_head(f"no correlation data of at most {MAX_CORRELATION_BYTES} bytes")
        if getattr(self._properties, "ResponseTopic", "") != self.answers:
            raise bad_head(f"the response topic is not {self.answers}")
        try:
            properties = single_properties(getattr(self._properties, "UserProperty", []))
        except ProtocolError as exc:
            raise bad_head(str(exc)) from exc
        if properties.get(GATEWAY_HEADER) != self.claimed:
            raise ApiError(
                403,
                "wrong_topic",
                f"{GATEWAY_HEADER} is not the gateway of the topic, {self.claimed!r}",
                "A gateway publishes under its own name only: check what sends it",
            )
        return {
            **properties,
            "content-type": getattr(self._properties, "ContentType", ""),
            ENCODING_PROPERTY: properties.get(ENCODING_PROPERTY, ""),
        }

    async def body(self, limit: int | None = None) -> bytes:
        limit = MAX_BODY_BYTES if limit is None else limit
        if len(self._payload) > limit:
            raise ApiError(
                413, "too_large", f"the body is over the cap of {limit} bytes", "Send less at once"
            )
        return self._payload
