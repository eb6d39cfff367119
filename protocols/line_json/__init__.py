"""Piece and reject counts as JSON over MQTT, without I/O: topics, mappings, messages, gaps."""

from protocols.line_json.gaps import Gap, GapWatch
from protocols.line_json.mapping import GW_V1_STATUS, SHAPES, Fields, TopicMapping
from protocols.line_json.message import LineMessage, Sample, read_message, read_status
from protocols.line_json.running_totals import RunningTotals, Total
from protocols.line_json.topics import MAX_TOPIC, TopicFilter

__all__ = [
    "GW_V1_STATUS",
    "MAX_TOPIC",
    "SHAPES",
    "Fields",
    "Gap",
    "GapWatch",
    "LineMessage",
    "RunningTotals",
    "Sample",
    "TopicFilter",
    "TopicMapping",
    "Total",
    "read_message",
    "read_status",
]
