"""How the gateway shows an MQTT broker who it is: [uplink.broker]."""

import ssl
from pathlib import Path

from pydantic import Field, model_validator

from edge_agent.config.problems import WrongValueError
from edge_agent.config.section import Section
from protocols.errors import ProtocolError
from protocols.mqtt_uplink import broker_address
from sync.addresses import is_loopback

SCHEMES = frozenset({"mqtts", "mqtt"})


class BrokerSection(Section):
    """The broker knows the gateway by the gateway's name: its user, or its certificate's CN."""

    password_file: Path | None = Field(
        default=None, description="File that holds the password, readable by the agent alone"
    )
    certificate_file: Path | None = Field(default=None, description="Client certificate (PEM)")
    key_file: Path | None = Field(default=None, description="Its key, readable by the agent alone")

    @model_validator(mode="after")
    def _both(self) -> "BrokerSection":
        if (self.certificate_file is None) != (self.key_file is None):
            raise WrongValueError(
                "certificate_file and key_file go together", remedy="Write both or neither"
            )
        return self

    def below(self, folder: Path) -> "BrokerSection":
        """With paths that do not depend on where the agent was started."""
        names = ("password_file", "certificate_file", "key_file")
        found = {name: getattr(self, name) for name in names}
        return self.model_copy(
            update={name: folder / path for name, path in found.items() if path is not None}
        )

    def read_password(self) -> str | None:
        """Without the line end that editors add. Raises OSError, UnicodeDecodeError."""
        if self.password_file is None:
            return None
        return self.password_file.read_text(encoding="utf-8").strip()


def tls_context(broker: BrokerSection | None) -> ssl.SSLContext:
    """Trusts what this machine trusts (SSL_CERT_FILE for a private CA). Raises OSError."""
    context = ssl.create_default_context()
    if broker is not None and broker.certificate_file is not None:
        context.load_cert_chain(broker.certificate_file, broker.key_file)
    return context


def check_address(url: str) -> None:
    """Raises WrongValueError."""
    try:
        address = broker_address(url)
    except ProtocolError as exc:
        raise WrongValueError(
            str(exc), remedy='Write it like "mqtts://broker.example.com"'
        ) from exc
    if address.user is not None:
        raise WrongValueError(
            f'"{url}" names a user',
            remedy="Leave it out: the broker knows a gateway by the gateway's name",
        )
    if not (address.tls or is_loopback(address.host)):
        raise WrongValueError(
            f'"{url}" would send punches in clear text',
            remedy="Write it with mqtts://; mqtt:// is for this machine only",
        )
