"""Which decoder reads which kind of capture. Paths, not imports: a decoder loads when it is asked
for, so that the command line starts fast.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, Protocol, cast

from edge_agent.decoding.summary import Summary

Row = dict[str, Any]


class Decoder(Protocol):
    """Reads one whole input; yields JSON-ready rows, each with its `kind`.

    `source` names the input in rows and messages. Facts that no row shows go into `summary`.
    Raises `UnreadableError` when the input is not of this kind at all.
    """

    def __call__(self, data: bytes, *, source: str, summary: Summary) -> Iterator[Row]: ...


KINDS: Mapping[str, str] = MappingProxyType(
    {
        "zk-attlog": "edge_agent.decoding.zk:decode_attlog",
        "zk-users": "edge_agent.decoding.zk:decode_user_table",
        "zk-events": "edge_agent.decoding.zk:decode_events",
        "zk-dat": "edge_agent.decoding.zk:decode_dat",
        "zk-frames": "edge_agent.decoding.zk_frames:decode_frames",
        "modbus": "edge_agent.decoding.line:decode_modbus",
        "rdm6300": "edge_agent.decoding.line:decode_rdm6300",
        "sparkplug": "edge_agent.decoding.sparkplug:decode_sparkplug",
    }
)


def load_decoder(kind: str) -> Decoder:
    """Raises KeyError for a kind that is not in KINDS."""
    module, _, function = KINDS[kind].partition(":")
    return cast("Decoder", getattr(import_module(module), function))
