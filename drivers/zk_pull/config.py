"""What a ZK terminal has in the site file."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, field_validator

from drivers.contract import DeviceConfig
from protocols.zk.auth import MAX_COMM_KEY
from protocols.zk.layouts import Layout
from protocols.zk.tables import TCP_CHUNK_BYTES, UDP_CHUNK_BYTES


def _number_as_text(value: object) -> object:
    """A key is written as a number or as text; a secret is always text."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class ZkPullConfig(DeviceConfig):
    """`serial` is the terminal's own number: another one at this address is refused, because
    address conflicts are real. None accepts whoever answers, for a first look.
    """

    kind: Literal["zk-pull"] = "zk-pull"
    host: str
    """IP address or name of the terminal."""
    port: int = Field(default=4370, ge=1, le=65_535)
    """TCP or UDP port of the terminal, in its network menu."""
    transport: Literal["tcp", "udp"] = "tcp"
    """"udp" is for old black-and-white terminals that do not answer TCP."""
    comm_key: Annotated[SecretStr | None, BeforeValidator(_number_as_text)] = None
    """The number set on the terminal under Comm. > PC Connection."""
    serial: str | None = None
    """The terminal's own number: another one at this address is refused. None accepts any."""
    timeout_s: float = Field(default=10.0, gt=0, le=300)
    """Seconds without an answer after which the terminal counts as gone."""
    profile: str | None = None
    """A firmware profile by key ("zkteco/f18") where the terminal's own facts mislead."""
    chunk_bytes: int | None = Field(default=None, ge=1024, le=1024 * 1024)
    """What one request for table bytes asks for, None for what suits the transport; a device that
    chokes wants less."""
    record_layout: Layout | None = None
    """How rows of the log are laid out, where the terminal's bytes are refused as another layout
    than before and you know better (its firmware was changed)."""
    code_page: str | None = None
    """Encoding of names that are not UTF-8, where the profile does not know better."""

    @field_validator("comm_key")
    @classmethod
    def _is_a_key(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None:
            text = key.get_secret_value()
            if not (text.isascii() and text.isdigit() and int(text) <= MAX_COMM_KEY):
                raise ValueError(f"a comm key is a number from 0 to {MAX_COMM_KEY}")
        return key

    @field_validator("code_page")
    @classmethod
    def _is_a_code_page(cls, name: str | None) -> str | None:
        known = "not an encoding of names; known are gbk, big5, cp1252, cp1256, utf-8, …"
        try:
            encoded = "A".encode(name or "utf-8")
        except LookupError as exc:
            raise ValueError(known) from exc
        if encoded != b"A":  # UTF-16 and EBCDIC: terminals end a name at its first NUL
            raise ValueError(known)
        return name

    def comm_key_number(self) -> int | None:
        return None if self.comm_key is None else int(self.comm_key.get_secret_value())

    def bytes_of_a_chunk(self) -> int:
        if self.chunk_bytes is not None:
            return self.chunk_bytes
        return UDP_CHUNK_BYTES if self.transport == "udp" else TCP_CHUNK_BYTES

    def address(self) -> str:
        """For messages: 'tcp 10.0.0.7:4370'."""
        return f"{self.transport} {self.host}:{self.port}"
