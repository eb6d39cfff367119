"""The way to the core that the site file names. Each brings its own library, and only its own."""

import ssl
from typing import TYPE_CHECKING

from edge_agent.config.models import SiteConfig, UplinkSection
from edge_agent.enrolment.trust import open_tls
from edge_agent.errors import CommandError
from sync.errors import CoreRefusedError
from sync.identity import GatewayIdentity
from sync.ports import Transport

if TYPE_CHECKING:
    from sync.broker_session import Credentials


def open_transport(site: SiteConfig, uplink: UplinkSection, identity: GatewayIdentity) -> Transport:
    """Raises CoreRefusedError when a file that [uplink] names can no longer be used."""
    if uplink.over_mqtt:
        from sync.mqtt import MqttTransport  # noqa: PLC0415 - costs memory; only with a broker

        who = credentials(site, uplink, identity.gateway)
        return MqttTransport(uplink.url, identity, timeout_s=uplink.timeout_s, who=who)
    from sync.http import HttpTransport  # noqa: PLC0415 - costs memory; only with a core

    return HttpTransport(uplink.url, identity, timeout_s=uplink.timeout_s, verify=_tls(site))


def credentials(site: SiteConfig, uplink: UplinkSection, gateway: str) -> "Credentials":
    """For the broker. Raises CoreRefusedError as above."""
    from sync.broker_session import Credentials  # noqa: PLC0415 - costs memory; only with a broker

    broker = uplink.broker
    try:
        password = broker.read_password() if broker is not None else None
    except (OSError, UnicodeDecodeError) as exc:
        raise CoreRefusedError(
            f"the broker's password cannot be read ({exc})",
            where=f"core {uplink.url}",
            remedy="Give [uplink.broker] password_file to the agent's user, mode 0400",
            code="broker_password",
        ) from exc
    tls = _tls(site) if uplink.url.startswith("mqtts:") else None
    return Credentials(user=gateway if password else None, password=password, tls=tls)


def _tls(site: SiteConfig) -> ssl.SSLContext:
    try:
        return open_tls(site)
    except CommandError as error:
        raise CoreRefusedError(
            error.what, where=error.where, remedy=error.remedy, code="tls_files"
        ) from error
