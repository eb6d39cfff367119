"""How the gateway shows an MQTT broker who it is: [uplink.broker]."""

from pathlib import Path

from pydantic import Field

from edge_agent.config.problems import WrongValueError
from edge_agent.config.section import Section
from protocols.errors import ProtocolError
from protocols.mqtt_uplink import broker_address
from sync.addresses import is_loopback

SCHEMES = frozenset({"mqtts", "mqtt"})


class BrokerSection(Section):
    """The broker knows the gateway by the gateway's name: its user, or the CN of [uplink]
    client_cert.
    """

    password_file: Path | None = Field(
        default=None, description="File that holds the password, readable by the agent alone"
    )

    def below(self, folder: Path) -> "BrokerSection":
        """With a path that does not depend on where the agent was started."""
        if self.password_file is None:
            return self
        return self.model_copy(update={"password_file": folder / self.password_file})

    def read_password(self) -> str | None:
        """Without the line end that editors add. Raises OSError, UnicodeDecodeError."""
        if self.password_file is None:
            return None
        return self.password_file.read_text(encoding="utf-8").strip()


def checked_broker_url(url: str) -> str:
    """`url` when records may travel there. Raises WrongValueError."""
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
    return url
