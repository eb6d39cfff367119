"""What the agent and a driver's process say to each other: msgspec frames behind their length."""

from typing import Any, Final, Literal

import msgspec
from msgspec import Struct
from pydantic_core import to_jsonable_python

from drivers.contract import Delivery, DeviceConfig, Identity, LogCount

# A page is one commit of the spool: 5,000 rows of the longest known kind, 2 kB, with room to spare.
MAX_FRAME_BYTES: Final = 32 * 1024 * 1024
LENGTH_BYTES: Final = 4


class Start(Struct, frozen=True, kw_only=True, tag="start"):
    """The first frame. `config` as in the site file, secrets in clear: the pair is ours alone."""

    kind: str
    config: dict[str, Any]
    zone: str
    memory_bytes: int


class Ask(Struct, frozen=True, kw_only=True, tag="ask"):
    call: int
    method: Literal["identity", "count"]


class Open(Struct, frozen=True, kw_only=True, tag="open"):
    """Begins a stream of deliveries. No answer; `Next` asks for each."""

    stream: int
    method: Literal["fetch", "live"]
    cursor: bytes | None = None


class Next(Struct, frozen=True, kw_only=True, tag="next"):
    call: int
    stream: int


class Acknowledge(Struct, frozen=True, kw_only=True, tag="acknowledge"):
    call: int
    number: int


class Shut(Struct, frozen=True, kw_only=True, tag="shut"):
    """The stream is not read any further, whatever it is doing. No answer."""

    stream: int


class Close(Struct, frozen=True, tag="close"):
    """Says goodbye to the device, then ends the process."""


Order = Start | Ask | Open | Next | Acknowledge | Shut | Close


class Answered(Struct, frozen=True, kw_only=True, tag="answered"):
    """To `identity`, `count`, an acknowledgement, and to `Next` at the end of a stream."""

    call: int
    identity: Identity | None = None
    count: LogCount | None = None


class Page(Struct, frozen=True, kw_only=True, tag="page"):
    """`number` is what the acknowledgement names."""

    call: int
    number: int
    delivery: Delivery


class Failed(Struct, frozen=True, kw_only=True, tag="failed"):
    """How the call failed, in the words of drivers.errors; `bug` for any other exception."""

    call: int
    kind: Literal["link", "misbehaved", "blocked", "bug"]
    what: str
    where: str = ""
    remedy: str = ""
    code: str = ""


class Alive(Struct, frozen=True, tag="alive"):
    """The loop of the driver's process turns."""


Answer = Answered | Page | Failed
Said = Answered | Page | Failed | Alive

_encoder = msgspec.msgpack.Encoder(enc_hook=to_jsonable_python)
_orders: msgspec.msgpack.Decoder[Order] = msgspec.msgpack.Decoder(Order)
_said: msgspec.msgpack.Decoder[Said] = msgspec.msgpack.Decoder(Said)


class OversizedError(Exception):
    """A frame of more than MAX_FRAME_BYTES."""


def frame(message: Order | Said) -> bytes:
    """Raises OversizedError."""
    body = _encoder.encode(message)
    checked_length(len(body))
    return len(body).to_bytes(LENGTH_BYTES) + body


def frame_length(header: bytes) -> int:
    """Raises OversizedError."""
    return checked_length(int.from_bytes(header))


def checked_length(length: int) -> int:
    if length > MAX_FRAME_BYTES:
        raise OversizedError(f"a frame of {length:,} bytes, at most {MAX_FRAME_BYTES:,}")
    return length


def read_order(body: bytes) -> Order:
    return _orders.decode(body)


def read_said(body: bytes) -> Said:
    """What the driver's process says is not trusted. Raises msgspec.ValidationError, DecodeError."""
    return _said.decode(body)


def config_values(config: DeviceConfig) -> dict[str, Any]:
    """From which the config's own model can be built again."""
    values: dict[str, Any] = _revealed(config.model_dump(by_alias=True))
    return values


def _revealed(value: Any) -> Any:
    if hasattr(value, "get_secret_value"):
        return value.get_secret_value()
    if isinstance(value, dict):
        return {key: _revealed(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_revealed(inner) for inner in value]
    return value
