"""What the site file says about counters behind OPC UA."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)

from drivers.contract import DeviceConfig

NodeId = Annotated[
    str, StringConstraints(pattern=r"^(ns=\d+;)?(i=\d+|s=.+|g=[0-9A-Fa-f-]{36}|b=.+)$")
]
"""A node as OPC UA browsers show it: ns=2;s=Line1.Pieces or ns=3;i=1001."""


class NodesConfig(BaseModel):
    """One counter: which nodes of the server hold what."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tag: str = Field(min_length=1)
    """What this counter is called; unique in the server."""
    pieces: NodeId
    """The counter of pieces: a whole number that only grows."""
    rejects: NodeId | None = None
    """The counter of rejects."""
    badge: NodeId | None = None
    """The operator who is logged in; empty or 0 for nobody."""


class OpcuaCounterConfig(DeviceConfig):
    url: str
    """Address of the server, opc.tcp://host:4840/path."""
    serial: str = ""
    """What the server is known by; a replaced one needs a new one here. Empty: the device's name."""
    timeout_s: float = Field(default=5.0, gt=0, le=60)
    """For one answer."""
    publishing_s: float = Field(default=1.0, gt=0, le=60)
    """The server sends what has changed this often."""
    sampling_s: float = Field(default=0.25, ge=0, le=60)
    """It looks for changes this often; 0 as fast as it can."""
    queue_size: int = Field(default=1, ge=1, le=10_000)
    """Changes of a counter that the server keeps between two publishings. 1 loses only times: the
    counter is cumulative."""
    badge_queue_size: int = Field(default=50, ge=2, le=10_000)
    """The same for badges, of which none may be missed. At least 2: a queue of 1 cannot say that it
    ran over."""
    username: str = ""
    """Empty: the server lets anybody in."""
    password: SecretStr = SecretStr("")
    """Of that user."""
    security: Literal["none", "sign", "sign_and_encrypt"] = "none"
    """With Basic256Sha256; asks for `certificate` and `private_key`."""
    certificate: Path | None = None
    """Our certificate (DER or PEM); the server's administrator must trust it."""
    private_key: Path | None = None
    """Its key (PEM)."""
    server_certificate: Path | None = None
    """The server's, when no other may answer. Left out: the one that the server shows."""
    application_uri: str = "urn:clockline:edge-agent"
    """As the certificate names it (subjectAltName URI)."""
    counters: tuple[NodesConfig, ...] = Field(min_length=1)
    """The counters of the server, one table each."""

    @field_validator("url")
    @classmethod
    def _an_address_without_secrets(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme != "opc.tcp" or not parts.hostname:
            raise ValueError(f"{url!r} is no address like opc.tcp://10.0.4.30:4840")
        if parts.username or parts.password:
            raise ValueError("the address names a user: write username and password as keys")
        return url

    @model_validator(mode="after")
    def _whole_security(self) -> "OpcuaCounterConfig":
        if self.security != "none" and (self.certificate is None or self.private_key is None):
            raise ValueError(f'security = "{self.security}" needs certificate and private_key')
        return self

    @model_validator(mode="after")
    def _tags_name_one_counter_each(self) -> "OpcuaCounterConfig":
        tags = [counter.tag for counter in self.counters]
        doubled = sorted({tag for tag in tags if tags.count(tag) > 1})
        if doubled:
            raise ValueError(f"tag {doubled[0]!r} names more than one counter")
        return self

    @property
    def known_as(self) -> str:
        return self.serial or self.name

    @property
    def line_tags(self) -> tuple[str, ...]:
        """The counters of this device, for those who name them by tag alone."""
        return tuple(counter.tag for counter in self.counters)
