"""What the site file says about a broker that boxes publish to."""

import re
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, field_validator

from drivers.contract import DeviceConfig
from drivers.links.mqtt_place import BrokerPlace

_FORTNIGHT_S: Final = 14 * 86_400


class BrokerDeviceConfig(DeviceConfig):
    """One connection to one broker."""

    host: str
    """IP address or name of the broker."""
    port: int = Field(default=1883, ge=1, le=65535)
    """TCP port of the broker; with `tls` usually 8883."""
    serial: str = ""
    """What this connection is known by in the spool. Empty: the device's name."""
    client_id: str = ""
    """What the broker knows us by, and keeps our messages under: stable, and no other client's. Empty:
    `clockline-` and the device's name."""
    user: str | None = None
    """Who we are to the broker; left out: nobody."""
    password_file: Path | None = None
    """File that holds the password, readable by the agent alone."""
    tls: bool = False
    """Speak TLS; the broker must prove its name."""
    ca_file: Path | None = None
    """The CA that signed the broker's certificate, where it is no public one."""
    mqtt_version: Literal["auto", "5", "3.1.1"] = "auto"
    """"auto" asks for MQTT 5 and falls back to 3.1.1."""
    keepalive_s: int = Field(default=30, ge=5, le=600)
    """A line that is dead without a word is noticed after one and a half of these."""
    timeout_s: float = Field(default=10.0, gt=0)
    """For connecting, and for each answer of the broker."""

    @field_validator("client_id")
    @classmethod
    def _client_id_is_printable(cls, value: str) -> str:
        if value and not re.fullmatch(r"[\x21-\x7e]{1,128}", value):
            raise ValueError("a client id has 1 to 128 printable characters without blanks")
        return value

    @property
    def known_as(self) -> str:
        return self.serial or self.name

    def place(self, *, session_expiry_s: int) -> BrokerPlace:
        return BrokerPlace(
            host=self.host,
            port=self.port,
            client_id=self.client_id or f"clockline-{self.name}",
            tls=self.tls,
            ca_file=self.ca_file,
            user=self.user,
            password_file=self.password_file,
            keepalive_s=self.keepalive_s,
            timeout_s=self.timeout_s,
            version=self.mqtt_version,
            session_expiry_s=session_expiry_s,
        )


SESSION_EXPIRY_S: Final = _FORTNIGHT_S
"""How long a broker shall keep what a gateway has not fetched: a plant's longest holiday."""
