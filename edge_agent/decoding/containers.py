"""The JSON files that hold captured hex: `zkcapture/1`, `zkrecords/1`, `zkevents/1`."""

from codecs import BOM_UTF8
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct, field

from edge_agent.decoding.unreadable import UnreadableError


class HexRecord(Struct, kw_only=True):
    """`kind` says what the bytes are (`att40`, `user72`, …); a list of facts may lack the bytes."""

    hex: str | None = None
    kind: str = ""

    def content(self) -> bytes | None:
        """The bytes, None when there are none or the text is no hex."""
        if self.hex is None:
            return None
        try:
            return bytes.fromhex(self.hex)
        except ValueError:
            return None


class HexFrame(Struct, kw_only=True):
    dir: Literal["RX", "TX"]
    hex: str


class CaptureFile(Struct, kw_only=True):
    schema: Literal["zkcapture/1"]
    transport: Literal["tcp", "udp"]
    frames: list[HexFrame]
    records: list[HexRecord] = field(default_factory=list)


class RecordsFile(Struct, kw_only=True):
    schema: Literal["zkrecords/1"]
    records: list[HexRecord]


class EventsFile(Struct, kw_only=True):
    schema: Literal["zkevents/1"]
    events: list[HexRecord]


Container = TypeVar("Container", CaptureFile, RecordsFile, EventsFile)


def parse_container(data: bytes, shape: type[Container], schema: str) -> Container:
    """Raises UnreadableError that names what is wrong in the file."""
    try:
        return msgspec.json.decode(data.removeprefix(BOM_UTF8), type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise UnreadableError(
            f"not a {schema} file: {exc}", remedy=f"Give a JSON file of schema {schema}"
        ) from exc


def is_json_object(data: bytes) -> bool:
    return data[:64].lstrip(b" \t\r\n\xef\xbb\xbf").startswith(b"{")
