"""The way to the core that the site file names. Each brings its own library, and only its own."""

from typing import TYPE_CHECKING

from edge_agent.config.broker import tls_context
from edge_agent.config.models import UplinkSection
from sync.identity import GatewayIdentity
from sync.ports import Transport

if TYPE_CHECKING:
    from sync.broker_session import Credentials


def open_transport(section: UplinkSection, identity: GatewayIdentity) -> Transport:
    """Raises OSError when the broker's password or certificate can no longer be read."""
    if section.over_mqtt:
        return _open_mqtt(section, identity)
    from sync.http import HttpTransport  # noqa: PLC0415 - costs memory; only with a core

    return HttpTransport(section.url, identity, timeout_s=section.timeout_s)


def credentials(section: UplinkSection, gateway: str) -> "Credentials":
    """For the broker. Raises OSError as above."""
    from sync.broker_session import Credentials  # noqa: PLC0415 - costs memory; only with a broker

    broker = section.broker
    password = broker.read_password() if broker is not None else None
    tls = tls_context(broker) if section.url.startswith("mqtts:") else None
    return Credentials(user=gateway if password else None, password=password, tls=tls)


def _open_mqtt(section: UplinkSection, identity: GatewayIdentity) -> Transport:
    from sync.mqtt import MqttTransport  # noqa: PLC0415 - costs memory; only with a broker

    who = credentials(section, identity.gateway)
    return MqttTransport(section.url, identity, timeout_s=section.timeout_s, who=who)
