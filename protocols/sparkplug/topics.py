"""`spBv1.0/GROUP/TYPE/NODE[/DEVICE]` and the host's STATE."""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from protocols.errors import ProtocolError

NAMESPACE: Final = "spBv1.0"
_MAX_NAME: Final = 200  # of group, node and device: they become the source of counts


class MessageType(StrEnum):
    NBIRTH = "NBIRTH"
    NDEATH = "NDEATH"
    NDATA = "NDATA"
    NCMD = "NCMD"
    DBIRTH = "DBIRTH"
    DDEATH = "DDEATH"
    DDATA = "DDATA"
    DCMD = "DCMD"
    STATE = "STATE"

    @property
    def is_birth(self) -> bool:
        return self in {MessageType.NBIRTH, MessageType.DBIRTH}

    @property
    def is_data(self) -> bool:
        return self in {MessageType.NDATA, MessageType.DDATA}

    @property
    def is_command(self) -> bool:
        return self in {MessageType.NCMD, MessageType.DCMD}


class Topic(Struct, frozen=True, kw_only=True):
    """`device` None: the message is of the edge node. Of STATE, `node` is the host's id."""

    type: MessageType
    group: str
    node: str
    device: str | None = None

    @property
    def node_key(self) -> str:
        return f"{self.group}/{self.node}"

    @property
    def source(self) -> str:
        """What counts of this message come from: group/node or group/node/device."""
        return self.node_key if self.device is None else f"{self.group}/{self.node}/{self.device}"


def parse_topic(text: str) -> Topic:
    """Raises ProtocolError for what is no Sparkplug topic. 2.x has `STATE/HOST` without a namespace."""
    parts = text.split("/")
    if any(not part or len(part) > _MAX_NAME for part in parts):
        raise ProtocolError(f"{text[:100]!r} has an empty or overlong level")
    match parts:
        case ["STATE", host] | ["spBv1.0", "STATE", host]:
            return Topic(type=MessageType.STATE, group="", node=host)
        case ["spBv1.0", group, kind, node] if kind in _OF_NODES:
            return Topic(type=MessageType(kind), group=group, node=node)
        case ["spBv1.0", group, kind, node, device] if kind in _OF_DEVICES:
            return Topic(type=MessageType(kind), group=group, node=node, device=device)
    raise ProtocolError(f"{text[:100]!r} is no topic of Sparkplug B")


def rebirth_topic(node_key: str) -> str:
    group, _, node = node_key.partition("/")
    return f"{NAMESPACE}/{group}/{MessageType.NCMD}/{node}"


def state_topic(host: str, *, version_2: bool = False) -> str:
    return f"STATE/{host}" if version_2 else f"{NAMESPACE}/STATE/{host}"


_OF_NODES: Final = frozenset({"NBIRTH", "NDEATH", "NDATA", "NCMD"})
_OF_DEVICES: Final = frozenset({"DBIRTH", "DDEATH", "DDATA", "DCMD"})
