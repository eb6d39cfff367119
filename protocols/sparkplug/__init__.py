"""Sparkplug B, specification 3.0, without I/O: payloads, topics, the state that a host keeps."""

from protocols.sparkplug.datatypes import NUMERIC, DataType, type_name
from protocols.sparkplug.edge_node import Heard, Reading
from protocols.sparkplug.encoding import (
    BD_SEQ,
    REBIRTH,
    HostState,
    NewMetric,
    decode_state,
    encode_payload,
    encode_state,
    rebirth_request,
)
from protocols.sparkplug.host import Due, Lost, SparkplugHost
from protocols.sparkplug.payload import MAX_PAYLOAD_BYTES, Metric, Payload, decode_payload
from protocols.sparkplug.quirks import QUIRKS, Deviation
from protocols.sparkplug.topics import (
    NAMESPACE,
    MessageType,
    Topic,
    parse_topic,
    rebirth_topic,
    state_topic,
)

__all__ = [
    "BD_SEQ",
    "MAX_PAYLOAD_BYTES",
    "NAMESPACE",
    "NUMERIC",
    "QUIRKS",
    "REBIRTH",
    "DataType",
    "Deviation",
    "Due",
    "Heard",
    "HostState",
    "Lost",
    "MessageType",
    "Metric",
    "NewMetric",
    "Payload",
    "Reading",
    "SparkplugHost",
    "Topic",
    "decode_payload",
    "decode_state",
    "encode_payload",
    "encode_state",
    "parse_topic",
    "rebirth_request",
    "rebirth_topic",
    "state_topic",
    "type_name",
]
